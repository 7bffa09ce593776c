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
from math import prod

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

    def home(self, clique: Clique) -> int:
        """The first clique of the tree that contains this one."""
        return next(i for i, c in enumerate(self.cliques) if set(clique) <= set(c))


def junction_tree(domain: Domain, cliques: Iterable[Clique], root: Clique = ()) -> JunctionTree:
    """The tree over all columns of the domain; the clique that holds most of ``root`` becomes its
    root.

    The columns of ``root`` come first in the root clique.
    """
    columns = list(domain)
    masks = _eliminate(columns, domain, cliques)
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
    columns = list(domain)
    sizes = [domain[c] for c in columns]
    tables = _eliminate(columns, domain, cliques)
    return sum(_size(sizes, mask) for mask in tables) * BYTES_PER_CELL / 2**20


def _eliminate(columns: Sequence[str], domain: Domain, cliques: Iterable[Clique]) -> list[int]:
    """The maximal cliques, as masks, of the graph triangulated by greedy elimination."""
    sizes = [domain[c] for c in columns]
    around = [1 << i for i in range(len(columns))]
    for clique in cliques:
        mask = _mask(columns, clique)
        for i in _bits(mask):
            around[i] |= mask
    cost = {i: _size(sizes, mask) for i, mask in enumerate(around)}
    tables: list[int] = []
    while cost:
        i = min(cost, key=cost.__getitem__)
        table = around[i]
        if not any(table & other == table for other in tables):
            tables.append(table)
        del cost[i]
        for j in _bits(table & ~(1 << i)):
            around[j] = (around[j] | table) & ~(1 << i)
            cost[j] = _size(sizes, around[j])
    return tables


def _mask(columns: Sequence[str], clique: Clique) -> int:
    return sum(1 << columns.index(c) for c in clique)


def _bits(mask: int) -> list[int]:
    return [i for i in range(mask.bit_length()) if mask >> i & 1]


def _size(sizes: Sequence[int], mask: int) -> int:
    return prod(sizes[i] for i in _bits(mask))


def _names(columns: Sequence[str], mask: int) -> Clique:
    return tuple(columns[i] for i in _bits(mask))


def _first(clique: Clique, head: set[str]) -> Clique:
    return tuple(sorted(clique, key=lambda c: c not in head))
