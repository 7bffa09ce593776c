"""How alike two sets of points are: distances between their distributions, and who covers whom.

Fréchet distance of two normal distributions (Heusel et al. 2017), the unbiased squared MMD under the
cubic kernel of KID (Bińkowski et al. 2018), precision and recall (Kynkäänniemi et al. 2019), density
and coverage (Naeem et al. 2020), α-precision, β-recall and authenticity (Alaa et al. 2022). All depend
on the number of points: compare equal numbers only.

All take bootstrap weights. A point that is drawn twice is its own nearest neighbour, so balls are never
drawn anew: who covers whom moves by what each point adds, its influence.

Privacy claim: none; arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist, pdist, squareform

NEIGHBOURS = 5
"""A point's ball reaches to its fifth neighbour (Naeem et al. 2020)."""


def frechet(a: np.ndarray, b: np.ndarray, u: np.ndarray, v: np.ndarray) -> float:
    """Squared Fréchet distance of the normal distributions fitted to a and b, [n, d] each, under the
    weights u and v, [n] each.

    It grows as points get fewer; weights that leave some out raise it too.
    """
    (at, A), (there, B) = _fitted(a, u), _fitted(b, v)
    cross = np.linalg.svd(A @ B.T, compute_uv=False).sum()  # tr (Σ_a Σ_b)^½, also where n < d
    return float(((at - there) ** 2).sum() + (A**2).sum() + (B**2).sum() - 2 * cross)


def _fitted(x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and R with covariance Rᵀ R."""
    n = w.sum()
    mean = w @ x / n
    rest = np.sqrt(w[w > 0])[:, None] * (x[w > 0] - mean)
    if len(rest) > x.shape[1]:  # fewer rows, the same product
        rest = np.linalg.qr(rest, mode="r")
    return np.asarray(mean), np.asarray(rest / np.sqrt(n - 1))


def kid(a: np.ndarray, b: np.ndarray, U: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Unbiased squared MMD under (x·y / d + 1)³, for each row of the weights U and V [replicates, n];
    about 0, and as often below, for equal distributions.

    A point is never paired with itself, however often it is drawn.
    """

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)

    def within(x: np.ndarray, W: np.ndarray) -> np.ndarray:
        K = kernel(x, x)
        np.fill_diagonal(K, 0)
        return np.asarray(((W @ K) * W).sum(1) / (W.sum(1) ** 2 - (W**2).sum(1)))

    between = ((U @ kernel(a, b)) * V).sum(1) / (U.sum(1) * V.sum(1))
    return np.asarray(within(a, U) + within(b, V) - 2 * between)


@dataclass(frozen=True, eq=False)
class Covered:
    """A figure of who covers whom.

    ``of_real``, ``of_fake``: how far it rises when a point is drawn once more, up to a constant.
    """

    value: float
    of_real: np.ndarray
    of_fake: np.ndarray

    def replicates(self, U: np.ndarray, V: np.ndarray) -> np.ndarray:
        """The figure under each row of weights, to first order (infinitesimal jackknife)."""
        parts = ((U, self.of_real), (V, self.of_fake))
        return np.asarray(self.value + sum((W - 1) @ (x - x.mean()) for W, x in parts))


def coverage(real: np.ndarray, fake: np.ndarray, k: int = NEIGHBOURS) -> dict[str, Covered]:
    """Precision, recall, density and coverage of ``fake``; more than k + 1 points each.

    Precision: fakes inside some real point's ball. Recall: real points inside some fake's ball.
    Density: real balls around a fake, over k. Coverage: real balls with a fake in them.
    """
    size = len(fake) * k
    between = cdist(real, fake)
    near, reach, further = _balls(real, k)
    inside = between <= reach[:, None]
    in_fakes = between <= _balls(fake, k)[1][None, :]
    precision, coverage = _reached(inside.T), _reached(inside)
    recall = _reached(in_fakes)
    held = inside.sum(axis=1).astype(float)
    # a neighbour drawn away lets a ball grow to the next one; one drawn again holds it back
    more = (between <= further[:, None]).sum(axis=1) - held
    adds = held - np.bincount(near.ravel(), np.repeat(more, k), minlength=len(real))
    density = Covered(held.sum() / size, adds / size, inside.sum(axis=0) / size)
    return {
        "precision": Covered(precision[0], precision[2], precision[1]),
        "recall": Covered(*recall),
        "density": density,
        "coverage": Covered(*coverage),
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


def _reached(inside: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The share of rows with a True, what each row adds to it, and each column: the rows that it alone
    reaches."""
    n, times = len(inside), inside.sum(axis=1)
    return float((times > 0).mean()), (times > 0) / n, inside[times == 1].sum(axis=0) / n


def _balls(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each point's k nearest others [n, k], and its distances to the k-th and to the one after."""
    apart = squareform(pdist(points))
    np.fill_diagonal(apart, -1)  # the point itself stands at place 0, before its copies too
    nearest = np.argpartition(apart, (0, k, k + 1), axis=1)[:, 1 : k + 2]
    distance = np.take_along_axis(apart, nearest, axis=1)
    return nearest[:, :k], distance[:, k - 1], distance[:, k]
