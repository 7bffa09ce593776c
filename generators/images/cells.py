"""Cells of a class: into which parts its images fall, found without looking at one.

Draws of what is known of a class (``moments``) are put into cells by k-means, and every image belongs to the
nearest centre. So many cells are taken as can bear the noise of what is measured of each; one a class where
they cannot, so that little data and little budget lose nothing.

Privacy claim: none of its own. Centres follow from answers that were paid for, numbers of cells from sizes of
classes that were; a row's cell depends on that row alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import KMeans

Array = npt.NDArray[np.float64]

BORNE = 0.0025
"""The largest eigenvalue that noise may bring to the covariance of a cell; an image has norm 1 at most.

``benchmarks/pictures/settings.py`` on images that a script draws: what it takes at ε = 10 is better than one
cell and than sixteen, and four, which it refuses at ε = 1, are worse than one.
"""
MOST = 16
DRAWS = 400
"""Draws for each cell that cells are found on."""


def many_cells(counts: Array, edge: float) -> npt.NDArray[np.intp] | None:
    """How many cells each class bears, where each bears two; ``edge``: what noise brings to one sum."""
    many = np.minimum(counts * BORNE / edge, MOST).astype(np.intp)
    return many if many.min() >= 2 else None


def found(
    means: Array, factors: Array, many: npt.NDArray[np.intp]
) -> tuple[Array, npt.NDArray[np.intp]]:
    """Centres [cells, d] of draws of classes, and the class of each [cells]."""
    generator, centres = torch.Generator().manual_seed(0), []
    many = np.where(factors.any((1, 2)), many, 1)  # where all draws are one there is one cell
    for mean, factor, k in zip(means, factors, many, strict=True):
        z = torch.randn((int(DRAWS * k), len(mean)), generator=generator, dtype=torch.float64)
        drawn = mean + z.numpy() @ factor.T
        centres.append(KMeans(int(k), n_init=1, random_state=0).fit(drawn).cluster_centers_)
    return np.concatenate(centres), np.repeat(np.arange(len(many)), many)


def nearest(
    u: Array,
    classes: npt.NDArray[np.int64],
    centres: Array,
    of_class: npt.NDArray[np.intp],
) -> npt.NDArray[np.int64]:
    """The cell of each row [n, d] among those of its class, [n]."""
    cells = np.zeros(len(u), dtype=np.int64)
    for label in np.unique(classes):
        mine, own = np.flatnonzero(classes == label), np.flatnonzero(of_class == label)
        # row by row: how a product of matrices is rounded depends on how many rows stand beside one
        far = np.stack([((u[mine] - centre) ** 2).sum(1) for centre in centres[own]])
        cells[mine] = own[far.argmin(0)]
    return cells
