"""The opening of an image generator: noisy mean and covariance of each class in a basis of low frequencies.

Every image becomes its m × m lowest cosine frequencies a channel. Two Gaussian mechanisms measure the sum of
each class and, around the means, the sum of outer products. Means are drawn together as far as their noise asks
for (empirical Bayes); of the products, what is below the noise is cut off, class by class what differs from the
covariance of all. Draws of these normal distributions are blurred images that have the right first and second
moments: free to look at, so networks learn from them before they see a private row. It goes further than the
noised class means of DP-FETA (arXiv 2504.01395), for the same kind of charge.

Privacy claim: costs ``events(ρ)``. A unit's share of a sum is a mean over its rows, of norm at most 1 whatever
they hold; the means that the outer products are taken around are those already measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from dp_accounting import DpEvent, GaussianDpEvent
from scipy.fft import dctn, idctn
from torch import Tensor

from generators.images.means import class_means, noised, shares, summed
from generators.marginals.measurement import Ask

Array = npt.NDArray[np.float64]

MEANS = 0.35
"""The share of ρ that the means get; outer products get the rest."""
ABOVE = 1.1
"""An eigenvalue counts where it is so many times as large as noise alone would make it."""
CHUNK = 8192


@dataclass(frozen=True)
class Basis:
    """The lowest ``m`` × ``m`` cosine frequencies of images [height, width, channels]."""

    shape: tuple[int, int, int]
    m: int

    @property
    def size(self) -> int:
        """d, the numbers that an image becomes."""
        height, width, channels = self.shape
        return min(self.m, height) * min(self.m, width) * channels

    @property
    def radius(self) -> float:
        """The largest norm of an image around middle grey, pixels in [0, 1]."""
        return 0.5 * math.sqrt(math.prod(self.shape))

    @property
    def bands(self) -> npt.NDArray[np.intp]:
        """The larger frequency of each of the d numbers, [d]."""
        height, width, channels = self.shape
        rows, columns = np.indices((min(self.m, height), min(self.m, width)))
        return np.repeat(np.maximum(rows, columns).ravel(), channels)

    def encode(self, images: npt.NDArray[np.uint8]) -> Array:
        """[n, height, width, channels] → [n, d] of norm at most 1."""
        found = [np.zeros((0, self.size))]
        for start in range(0, len(images), CHUNK):
            x = images[start : start + CHUNK] / 255.0 - 0.5
            low = dctn(x, axes=(1, 2), norm="ortho")[:, : self.m, : self.m]
            found.append(low.reshape(len(x), -1) / self.radius)
        # the transform keeps norms; what rounding may add to one is taken off
        return np.concatenate(found) * (1 - 1e-9)

    def decode(self, u: Array) -> npt.NDArray[np.float32]:
        """[n, d] → pixels in [0, 1], [n, height, width, channels]."""
        height, width, channels = self.shape
        low = u.reshape(len(u), min(self.m, height), min(self.m, width), channels)
        full = np.zeros((len(u), *self.shape))
        full[:, : self.m, : self.m] = low * self.radius
        x = idctn(full, axes=(1, 2), norm="ortho") + 0.5
        return np.asarray(np.clip(x, 0, 1), dtype=np.float32)


@dataclass(frozen=True)
class Moments:
    """Normal distributions: ``means`` [classes, d], ``factors`` [classes, d, d] with covariance F Fᵀ."""

    basis: Basis
    means: Array
    factors: Array

    def draw(self, classes: npt.NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """An image for each class number, pixels in [−1, 1], [n, channels, height, width]."""
        shape = (len(classes), self.basis.size)
        z = torch.randn(shape, generator=generator, dtype=torch.float64).numpy()
        u = self.means[classes]
        # class by class: a factor for every row would be d² numbers copied for each
        for label in np.unique(classes):
            mine = classes == label
            u[mine] += z[mine] @ self.factors[label].T
        x = self.basis.decode(u).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(x)) * 2 - 1


def noise(rho: float) -> tuple[float, float]:
    """Noise multipliers of means and outer products that together cost ρ of zCDP."""
    return 1 / math.sqrt(2 * MEANS * rho), 1 / math.sqrt(2 * (1 - MEANS) * rho)


def events(rho: float) -> tuple[DpEvent, DpEvent]:
    """What ``measure`` costs."""
    means, products = noise(rho)
    return GaussianDpEvent(means), GaussianDpEvent(products)


def measure(
    basis: Basis,
    images: npt.NDArray[np.uint8],
    units: np.ndarray,
    classes: npt.NDArray[np.int64],
    counts: Array,
    spread: float,
    rho: float,
    ask: Ask,
) -> Moments:
    """Ask for both sums and make the distributions.

    ``images`` [n, height, width, channels] and their ``units`` and ``classes`` [n] are private; ``counts`` are
    noisy numbers of units in each class. ``spread``: the norm at which what is left beside the mean is clipped,
    as a share of the largest norm an image can have.
    """
    sigma_means, sigma_products = noise(rho)
    u, d, n_classes = basis.encode(images), basis.size, len(counts)
    share, counts = shares(units), np.maximum(counts, 1.0)
    total = summed(u, share, classes, n_classes)
    means = class_means("image means", total, counts, basis.bands, sigma_means, ask)

    def products() -> list[float]:
        rest = u - means[classes]
        norms = np.linalg.norm(rest, axis=1, keepdims=True)
        v = rest / np.maximum(norms, spread) * (1 - 1e-9)
        in_order = np.argsort(classes, kind="stable")
        of_class = np.split(in_order, np.cumsum(np.bincount(classes, minlength=n_classes))[:-1])
        total = np.stack([(v[rows] * share[rows, None]).T @ v[rows] for rows in of_class])
        return noised(total, sigma_products, lambda g: (g + g.transpose(0, 2, 1)) / 2)

    asked = ask(["image products", n_classes, d, sigma_products, spread], products)
    covariances = np.reshape(asked, (n_classes, d, d)) * spread**2
    return Moments(basis, means, _factors(covariances, counts, sigma_products * spread**2))


def _factors(sums: Array, counts: Array, sigma: float) -> Array:
    """F with F Fᵀ = the covariance of all, where above its noise, and what a class adds above its own."""
    edge = ABOVE * sigma * math.sqrt(2 * sums.shape[1])  # the largest eigenvalue of one sum's noise
    total = counts.sum()
    pooled = _above(sums.sum(0) / total, np.asarray(edge * math.sqrt(len(counts)) / total))
    apart = _above(sums / counts[:, None, None] - pooled, edge / counts)
    values, vectors = np.linalg.eigh(pooled + apart)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0))[..., None, :])


def _above(matrices: Array, thresholds: Array) -> Array:
    """Symmetric matrices [..., d, d] without eigenvalues of size ``thresholds`` [...] or less."""
    values, vectors = np.linalg.eigh(matrices)
    kept = np.where(np.abs(values) > thresholds[..., None], values, 0)
    return np.asarray((vectors * kept[..., None, :]) @ np.swapaxes(vectors, -1, -2))
