"""Junction trees: the shape of a graphical model whose cliques were measured.

Variables are eliminated greedily, cheapest table first; the tables that arise, less those inside
another, are the cliques of a triangulated graph, and a maximum spanning tree over them (by size of
overlap) has the running intersection property (Koller and Friedman, 2009, §10.4). Sets are bit
masks, since the size of hundreds of hypothetical models is asked for in every round of AIM.

Privacy claim: none; sees column names and sizes only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, prod

from generators.marginals.counting import Clique, Domain

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
        return next(i for i, c in enumerate(self.cliques) if set(clique) <= set(c))


def junction_tree(domain: Domain, cliques: Iterable[Clique], root: Clique = ()) -> JunctionTree:
    """The tree over all columns of the domain; the clique that holds most of ``root`` becomes its
    root.

    The columns of ``root`` come first in the root clique.
    """
    columns = list(domain)
    masks = _eliminate(tuple(domain.values()), _neighbours(columns, cliques))
    want = _mask(columns, root)
    start = max(range(len(masks)), key=lambda i: (masks[i] & want).bit_count())
    order, parents, separators = [start], [0], [0]
    left = [i for i in range(len(masks)) if i != start]
    while left:
        _, _, parent, i = max(
            ((masks[i] & masks[p]).bit_count(), -k, k, i) for i in left for k, p in enumerate(order)
        )
        left.remove(i)
        order.append(i)
        parents.append(parent)
        separators.append(masks[i] & masks[order[parent]])
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


def fitting(
    domain: Domain, cliques: Iterable[Clique], candidates: Iterable[Clique], megabytes: float
) -> list[Clique]:
    """The candidates, each of which alone keeps the model of ``cliques`` within ``megabytes``.

    Asked for thousands of candidates in every round of AIM: one that lies inside a table changes
    nothing, and an elimination is given up as soon as its tables are too large.
    """
    columns, sizes = list(domain), tuple(domain.values())
    around = _neighbours(columns, cliques)
    room = int(megabytes * 2**20 / BYTES_PER_CELL)
    tables = _eliminate(sizes, list(around))
    enough = sum(_size(sizes, table) for table in tables) <= room

    def fits(candidate: Clique) -> bool:
        mask = _mask(columns, candidate)
        if any(mask & table == mask for table in tables):
            return enough
        grown = [m | mask if mask >> i & 1 else m for i, m in enumerate(around)]
        return sum(_size(sizes, t) for t in _eliminate(sizes, grown, room)) <= room

    return [candidate for candidate in candidates if fits(candidate)]


def _neighbours(columns: Sequence[str], cliques: Iterable[Clique]) -> list[int]:
    """For each column, the mask of those that share a clique with it, and of itself."""
    around = [1 << i for i in range(len(columns))]
    for clique in cliques:
        mask = _mask(columns, clique)
        for i in _bits(mask):
            around[i] |= mask
    return around


def _eliminate(sizes: tuple[int, ...], around: list[int], room: float = inf) -> list[int]:
    """The maximal cliques, as masks, of the graph triangulated by greedy elimination.

    Uses up ``around``. Stops early once the tables hold more than ``room`` cells.
    """
    cost = {i: _size(sizes, mask) for i, mask in enumerate(around)}
    tables: list[int] = []
    filled = 0
    while cost and filled <= room:
        i = min(cost, key=cost.__getitem__)
        table = around[i]
        if not any(table & other == table for other in tables):
            tables.append(table)
            filled += cost[i]
        del cost[i]
        for j in _bits(table & ~(1 << i)):
            around[j] = (around[j] | table) & ~(1 << i)
            cost[j] = _size(sizes, around[j])
    return tables


def _mask(columns: Sequence[str], clique: Clique) -> int:
    return sum(1 << columns.index(c) for c in clique)


@lru_cache(maxsize=1 << 18)
def _bits(mask: int) -> tuple[int, ...]:
    return tuple(i for i in range(mask.bit_length()) if mask >> i & 1)


@lru_cache(maxsize=1 << 18)
def _size(sizes: tuple[int, ...], mask: int) -> int:
    return prod(sizes[i] for i in _bits(mask))


def _names(columns: Sequence[str], mask: int) -> Clique:
    return tuple(columns[i] for i in _bits(mask))


def _first(clique: Clique, head: set[str]) -> Clique:
    return tuple(sorted(clique, key=lambda c: c not in head))
