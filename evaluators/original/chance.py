"""How far two samples of one distribution lie apart by chance: what a distance is held against.

Total variation and Kolmogorov's distance of two samples are never 0. If both come from one distribution, then,
given all rows together, any share of them is as likely to be the first sample: the counts are multivariate
hypergeometric, which is the permutation test. Where numbers have too many values for that, the limit is taken
(Kolmogorov 1933), which is on the safe side when values repeat.

By the triangle inequality the distance of two samples is at most the true one plus such a chance distance; so
``distance − 98.5 % quantile`` is below the true distance in 98.5 % of samples, whatever that is, and above 0 in
1.5 % of pairs of fresh samples.

Rows of one person are alike, so that a table is worth fewer rows than it has: chance distances grow by the root
of the design effect (Kish 1965), of both tables, since rows offered as synthetic may be visits of people too.

Privacy claim: none; used on real rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import kstwobign

DRAWS = 399
"""The 394th of 399 is an exact test at 1.5 %: chance stays below 2.5 % where the rest is a limit."""

MOST_CELLS = 500
"""Distances of numbers with more distinct values follow the limit."""

UPPER = 0.985
KOLMOGOROV_MEAN = float(np.sqrt(np.pi / 2) * np.log(2))
KOLMOGOROV_HIGH = float(kstwobign.ppf(UPPER))


@dataclass(frozen=True)
class Chance:
    """``mean`` and 98.5 % quantile ``high`` of a distance between two samples of one distribution."""

    mean: float
    high: float

    def beyond(self, distance: float) -> tuple[float, float, float]:
        """How much of the distance is beyond chance, and its interval."""
        excess = distance - self.mean
        return excess, distance - self.high, excess + self.high - self.mean


def variation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Total variation of counts [..., categories]."""
    return np.asarray(np.abs(_shares(a) - _shares(b)).sum(axis=-1) / 2)


def kolmogorov(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Largest distance of the distribution functions of counts [..., increasing values]."""
    return np.asarray(np.abs(np.cumsum(_shares(a) - _shares(b), axis=-1)).max(axis=-1))


def _shares(counts: np.ndarray) -> np.ndarray:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def of_variation(
    a: np.ndarray, b: np.ndarray, rng: np.random.Generator, effect: float = 1.0
) -> Chance:
    """Chance of ``variation`` for these two tables' counts."""
    drawn, rest = _redrawn(a, b, rng)
    return _chance(variation(drawn, rest), effect)


def of_kolmogorov(
    a: np.ndarray, b: np.ndarray, rng: np.random.Generator, effect: float = 1.0
) -> Chance:
    """Chance of ``kolmogorov`` for these two tables' counts of increasing values."""
    if a.shape[-1] <= MOST_CELLS:
        drawn, rest = _redrawn(a, b, rng)
        return _chance(kolmogorov(drawn, rest), effect)
    scale = float(np.sqrt(effect * (1 / a.sum() + 1 / b.sum())))
    return Chance(KOLMOGOROV_MEAN * scale, KOLMOGOROV_HIGH * scale)


def missing(real: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """Share of real rows whose category the other table has not; counts [..., categories]."""
    return np.asarray((_shares(real) * (ours == 0)).sum(axis=-1))


def of_missing(
    a: np.ndarray, b: np.ndarray, rng: np.random.Generator, effect: float = 1.0
) -> Chance:
    """Chance of ``missing`` for these two tables' counts."""
    drawn, rest = _redrawn(a, b, rng)
    return _chance(missing(drawn, rest), effect)


def _redrawn(
    a: np.ndarray, b: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    pooled = (a + b).astype(np.int64)
    drawn = rng.multivariate_hypergeometric(pooled, int(a.sum()), size=DRAWS, method="marginals")
    return drawn, pooled - drawn


def _chance(distances: np.ndarray, effect: float) -> Chance:
    high = float(np.sort(distances)[int(np.ceil(UPPER * (DRAWS + 1))) - 1])
    return Chance(float(distances.mean()) * np.sqrt(effect), high * np.sqrt(effect))


def design_effect(code: np.ndarray, unit: np.ndarray) -> float:
    """Variance of shares when people are drawn over that when rows are, over all codes together; 1 at least.

    ``code``: what each row has, from 0; ``unit``: the number of its person.
    """
    n, people = len(code), int(unit.max(initial=-1)) + 1
    if people in (0, n):
        return 1.0
    width = int(code.max()) + 1
    share = np.bincount(code, minlength=width) / n
    rows = np.bincount(unit, minlength=people)
    cell, count = np.unique(unit.astype(np.int64) * width + code, return_counts=True)
    # Σ over people and codes of (count − rows · share)², of which most counts are 0
    off = (rows.astype(float) ** 2).sum() * (share**2).sum()
    off += (count**2 - 2.0 * count * rows[cell // width] * share[cell % width]).sum()
    alone = n * (1 - (share**2).sum())
    return max(1.0, float(off / alone)) if alone > 0 else 1.0
