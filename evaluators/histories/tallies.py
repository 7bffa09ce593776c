"""What is counted of each person's history, and the figure that is made of it.

- rows: how many rows people have (total variation).
- transitions: pairs of a state and the next, of every column that varies: total variation of the joint, the
  mean over columns (the state-transition distance of PATH, arXiv 2602.02766), and of each column by itself;
  following: total variation of the next state given the one before, weighted by how common that is among real
  people.
- trajectories: the first and the last state together, and how many different states a person visits, of people
  with two rows or more (total variation, the mean over columns).
- gaps, span: time from row to row, and from first to last (Kolmogorov's distance).

Privacy claim: none; counts of real people, internal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
from scipy.sparse import csr_array

from evaluators.histories.contrast import Tally, following, kolmogorov, variation
from evaluators.histories.lived import EVERY, Lived, frame_of, lived
from evaluators.histories.states import State, states
from evaluators.tables import ROLES, Tables
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.numbers import without_specials
from privacy.schema.visits import timed

CELLS = 256
"""Times are counted in so many cells of equally many values, if there are more."""

FIRST = np.zeros(1, dtype=np.int64)


def tallies(tables: Tables) -> Iterator[Tally]:
    """Every figure of counts that the schema allows."""
    yield _rows(tables)
    columns = states(tables)
    if columns:
        pairs = {r: _pairs(lived(tables, r), columns, r) for r in EVERY}
        sizes = np.array([c.size for c in columns])
        yield Tally("histories.transitions", pairs, variation(_starts(sizes**2)))
        yield Tally("histories.following", pairs, following(sizes))
        ends = {r: _ends(lived(tables, r), columns, r) for r in EVERY}
        yield Tally("histories.first_last", ends, variation(_starts(sizes**2)))
        visited = {r: _visited(lived(tables, r), columns, r) for r in EVERY}
        yield Tally("histories.visited", visited, variation(_starts(sizes)))
    if timed(tables.schema) is not None:
        yield _times(tables, "histories.gaps", _gaps)
        yield _times(tables, "histories.span", _spans)


def by_column(tables: Tables) -> Iterator[Tally]:
    """The transitions of every column by itself."""
    for column in states(tables):
        pairs = {r: _pairs(lived(tables, r), (column,), r) for r in EVERY}
        says = partial(_named, column.name)
        yield Tally("histories.transition", pairs, variation(FIRST), says)


def _named(name: str, sums: Mapping[str, np.ndarray]) -> str:
    return name


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.asarray(np.cumsum(sizes) - sizes)


def _counted(person: np.ndarray, cell: np.ndarray, people: int, cells: int) -> csr_array:
    """How often each person has each cell."""
    return csr_array((np.ones(len(person)), (person, cell)), shape=(people, cells))


def _rows(tables: Tables) -> Tally:
    most = 1 + max(int(lived(tables, r).sizes.max(initial=0)) for r in ROLES)
    of = {}
    for role in ROLES:
        sizes = lived(tables, role).sizes
        of[role] = _counted(np.arange(len(sizes)), sizes, len(sizes), most)
    return Tally("histories.rows", of, variation(FIRST), _on_average, shuffled=False)


def _on_average(sums: Mapping[str, np.ndarray]) -> str:
    """How many rows people have, in words."""
    counts = [sums[r] for r in ("holdout", "synthetic")]
    if min(c.sum() for c in counts) == 0:
        return ""
    real, ours = (float((np.arange(len(c)) * c).sum() / max(1, c.sum())) for c in counts)
    if ours == 1.0 < real:
        return f"every synthetic row is a person of its own; real people have {real:.2f} rows on average"
    return f"synthetic people have {ours:.2f} rows on average, real people {real:.2f}"


def _pairs(of: Lived, columns: tuple[State, ...], role: str) -> csr_array:
    earlier, later = of.apart()
    return _joint(
        of.person[later], [(c.of[role][earlier], c.of[role][later], c) for c in columns], of.people
    )


def _ends(of: Lived, columns: tuple[State, ...], role: str) -> csr_array:
    several = np.flatnonzero(of.sizes > 1)
    first, last = of.starts[several], of.ends[several]
    return _joint(several, [(c.of[role][first], c.of[role][last], c) for c in columns], of.people)


def _joint(
    person: np.ndarray, pairs: list[tuple[np.ndarray, np.ndarray, State]], people: int
) -> csr_array:
    starts = _starts(np.array([c.size**2 for *_, c in pairs]))
    cells = [a * c.size + b + at for (a, b, c), at in zip(pairs, starts, strict=True)]
    total = sum(c.size**2 for *_, c in pairs)
    return _counted(np.tile(person, len(pairs)), np.concatenate(cells), people, total)


def _visited(of: Lived, columns: tuple[State, ...], role: str) -> csr_array:
    several = np.flatnonzero(of.sizes > 1)
    cells, at = [], 0
    for column in columns:
        pairs = np.unique(of.person * column.size + column.of[role])
        number = np.bincount(pairs // column.size, minlength=of.people)
        cells.append(number[several] - 1 + at)
        at += column.size
    return _counted(np.tile(several, len(columns)), np.concatenate(cells), of.people, at)


def _times(
    tables: Tables, metric: str, times: Callable[[Lived, np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> Tally:
    name = timed(tables.schema)
    assert name is not None
    column = tables.schema.columns[name]
    assert isinstance(column, Numeric | Datetime)
    found = {}
    for role in ROLES:
        of = lived(tables, role)
        when = without_specials(frame_of(tables, role)[name], column)[of.rows]
        person, values = times(of, when)
        there = np.isfinite(values)
        found[role] = person[there], values[there]
    pooled = np.unique(np.concatenate([v for _, v in found.values()]))
    if len(pooled) > CELLS:
        every = np.concatenate([found[r][1] for r in ("holdout", "synthetic")])
        pooled = np.unique(np.quantile(every, np.linspace(0, 1, CELLS), method="lower"))
    cells = max(1, len(pooled))
    of_role = {
        r: _counted(
            p, np.clip(np.searchsorted(pooled, v), 0, cells - 1), lived(tables, r).people, cells
        )
        for r, (p, v) in found.items()
    }
    return Tally(metric, of_role, kolmogorov, shuffled=False)


def _gaps(of: Lived, when: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    earlier, later = of.apart()
    return of.person[later], when[later] - when[earlier]


def _spans(of: Lived, when: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    several = np.flatnonzero(of.sizes > 1)
    return several, when[of.ends[several]] - when[of.starts[several]]
