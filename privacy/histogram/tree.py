"""A tree of counts over the values that can be written, parted again where a noisy count bears it.

A cell may come to be a single value, so a spike is found without a guess. Neighbours whose densities cannot
be told apart stay together. Counts of the parts of a cell are projected onto those that add up to it.

The idea of refining where noise allows is that of Cormode et al. (arXiv 1103.5170) and Zhang et al. (PrivTree,
arXiv 1601.03229); here each level is one histogram over cells that earlier answers chose.

Privacy claim: post-processing of noisy counts; the cells of a level do not overlap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from privacy.schema.codec import make_bins
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.lattice import Lattice

BRANCHING, MOST = 16, 64
"""Parts of a cell; more where a lattice would not come to its values otherwise."""

MOST_LEVELS = 5
"""A thousand million values are told apart; a wider lattice ends in cells of several values."""

TOLD = 4.0
"""Standard deviations of the noise at which a count is told from what was expected."""

THERE = 2.0
"""Those at which the last cell of a tail is taken to hold somebody."""

PARTED = 8.0
"""Those at which it is parted again."""

MOST_PARTED = 64
"""Cells that are parted at once, so that work and answers stay small."""

NONE = np.zeros((0, 2), dtype=np.int64)


def levels(column: Numeric | Datetime) -> int:
    if column.kind == "float" and isinstance(column, Numeric) and column.decimals is None:
        return MOST_LEVELS
    lattice = Lattice.of(column)
    first, stop = lattice.range(column)
    if column.bins is None:
        return _depth(stop - first)
    return min(1 + _depth(int(np.diff(edges_of(column, lattice)).max())), MOST_LEVELS)


def _depth(values: int) -> int:
    """Levels after which cells of so many values are single ones."""
    return min(MOST_LEVELS, max(1, math.ceil(math.log(max(values, 2), BRANCHING) - 1e-9)))


@dataclass(frozen=True, eq=False)
class Tree:
    """Leaves [low, stop) of the lattice, their mass, and the parts of each that are asked for next.

    ``size``: of how many noisy counts a mass is the sum.
    """

    leaves: np.ndarray
    mass: np.ndarray
    size: np.ndarray
    parts: tuple[np.ndarray, ...]
    branching: int

    @classmethod
    def start(cls, column: Numeric | Datetime, lattice: Lattice) -> Tree:
        """One leaf for all values, to be parted into the declared bins where there are any."""
        first, stop = lattice.range(column)
        branching = min(MOST, max(BRANCHING, math.ceil((stop - first) ** (1 / MOST_LEVELS))))
        if column.bins is None:
            parts = _parts(first, stop, branching)
        else:
            edges = np.unique(edges_of(column, lattice))
            parts = np.stack([edges[:-1], edges[1:]], axis=1)
        return cls(np.array([[first, stop]]), np.zeros(1), np.ones(1), (parts,), branching)

    @property
    def asked(self) -> np.ndarray:
        """The cells that are asked for next, in order."""
        return np.concatenate([NONE, *self.parts])

    def grown(self, counts: Sequence[int], sigma: float) -> Tree:
        """The tree with these noisy counts of ``asked``."""
        noisy = np.array(counts, dtype=float)
        root = len(self.leaves) == 1
        leaves, mass, size, at = [], [], [], 0
        for leaf, held, of, parts in zip(
            self.leaves, self.mass, self.size, self.parts, strict=True
        ):
            if len(parts) == 0:
                leaves.append(leaf)
                mass.append(held)
                size.append(of)
                continue
            own = noisy[at : at + len(parts)]
            at += len(parts)
            total = own.sum() if root else held
            runs, sums, sizes = _merged(parts, own, sigma)
            leaves.extend(runs)
            mass.extend(_projected(sums, sizes, total))
            size.extend(sizes)
        found, weights = np.array(leaves), np.array(mass)
        told = (found[:, 1] - found[:, 0] > 1) & (weights >= PARTED * sigma)
        least = np.sort(weights[told])[-MOST_PARTED:][:1]
        parted = told & (weights >= least) if len(least) else told
        then = (
            _parts(low, stop, self.branching) if again else NONE
            for (low, stop), again in zip(found, parted, strict=True)
        )
        return Tree(found, weights, np.array(size), tuple(then), self.branching)

    def histogram(self, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        """Edges on the lattice, and weights; what is not told from empty at either end is one cell."""
        told = np.flatnonzero(self.mass >= THERE * sigma * np.sqrt(self.size))
        first, last = (told[0], told[-1]) if len(told) else (len(self.mass), len(self.mass))
        starts = np.unique([0, *range(first, last + 1), last + 1])
        starts = starts[starts < len(self.mass)]
        edges = np.append(self.leaves[starts, 0], self.leaves[-1, 1])
        weights, noise = np.add.reduceat(self.mass, starts), np.add.reduceat(self.size, starts)
        ends = (starts < first) | (starts > last)
        # as much of it as is likely to be people and not noise
        weights[ends] *= weights[ends] ** 2 / (weights[ends] ** 2 + noise[ends] * sigma**2)
        return edges, weights


def _parts(low: int, stop: int, n: int) -> np.ndarray:
    """At most n parts of [low, stop), as equal as whole numbers allow."""
    low, stop = int(low), int(stop)  # whose products may be beyond 64 bits
    cuts = np.unique(low + (stop - low) * np.arange(n + 1, dtype=object) // n)
    whole = cuts.astype(np.int64)
    return np.stack([whole[:-1], whole[1:]], axis=1)


def _merged(
    cells: np.ndarray, counts: np.ndarray, sigma: float
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Neighbours whose densities cannot be told apart become one cell, the most alike first.

    What can be parted again stays as it is. Returned are the cells, their counts, and of how many each is made.
    """
    width = (cells[:, 1] - cells[:, 0]).astype(float)
    first, size, mass = np.arange(len(cells)), np.ones(len(cells)), counts.copy()
    fixed = (counts >= PARTED * sigma) & (width > 1)
    while len(first) > 1:
        density, error = mass / width, sigma * np.sqrt(size) / width
        apart = np.abs(np.diff(density)) / np.hypot(error[1:], error[:-1])
        apart[fixed[1:] | fixed[:-1]] = np.inf
        i = int(apart.argmin())
        if apart[i] > TOLD:
            break
        for summed in (width, size, mass):
            summed[i] += summed[i + 1]
        first, width, size, mass, fixed = (
            np.delete(of, i + 1) for of in (first, width, size, mass, fixed)
        )
    last = np.append(first[1:], len(cells)) - 1
    runs = [np.array([cells[i, 0], cells[j, 1]]) for i, j in zip(first, last, strict=True)]
    return runs, mass, size


def _projected(counts: np.ndarray, cells: np.ndarray, total: float) -> np.ndarray:
    """The likeliest counts ≥ 0 that add up to ``total``, where the noise of each is that of so many ``cells``.

    Weighted Euclidean projection onto a simplex: what is too much comes off by the number of cells.
    """
    if total <= 0:
        return np.zeros(len(counts))
    order = np.argsort(-counts / cells)
    over = (np.cumsum(counts[order]) - total) / np.cumsum(cells[order])
    last = int(np.flatnonzero((counts / cells)[order] > over)[-1])
    return np.asarray(np.maximum(counts - over[last] * cells, 0.0))


def edges_of(column: Numeric | Datetime, lattice: Lattice) -> np.ndarray:
    """The edges of given bins on the lattice, the last one exclusive."""
    edges = lattice.first(make_bins(column).edges)
    edges[-1] = lattice.range(column)[1]
    return edges
