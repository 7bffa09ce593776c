"""Utility: is a model trained on synthetic rows as good, on real people, as one trained on real
rows?

Train on synthetic, test on the real holdout (TSTR), beside train on real (TRTR) and a constant.
Metrics: AUROC, AUPRC, F1, Brier (classification), accuracy, balanced accuracy, macro F1
(multiclass), R², MAE (regression), Harrell's C (survival),
with paired bootstrap intervals of the value and of its difference to train-on-real.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluators.compare import comparison, replicates
from evaluators.predictions import Failure, Prediction
from evaluators.score import Score
from evaluators.tables import Tables, evidence

PREFIX = "utility"
SKIPPED = frozenset({"tpr", "fpr", "selection_rate"})
"""Metrics of a decision that say little over everyone; fairness reports them by group."""


def utility(tables: Tables, predictions: list[Prediction | Failure]) -> list[Score]:
    """Scores of every target and learner over the whole holdout."""
    scores: list[Score] = []
    done = set()
    for prediction in predictions:
        if isinstance(prediction, Failure):
            scores.append(failed(PREFIX, prediction))
            continue
        scores += _learner(tables, prediction)
        if prediction.target not in done:
            scores += _majority(tables, prediction)
            done.add(prediction.target)
    return scores


def failed(prefix: str, failure: Failure) -> Score:
    """The one score that says that a learner failed."""
    metric = f"{prefix}.{MAIN[failure.target.task]}"
    return Score(
        metric=metric,
        target=failure.target.name,
        model=failure.model,
        status="failed",
        reason=failure.reason,
    )


MAIN = {
    "classification": "auroc",
    "multiclass": "accuracy",
    "regression": "r2",
    "survival": "c_index",
}
"""The metric that stands for each task."""


def _learner(tables: Tables, prediction: Prediction) -> list[Score]:
    everyone = np.ones(len(prediction.y), dtype=bool)
    people, positives, rest = support(tables, prediction, everyone)
    status, reason = evidence(people, positives, rest)
    scores = []
    for name, pair in replicates(prediction, everyone).items():
        if name not in SKIPPED:
            scores += comparison(
                PREFIX,
                name,
                pair,
                status,
                reason,
                target=prediction.target.name,
                model=prediction.model,
                n=people,
                positives=positives,
                detail=remark(prediction),
            )
    return scores


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
    if np.ptp(prediction.synthetic) == 0:
        return "trained on synthetic rows, the model predicts the same for everyone"
    return ""


def _majority(tables: Tables, prediction: Prediction) -> list[Score]:
    """The figures of a constant prediction, once a target: what no model at all would reach."""
    same = replace(
        prediction,
        model="majority",
        synthetic=prediction.majority,
        real=prediction.majority,
        cut_synthetic=0.5,
        cut_real=0.5,
    )
    return [
        replace(s, baseline=None, baseline_name="", low=None, high=None)
        for s in _learner(tables, same)
        if s.metric.count(".") == 1
    ]
