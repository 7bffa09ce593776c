"""Do outcomes go with features among the synthetic rows of each group? Train on real, test on synthetic.

A model trained on all synthetic rows learns from every group, so it predicts the real people of a group whose
own synthetic outcomes are noise. Here it is the other way round (TRTS, Esteban et al. 2017): the learner that
does best on everyone when trained on real rows is asked about a group's synthetic rows and about its real
people who were held out. Below 0: the group's synthetic outcomes go with their features less than real ones do.
Above 0: more, which harms no reader. Where real outcomes hardly go with the features, little can be lost.

Intervals hold the chance of who was held out and of which synthetic rows were drawn (independent bootstraps);
not that of what the learner was trained on, which both sides share.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evaluators.features import event_of
from evaluators.resampling import interval
from evaluators.score import MAIN, Score, Status, finite
from evaluators.tables import Dimension, Tables, evidence
from evaluators.utility.fairness import MAX_GROUPS, best, too_many
from evaluators.utility.paired import measured, metrics_of
from evaluators.utility.predictions import Failure, Prediction
from evaluators.utility.scores import TEST_ON_REAL, failed, support

PREFIX = "truth"


def truth(tables: Tables, predictions: list[Prediction | Failure]) -> list[Score]:
    """Scores of every target for everyone, each subgroup and each pair of them."""
    scores = [failed(PREFIX, p, ".difference") for p in predictions if isinstance(p, Failure)]
    for target in tables.schema.targets:
        mine = [p for p in predictions if isinstance(p, Prediction) and p.target == target]
        if mine:
            chosen = best(mine)
            for dimension in tables.dimensions:
                if dimension.order and len(dimension.slices) > MAX_GROUPS:
                    scores.append(too_many(PREFIX, chosen, dimension))
                else:
                    scores += _groups(tables, chosen, dimension)
    return scores


def _groups(tables: Tables, prediction: Prediction, dimension: Dimension) -> Iterator[Score]:
    name, there = MAIN[prediction.target.task], prediction.elsewhere
    here = tables.members["holdout", dimension.name][prediction.rows]
    members = tables.members["synthetic", dimension.name][there.rows]
    for piece, _ in tables.masks(dimension):
        real, synthetic = here == piece.number, members == piece.number
        people, positives, rest = support(tables, prediction, real)
        status, reason = evidence(people, positives, rest)
        if status == "ok":
            status, reason = _enough_rows(prediction, synthetic)
        about = {
            "metric": f"{PREFIX}.{name}.difference",
            "slice": piece.name,
            "order": piece.order,
            "target": prediction.target.name,
            "model": prediction.model,
            "n": people,
            "positives": positives,
        }
        if status != "ok":
            yield Score(status=status, reason=reason, **about)  # type: ignore[arg-type]
            continue
        on_real = _figure(prediction, name, real)
        difference = _figure(prediction, name, synthetic, elsewhere=True) - on_real
        low, high = interval(difference)
        value = finite(difference[0])
        yield Score(
            value=value,
            low=low,
            high=high,
            baseline=finite(on_real[0]),
            baseline_name=TEST_ON_REAL,
            status="ok" if value is not None else "insufficient evidence",
            reason="" if value is not None else "the figure is undefined on these rows",
            **about,  # type: ignore[arg-type]
        )


def _figure(
    prediction: Prediction, name: str, mask: np.ndarray, elsewhere: bool = False
) -> np.ndarray:
    """[1 + replicates] of what the learner reaches on some holdout or synthetic rows."""
    on = prediction.elsewhere if elsewhere else prediction
    rows = np.flatnonzero(mask)
    asked = {name: metrics_of(prediction.target.task, on.y, on.real)[name]}
    return measured(np.take(on.weights, rows, axis=1), rows, asked)[name]


def _enough_rows(prediction: Prediction, mask: np.ndarray) -> tuple[Status, str]:
    """Whether the group has synthetic rows enough, with the event and without."""
    event = event_of(prediction.elsewhere.y, prediction.target)
    sides = (
        () if event is None else (int((mask & (event > 0)).sum()), int((mask & (event <= 0)).sum()))
    )
    status, reason = evidence(int(mask.sum()), *sides)
    return status, reason.replace(" people", " synthetic rows", 1)
