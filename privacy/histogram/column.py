"""How the numbers of one column lie, from noisy counts: steps, spikes, bins, and the shape inside them.

First a histogram of the steps that values are multiples of: it tells the decimals, and what is heaped
(``steps``). Then a tree of counts over the lattice of values that can be written: a cell is parted again
where its noisy count bears it, until it is a single value, so a spike is found without a guess. Neighbours
whose densities cannot be told apart stay together (``tree``).

Privacy claim: each question is a histogram over cells that do not overlap, of which a unit of k rows moves the
counts by at most k in L1, so by at most k in L2; ``questions`` says beforehand how many there are. Everything
between is post-processing of noisy answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from privacy.histogram.steps import by_step, decimals, least_decimals, rounded_to
from privacy.histogram.tree import Tree, edges_of, levels
from privacy.noise import discrete_gaussian, gaussian_sigma
from privacy.schema.codec import spike_edges
from privacy.schema.columns import MOST_DECLARED, Datetime, Numeric, Shape, Step
from privacy.schema.drawing import quantile, rates_of
from privacy.schema.lattice import Lattice, ladder, most_decimals
from privacy.schema.numbers import bounds_as_numbers, number_to_date, numbers

BINS = 16
FEWEST = 8
"""Bins of a column whose bins are measured, spikes aside; fewer where spikes hold most of it."""

BORNE = 6.0
"""Of a column that is asked for together with itself, a row and the next, each bin of more than FEWEST holds so
many standard deviations of the noise: such pairs have the square of cells, and noise in each."""

SPIKE = 0.03
STANDS_OUT = 2.0
"""A single value with that share of the rows, and so many times what is near it, has a bin of its own."""

Ask = Callable[[list[Any], Callable[[], Any]], Any]


def questions(column: Numeric | Datetime) -> int:
    """How many histograms ``measure`` asks for: the steps, and the levels of the tree."""
    return 1 + levels(column)


def measured(
    series: pd.Series,
    column: Numeric | Datetime,
    rho: float,
    k: int,
    ask: Ask,
    bands: Sequence[float] = (),
    fewest: int = 0,
    paired: bool = False,
) -> Numeric | Datetime:
    """The column with bins, spikes, decimals and shape as far as they were open; costs ``rho``.

    ``series``: canonical, named as the transcript shall know it. ``bands``: edges that subgroups draw
    through it. ``fewest``: decimals that it has at least. ``paired``: whether it is asked for together with
    itself, in a row and the next.
    """
    special = column.special if isinstance(column, Numeric) else ()
    values = numbers(series[series.notna() & ~series.isin(special)], column)
    each = rho / questions(column)
    counted = partial(_noised, rho=each, k=k)
    steps = ladder(column)
    on = ask(["steps", series.name, each, k], lambda: counted(by_step(values, steps)))
    sigma = gaussian_sigma(each, k)
    found: dict[str, Any] = {}
    if column.kind == "float" and isinstance(column, Numeric) and column.decimals is None:
        told = min(decimals(on, steps, sigma, column), max(0, most_decimals(column.bounds)))
        least = max(least_decimals(column, bands), fewest)
        found["decimals"] = min(max(told, least), MOST_DECLARED)
    lattice = Lattice.of(column, found.get("decimals"))
    tree = Tree.start(column, lattice)
    places = lattice.nearest(values)
    for level in range(levels(column)):
        question = ["tree", series.name, level, each, k]
        cells = tree.asked
        tree = tree.grown(ask(question, partial(_counts, places, cells, counted)), sigma)
    edges, weights = tree.histogram(sigma)
    spikes = [] if column.spikes is not None else _spikes(tree, column, lattice)
    kept = rounded_to(on, steps, sigma, lattice, _singles(tree, lattice))
    found["shape"] = _shape(edges, weights, lattice, kept)
    if column.spikes is None:
        # a day whose first hours are out of bounds begins at the bound
        found["spikes"] = tuple(max(_as_value(s, column), column.bounds[0]) for s in spikes)
    if column.bins is None:
        known = spikes if column.spikes is None else [low for low, _ in spike_edges(column)]
        high = bounds_as_numbers(column)[1]
        low = float(lattice.values(edges[:1])[0])  # below it a bin would hold no number
        most = int(weights.sum() / (BORNE * sigma)) if paired else BINS
        inner = [e for e in _quantiles(edges, weights, lattice, known, most) if low < e < high]
        found["bins"] = (column.bounds[0], *(_as_value(e, column) for e in inner), column.bounds[1])
    written = column.model_dump() | {n: v for n, v in found.items() if n != "shape"}
    return column.model_validate(written | {"shape": found["shape"].model_dump()})


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


def _singles(tree: Tree, lattice: Lattice) -> list[tuple[float, float]]:
    single = tree.leaves[:, 1] - tree.leaves[:, 0] == 1
    values = lattice.values(tree.leaves[single, 0])
    return [(float(v), float(m)) for v, m in zip(values, tree.mass[single], strict=True)]


def _spikes(tree: Tree, column: Numeric | Datetime, lattice: Lattice) -> list[float]:
    """Single values that stand out from what is near them and are no bin of their own already."""
    width, mass = np.diff(tree.leaves, axis=1)[:, 0], tree.mass
    density = np.concatenate([[0.0, 0.0], mass / width, [0.0, 0.0]])
    near = np.max([np.roll(density, i)[2:-2] for i in (-2, -1, 1, 2)], axis=0)
    out = (width == 1) & (mass >= SPIKE * max(mass.sum(), 1.0)) & (mass >= STANDS_OUT * near)
    found: list[float] = lattice.values(tree.leaves[out, 0]).tolist()
    if column.bins is None:
        return found
    edges = edges_of(column, lattice)
    alone = set(lattice.values(edges[:-1][np.diff(edges) == 1]).tolist())
    return [v for v in found if v not in alone]


def _quantiles(
    edges: np.ndarray,
    weights: np.ndarray,
    lattice: Lattice,
    spikes: Sequence[float],
    most: int,
) -> list[float]:
    """Edges of bins at equal shares of what is no spike, at most so many but for FEWEST."""
    rest = weights.copy()
    single = np.diff(edges) == 1
    rest[single & np.isin(lattice.values(edges[:-1]), spikes)] = 0.0
    share = float(rest.sum() / max(weights.sum(), 1e-300))
    n = max(FEWEST, round(min(BINS, most) * share))
    below = np.concatenate([[0.0], np.cumsum(rest)])
    if below[-1] <= 0:
        below = np.concatenate([[0.0], np.cumsum(np.diff(edges))]).astype(float)
    shares = np.arange(1, n) / n * below[-1]
    cell = np.clip(np.searchsorted(below, shares, side="right") - 1, 0, len(rest) - 1)
    part = (shares - below[cell]) / np.maximum(below[cell + 1] - below[cell], 1e-300)
    width = np.diff(edges).astype(float)
    z = rates_of(width, np.maximum(weights, 0.0))[cell] * width[cell]
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
