"""Intervals for figures made of noisy counts: the people are a sample, and every count has noise of known size.

A figure θ is tested rather than estimated with an error: θ stays in the interval where the statistic that is
zero in the mean at θ lies within z standard deviations of zero (Wilson 1927 for shares, Fieller 1954 for
ratios). So an interval stays honest where noise is as large as the counts: it widens to all that is possible.
Counts are Poisson, noise is independent of them with variance σ² in each cell. Gaps between groups by MOVER
(Zou and Donner 2008) over all pairs, at a level that holds for all pairs together.

Privacy claim: none; arithmetic on noisy counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Array = npt.NDArray[np.float64]

LEVEL = 0.95
SMALL = 1e-6
"""A share is taken to be no smaller where logarithms are drawn."""

GRID = np.linspace(0, 1, 2001)
"""Where a concordance is tested."""


@dataclass(frozen=True)
class Estimate:
    """A figure and its interval; ``value`` is None where the noisy counts say nothing of it."""

    value: float | None
    low: float
    high: float


def z_of(level: float = LEVEL) -> float:
    """How many standard deviations hold a share ``level`` of a normal distribution."""
    return float(norm.ppf((1 + level) / 2))


def share(counts: npt.ArrayLike, of: npt.ArrayLike, sigma: float, level: float = LEVEL) -> Estimate:
    """The share Σ counts[of] / Σ counts of the people in all these cells that fall in the cells ``of``.

    ``counts``: noisy, one a cell; ``of``: 0 or 1, one a cell; ``sigma``: of the noise in each cell.
    """
    x, inside = np.asarray(counts, float), np.asarray(of, float)
    z2, noise = z_of(level) ** 2, sigma**2
    a, n, cells, hits = (
        float(x @ inside),
        float(x.sum()),
        float(len(x)),
        float(inside.sum()),
    )
    people = max(n, 0.0)
    # (a − p n)² ≤ z² [people · p (1 − p) + σ² (hits (1 − p)² + (cells − hits) p²)]
    second = n**2 + z2 * people - z2 * noise * cells
    first = 2 * a * n + z2 * people - 2 * z2 * noise * hits
    rest = a**2 - z2 * noise * hits
    inner = first**2 - 4 * second * rest
    if second <= 0 or inner < 0 or n <= 0:
        return Estimate(None, 0.0, 1.0)
    ends = ((first + s * math.sqrt(inner)) / (2 * second) for s in (-1, 1))
    low, high = (min(max(e, 0.0), 1.0) for e in ends)
    return Estimate(min(max(a / n, low), high), low, high)


def mean(
    counts: npt.ArrayLike,
    values: npt.ArrayLike,
    sigma: float,
    level: float = LEVEL,
) -> Estimate:
    """Σ counts · values / Σ counts: the mean of a public value of each cell over the people in them."""
    x, v = np.asarray(counts, float), np.asarray(values, float)
    z2, s = z_of(level) ** 2, np.clip(x, 0, None) + sigma**2
    floor, top = float(v.min()), float(v.max())
    a, n = float(x @ v), float(x.sum())
    # (a − θ n)² ≤ z² Σ s (v − θ)²
    second = n**2 - z2 * float(s.sum())
    first = 2 * (a * n - z2 * float(s @ v))
    rest = a**2 - z2 * float(s @ v**2)
    inner = first**2 - 4 * second * rest
    if second <= 0 or inner < 0 or n <= 0:
        return Estimate(None, floor, top)
    ends = ((first + sign * math.sqrt(inner)) / (2 * second) for sign in (-1, 1))
    low, high = (min(max(e, floor), top) for e in ends)
    return Estimate(min(max(a / n, low), high), low, high)


def concordance(
    counts: npt.ArrayLike,
    comparable: npt.NDArray[np.bool_],
    concordant: Array,
    sigma: float,
    level: float = LEVEL,
) -> Estimate:
    """Among pairs of people in comparable cells, the share that is concordant: AUROC, or Harrell's C.

    ``comparable`` [cells, cells]: no cell with itself, so that the noise of a product has mean zero;
    ``concordant`` [cells, cells]: 1, ½ for a tie, or 0.
    """
    x = np.asarray(counts, float)
    s = np.clip(x, 0, None) + sigma**2
    M, K = comparable.astype(float), comparable * concordant
    total, right = float(x @ M @ x), float(x @ K @ x)
    # S(θ) = right − θ total has mean zero at the truth; its variance is a polynomial of degree 2 in θ
    sides = K + K.T, M + M.T
    square = np.outer(s, s)
    first, second = [], []
    for A, B in ((sides[0], sides[0]), (sides[0], sides[1]), (sides[1], sides[1])):
        first.append(float(s @ ((A @ x) * (B @ x))))
        second.append(float((square * A * B).sum()) / 2)
    # gradients at noisy counts hold the part of pairs twice, so once is taken off; that part alone is the least
    powers = np.array([np.ones_like(GRID), -2 * GRID, GRID**2])
    least = np.array(second) @ powers
    variance = np.maximum((np.array(first) - second) @ powers, least)
    doubtful = total**2 <= z_of(level) ** 2 * max(first[2] - second[2], second[2])
    within = (right - GRID * total) ** 2 <= z_of(level) ** 2 * variance
    if total <= 0 or doubtful or not within.any():
        return Estimate(None, 0.0, 1.0)
    step = GRID[1]
    low = max(0.0, float(GRID[within][0]) - step)
    high = min(1.0, float(GRID[within][-1]) + step)
    return Estimate(min(max(right / total, low), high), low, high)


def difference(a: Estimate, b: Estimate) -> Estimate:
    """a − b of independent figures (MOVER)."""
    if a.value is None or b.value is None:
        return Estimate(None, a.low - b.high, a.high - b.low)
    d = a.value - b.value
    low = d - math.hypot(a.value - a.low, b.high - b.value)
    high = d + math.hypot(a.high - a.value, b.value - b.low)
    return Estimate(d, low, high)


def ratio(a: Estimate, b: Estimate) -> Estimate:
    """a / b of independent shares, by MOVER on their logarithms."""
    if a.value is None or b.value is None or min(a.value, b.value) <= 0:
        return Estimate(None, 0.0, 1 / SMALL)
    logs = [
        Estimate(math.log(e.value), math.log(max(e.low, SMALL)), math.log(max(e.high, SMALL)))
        for e in (a, b)
        if e.value is not None
    ]
    apart = difference(*logs)
    assert apart.value is not None
    return Estimate(math.exp(apart.value), math.exp(apart.low), math.exp(apart.high))


def quotient(
    x: float, n: float, sigma_x: float, sigma_n: float, spread: float, level: float = LEVEL
) -> Estimate:
    """x / n between 0 and 1 of noisy numbers; ``spread``: the standard deviation that chance gives x / n."""
    z2 = z_of(level) ** 2
    # (x − θ n)² ≤ z² (σ_x² + θ² σ_n² + (n · spread)²)
    second = n**2 - z2 * sigma_n**2
    rest = x**2 - z2 * (sigma_x**2 + (n * spread) ** 2)
    inner = (x * n) ** 2 - second * rest
    if second <= 0 or n <= 0 or inner < 0:
        return Estimate(None, 0.0, 1.0)
    ends = ((x * n + s * math.sqrt(inner)) / second for s in (-1, 1))
    low, high = (min(max(e, 0.0), 1.0) for e in ends)
    return Estimate(min(max(x / n, low), high), low, high)


def pairs_level(groups: int, level: float = LEVEL) -> float:
    """The level of each figure at which all differences between groups hold together (Bonferroni)."""
    return 1 - (1 - level) / max(1, math.comb(groups, 2))


def gap(groups: Sequence[Estimate]) -> Estimate:
    """The largest difference between groups, from figures at ``pairs_level``; the interval holds at least
    the level."""
    known = [g for g in groups if g.value is not None]
    if len(known) < 2:
        return Estimate(None, 0.0, 1.0)
    found = [difference(*p) for a, b in combinations(known, 2) for p in ((a, b), (b, a))]
    value = max(d.value for d in found if d.value is not None)
    low = max(0.0, *(d.low for d in found))
    return Estimate(value, low, max(value, *(d.high for d in found)))
