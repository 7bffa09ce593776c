"""One prediction → the scores of one slice: train-on-synthetic beside train-on-real, and their
difference.

Utility (everyone) and fairness (subgroups) are the same comparison on other rows, so it is written
once. All bootstrap replicates of a prediction share their weights, so differences and gaps are
paired.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluators.metrics import CLASS, DECISION, LOWER_IS_BETTER, NUMBER, RISK, c_index
from evaluators.predictions import Prediction
from evaluators.resampling import interval
from evaluators.score import Score, Status, finite

TRAIN_ON_REAL = "train on real"


@dataclass(frozen=True, eq=False)
class Replicates:
    """A metric of one slice: [1 + replicates] figures of each training; the first is the
    estimate."""

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


def replicates(prediction: Prediction, mask: np.ndarray) -> Mapping[str, Replicates]:
    """Every metric of the target's task on the rows in ``mask``."""
    W, y = prediction.weights[:, mask], prediction.y[mask]
    synthetic, real = prediction.synthetic[mask], prediction.real[mask]
    if prediction.target.task in WHOLE:
        metrics = WHOLE[prediction.target.task]
        return {n: Replicates(m(W, y, synthetic), m(W, y, real)) for n, m in metrics.items()}
    if prediction.target.task == "survival":
        time, event = y[:, 0], y[:, 1]
        both = [c_index(W, time, event, risk) for risk in (synthetic, real)]
        return {"c_index": Replicates(*both)}
    chosen = (decide(prediction)[0][mask], decide(prediction)[1][mask])
    risks = {n: Replicates(m(W, y, synthetic), m(W, y, real)) for n, m in RISK.items()}
    return risks | {n: Replicates(*(m(W, y, d) for d in chosen)) for n, m in DECISION.items()}


WHOLE = {"regression": NUMBER, "multiclass": CLASS}
"""Tasks whose metrics take a prediction as it is: a number, or a class."""


def decide(prediction: Prediction) -> tuple[np.ndarray, np.ndarray]:
    """0/1 decisions of both trainings: chosen where the risk exceeds the trained event rate."""
    return (
        (prediction.synthetic > prediction.cut_synthetic).astype(float),
        (prediction.real > prediction.cut_real).astype(float),
    )


def comparison(
    prefix: str, name: str, pair: Replicates, status: Status, reason: str, **about: object
) -> list[Score]:
    """The score ``prefix.name`` with its difference and, where it has a meaning, its ratio.

    ``about``: the fields that say on what it was computed (slice, target, n, …).
    """
    kinds = {"": pair.synthetic, ".difference": pair.difference}
    if name in RATIOS:
        kinds[".ratio"] = pair.ratio
    scores = []
    for suffix, values in kinds.items():
        value, (low, high) = finite(values[0]), interval(values)
        undefined = status == "ok" and value is None
        scores.append(
            Score(
                metric=f"{prefix}.{name}{suffix}",
                value=value,
                low=low,
                high=high,
                baseline=finite(pair.real[0]),
                baseline_name=TRAIN_ON_REAL,
                higher_is_better=name not in LOWER_IS_BETTER,
                status="insufficient evidence" if undefined else status,
                reason="the figure is undefined on these rows" if undefined else reason,
                **about,  # type: ignore[arg-type]
            )
        )
    return scores


RATIOS = frozenset({"auroc", "accuracy", "c_index", "mae"})
"""Metrics whose ratio to train-on-real has a meaning."""
