"""The two private draws everything discrete is built from, both through OpenDP.

``discrete_gaussian`` adds integer noise to integer counts (Canonne, Kamath, Steinke, arXiv
2004.00010); ``noisy_max`` is the exponential mechanism, drawn as the arg max of Gumbel-noised
integer scores (Cesar and Rogers, arXiv 2010.05013, for its zCDP). Both take integers, so a
sensitivity is exact and no floating point attack applies to the inputs; the randomness is OpenDP's,
cannot be seeded, and is secure.

Privacy claim: with ``sensitivity`` a true bound, each draw is rho-zCDP for the rho it is calibrated
to, and both confirm that before they look at their input: by the privacy map of the OpenDP
measurement, and by Δ²/(2s²) for the scale s itself. That is what a discrete Gaussian costs, and a
noisy max, whose range of log odds is ε = 2Δ/s and whose cost ε²/8.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian, make_noisy_max
from opendp.measures import zero_concentrated_divergence
from opendp.metrics import l2_distance, linf_distance
from opendp.mod import enable_features

IntArray = npt.NDArray[np.int64]

ROUND_UP = 1 + 1e-12
"""Makes a scale a hair too large, so that float rounding never makes a draw cost more than its
rho.
"""

OPENDP = (
    "Counts are integers and get integer noise (discrete Gaussian, OpenDP); selections are made on integer "
    "scores (OpenDP noisy max). OpenDP's generator is seeded by the operating system and cannot be replayed. "
    "Noise scales and the accounting are double-precision numbers; scales are rounded up and OpenDP confirms "
    "each draw's cost."
)
"""How counts and selections are noised, for the label."""

enable_features("contrib")


def gaussian_sigma(rho: float, sensitivity: int = 1) -> float:
    """The scale whose cost Δ²/(2σ²) is rho, rounded up; ``sensitivity`` bounds the L2 change of the
    counts.
    """
    return sensitivity / math.sqrt(2 * rho) * ROUND_UP


def gaussian_rho(sigma: float, sensitivity: int = 1) -> float:
    """The zCDP cost Δ²/(2σ²) of discrete Gaussian noise of scale sigma."""
    return sensitivity**2 / (2 * sigma**2)


def selection_range(rho: float) -> float:
    """The range ε = √(8ρ) of a noisy max that costs rho, rounded up."""
    return math.sqrt(8 * rho) * ROUND_UP


def discrete_gaussian(counts: npt.ArrayLike, rho: float, sensitivity: int = 1) -> IntArray:
    """Counts of any shape plus discrete Gaussian noise, at a cost of rho.

    ``sensitivity``: how far, in L2, one unit can move the whole array.
    """
    values = np.asarray(counts)
    if not np.issubdtype(values.dtype, np.integer):
        raise TypeError(f"counts: integers expected, got {values.dtype}")
    space = vector_domain(atom_domain(T="i64")), l2_distance(T=float)
    scale = gaussian_sigma(rho, sensitivity)
    mechanism = make_gaussian(*space, scale=scale)
    _confirm(rho, mechanism.map(float(sensitivity)), gaussian_rho(scale, sensitivity))
    noisy = mechanism(np.ascontiguousarray(values, dtype=np.int64).ravel())
    return np.asarray(noisy, dtype=np.int64).reshape(values.shape)


def noisy_max(scores: npt.ArrayLike, rho: float, sensitivity: int) -> int:
    """The index of a high score: chosen with probability ∝ exp(ε·score/2Δ), ε = √(8·rho).

    ``sensitivity``: how far one unit can move any one score.
    """
    values = np.asarray(scores)
    if not np.issubdtype(values.dtype, np.integer):
        raise TypeError(f"scores: integers expected, got {values.dtype}")
    space = vector_domain(atom_domain(T="i64")), linf_distance(T="i64")
    scale = gaussian_sigma(rho, sensitivity)
    mechanism = make_noisy_max(*space, zero_concentrated_divergence(), scale=scale)
    _confirm(rho, mechanism.map(sensitivity), gaussian_rho(scale, sensitivity))
    return int(mechanism(np.ascontiguousarray(values, dtype=np.int64)))


def _confirm(rho: float, *prices: float) -> None:
    """Refuse a draw that any of its prices puts above rho."""
    if not max(prices) <= rho:
        raise ValueError(f"rho: the draw costs {max(prices)}, not {rho}")
