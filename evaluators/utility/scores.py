"""Utility: is a model trained on synthetic rows as good, on real people, as one trained on real
rows?

Train on synthetic, test on the real holdout (TSTR, ``utility.*``), beside train on real (TRTR) and a
constant. ``utility.both.*``: trained on real and synthetic rows together. ``utility.trts.*``: trained
on real rows and tested on synthetic ones, beside the test on the holdout: synthetic rows that are too
easy or too hard to predict show here. Metrics: AUROC, AUPRC, F1, Brier, calibration (classification),
accuracy, balanced accuracy, macro F1 (multiclass), R², MAE (regression), Harrell's C and integrated
Brier score (survival). Intervals are paired bootstraps over units; those of TRTS draw holdout and
synthetic rows independently.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from evaluators.score import MAIN, Score
from evaluators.tables import Tables, evidence
from evaluators.utility.paired import (
    Replicates,
    comparisons,
    measured,
    metrics_of,
    paired,
    replicates,
)
from evaluators.utility.predictions import Failure, Prediction

PREFIX = "utility"
SKIPPED = frozenset({"tpr", "fpr", "selection_rate"})
"""Metrics of a decision that say little over everyone; fairness reports them by group."""

TEST_ON_REAL = "test on real"


def utility(tables: Tables, predictions: list[Prediction | Failure]) -> list[Score]:
    """Scores of every target and learner over the whole holdout."""
    scores: list[Score] = []
    done = set()
    for prediction in predictions:
        if isinstance(prediction, Failure):
            scores.append(failed(PREFIX, prediction))
            continue
        everyone = np.ones(len(prediction.y), dtype=bool)
        scores += _scores(tables, prediction, PREFIX, replicates(prediction, everyone))
        if prediction.target not in done:
            scores += _majority(tables, prediction)
            done.add(prediction.target)
        with_both = paired(prediction, prediction.both, prediction.real, everyone)
        scores += _scores(tables, prediction, f"{PREFIX}.both", with_both)
        scores += _scores(tables, prediction, f"{PREFIX}.trts", _elsewhere(prediction, with_both))
    return scores


def failed(prefix: str, failure: Failure, suffix: str = "") -> Score:
    """The one score that says that a learner could not be judged."""
    metric = f"{prefix}.{MAIN[failure.target.task]}{suffix}"
    return Score(
        metric=metric,
        target=failure.target.name,
        model=failure.model,
        status=failure.status,
        reason=failure.reason,
    )


def _scores(
    tables: Tables, prediction: Prediction, prefix: str, pairs: Mapping[str, Replicates]
) -> list[Score]:
    everyone = np.ones(len(prediction.y), dtype=bool)
    people, positives, rest = support(tables, prediction, everyone)
    status, reason = evidence(people, positives, rest)
    return comparisons(
        prefix,
        {name: pair for name, pair in pairs.items() if name not in SKIPPED},
        status,
        reason,
        TEST_ON_REAL if prefix.endswith("trts") else "train on real",
        target=prediction.target.name,
        model=prediction.model,
        n=people,
        positives=positives,
        detail=remark(prediction) if prefix == PREFIX else "",
    )


def _elsewhere(
    prediction: Prediction, on_holdout: Mapping[str, Replicates]
) -> dict[str, Replicates]:
    """Trained on real rows: figures on synthetic rows beside those on the holdout."""
    there = prediction.elsewhere
    metrics = metrics_of(prediction.target.task, there.y, there.real)
    asked = {name: metrics[name] for name in on_holdout if name not in SKIPPED}
    found = measured(there.weights, np.arange(len(there.y)), asked)
    return {name: Replicates(found[name], on_holdout[name].real) for name in asked}


def support(
    tables: Tables, prediction: Prediction, mask: np.ndarray
) -> tuple[int, int | None, int | None]:
    """People behind a slice of a prediction, and how many with and without the event."""
    rows = prediction.rows
    people = tables.people("holdout", rows[mask])
    event = prediction.event
    if event is None:
        return people, None, None
    with_event = tables.people("holdout", rows[mask & (event > 0)])
    return people, with_event, tables.people("holdout", rows[mask & (event <= 0)])


def remark(prediction: Prediction) -> str:
    """What a reader should know of a prediction."""
    if np.ptp(prediction.synthetic.values) == 0:
        return "trained on synthetic rows, the model predicts the same for everyone"
    return ""


def _majority(tables: Tables, prediction: Prediction) -> list[Score]:
    """The figures of a constant prediction, once a target: what no model at all would reach."""
    same = replace(
        prediction,
        model="majority",
        synthetic=prediction.majority,
        real=prediction.majority,
    )
    pairs = replicates(same, np.ones(len(same.y), dtype=bool))
    return [
        replace(s, baseline=None, baseline_name="", low=None, high=None)
        for s in _scores(tables, same, PREFIX, pairs)
        if s.metric.count(".") == 1
    ]
