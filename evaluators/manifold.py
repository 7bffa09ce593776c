"""How alike two sets of points are: distances between their distributions, and who covers whom.

Fréchet distance of two normal distributions (Heusel et al. 2017), the unbiased squared MMD under the
cubic kernel of KID (Bińkowski et al. 2018), precision and recall (Kynkäänniemi et al. 2019), density
and coverage (Naeem et al. 2020), α-precision, β-recall and authenticity (Alaa et al. 2022). All depend
on the number of points: compare equal numbers only.

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


LEVELS = np.linspace(0, 1, 30)
"""The shares α and β at which supports are looked at, as many as in the authors' code."""


def supports(real: np.ndarray, fake: np.ndarray, k: int = NEIGHBOURS) -> dict[str, float]:
    """Integrated α-precision and β-recall of ``fake``; more than k points each.

    α-precision: share of fakes in the α-support of the real points, the ball around their mean that
    holds a share α of them; α for equal distributions. β-recall: share of real points whose nearest
    fake is no further than their k-th real neighbour and lies in the β-support of the fakes; about
    (1 − 2⁻ᵏ) β for equal distributions. Each is told as 1 − 2 ∫ |share − level|: 1 where the share is
    its level everywhere.

    As in the authors' code, the β-support holds a share β of those fakes that are nearest to a real
    point: in many dimensions they lie closer to the middle than the others. Theirs is k = 1, for which
    equal distributions recall only half.
    """
    centre, own_centre = real.mean(axis=0), fake.mean(axis=0)
    radius = np.quantile(_from(centre, real), LEVELS)
    precise = (_from(centre, fake)[:, None] <= radius).mean(axis=0)
    between = cdist(real, fake)
    covered = between.min(axis=1) <= _reach(real, k)
    matched = _from(own_centre, fake)[between.argmin(axis=1)]
    inside = matched[:, None] <= np.quantile(matched, LEVELS)
    recalled = (covered[:, None] & inside).mean(axis=0)
    return {"alpha_precision": _integrated(precise), "beta_recall": _integrated(recalled)}


def _from(centre: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(((points - centre) ** 2).sum(axis=1)))


def _integrated(share: np.ndarray) -> float:
    return float(1 - 2 * np.trapezoid(np.abs(share - LEVELS), LEVELS))


def authenticity(train: np.ndarray, fake: np.ndarray) -> float:
    """Share of fakes that are further from their nearest train point than that one from its own
    nearest neighbour; a copy, or a fake nearer than people are to each other, is not authentic.

    (The authors' code looks the neighbour up by the number of the fake; this is the paper's.)
    """
    between = cdist(fake, train)
    nearest = between.argmin(axis=1)
    return float((between.min(axis=1) > _reach(train, 1)[nearest]).mean())
