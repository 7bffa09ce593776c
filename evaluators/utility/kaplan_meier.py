"""Kaplan–Meier curves under row weights, and the Brier score of survival curves.

Weights are bootstrap replicates [B, n], so that curves of all replicates come at once. The Brier
score weighs by the inverse probability of being uncensored (Graf et al. 1999), as scikit-survival
does, the censoring curve being that of the real training rows.

Privacy claim: none; used on real rows, internal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIN_UNCENSORED = 0.05
"""The Brier score ends where less than this share would still be under observation."""

BRIER_TIMES = 30


def survival_curves(
    W: np.ndarray, time: np.ndarray, event: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """P(no event up to each of ``times``), [B, times]; beyond the last row it stays as it is."""
    knots, risk, events, _ = _at_risk(W, time, event)
    return step(knots, _products(events, risk), times, before=1.0)


def uncensored(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times, and the chance to be under observation after each; an event comes before a censoring."""
    knots, risk, events, all_rows = _at_risk(np.ones((1, len(time))), time, event)
    return knots, _products(all_rows - events, risk - events)[0]


def _at_risk(W: np.ndarray, time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, ...]:
    """Distinct times, and the weight at risk, with an event and in all at each, [B, times]."""
    order = np.argsort(time, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(time[order]) > 0])
    ordered = W[:, order]
    events = np.add.reduceat(ordered * (event[order] > 0), starts, axis=1).astype(float)
    rows = np.add.reduceat(ordered, starts, axis=1).astype(float)
    risk = rows.sum(axis=1, keepdims=True) - np.cumsum(rows, axis=1) + rows
    return time[order][starts], risk, events, rows


def _products(lost: np.ndarray, risk: np.ndarray) -> np.ndarray:
    share = np.divide(lost, risk, out=np.zeros_like(risk), where=risk > 0)
    return np.cumprod(1 - share, axis=1)


def step(knots: np.ndarray, values: np.ndarray, times: np.ndarray, before: float) -> np.ndarray:
    """A step function, continuous from the right: ``values`` from each knot on, along the last axis."""
    place = np.searchsorted(knots, times, side="right") - 1
    return np.asarray(np.where(place < 0, before, values[..., np.maximum(place, 0)]))


@dataclass(frozen=True, eq=False)
class Brier:
    """What weighs the squared errors of survival curves.

    ``times``: where curves are looked at; ``knots``, ``observed``: the censoring curve.
    """

    times: np.ndarray
    knots: np.ndarray
    observed: np.ndarray

    @classmethod
    def of(cls, train: np.ndarray, test: np.ndarray) -> Brier:
        """From the (time, event) of the real training rows and of the rows that are judged."""
        knots, observed = uncensored(train[:, 0], train[:, 1])
        seen = knots[observed >= MIN_UNCENSORED]
        end = min(seen.max(initial=0.0), test[:, 0].max())
        return cls(np.linspace(0, end, BRIER_TIMES + 1)[1:], knots, observed)

    def errors(self, y: np.ndarray, curves: np.ndarray) -> np.ndarray:
        """Each row's part of the integrated Brier score; the mean over rows is the score."""
        time, event = y[:, :1], y[:, 1:] > 0
        weight = self._inverse(self.times)
        gone = (time <= self.times) & event
        squares = np.where(gone, curves**2 * self._inverse(time), 0.0)
        squares += np.where(time > self.times, (1 - curves) ** 2 * weight, 0.0)
        width = self.times[-1] - self.times[0]
        if width <= 0:
            return np.asarray(squares[:, -1])
        return np.asarray(np.trapezoid(squares, self.times, axis=1) / width)

    def _inverse(self, times: np.ndarray) -> np.ndarray:
        observed = step(self.knots, self.observed, times, before=1.0)
        out = np.zeros_like(observed)
        return np.asarray(np.divide(1.0, observed, out=out, where=observed > 0))
