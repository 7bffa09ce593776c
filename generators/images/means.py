"""Noisy means of vectors by class, and how far they can be believed.

One Gaussian mechanism measures the sums of all classes. Means are drawn together as far as their noise asks
for (empirical Bayes, band of numbers by band), so that a rare class keeps what tells it apart and loses what is
noise.

Privacy claim: ``class_means`` is a Gaussian mechanism of noise multiplier σ. A unit's share of the sums is a
mean over its rows, of norm at most 1 where every vector's is. The divisor is a noisy count that was paid for
before, never how many there are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from generators.dpsgd.randomness import normal, secret_generator
from generators.marginals.measurement import Ask

Array = npt.NDArray[np.float64]

ROUNDS = 50
"""Of the fixed point that a variance between classes is."""


def shares(units: np.ndarray) -> Array:
    """What each row counts, [rows]: those of a unit count one together."""
    _, number, rows_of = np.unique(units, return_inverse=True, return_counts=True)
    return np.asarray(1 / rows_of[number])


def summed(
    vectors: npt.NDArray[np.floating], share: Array, classes: npt.NDArray[np.int64], n: int
) -> Array:
    """Private sums of ``vectors`` [rows, d] by class, each row weighed by what it counts, [n, d]."""
    weights = np.zeros((n, len(vectors)))
    weights[classes, np.arange(len(vectors))] = share
    return np.asarray(weights @ vectors)


def class_means(
    name: str, total: Array, counts: Array, bands: npt.NDArray[np.intp], sigma: float, ask: Ask
) -> Array:
    """The mean of each class, [classes, d], of norm at most 1; asked for as ``name``.

    ``total``: private sums [classes, d] of vectors of norm at most 1. ``counts``: noisy numbers of units in
    each class, at least 1. ``bands``: which of the d numbers are believed alike.
    """
    asked = ask([name, *total.shape, sigma], lambda: noised(total, sigma, lambda g: g))
    noisy = np.reshape(asked, total.shape)
    return _shrunk(noisy / counts[:, None], counts, sigma, bands)


def noised(total: Array, sigma: float, form: Callable[[Array], Array]) -> list[float]:
    """Sums with Gaussian noise of that deviation in every number, brought into the form of what is summed.

    Half of a symmetric matrix' noise goes as it is made symmetric, and with it what rounding made of its two
    halves, which symmetric noise would leave to be seen.
    """
    return list(
        form(total + sigma * normal(total.shape, secret_generator()).numpy()).ravel().tolist()
    )


def _shrunk(means: Array, counts: Array, sigma: float, bands: npt.NDArray[np.intp]) -> Array:
    """Class means drawn to that of all as far as their noise asks for, of norm at most 1.

    Band by band: classes differ in low frequencies most, and a rare class keeps those while the noise of the
    others is taken off.
    """
    pooled = (means * counts[:, None]).sum(0) / counts.sum()
    apart, variances = means - pooled, (sigma / counts) ** 2
    kept = np.empty_like(means)
    for band in np.unique(bands):
        mine = bands == band
        between = _between((apart[:, mine] ** 2).mean(1), variances)
        kept[:, mine] = (between / (between + variances))[:, None]
    out = pooled + kept * apart
    return np.asarray(out / np.maximum(1, np.linalg.norm(out, axis=1, keepdims=True)))


def _between(squares: Array, variances: Array) -> float:
    """The variance between classes that explains their mean squares best, beside that of their noise."""
    found = 0.0
    for _ in range(ROUNDS):
        weights = 1 / (variances + found) ** 2
        found = max(0.0, float(np.average(squares - variances, weights=weights)))
    return found
