"""The opening of an image generator: noisy mean and covariance of each class in a basis of low frequencies.

Every image becomes its m × m lowest cosine frequencies a channel. Gaussian mechanisms measure the mean of all,
what each class has beside it and, around the means of classes, the sum of outer products. Means are drawn
together as far as their noise asks for (empirical Bayes); of the products, what is below the noise is cut off,
class by class what differs from the covariance of all. Draws of these normal distributions are blurred images
that have the right first and second moments: free to look at, so networks learn from them before they see a
private row. It goes further than the noised class means of DP-FETA (arXiv 2504.01395), for the same kind of
charge.

Where there are people enough for the noise, one normal distribution a class is not the end: its draws fall into
cells, which anybody may look for, and number, mean and covariance of each cell are measured in the same way.
The size of a class that was paid for says into how many.

Privacy claim: costs ``events(ρ)``. A unit's share of a sum is a mean over its rows, of norm at most 1 whatever
they hold; what sums are taken around is known before. What is asked for means is several questions that share
their ρ, and with cells means and products are measured twice. Gaussian mechanisms of one ρ in all are together
as private as one (the sum of 1/σ² is the same), and what it is divided by, the sizes of classes, was paid for.
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

from generators.images.cells import found, many_cells, nearest
from generators.images.means import class_means, noised, shares, summed
from generators.marginals.measurement import Ask

Array = npt.NDArray[np.float64]

MEANS = 0.35
"""The share of ρ that the means get; outer products get the rest."""
ABOVE = 1.1
"""An eigenvalue counts where it is so many times as large as noise alone would make it."""
CENTRE, REACH = 0.1, 0.03
"""The shares of what means get that the mean of all is measured with, and how far from it images lie."""
WIDE, NEAREST = 1.25, 0.05
"""Images are clipped so many times as far from the centre as they are on average, and never nearer."""
LONGEST = 2 * (1 + 1e-9)
"""How far two images can be apart."""
FIRST = 0.4
"""The share of ρ that classes get where cells get the rest."""
NUMBERS = 0.1
"""The share of what means of cells get that their sizes are counted with."""
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
    """Normal distributions: ``means`` [cells, d], ``factors`` [cells, d, d] with covariance F Fᵀ.

    ``weights`` [classes, cells]: how likely an image of a class is of each of them.
    """

    basis: Basis
    means: Array
    factors: Array
    weights: Array

    @property
    def cells(self) -> int:
        """How many there are, of all classes together."""
        return len(self.means)

    def draw(self, classes: npt.NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """An image for each class number, pixels in [−1, 1], [n, channels, height, width]."""
        chance = torch.rand(len(classes), generator=generator, dtype=torch.float64).numpy()
        below = self.weights.cumsum(1)
        below /= below[:, -1:]
        cells = (chance[:, None] >= below[classes]).sum(1)
        shape = (len(classes), self.basis.size)
        z = torch.randn(shape, generator=generator, dtype=torch.float64).numpy()
        u = self.means[cells]
        # cell by cell: a factor for every row would be d² numbers copied for each
        for cell in np.unique(cells):
            mine = cells == cell
            u[mine] += z[mine] @ self.factors[cell].T
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
    u, share, counts = basis.encode(images), shares(units), np.maximum(counts, 1.0)
    rows = _Rows(basis, u, share, spread, ask)
    many = many_cells(counts, _edge(noise((1 - FIRST) * rho)[1] * spread**2, basis.size))
    if many is None:
        means, factors = rows.of_classes(classes, counts, rho)
        return Moments(basis, means, factors, np.eye(len(counts)))
    first = rows.of_classes(classes, counts, FIRST * rho)
    return rows.of_cells(classes, counts, *found(*first, many), (1 - FIRST) * rho)


@dataclass(frozen=True)
class _Rows:
    """Private images ``u`` [n, d], what each counts, and how to ask about them."""

    basis: Basis
    u: Array
    share: Array
    spread: float
    ask: Ask

    def of_classes(
        self, classes: npt.NDArray[np.int64], counts: Array, rho: float
    ) -> tuple[Array, Array]:
        """Means and factors of classes."""
        sigma_means, sigma_products = noise(rho)
        means = self._means(classes, counts, sigma_means)
        products = self._products("image products", means, classes, sigma_products)
        sigma = sigma_products * self.spread**2
        return means, factors_of(products, counts, [np.arange(len(counts))], sigma)

    def _means(self, classes: npt.NDArray[np.int64], counts: Array, sigma: float) -> Array:
        """Means of classes: of all, of how far an image is from it, and of what a class has beside it.

        What is clipped nearer to the centre needs less noise.
        """
        one, n = np.zeros(len(self.u), dtype=np.int64), counts.sum()
        at_centre, of_reach = sigma / math.sqrt(CENTRE), sigma / math.sqrt(REACH)
        total = summed(self.u, self.share, one, 1)
        asked = self.ask(
            ["image centre", self.basis.size, at_centre],
            lambda: noised(total, at_centre, lambda g: g),
        )
        centre = np.reshape(asked, -1) / n
        centre /= max(1.0, float(np.linalg.norm(centre)))
        apart = self.u - centre
        norms = np.linalg.norm(apart, axis=1, keepdims=True) / LONGEST
        asked = self.ask(
            ["image reach", of_reach],
            lambda: noised(summed(norms, self.share, one, 1), of_reach, lambda g: g),
        )
        # two deviations more: what is clipped too near is wrong, what is clipped too far is only noisy
        mean = LONGEST * (float(np.reshape(asked, ())) + 2 * of_reach) / n
        reach = min(max(WIDE * mean, NEAREST), 1.0)
        total = summed(_clipped(apart, reach), self.share, classes, len(counts))
        rest, bands = sigma / math.sqrt(1 - CENTRE - REACH), self.basis.bands
        beside = class_means("image means", total, counts, bands, rest, self.ask)
        means = centre + reach * beside
        return np.asarray(means / np.maximum(1, np.linalg.norm(means, axis=1, keepdims=True)))

    def of_cells(
        self,
        classes: npt.NDArray[np.int64],
        counts: Array,
        centres: Array,
        of_class: npt.NDArray[np.intp],
        rho: float,
    ) -> Moments:
        """The same of cells around ``centres`` [cells, d] of those classes, and how many are in each."""
        sigma_means, sigma_products = noise(rho)
        cells, n = nearest(self.u, classes, centres, of_class), len(centres)
        sigma_numbers = sigma_means / math.sqrt(NUMBERS)
        asked = self.ask(
            ["image cells", n, sigma_numbers],
            lambda: noised(
                summed(np.ones((len(cells), 1)), self.share, cells, n), sigma_numbers, lambda g: g
            ),
        )
        numbers = np.maximum(np.reshape(asked, n), 1.0)
        total = summed(_clipped(self.u - centres[cells], self.spread), self.share, cells, n)
        sigma_apart = sigma_means / math.sqrt(1 - NUMBERS)
        bands = self.basis.bands
        apart = class_means("cell means", total, numbers, bands, sigma_apart, self.ask)
        means = centres + self.spread * apart
        products = self._products("cell products", means, cells, sigma_products)
        levels = [of_class, np.arange(n)]
        factors = factors_of(products, numbers, levels, sigma_products * self.spread**2)
        weights = np.where(of_class == np.arange(len(counts))[:, None], numbers, 0.0)
        return Moments(self.basis, means, factors, weights / weights.sum(1, keepdims=True))

    def _products(
        self, name: str, means: Array, groups: npt.NDArray[np.int64], sigma: float
    ) -> Array:
        """Noisy sums of outer products around the ``means`` of groups, [groups, d, d]."""
        n, d = means.shape

        def drawn() -> list[float]:
            v = _clipped(self.u - means[groups], self.spread)
            in_order = np.argsort(groups, kind="stable")
            of_group = np.split(in_order, np.cumsum(np.bincount(groups, minlength=n))[:-1])
            total = np.stack([(v[rows] * self.share[rows, None]).T @ v[rows] for rows in of_group])
            return noised(total, sigma, lambda g: (g + g.transpose(0, 2, 1)) / 2)

        asked = self.ask([name, n, d, sigma, self.spread], drawn)
        return np.reshape(asked, (n, d, d)) * self.spread**2


def _clipped(apart: Array, spread: float) -> Array:
    """[n, d] in units of ``spread``, of norm at most 1."""
    norms = np.linalg.norm(apart, axis=1, keepdims=True)
    return np.asarray(apart / np.maximum(norms, spread) * (1 - 1e-9))


def _edge(sigma: float, d: int) -> float:
    """Somewhat above the largest eigenvalue of one sum's noise."""
    return ABOVE * sigma * math.sqrt(2 * d)


def factors_of(
    sums: Array, counts: Array, levels: list[npt.NDArray[np.intp]], sigma: float
) -> Array:
    """F with F Fᵀ = the covariance of all, where above its noise, and what each level adds above its own.

    ``levels``: into which larger group each of the groups falls, from the largest on.
    """
    edge = _edge(sigma, sums.shape[1])
    found = np.zeros_like(sums)
    for of in [np.zeros(len(sums), dtype=np.intp), *levels]:
        n = int(of.max()) + 1
        size, many = np.bincount(of, counts, n), np.bincount(of, minlength=n)
        whole = np.zeros((n, *sums.shape[1:]))
        np.add.at(whole, of, sums - counts[:, None, None] * found)
        thresholds = edge * np.sqrt(many) / size
        found = found + _above(whole / size[:, None, None], thresholds)[of]
    values, vectors = np.linalg.eigh(found)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0))[..., None, :])


def _above(matrices: Array, thresholds: Array) -> Array:
    """Symmetric matrices [..., d, d] without eigenvalues of size ``thresholds`` [...] or less."""
    values, vectors = np.linalg.eigh(matrices)
    kept = np.where(np.abs(values) > thresholds[..., None], values, 0)
    return np.asarray((vectors * kept[..., None, :]) @ np.swapaxes(vectors, -1, -2))
