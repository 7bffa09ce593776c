"""How far the synthetic rows are from the people held out, in whole numbers that one person moves little.

The k-marginal distance of ``evaluators.fidelity.kmarginal``, before it is divided by the number of people:
with M synthetic rows of which m are in a cell, and n people of which N are, it is Σ |M N − n m| over the
cells of every set of columns. One more person adds at most (M − m) + (M − m) ≤ 2 M for each set.

Privacy claim: ρ-zCDP for one unit of one row, by discrete Gaussian noise on that whole number; slices of a
dimension are disjoint, so each is asked at the full ρ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evaluators.charged.people import AT_ONCE, People
from evaluators.fidelity.kmarginal import Set, column_sets
from evaluators.tables import Dimension, Tables
from privacy.noise import discrete_gaussian, gaussian_sigma

Ask = Callable[[list[Any], Callable[[], Any]], Any]
"""A transcript's ``answer``: the recorded answer to a question, or a new one that is recorded first."""

Columns = Mapping[str, np.ndarray] | pd.DataFrame
"""Codes by column."""

K = 2
MAX_SYNTHETIC = 50_000
"""At most so many synthetic rows are compared with, drawn by the seed."""

MAX_SETS = 300
"""At most so many pairs of columns, drawn by the seed."""

REPEATS = 10
"""Samples of the synthetic rows that say what chance alone gives."""


@dataclass(frozen=True, eq=False)
class Distances:
    """The noisy distance of each slice over 2 M and the number of sets: half the mean L1 distance, times the
    people in the slice. None: no synthetic row to compare with. ``sigma``: its noise.
    """

    people: tuple[float | None, ...]
    sigma: float


def distances(
    ask: Ask, tables: Tables, people: People, drawn: People, dimension: Dimension, rho: float
) -> Distances:
    """The distance of ``people`` from synthetic ones in every slice of the dimension.

    ``tables`` say which columns there are.
    """
    sets = sets_of(tables, dimension)
    found: list[float | None] = []
    for piece in dimension.slices:
        synthetic = _synthetic(tables, drawn, dimension, piece.number)
        bound = 2 * len(synthetic) * len(sets)
        if not bound:
            found.append(None)
            continue

        def draw(
            number: int = piece.number, synthetic: pd.DataFrame = synthetic, bound: int = bound
        ) -> int:
            held_out = people.of_slice(dimension, number)
            total = sum(apart(held_out, synthetic, s, tables.codec.domain) for s in sets)
            return int(discrete_gaussian(np.array([total], dtype=np.int64), rho, bound)[0])

        question = ["distance", K, dimension.name, piece.number, bound, rho]
        found.append(ask(question, draw) / bound)
    return Distances(tuple(found), gaussian_sigma(rho))


def by_chance(
    tables: Tables, drawn: People, dimension: Dimension, number: int, people: int
) -> np.ndarray:
    """Distances (half the mean L1) of as many rows of the synthetic table itself; free."""
    sets, synthetic = sets_of(tables, dimension), _synthetic(tables, drawn, dimension, number)
    rng = tables.rng(f"distance by chance {dimension.name} {number}")
    found = []
    for _ in range(REPEATS):
        times = np.zeros(len(synthetic), dtype=np.int64)
        for start in range(0, people, AT_ONCE):
            some = rng.integers(len(synthetic), size=min(AT_ONCE, people - start))
            times += np.bincount(some, minlength=len(times))
        total = sum(apart(synthetic, synthetic, s, tables.codec.domain, times) for s in sets)
        found.append(total / (2 * len(synthetic) * people * len(sets)))
    return np.array(found)


def apart(
    people: Columns,
    synthetic: Columns,
    columns: Set,
    sizes: Mapping[str, int],
    times: np.ndarray | None = None,
) -> int:
    """Σ |M N − n m| over the cells of a set of columns; ``times``: how often each of the people counts."""
    N, m = _cells(people, columns, sizes, times), _cells(synthetic, columns, sizes)
    return int(np.abs(m.sum() * N - N.sum() * m).sum())


def _cells(
    rows: Columns, columns: Set, sizes: Mapping[str, int], times: np.ndarray | None = None
) -> np.ndarray:
    """How many rows are in each cell, int64."""
    shape = [sizes[c] for c in columns]
    total = np.zeros(int(np.prod(shape)), dtype=np.int64)
    of = [np.asarray(rows[c]) for c in columns]
    for start in range(0, len(of[0]), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        cell = np.ravel_multi_index([values[part] for values in of], shape)
        weights = None if times is None else times[part]
        total += np.bincount(cell, weights, minlength=len(total)).astype(np.int64)
    return total


def sets_of(tables: Tables, dimension: Dimension) -> list[Set]:
    """Pairs of columns, without those that part people."""
    columns = [c for c in tables.schema.modelled if c not in dimension.columns]
    return (
        column_sets(columns, K, tables.rng(f"sets {K} {dimension.name}"), MAX_SETS)
        if columns
        else []
    )


def _synthetic(tables: Tables, drawn: People, dimension: Dimension, number: int) -> pd.DataFrame:
    """Of the synthetic people in a slice as many as are compared with."""
    rows = np.flatnonzero(drawn.members[dimension.name] == number)
    if len(rows) > MAX_SYNTHETIC:
        rng = tables.rng(f"distance rows {dimension.name} {number}")
        rows = np.sort(rng.choice(rows, size=MAX_SYNTHETIC, replace=False))
    return pd.DataFrame({c: codes[rows] for c, codes in drawn.codes.items()}, index=rows)
