"""What three or four columns say of a target together and no fewer of them do: parities of halves.

A table of four or five columns has so many cells that noise drowns it, and there are hundreds of such tables.
So each column's codes are cut in two halves of about as many people each, by their noisy counts, and of a set
of columns one number is looked at: how many rows lie in an even number of upper halves, less the others. It is
a Fourier coefficient of the table of halves (Barak et al., PODS 2007): what that table says beyond all smaller
ones. One row moves it by one, however many columns there are, and hundreds are counted as fast as one table: an
exclusive or tells 64 rows apart. Halves are cut in several ways (``VIEWS``), since a set of categories that a
label follows from may lie evenly across any one cut.

Privacy claim: none by itself; ``gaps`` are as exact as the counts that they are taken of, and one row of weight
w moves each by UNIT · w at most. Cuts are post-processing of noisy counts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt

from generators.marginals.counting.coded import PART, Clique, CodedRows, Counts
from generators.marginals.counting.counter import Counter
from generators.marginals.selecting.distances import UNIT

VIEWS = 8
"""In how many ways every column is cut."""
OTHERS = (3, 4)
"""Of how many columns beside the target a set is."""
MANY = 2000
"""Sets of one size and target beyond which that size is left out."""
WORD, BLOCK = 64, 128
"""Rows in a word, and words that are looked at together."""
SEED = 0
"""Of the cuts of categories, which have no order."""
Bits = Mapping[str, npt.NDArray[np.bool_]]
"""Column → for each code, whether it lies in the upper half."""


@dataclass(frozen=True)
class Parity:
    """A set of columns in the order of the domain, and by which view their halves are cut."""

    clique: Clique
    view: int


@dataclass(frozen=True)
class Parities:
    """Every set of a target with three or four others, in every view; build it with ``Parities.of``."""

    columns: tuple[str, ...]
    targets: tuple[str, ...]
    orders: tuple[int, ...]
    views: tuple[Bits, ...]
    known: dict[int, Counts] = field(default_factory=dict, repr=False)
    """The sums over private rows, which are the same in every round."""

    @classmethod
    def of(
        cls,
        targets: Collection[str],
        people: Mapping[str, npt.NDArray[np.float64]],
        ordered: Mapping[str, int],
    ) -> Parities:
        """``people``: noisy counts of the codes of every column; ``ordered``: how many of its first codes are
        in order.
        """
        columns = tuple(c for c, counts in people.items() if counts.size > 1)
        mine = tuple(c for c in columns if c in targets)
        beside = max(0, len(columns) - 1)
        orders = tuple(k for k in OTHERS if 0 < math.comb(beside, k) <= MANY)
        views = tuple(
            {c: cut(people[c], ordered.get(c, 0), view, place) for place, c in enumerate(columns)}
            for view in range(VIEWS)
        )
        return cls(columns, mine, orders, views)

    @cached_property
    def sets(self) -> tuple[Parity, ...]:
        """All of them, in the order of ``gaps``."""
        found = []
        for view in range(len(self.views)):
            for target, others in self._split():
                for k in self.orders:
                    for some in combinations(others, k):
                        clique = tuple(c for c in self.columns if c in {target, *some})
                        found.append(Parity(clique, view))
        return tuple(found)

    def gaps(self, rows: Counter, others: Counter, scale: float) -> Counts:
        """For each set |UNIT · sum − UNIT · scale · sum of the others|, the latter rounded."""
        if id(rows) not in self.known:
            self.known[id(rows)] = rows.summed(replace(self, known={})._sums)
        there = np.rint(others.summed(self._sums) * (UNIT * scale)).astype(np.int64)
        gap: Counts = np.abs(UNIT * self.known[id(rows)] - there)
        return gap

    def groups(self, parity: Parity) -> tuple[npt.NDArray[np.intp], ...]:
        """For each column of a set, the half of every code."""
        return tuple(self.views[parity.view][c].astype(np.intp) for c in parity.clique)

    def _split(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each target, and the columns beside it that are not targets before it."""
        return [
            (t, tuple(c for c in self.columns if c != t and c not in self.targets[:i]))
            for i, t in enumerate(self.targets)
        ]

    def _sums(self, table: CodedRows) -> Counts:
        """Σ ±1 over rows for each set, by what their upper halves come to: even or odd."""
        found = [np.zeros(0, dtype=np.int64)]
        for bits in self.views if self.orders else ():
            for target, others in self._split():
                found.append(self._of_one(table, bits, target, others))
        return np.concatenate(found)

    def _of_one(
        self, table: CodedRows, bits: Bits, target: str, others: Sequence[str]
    ) -> npt.NDArray[np.int64]:
        """Rows less twice those with an odd number of upper halves, 64 of them at once."""
        first, second = np.triu_indices(len(others), 1)
        heads, rests = self._halves_of_sets(len(others))
        odd, all_rows = np.zeros(heads.size, dtype=np.int64), 0
        for begin in range(0, len(table), PART):
            rows = slice(begin, begin + PART)
            packed = _packed([bits[c][table.codes[c][rows]] for c in (target, *others)])
            weights = _weights(table, rows)
            digits, all_rows = _digits(weights), all_rows + int(weights.sum())
            for start in range(0, packed.shape[1], BLOCK):
                part = slice(start, start + BLOCK)
                alone = packed[1:, part]
                pairs = alone[first] ^ alone[second]
                sets = pairs[heads] ^ (np.concatenate([alone, pairs]) ^ packed[0, part])[rests]
                for worth, ones in digits:
                    odd += worth * np.bitwise_count(sets & ones[part]).sum(axis=1, dtype=np.int64)
        return all_rows - 2 * odd

    def _halves_of_sets(self, n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Of each set the place of its first pair, and that of the rest among ``n`` columns and all pairs."""
        place = np.zeros((n, n), dtype=np.intp)
        place[np.triu_indices(n, 1)] = np.arange(n * (n - 1) // 2)
        heads, rests = [], []
        for k in self.orders:
            some = np.array([*combinations(range(n), k)], dtype=np.intp).reshape(-1, k)
            heads.append(place[some[:, 0], some[:, 1]])
            rests.append(some[:, 2] if k == OTHERS[0] else n + place[some[:, 2], some[:, 3]])
        return np.concatenate(heads), np.concatenate(rests)


def _weights(table: CodedRows, rows: slice) -> Counts:
    """Of some rows, one each where the table has none."""
    if table.weights is not None:
        return table.weights[rows]
    return np.ones(min(rows.stop, len(table)) - rows.start, dtype=np.int64)


def _packed(columns: Sequence[npt.NDArray[np.bool_]]) -> npt.NDArray[np.uint64]:
    """Bits, one column after the other, in words of 64 rows; none beyond the last row."""
    rows = columns[0].size
    bits = np.zeros((len(columns), -(-rows // WORD) * WORD), dtype=bool)
    bits[:, :rows] = columns
    return np.packbits(bits, axis=1).view(np.uint64)


def _digits(weights: Counts) -> list[tuple[int, npt.NDArray[np.uint64]]]:
    """The binary digits of weights: what each is worth, and in which rows it is one."""
    places = range(int(weights.max(initial=0)).bit_length())
    return [(1 << d, _packed([(weights >> d & 1).astype(bool)])[0]) for d in places]


def cut(
    people: npt.NDArray[np.float64], ordered: int, view: int, place: int
) -> npt.NDArray[np.bool_]:
    """Which codes of a column lie in its upper half.

    Codes in order are cut at the median, or in every other view into the middle and both ends; of others, and
    of what is missing, as many as make up half of the people are taken at random, the same for all tables.
    """
    mass = np.maximum(people, 0) + 1e-9
    rng = np.random.default_rng([SEED, view, place])
    rank = np.append(np.arange(ordered), ordered + rng.permutation(mass.size - ordered))
    order = np.argsort(rank, kind="stable")
    below = np.empty(mass.size)
    below[order] = (mass[order].cumsum() - mass[order] / 2) / mass.sum()
    if ordered > 2 and view % 2:
        upper = np.abs(below - 0.5) < 0.25
    else:
        upper = below > 0.5
    if upper.all() or not upper.any():
        upper = np.arange(mass.size) == int(mass.argmax())
    return upper
