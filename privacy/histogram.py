"""How the numbers of one column lie, from noisy counts: steps, spikes, bins, and the shape inside them.

First a histogram of the steps that values are multiples of: it tells the decimals, and what is heaped. Then a
tree of counts over the lattice of values that can be written: a cell is parted again where its noisy count
bears it, until it is a single value, so a spike is found without a guess. Neighbours whose densities cannot be
told apart stay together. Counts
of the parts of a cell are projected onto those that add up to it.

The idea of refining where noise allows is that of Cormode et al. (arXiv 1103.5170) and Zhang et al. (PrivTree,
arXiv 1601.03229); here each level is one histogram over cells that earlier answers chose.

Privacy claim: each question is a histogram over cells that do not overlap, of which a unit of k rows moves the
counts by at most k in L1, so by at most k in L2; ``questions`` says beforehand how many there are. Everything
between is post-processing of noisy answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from privacy.noise import discrete_gaussian, gaussian_sigma
from privacy.schema.codec import make_bins, spike_edges
from privacy.schema.columns import MOST_DECLARED, Datetime, Numeric, Shape, Step
from privacy.schema.drawing import quantile, rates_of
from privacy.schema.lattice import (
    MOST_DECIMALS,
    Lattice,
    decimals_of,
    ladder,
    lies_on,
    most_decimals,
    shares,
)
from privacy.schema.numbers import bounds_as_numbers, number_to_date, numbers

BRANCHING, MOST = 16, 64
"""Parts of a cell; more where a lattice would not come to its values otherwise."""

MOST_LEVELS = 5
"""A thousand million values are told apart; a wider lattice ends in cells of several values."""

BINS = 16
FEWEST = 8
"""Bins of a column whose bins are measured, spikes aside; fewer where spikes hold most of it."""

TOLD = 4.0
"""Standard deviations of the noise at which a count is told from what was expected."""

THERE = 2.0
"""Those at which the last cell of a tail is taken to hold somebody."""

PARTED = 8.0
"""Those at which it is parted again."""

MOST_PARTED = 64
"""Cells that are parted at once, so that work and answers stay small."""

SPIKE = 0.03
STANDS_OUT = 2.0
"""A single value with that share of the rows, and so many times what is near it, has a bin of its own."""

UNTOLD = 3
"""Digits of a value between the bounds, where nobody can tell how many are written."""

RARE = 0.01
"""Decimals that a smaller share of values has are left out,"""

SLIGHT = 0.05
"""and so are steps of a smaller share."""

NONE = np.zeros((0, 2), dtype=np.int64)

Ask = Callable[[list[Any], Callable[[], Any]], Any]


def questions(column: Numeric | Datetime) -> int:
    """How many histograms ``measure`` asks for: the steps, and the levels of the tree."""
    return 1 + _levels(column)


def _levels(column: Numeric | Datetime) -> int:
    if column.kind == "float" and isinstance(column, Numeric) and column.decimals is None:
        return MOST_LEVELS
    lattice = Lattice.of(column)
    first, stop = lattice.range(column)
    if column.bins is None:
        return _depth(stop - first)
    return min(1 + _depth(int(np.diff(_edges(column, lattice)).max())), MOST_LEVELS)


def _depth(values: int) -> int:
    """Levels after which cells of so many values are single ones."""
    return min(MOST_LEVELS, max(1, math.ceil(math.log(max(values, 2), BRANCHING) - 1e-9)))


def measured(
    series: pd.Series,
    column: Numeric | Datetime,
    rho: float,
    k: int,
    ask: Ask,
    bands: Sequence[float] = (),
    fewest: int = 0,
) -> Numeric | Datetime:
    """The column with bins, spikes, decimals and shape as far as they were open; costs ``rho``.

    ``series``: canonical, named as the transcript shall know it. ``bands``: edges that subgroups draw
    through it. ``fewest``: decimals that it has at least.
    """
    special = column.special if isinstance(column, Numeric) else ()
    values = numbers(series[series.notna() & ~series.isin(special)], column)
    each = rho / questions(column)
    counted = partial(_noised, rho=each, k=k)
    steps = ladder(column)
    on = ask(["steps", series.name, each, k], lambda: counted(_by_step(values, steps)))
    sigma = gaussian_sigma(each, k)
    found: dict[str, Any] = {}
    if column.kind == "float" and isinstance(column, Numeric) and column.decimals is None:
        told = min(_decimals(on, steps, sigma, column), max(0, most_decimals(column.bounds)))
        least = max(_least_decimals(column, bands), fewest)
        found["decimals"] = min(max(told, least), MOST_DECLARED)
    lattice = Lattice.of(column, found.get("decimals"))
    tree = _Tree.start(column, lattice)
    places = lattice.nearest(values)
    for level in range(_levels(column)):
        question = ["tree", series.name, level, each, k]
        cells = tree.asked
        tree = tree.grown(ask(question, partial(_counts, places, cells, counted)), sigma)
    edges, weights = tree.histogram(sigma)
    spikes = [] if column.spikes is not None else _spikes(tree, column, lattice)
    kept = _steps(on, steps, sigma, lattice, _singles(tree, lattice))
    found["shape"] = _shape(edges, weights, lattice, kept)
    if column.spikes is None:
        # a day whose first hours are out of bounds begins at the bound
        found["spikes"] = tuple(max(_as_value(s, column), column.bounds[0]) for s in spikes)
    if column.bins is None:
        known = spikes if column.spikes is None else [low for low, _ in spike_edges(column)]
        high = bounds_as_numbers(column)[1]
        low = float(lattice.values(edges[:1])[0])  # below it a bin would hold no number
        inner = [e for e in _quantiles(edges, weights, lattice, known) if low < e < high]
        found["bins"] = (column.bounds[0], *(_as_value(e, column) for e in inner), column.bounds[1])
    written = column.model_dump() | {n: v for n, v in found.items() if n != "shape"}
    return column.model_validate(written | {"shape": found["shape"].model_dump()})


def _least_decimals(column: Numeric, bands: Sequence[float]) -> int:
    """With fewer, a bin or a band that the schema says might hold no number."""
    said = [*column.bounds, *bands]
    if isinstance(column.bins, int):
        low, high = column.bounds
        return max(
            *map(decimals_of, said), math.ceil(math.log10(column.bins) - math.log10(high - low))
        )
    return max(map(decimals_of, [*said, *(column.bins or ())]))


def _noised(counts: np.ndarray, rho: float, k: int) -> list[int]:
    return [int(n) for n in discrete_gaussian(counts, rho, k)]


def _counts(
    places: np.ndarray, cells: np.ndarray, counted: Callable[[np.ndarray], list[int]]
) -> list[int]:
    """Rows in each of the cells [low, stop), which are in order and do not overlap."""
    if len(cells) == 0:
        return []
    at = np.searchsorted(cells[:, 0], places, side="right") - 1
    inside = (at >= 0) & (places < cells[np.maximum(at, 0), 1])
    return counted(np.bincount(at[inside], minlength=len(cells)))


# ---- steps: decimals and heaping


def _by_step(values: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Values by the coarsest step they lie on, those on none first; zero lies on all and counts nowhere."""
    place = np.zeros(len(values), dtype=np.int64)
    for i, step in enumerate(steps, start=1):
        place[lies_on(step, values)] = i
    by_name = any(isinstance(step, str) for step in steps)
    return np.bincount(place[(values != 0) | by_name], minlength=len(steps) + 1)


def _decimals(on: Sequence[int], steps: Sequence[Step], sigma: float, column: Numeric) -> int:
    """Digits after the point: the most that a tellable part of the values has, or else by the range."""
    counts, digits = np.array(on, dtype=float), np.array([MOST_DECIMALS, *map(decimals_of, steps)])
    for d in range(int(digits.max()), -1, -1):
        of = counts[digits == d]
        told = max(of.max(initial=0.0) - TOLD * sigma, of.sum() - TOLD * sigma * math.sqrt(len(of)))
        if told > 0 and of.sum() > RARE * counts.sum():
            return d
    low, high = column.bounds
    return min(MOST_DECIMALS, max(0, math.ceil(UNTOLD - math.log10(high - low))))


def _steps(
    on: Sequence[int],
    steps: Sequence[Step],
    sigma: float,
    lattice: Lattice,
    singles: Sequence[tuple[float, float]],
) -> tuple[tuple[Step, float], ...]:
    """Shares of rows whose values are drawn among the multiples of each step; nothing where only one is.

    ``singles``: values that are cells of their own, and their counts, which say nothing of the others.
    """
    counts = np.array(on, dtype=float)
    for value, count in singles:
        at = _by_step(np.array([value]), steps)
        counts -= count * at
    units = [s for s in steps if isinstance(s, str) or s * lattice.scale > 1 - 1e-6]
    counts = counts[1:][len(steps) - len(units) :]
    counts = np.where(counts > TOLD * sigma, counts, 0.0)
    if len(units) < 2 or counts.sum() <= 0:
        return ()
    mixed, _ = nnls(shares(units), counts / counts.sum())
    mixed = np.where(mixed > max(SLIGHT, 2 * sigma / counts.sum()), mixed, 0.0)
    if mixed[1:].sum() == 0:
        return ()
    mixed /= mixed.sum()
    return tuple((s, round(float(m), 4)) for s, m in zip(units, mixed, strict=True) if m > 0)


# ---- the tree


@dataclass(frozen=True, eq=False)
class _Tree:
    """Leaves [low, stop) of the lattice, their mass, and the parts of each that are asked for next.

    ``size``: of how many noisy counts a mass is the sum.
    """

    leaves: np.ndarray
    mass: np.ndarray
    size: np.ndarray
    parts: tuple[np.ndarray, ...]
    branching: int

    @classmethod
    def start(cls, column: Numeric | Datetime, lattice: Lattice) -> _Tree:
        """One leaf for all values, to be parted into the declared bins where there are any."""
        first, stop = lattice.range(column)
        branching = min(MOST, max(BRANCHING, math.ceil((stop - first) ** (1 / MOST_LEVELS))))
        if column.bins is None:
            parts = _parts(first, stop, branching)
        else:
            edges = np.unique(_edges(column, lattice))
            parts = np.stack([edges[:-1], edges[1:]], axis=1)
        return cls(np.array([[first, stop]]), np.zeros(1), np.ones(1), (parts,), branching)

    @property
    def asked(self) -> np.ndarray:
        """The cells that are asked for next, in order."""
        return np.concatenate([NONE, *self.parts])

    def grown(self, counts: Sequence[int], sigma: float) -> _Tree:
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
        return _Tree(found, weights, np.array(size), tuple(then), self.branching)

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


# ---- what is read off it


def _edges(column: Numeric | Datetime, lattice: Lattice) -> np.ndarray:
    """The edges of given bins on the lattice, the last one exclusive."""
    edges = lattice.first(make_bins(column).edges)
    edges[-1] = lattice.range(column)[1]
    return edges


def _singles(tree: _Tree, lattice: Lattice) -> list[tuple[float, float]]:
    single = tree.leaves[:, 1] - tree.leaves[:, 0] == 1
    values = lattice.values(tree.leaves[single, 0])
    return [(float(v), float(m)) for v, m in zip(values, tree.mass[single], strict=True)]


def _spikes(tree: _Tree, column: Numeric | Datetime, lattice: Lattice) -> list[float]:
    """Single values that stand out from what is near them and are no bin of their own already."""
    width, mass = np.diff(tree.leaves, axis=1)[:, 0], tree.mass
    density = np.concatenate([[0.0, 0.0], mass / width, [0.0, 0.0]])
    near = np.max([np.roll(density, i)[2:-2] for i in (-2, -1, 1, 2)], axis=0)
    out = (width == 1) & (mass >= SPIKE * max(mass.sum(), 1.0)) & (mass >= STANDS_OUT * near)
    found: list[float] = lattice.values(tree.leaves[out, 0]).tolist()
    if column.bins is None:
        return found
    edges = _edges(column, lattice)
    alone = set(lattice.values(edges[:-1][np.diff(edges) == 1]).tolist())
    return [v for v in found if v not in alone]


def _quantiles(
    edges: np.ndarray, weights: np.ndarray, lattice: Lattice, spikes: Sequence[float]
) -> list[float]:
    """Bin edges at equal shares of what is no spike."""
    rest = weights.copy()
    single = np.diff(edges) == 1
    rest[single & np.isin(lattice.values(edges[:-1]), spikes)] = 0.0
    share = float(rest.sum() / max(weights.sum(), 1e-300))
    n = max(FEWEST, round(BINS * share))
    below = np.concatenate([[0.0], np.cumsum(rest)])
    if below[-1] <= 0:
        below = np.concatenate([[0.0], np.cumsum(np.diff(edges))]).astype(float)
    shares = np.arange(1, n) / n * below[-1]
    cell = np.clip(np.searchsorted(below, shares, side="right") - 1, 0, len(rest) - 1)
    part = (shares - below[cell]) / np.maximum(below[cell + 1] - below[cell], 1e-300)
    width = np.diff(edges).astype(float)
    z = rates_of(width, np.maximum(rest, 0.0))[cell] * width[cell]
    inner = np.unique(edges[cell] + np.rint(width[cell] * quantile(part, z)).astype(np.int64))
    return [float(v) for v in lattice.values(inner)]


def _shape(
    edges: np.ndarray, weights: np.ndarray, lattice: Lattice, steps: tuple[tuple[Step, float], ...]
) -> Shape:
    rounded, cuts = np.round(weights, 1), lattice.values(edges)
    cuts[-1] = max(cuts[-1], np.nextafter(cuts[-2], np.inf))  # one above 2^53 is no float
    return Shape(
        edges=tuple(float(v) for v in cuts),
        weights=tuple(float(w) for w in rounded),
        steps=steps,
    )


def _as_value(number: float, column: Numeric | Datetime) -> Any:
    return number_to_date(number, column.resolution) if isinstance(column, Datetime) else number
