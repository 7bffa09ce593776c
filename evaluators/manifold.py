"""How alike two sets of points are: distances between their distributions, and who covers whom.

Fréchet distance of two normal distributions (Heusel et al. 2017), the unbiased squared MMD under the
cubic kernel of KID (Bińkowski et al. 2018), precision and recall (Kynkäänniemi et al. 2019), density
and coverage (Naeem et al. 2020). All depend on the number of points: compare equal numbers only.

Privacy claim: none; arithmetic.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

NEIGHBOURS = 5
"""A point's ball reaches to its fifth neighbour (Naeem et al. 2020)."""


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Fréchet distance of the normal distributions fitted to a and b, [n, d] each."""
    A, B = (np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1]) for x in (a, b))
    values, vectors = np.linalg.eigh(A)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ B @ root), 0, None)).sum()
    apart = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    return float(apart + np.trace(A) + np.trace(B) - 2 * cross)


def kid(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared MMD under (x·y / d + 1)³; about 0, and as often below, for equal
    distributions."""

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)

    def within(x: np.ndarray) -> float:
        K = kernel(x, x)
        return float((K.sum() - np.trace(K)) / (len(x) * (len(x) - 1)))

    return within(a) + within(b) - 2 * float(kernel(a, b).mean())


def coverage(real: np.ndarray, fake: np.ndarray, k: int = NEIGHBOURS) -> dict[str, float]:
    """Precision, recall, density and coverage of ``fake``; more than k points each.

    Precision: fakes inside some real point's ball. Recall: real points inside some fake's ball.
    Density: real balls around a fake, over k. Coverage: real balls with a fake in them.
    """
    between = cdist(real, fake)
    of_real, of_fake = (_reach(x, k) for x in (real, fake))
    inside = between <= of_real[:, None]
    return {
        "precision": float(inside.any(axis=0).mean()),
        "recall": float((between <= of_fake[None, :]).any(axis=1).mean()),
        "density": float(inside.sum(axis=0).mean() / k),
        "coverage": float(inside.any(axis=1).mean()),
    }


def _reach(points: np.ndarray, k: int) -> np.ndarray:
    """Distance of each point to its k-th neighbour; the point itself stands at place 0."""
    return np.asarray(np.partition(cdist(points, points), k, axis=1)[:, k])
