"""Partition selection: from which noisy count on a category may be named at all.

Categories that are present get discrete Gaussian noise N_Z(0, σ²) on their counts and are named where the
noisy count reaches the threshold T (Korolova, Kenthapadi, Mishra, Ntoulas 2009). A unit of k rows moves the
counts of categories that others hold too by at most k in L2, which is ρ-zCDP. What it brings alone is seen
only if it passes.

Privacy claim: δ-approximate ρ-zCDP (Bun and Steinke, arXiv 1605.02065, definition 8.1). Let E be the event
that none of the categories that only this unit holds is named. With the unit, and given E, the output is that
of the same mechanism without those categories, since noise is independent; and so it is ρ-zCDP apart, both
ways, from the output without the unit. P(E) ≥ 1 − δ is what ``threshold`` sees to, for every way to spread k
rows, by the tail of the discrete noise itself: at an integer T that is more than a continuous tail holds.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from privacy.errors import InputError
from privacy.noise import gaussian_sigma

EXACT = 4096.0
"""The σ up to which a tail is summed; beyond it half a count is nothing, and the tail has a closed bound."""

ROUND_UP = 1 + 1e-9
"""More than the floating point of a sum, or of a quantile, can get wrong."""

SMALLEST = 1e-280
"""A δ below this is not told from zero."""


def gaussian_tail(sigma: float, m: int) -> float:
    """P(N_Z(0, σ²) ≥ m), m ≥ 1, and never less."""
    if sigma > EXACT:
        # exp(−x²/2σ²) is convex beyond σ, so each term is at most its integral over [x − ½, x + ½];
        # the sum over all integers is at least σ√2π (Poisson summation)
        return float(norm.sf((m - 0.5) / sigma)) * ROUND_UP if m - 0.5 >= sigma else 1.0
    x = np.arange(m, m + math.ceil(12 * sigma) + 2, dtype=float)
    above = np.exp((m - x) * (m + x) / (2 * sigma**2))  # over the first term, exp(−m²/2σ²)
    # from the last term on, each is at most exp(−x/σ²) of the one before it
    rest = above[-1] / -math.expm1(-x[-1] / sigma**2)
    y = np.arange(1, math.ceil(12 * sigma) + 2, dtype=float)
    everything = 1 + 2 * np.exp(-(y**2) / (2 * sigma**2)).sum()
    first = math.exp(-(m**2) / (2 * sigma**2))
    return float(first * (above.sum() + rest) / everything) * ROUND_UP


def exposed(sigma: float, threshold: int, k: int) -> float:
    """The largest probability that any category is named which only one unit of at most k rows holds.

    With k rows, all k go to one category or one to each of k. The log of a discrete Gaussian's distribution
    function is concave, so −log P(a category of c rows is not named) is convex in c, and its sum over a
    division of k rows into m categories largest for (k − m + 1, 1, …, 1); that is convex in m again.
    """
    together, apart = (gaussian_tail(sigma, threshold - c) for c in (k, 1))
    return max(together, -math.expm1(k * math.log1p(-apart)) * ROUND_UP if apart < 1 else 1.0)


def threshold(rho: float, delta: float, k: int) -> int:
    """The smallest threshold at which noise of ρ exposes a unit of k rows with probability δ at most.

    Raises InputError where there is none.
    """
    if not delta / k >= SMALLEST:
        raise InputError(f"delta: {delta} is too small for categories to be selected at all")
    sigma = gaussian_sigma(rho, k)
    low, high = k, k + 1  # refused (half of the noise is above zero), perhaps allowed
    while exposed(sigma, high, k) > delta:
        low, high = high, high + 2 * (high - k)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if exposed(sigma, middle, k) <= delta else (middle, high)
    return high
