"""Junction trees: the shape of a graphical model whose cliques were measured.

Variables are eliminated greedily, cheapest table first; the tables that arise, less those inside
another, are the cliques of a triangulated graph, and a maximum spanning tree over them (by size of
overlap) has the running intersection property (Koller and Friedman, 2009, §10.4). Sets are bit
masks, since the size of hundreds of hypothetical models is asked for in every round of AIM.

Privacy claim: none; sees column names and sizes only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from heapq import heapify, heappop, heappush
from math import inf, prod
from operator import or_

from generators.marginals.counting.coded import Clique, Domain

BYTES_PER_CELL = 8


@dataclass(frozen=True)
class JunctionTree:
    """Cliques, parents before children; a clique lists its separator from its parent first.

    The root has the empty separator and itself as parent. Parts of the graph that are not connected
    are joined through empty separators, so that there is always one tree.
    """

    cliques: tuple[Clique, ...]
    separators: tuple[Clique, ...]
    parents: tuple[int, ...]

    def holds(self, clique: Clique) -> bool:
        """Whether the tree has a clique that contains this one."""
        return any(set(clique) <= set(c) for c in self.cliques)

    def home(self, clique: Clique) -> int:
        """The first clique of the tree that contains this one."""
        wanted = set(clique)
        return next(i for i, c in enumerate(self.cliques) if wanted <= set(c))


def junction_tree(domain: Domain, cliques: Iterable[Clique], root: Clique = ()) -> JunctionTree:
    """The tree over all columns of the domain; the clique that holds most of ``root`` becomes its
    root.

    The columns of ``root`` come first in the root clique.
    """
    columns = list(domain)
    masks = _eliminate(tuple(domain.values()), _neighbours(columns, cliques))
    want = _mask({c: i for i, c in enumerate(columns)}, root)
    start = max(range(len(masks)), key=lambda i: (masks[i] & want).bit_count())
    order, parents, separators = [start], [0], [0]
    # for each clique outside: its largest overlap with the tree, and the first clique there that has it
    nearest = {i: ((m & masks[start]).bit_count(), 0) for i, m in enumerate(masks) if i != start}
    while nearest:
        i = max(nearest, key=lambda i: (nearest[i], i))
        parent = -nearest.pop(i)[1]
        order.append(i)
        parents.append(parent)
        separators.append(masks[i] & masks[order[parent]])
        for j, before in nearest.items():
            overlap = (masks[j] & masks[i]).bit_count()
            if overlap > before[0]:
                nearest[j] = (overlap, 1 - len(order))
    named: list[Clique] = [_first(_names(columns, masks[start]), set(root))]
    names: list[Clique] = [()]
    for i, parent, separator in zip(order[1:], parents[1:], separators[1:], strict=True):
        inside = set(_names(columns, separator))
        names.append(tuple(c for c in named[parent] if c in inside))
        named.append(names[-1] + tuple(c for c in _names(columns, masks[i]) if c not in inside))
    return JunctionTree(tuple(named), tuple(names), tuple(parents))


def model_megabytes(domain: Domain, cliques: Iterable[Clique]) -> float:
    """The size of the tables of the junction tree of these cliques."""
    columns, sizes = list(domain), tuple(domain.values())
    tables = _eliminate(sizes, _neighbours(columns, cliques))
    return sum(_size(sizes, mask) for mask in tables) * BYTES_PER_CELL / 2**20


@dataclass(frozen=True)
class Fitting:
    """Says of a clique whether it alone can join a model and keep it within so many megabytes.

    A clique that lies inside a table changes nothing; any other changes the parts of the graph that it joins
    and no other part, so that only these are eliminated anew.
    """

    bits: Mapping[str, int]
    sizes: tuple[int, ...]
    around: tuple[int, ...]
    tables: tuple[int, ...]
    parts: tuple[int, ...]
    """For each column, the mask of those it is connected with, and of itself."""
    held: Mapping[int, int]
    """Part → cells of its tables."""
    room: int

    @classmethod
    def of(cls, domain: Domain, cliques: Iterable[Clique], megabytes: float) -> Fitting:
        """The model of ``cliques``, with room for ``megabytes`` in all."""
        columns, sizes = list(domain), tuple(domain.values())
        around = _neighbours(columns, cliques)
        tables = _eliminate(sizes, around)
        parts = _parts(around)
        held = dict.fromkeys(parts, 0)
        for table in tables:
            held[parts[_bits(table)[0]]] += _size(sizes, table)
        room = int(megabytes * 2**20 / BYTES_PER_CELL)
        bits = {c: 1 << i for i, c in enumerate(columns)}
        return cls(bits, sizes, tuple(around.values()), tuple(tables), parts, held, room)

    def __call__(self, clique: Clique) -> bool:
        mask = sum(self.bits[c] for c in clique)
        left = self.room - sum(self.held.values())
        if any(mask & table == mask for table in self.tables):
            return left >= 0
        inside = _bits(mask)
        joined = {self.parts[i] for i in inside}
        left += sum(self.held[part] for part in joined)
        grown = {i: self.around[i] for i in _bits(sum(joined))}
        for i in inside:
            grown[i] |= mask
        return sum(_size(self.sizes, t) for t in _eliminate(self.sizes, grown, left)) <= left


def _neighbours(columns: Sequence[str], cliques: Iterable[Clique]) -> dict[int, int]:
    """For each column, the mask of those that share a clique with it, and of itself."""
    place = {c: i for i, c in enumerate(columns)}
    around = {i: 1 << i for i in range(len(columns))}
    for clique in cliques:
        mask = _mask(place, clique)
        for i in _bits(mask):
            around[i] |= mask
    return around


def _eliminate(sizes: Sequence[int], around: Mapping[int, int], room: float = inf) -> list[int]:
    """The maximal cliques, as masks, of the graph triangulated by greedy elimination: the smallest table
    next, the first column of equals.

    Stops early once the tables hold more than ``room`` cells.
    """
    around = dict(around)
    cost = {i: _size(sizes, mask) for i, mask in around.items()}
    queue = [(cells, i) for i, cells in cost.items()]
    heapify(queue)
    tables: list[int] = []
    over: dict[int, list[int]] = {i: [] for i in around}
    filled = 0
    while queue and filled <= room:
        cells, i = heappop(queue)
        if cost.get(i) != cells:
            continue
        del cost[i]
        table = around[i]
        rest = _bits(table & ~(1 << i))
        if not any(table & other == table for other in over[i]):
            tables.append(table)
            filled += cells
            for j in rest:
                over[j].append(table)
        for j in rest:
            cells = cost[j] // sizes[i] * _size(sizes, table & ~around[j])
            around[j] = (around[j] | table) & ~(1 << i)
            if cells != cost[j]:
                cost[j] = cells
                heappush(queue, (cells, j))
    return tables


def _parts(around: Mapping[int, int]) -> tuple[int, ...]:
    """For each column, the mask of all that it is connected with."""
    parts = dict.fromkeys(around, 0)
    for i in around:
        if not parts[i]:
            part, new = 0, around[i]
            while new:
                part |= new
                new = reduce(or_, (around[j] for j in _bits(new))) & ~part
            parts |= dict.fromkeys(_bits(part), part)
    return tuple(parts.values())


def _mask(place: Mapping[str, int], clique: Clique) -> int:
    return sum(1 << place[c] for c in clique)


def _bits(mask: int) -> list[int]:
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def _size(sizes: Sequence[int], mask: int) -> int:
    return prod(sizes[i] for i in _bits(mask))


def _names(columns: Sequence[str], mask: int) -> Clique:
    return tuple(columns[i] for i in _bits(mask))


def _first(clique: Clique, head: set[str]) -> Clique:
    return tuple(sorted(clique, key=lambda c: c not in head))
