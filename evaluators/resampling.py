"""Paired bootstrap of real rows, as weights.

A replicate is a row of whole numbers saying how often each real row was drawn. Every metric of
``evaluators.utility.metrics`` takes such weights, all replicates at once, so that two models, two groups or
a gap between groups are compared on the same draws. Units are drawn, not rows: a patient's rows
come together.

Privacy claim: none; used on real rows, so its intervals are internal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

REPLICATES = 400
LEVEL = 0.95
NORMAL = float(norm.ppf((1 + LEVEL) / 2))

SMALL = np.uint8
"""Type of weights of many rows, which take much room: no unit is drawn 256 times where each is drawn once in
the mean (a chance of 10⁻⁴⁹⁰ or so)."""


def unit_numbers(units: np.ndarray | None, n: int) -> np.ndarray:
    """For each row the number of its unit; every row is its own where there is no unit column."""
    if units is None:
        return np.arange(n)
    return np.unique(np.asarray(units, dtype=str), return_inverse=True)[1]


def bootstrap_weights(
    unit: np.ndarray,
    rng: np.random.Generator,
    replicates: int = REPLICATES,
    kind: type = np.float32,
) -> np.ndarray:
    """How often each row counts, [1 + replicates, rows], of that type; the first row is all ones.

    ``unit``: the unit number of each row. Every replicate draws as many units as there are.
    """
    n_units = int(unit.max()) + 1 if len(unit) else 0
    weights: np.ndarray = np.ones((1 + replicates, len(unit)), dtype=kind)
    for b in range(1, 1 + replicates if n_units else 1):
        drawn = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)
        weights[b] = drawn[unit]
    return weights


def means(weights: np.ndarray, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The mean of values over some rows (bool [n]) under all weights [replicates, n]; NaN where none is drawn.

    A few replicates at a time, since products in double precision copy the weights.
    """
    there = np.column_stack([np.where(rows, values, 0.0), rows.astype(float)])
    sums = np.concatenate(
        [part @ there for part in np.array_split(weights, max(1, len(weights) // 16))]
    )
    total = sums[:, 1]
    undrawn = np.full(total.shape, np.nan)
    return np.asarray(np.divide(sums[:, 0], total, out=undrawn, where=total > 0))


def simultaneous(many: Sequence[np.ndarray]) -> list[tuple[float | None, float | None]]:
    """Intervals that hold all at once: estimate ± c · standard error, with one c for all.

    c is the 95 % quantile of the largest |replicate − estimate| / standard error of any figure (max-T,
    Westfall and Young 1993), so that c is no larger than figures that move together ask for. Every
    element of ``many`` is [1 + replicates] under the same weights; None where most are undefined.
    """
    usable = [interval(values)[0] is not None for values in many]
    if not any(usable):
        return [(None, None)] * len(many)
    kept = np.array([v for v, ok in zip(many, usable, strict=True) if ok])
    away = kept[:, 1:] - kept[:, :1]
    error = np.nanstd(away, axis=1)
    scaled = np.divide(
        np.abs(away), error[:, None], out=np.zeros_like(away), where=error[:, None] > 0
    )
    half = float(np.quantile(np.nanmax(scaled, axis=0, initial=0.0), LEVEL)) * error
    bounds = iter(zip(kept[:, 0] - half, kept[:, 0] + half, strict=True))
    return [tuple(map(float, next(bounds))) if ok else (None, None) for ok in usable]  # type: ignore[misc]


def interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """Percentile interval of the replicates ``values[1:]``; None where most are undefined."""
    replicates = values[1:]
    known = replicates[np.isfinite(replicates)]
    if len(known) < max(2, len(replicates) / 2):
        return None, None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def intervals(many: Sequence[np.ndarray]) -> list[tuple[float | None, float | None]]:
    """``interval`` of each of several figures under the same weights."""
    values = np.array(many)
    if values.ndim < 2 or values.shape[1] < 3 or not np.isfinite(values[:, 1:]).all():
        return [interval(one) for one in many]
    lows, highs = np.quantile(values[:, 1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return list(zip(lows.tolist(), highs.tolist(), strict=True))


def normal_interval(values: np.ndarray) -> tuple[float, float]:
    """1.96 deviations of the replicates ``values[1:]`` around the figure ``values[0]``.

    For figures whose replicates are all too high, as distances' are, or few.
    """
    around = NORMAL * float(values[1:].std(ddof=1))
    return float(values[0]) - around, float(values[0]) + around
