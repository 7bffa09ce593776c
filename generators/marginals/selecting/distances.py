"""How far two tables are apart in thousands of pairs and triples of columns, in whole numbers.

Where columns have few codes, a table of indicators, a row's ones standing for its codes, gives the counts of
all pairs by one product with itself, and those of all triples with a common column by one product for each code
of it. Where they have many, each marginal is counted by itself.

Privacy claim: none by itself; sums are as exact as the counts that they are taken of, and move by as much.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import numpy as np
import numpy.typing as npt

from generators.marginals.counting.coded import PART, Clique, CodedRows, Counts
from generators.marginals.counting.counter import Counter

UNIT = 64
"""Distances are in units of 1/64 of a row, so that they are whole."""
FEW = 5
"""Codes a column, in the mean, up to which products are faster."""
BLOCK, CELLS = 1 << 14, 1 << 24
"""Rows of one product, and values that are laid side by side for it."""
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Group:
    """Cliques that one head and two of the columns make up: which columns, and where each clique stands."""

    head: Clique
    columns: tuple[str, ...]
    first: Places
    second: Places
    at: Places


@dataclass(frozen=True)
class Distances:
    """Those of ``cliques``; build it with ``Distances.of``, once for many tables of the same domain."""

    cliques: tuple[Clique, ...]
    groups: tuple[_Group, ...]
    known: dict[tuple[int, Clique], Counts] = field(default_factory=dict, repr=False)
    """The products of a table of private rows, which is the same in every round."""

    @classmethod
    def of(cls, cliques: Sequence[Clique]) -> Distances:
        """Pairs are one group, triples are grouped by the one of their columns that most triples have."""
        often = Tally(c for clique in cliques if len(clique) == 3 for c in clique)
        members: dict[Clique, list[int]] = {}
        for i, clique in enumerate(cliques):
            head: Clique = (max(clique, key=often.__getitem__),) if len(clique) == 3 else ()
            members.setdefault(head, []).append(i)
        groups = []
        for head, at in members.items():
            pairs = [[c for c in cliques[i] if c not in head] for i in at]
            place = {c: i for i, c in enumerate(dict.fromkeys(chain(*pairs)))}
            first, second = np.array([[place[c] for c in pair] for pair in pairs]).T
            groups.append(_Group(head, tuple(place), first, second, np.array(at)))
        return cls(tuple(cliques), tuple(groups))

    def __call__(self, rows: Counter, others: Counter, scale: float) -> Counts:
        """For each clique Σ |UNIT · count − UNIT · scale · count of the others|, the latter rounded by cell."""
        found = np.zeros(len(self.cliques), dtype=np.int64)
        alone: list[int] = []
        for group in self.groups:
            if sum(rows.domain[c] for c in group.columns) <= FEW * len(group.columns):
                found[group.at] = self._together(rows, others, scale, group)
            else:
                alone += group.at.tolist()
        cliques = [self.cliques[i] for i in alone]
        rows.ahead(cliques)
        found[alone] = [_apart(rows(r), others(r), scale).sum() for r in cliques]
        return found

    def _together(self, rows: Counter, others: Counter, scale: float, group: _Group) -> Counts:
        starts = np.cumsum([0, *(rows.domain[c] for c in group.columns)])[:-1]
        found = np.zeros((starts.size, starts.size), dtype=np.int64)
        key = (id(rows), group.head)
        if key not in self.known:
            self.known[key] = rows.summed(partial(_products, group=group))
        drawn = others.summed(partial(_products, group=group))
        for here, there in zip(self.known[key], drawn, strict=True):
            gap = _apart(here, there, scale)
            found += np.add.reduceat(np.add.reduceat(gap, starts, axis=0), starts, axis=1)
        return found[group.first, group.second]


def _products(table: CodedRows, group: _Group) -> Counts:
    """How many rows have each two codes of the columns: [codes of the head, codes, codes]."""
    ends = np.cumsum([table.domain[c] for c in group.columns])
    starts = np.concatenate([[0], ends[:-1]])
    heads = table.domain[group.head[0]] if group.head else 1
    total = np.zeros((heads, ends[-1], ends[-1]), dtype=np.int64)
    at_once = min(PART, max(1, CELLS // len(group.columns)))
    for start in range(0, len(table), at_once):
        rows = slice(start, start + at_once)
        codes = np.stack([table.codes[c][rows] for c in group.columns], axis=1)
        weights = None if table.weights is None else table.weights[rows].astype(float)
        head = table.codes[group.head[0]][rows] if group.head else None
        for code in range(heads):
            mine = slice(None) if head is None else np.flatnonzero(head == code)
            alone = None if weights is None else weights[mine]
            total[code] += _product(codes[mine] + starts, ends[-1], alone)
    return total


def _product(ones: Places, width: int, weights: npt.NDArray[np.float64] | None) -> Counts:
    """A table of indicators times itself, [width, width]; ``ones``: where those of each row are."""
    total = np.zeros((width, width), dtype=np.int64)
    for start in range(0, len(ones), BLOCK):
        block = ones[start : start + BLOCK]
        # sums of ones are exact in single precision, those of weights in double
        table = np.zeros((len(block), width), dtype=np.float32 if weights is None else float)
        np.put_along_axis(table, block, 1.0, axis=1)
        other = table if weights is None else table * weights[start : start + BLOCK, None]
        total += (table.T @ other).astype(np.int64)
    return total


def _apart(here: Counts, there: Counts, scale: float) -> Counts:
    gap: Counts = np.abs(UNIT * here - np.rint(there * (UNIT * scale)).astype(np.int64))
    return gap
