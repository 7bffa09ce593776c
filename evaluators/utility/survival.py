"""Learners of the time to an event: Cox, and discrete-time hazards by boosted trees and a network.

A survival model gives every row a risk and a curve, the chance to be event-free after each time.
Cox is lifelines'. The others look at each person once for every interval of time that was begun and
predict whether the event happens in it (Singer and Willett 1993); intervals lie between quantiles
of the event times of the training rows.

Privacy claim: none; models trained on real rows, and what they predict, are internal.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.exceptions import ConvergenceError as CoxConvergenceError
from lifelines.exceptions import ConvergenceWarning as CoxConvergenceWarning
from scipy.linalg import qr

from evaluators.utility.estimators import NotConvergedError, boosted, mlp, one_thread
from evaluators.utility.kaplan_meier import step, survival_curves

COX_PENALIZERS = (0.01, 0.1, 1.0)
INTERVALS = 10
MAX_PERIODS = 200_000
"""A hazard model sees at most about this many pairs of a person and an interval."""


class SurvivalModel(Protocol):
    """A fitted model: called, it gives the risk of each row, by which rows are ranked."""

    def __call__(self, X: np.ndarray) -> np.ndarray: ...

    def curves(self, X: np.ndarray, times: np.ndarray) -> np.ndarray:
        """P(no event up to each time), [rows, times]."""


@dataclass(frozen=True, eq=False)
class Everyone:
    """The Kaplan–Meier curve of the training rows for everybody: the majority baseline."""

    y: np.ndarray

    def __call__(self, X: np.ndarray) -> np.ndarray:
        return np.zeros(len(X))

    def curves(self, X: np.ndarray, times: np.ndarray) -> np.ndarray:
        curve = survival_curves(np.ones((1, len(self.y))), self.y[:, 0], self.y[:, 1] > 0, times)
        return np.repeat(curve, len(X), axis=0)


@dataclass(frozen=True, eq=False)
class Cox:
    """``weights`` of the ``kept`` columns, and the baseline hazard accumulated to each of ``times``
    at the mean of the training rows."""

    kept: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    times: np.ndarray
    hazard: np.ndarray

    def __call__(self, X: np.ndarray) -> np.ndarray:
        # column by column: a product of matrices rounds a row by who stands beside it
        risk = np.zeros(len(X))
        for column, weight in zip(self.kept, self.weights, strict=True):
            risk += weight * X[:, column].astype(float)
        return risk

    def curves(self, X: np.ndarray, times: np.ndarray) -> np.ndarray:
        relative = np.exp(np.clip(self(X) - self.means @ self.weights, -50, 50))
        return np.exp(-np.outer(relative, step(self.times, self.hazard, times, before=0.0)))


def cox(X: np.ndarray, y: np.ndarray, seed: int) -> SurvivalModel:
    """Cox proportional hazards with a ridge penalty, on linearly independent columns.

    ``y`` is (time, event). A penalty that does not converge gives way to the next larger one;
    raises NotConvergedError where none does.
    """
    kept = independent(X)
    if len(kept) == 0 or not y[:, 1].any():
        return Everyone(y)
    frame = pd.DataFrame(X[:, kept].astype(float), columns=[f"x{i}" for i in kept])
    frame["time"], frame["event"] = y[:, 0], y[:, 1]
    for penalizer in COX_PENALIZERS:
        model = CoxPHFitter(penalizer=penalizer)
        with warnings.catch_warnings():
            # lifelines warns of rare columns as well; here only a failure to converge matters
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", "Newton-Raphson failed", CoxConvergenceWarning)
            try:
                model.fit(frame, "time", "event")
            except (CoxConvergenceWarning, CoxConvergenceError):
                continue
        hazard = model.baseline_cumulative_hazard_.iloc[:, 0]
        means = X[:, kept].astype(float).mean(axis=0)
        at, sums = hazard.index.to_numpy(), hazard.to_numpy()
        return Cox(kept, model.params_.to_numpy(), means, at, sums)
    raise NotConvergedError


def independent(X: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
    """Numbers of columns that, with a constant, are linearly independent (one-hot columns are
    not)."""
    if not X.size:
        return np.arange(0)
    centred = X.astype(float) - X.mean(axis=0)
    R, order = qr(centred, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(R))
    return np.sort(order[: len(diagonal)][diagonal > tolerance * max(1.0, diagonal[0])])


@dataclass(frozen=True, eq=False)
class Hazards:
    """A classifier of (row, interval) pairs; the hazard is even inside an interval.

    ``edges``: where intervals end; what happens after the last edge is not modelled.
    """

    classifier: Any
    edges: np.ndarray

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Minus the mean log chance to outlive each interval: early hazards count more."""
        return np.asarray(-np.cumsum(self._logs(X), axis=1).mean(axis=1))

    def curves(self, X: np.ndarray, times: np.ndarray) -> np.ndarray:
        logs = np.column_stack([np.zeros(len(X)), np.cumsum(self._logs(X), axis=1)])
        knots = np.concatenate([[0.0], self.edges])
        after = np.clip(np.searchsorted(knots, times, side="left"), 1, len(knots) - 1)
        width = knots[after] - knots[after - 1]
        passed = np.where(width > 0, (times - knots[after - 1]) / np.where(width > 0, width, 1), 1)
        share = np.clip(passed, 0, 1)
        return np.asarray(np.exp(logs[:, after - 1] * (1 - share) + logs[:, after] * share))

    def _logs(self, X: np.ndarray) -> np.ndarray:
        """log(1 − hazard) of every row in every interval."""
        rows = np.repeat(np.arange(len(X)), len(self.edges))
        intervals = np.tile(np.arange(len(self.edges)), len(X))
        pairs = _pairs(X[rows], intervals, len(self.edges))
        # float64: in float32, as a network says it, the largest number below 1 that is left would be 1
        hazard = one_thread(self.classifier.predict_proba, pairs)[:, 1].astype(float)
        return np.asarray(np.log1p(-np.minimum(hazard, 1 - 1e-12)).reshape(len(X), -1))


def boosted_hazards(X: np.ndarray, y: np.ndarray, seed: int) -> SurvivalModel:
    """Discrete-time hazards by histogram gradient boosting."""
    return _hazards(X, y, seed, boosted)


def mlp_hazards(X: np.ndarray, y: np.ndarray, seed: int) -> SurvivalModel:
    """Discrete-time hazards by a network with one hidden layer."""
    return _hazards(X, y, seed, mlp)


def _hazards(X: np.ndarray, y: np.ndarray, seed: int, fit: Callable[..., Any]) -> SurvivalModel:
    time, event = y[:, 0], y[:, 1] > 0
    if not event.any():
        return Everyone(y)
    edges = np.unique(np.quantile(time[event], np.linspace(0, 1, INTERVALS + 1)[1:]))
    begun = 1 + np.searchsorted(edges[:-1], time, side="left")
    middle = (np.concatenate([[0.0], edges])[begun - 1] + edges[begun - 1]) / 2
    begun -= ~event & (time < middle)  # who is lost early in an interval is not counted in it
    if begun.sum() > MAX_PERIODS:
        size = int(MAX_PERIODS / begun.mean())
        drawn = np.random.default_rng(seed).choice(len(X), size, replace=False)
        X, event, begun = X[drawn], event[drawn], begun[drawn]
    rows, intervals, happened = person_periods(begun, event)
    if len(np.unique(happened)) < 2:
        return Everyone(y)
    return Hazards(fit(_pairs(X[rows], intervals, len(edges)), happened, seed), edges)


def person_periods(begun: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, ...]:
    """Row, interval and outcome (0/1) of every interval that a row has begun.

    The event, where there is one, happens in the last of them.
    """
    rows = np.repeat(np.arange(len(begun)), begun)
    intervals = np.arange(len(rows)) - np.repeat(np.cumsum(begun) - begun, begun)
    return rows, intervals, (event[rows] & (intervals == begun[rows] - 1)).astype(float)


def _pairs(X: np.ndarray, intervals: np.ndarray, number: int) -> np.ndarray:
    """Features of a row, and which interval it is: as indicators and in order."""
    which = np.eye(number, dtype=np.float32)[intervals]
    place = (intervals / number).astype(np.float32)
    return np.column_stack([X, which, place])
