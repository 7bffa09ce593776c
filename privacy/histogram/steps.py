"""What values are rounded to, from a noisy histogram of the coarsest step that each lies on.

Privacy claim: post-processing of noisy counts; ``by_step`` itself is exact, and puts each value in one cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from privacy.histogram.tree import TOLD
from privacy.schema.columns import Numeric, Step
from privacy.schema.lattice import MOST_DECIMALS, Lattice, by_coarsest, decimals_of, shares

UNTOLD = 3
"""Digits of a value between the bounds, where nobody can tell how many are written."""

RARE = 0.01
"""Decimals that a smaller share of values has are left out,"""

SLIGHT = 0.05
"""and so are steps of a smaller share."""


def by_step(values: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Values by the coarsest step they lie on, those on none first; zero lies on all and counts nowhere."""
    by_name = any(isinstance(step, str) for step in steps)
    return by_coarsest(values[(values != 0) | by_name], steps)


def decimals(on: Sequence[int], steps: Sequence[Step], sigma: float, column: Numeric) -> int:
    """Digits after the point: the most that a tellable part of the values has, or else by the range."""
    counts, digits = np.array(on, dtype=float), np.array([MOST_DECIMALS, *map(decimals_of, steps)])
    for d in range(int(digits.max()), -1, -1):
        of = counts[digits == d]
        told = max(of.max(initial=0.0) - TOLD * sigma, of.sum() - TOLD * sigma * math.sqrt(len(of)))
        if told > 0 and of.sum() > RARE * counts.sum():
            return d
    low, high = column.bounds
    return min(MOST_DECIMALS, max(0, math.ceil(UNTOLD - math.log10(high - low))))


def rounded_to(
    on: Sequence[int],
    steps: Sequence[Step],
    sigma: float,
    lattice: Lattice,
    singles: Sequence[tuple[float, float]],
) -> tuple[tuple[Step, float], ...]:
    """Shares of rows whose values are drawn among the multiples of each step; nothing where only one is.

    ``singles``: values that are cells of their own, and their counts, which say nothing of the others.
    """
    counts = np.array(on, dtype=float)
    for value, count in singles:
        at = by_step(np.array([value]), steps)
        counts -= count * at
    units = [s for s in steps if isinstance(s, str) or s * lattice.scale > 1 - 1e-6]
    counts = counts[1:][len(steps) - len(units) :]
    counts = np.where(counts > TOLD * sigma, counts, 0.0)
    if len(units) < 2 or counts.sum() <= 0:
        return ()
    mixed, _ = nnls(shares(units), counts / counts.sum())
    mixed = np.where(mixed > max(SLIGHT, 2 * sigma / counts.sum()), mixed, 0.0)
    if mixed[1:].sum() == 0:
        return ()
    mixed /= mixed.sum()
    return tuple((s, round(float(m), 4)) for s, m in zip(units, mixed, strict=True) if m > 0)


def least_decimals(column: Numeric, bands: Sequence[float]) -> int:
    """With fewer, a bin or a band that the schema says might hold no number."""
    said = [*column.bounds, *bands]
    if isinstance(column.bins, int):
        low, high = column.bounds
        return max(
            *map(decimals_of, said), math.ceil(math.log10(column.bins) - math.log10(high - low))
        )
    return max(map(decimals_of, [*said, *(column.bins or ())]))
