"""One prediction → the scores of one slice: one training beside another, and their difference.

Utility (everyone) and fairness (subgroups) are the same comparison on other rows, so it is written
once. All bootstrap replicates of a prediction share their weights, so differences and gaps are
paired.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluators.resampling import intervals
from evaluators.score import Score, Status, finite
from evaluators.utility.metrics import (
    CLASS,
    DECISION,
    LOWER_IS_BETTER,
    NUMBER,
    RISK,
    Name,
    Weighted,
    c_index,
    mean,
    together,
)
from evaluators.utility.predictions import Prediction, Said

TRAIN_ON_REAL = "train on real"


@dataclass(frozen=True, eq=False)
class OnRows:
    """A metric, and the columns it is taken of: (weights [B, rows], row numbers) → B figures."""

    metric: Weighted
    of: tuple[np.ndarray, ...]

    def __call__(self, W: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return self.metric(W, *(column[rows] for column in self.of))


@dataclass(frozen=True, eq=False)
class Replicates:
    """A metric of one slice: [1 + replicates] figures of two trainings; the first is the estimate.

    ``synthetic`` is the training that is judged, ``real`` the one it is held against.
    """

    synthetic: np.ndarray
    real: np.ndarray

    @property
    def difference(self) -> np.ndarray:
        return np.asarray(self.synthetic - self.real)

    @property
    def ratio(self) -> np.ndarray:
        out = np.full(self.real.shape, np.nan)
        np.divide(self.synthetic, self.real, out=out, where=self.real > 0)
        return out


def metrics_of(task: str, y: np.ndarray, said: Said) -> Mapping[str, OnRows]:
    """Every metric of a task, of what one training says."""
    if task in WHOLE:
        return {n: _on(m, y, said.values) for n, m in WHOLE[task].items()}
    if task == "survival":
        ranks = {"c_index": _on(c_index, y[:, 0], y[:, 1], said.values)}
        return ranks if said.errors is None else ranks | {"ibs": _on(mean, said.errors)}
    risks = {n: _on(m, y, said.values) for n, m in RISK.items()}
    return risks | {n: _on(m, y, said.chosen) for n, m in DECISION.items()}


def _on(metric: Weighted, *columns: np.ndarray) -> OnRows:
    return OnRows(metric, columns)


WHOLE = {"regression": NUMBER, "multiclass": CLASS}
"""Tasks whose metrics take a prediction as it is: a number, or a class."""

METRICS: Mapping[str, tuple[str, ...]] = {
    "classification": (*RISK, *DECISION),
    "multiclass": tuple(CLASS),
    "regression": tuple(NUMBER),
    "survival": ("c_index", "ibs"),
}
"""task → the metrics that ``metrics_of`` gives."""


def replicates(prediction: Prediction, mask: np.ndarray) -> Mapping[str, Replicates]:
    """Every metric of the target's task on the rows in ``mask``, synthetic beside real."""
    return paired(prediction, prediction.synthetic, prediction.real, mask)


def paired(
    prediction: Prediction, one: Said, other: Said, mask: np.ndarray
) -> Mapping[str, Replicates]:
    """Every metric of two trainings, on the same holdout rows and replicates."""
    rows, task, y = np.flatnonzero(mask), prediction.target.task, prediction.y
    asked = {
        (name, side): metric
        for side, said in enumerate((one, other))
        for name, metric in metrics_of(task, y, said).items()
    }
    found = measured(np.take(prediction.weights, rows, axis=1), rows, asked)
    return {name: Replicates(found[name, 0], found[name, 1]) for name, side in asked if not side}


def measured(
    W: np.ndarray, rows: np.ndarray, asked: Mapping[Name, OnRows]
) -> dict[Name, np.ndarray]:
    """Many metrics on the same rows under the same weights."""
    seen = {id(column): column[rows] for one in asked.values() for column in one.of}
    return together(
        W, {n: (one.metric, tuple(seen[id(c)] for c in one.of)) for n, one in asked.items()}
    )


def comparisons(
    prefix: str,
    pairs: Mapping[str, Replicates],
    status: Status,
    reason: str,
    baseline_name: str = TRAIN_ON_REAL,
    **about: object,
) -> list[Score]:
    """For each name the score ``prefix.name`` with its difference and, where it has a meaning, its ratio.

    ``about``: the fields that say on what they were computed (slice, target, n, …).
    """
    kinds = [
        (name, suffix, values)
        for name, pair in pairs.items()
        for suffix, values in _kinds(name, pair).items()
    ]
    scores = []
    bounds = intervals([values for _, _, values in kinds])
    for (name, suffix, values), (low, high) in zip(kinds, bounds, strict=True):
        value = finite(values[0])
        undefined = status == "ok" and value is None
        scores.append(
            Score(
                metric=f"{prefix}.{name}{suffix}",
                value=value,
                low=low,
                high=high,
                baseline=finite(pairs[name].real[0]),
                baseline_name=baseline_name,
                higher_is_better=name not in LOWER_IS_BETTER,
                status="insufficient evidence" if undefined else status,
                reason="the figure is undefined on these rows" if undefined else reason,
                **about,  # type: ignore[arg-type]
            )
        )
    return scores


def _kinds(name: str, pair: Replicates) -> dict[str, np.ndarray]:
    kinds = {"": pair.synthetic, ".difference": pair.difference}
    return kinds | {".ratio": pair.ratio} if name in RATIOS else kinds


RATIOS = frozenset({"auroc", "accuracy", "c_index", "mae"})
"""Metrics whose ratio to train-on-real has a meaning."""
