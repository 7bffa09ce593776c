"""Rows of a graphical model, some of whose columns are known: each drawn from what is left, given its own.

A junction tree is a chain of conditional tables, one for each clique given its separator. What is known of a
row picks a part of every table; a sweep from the leaves adds up what is not, so that each clique knows how
likely the rest below it is, and a sweep from the root draws (Koller and Friedman, 2009, §10.3 and §12.3). Both
are done for many rows at once. Where what is known has no probability, a clique forgets it and draws from its
own marginal.

Privacy claim: post-processing; the same for the same random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from generators.marginals.compression import Compression
from generators.marginals.counting.coded import Clique, Domain, shape
from generators.marginals.estimate import Array
from generators.marginals.junction import JunctionTree
from generators.marginals.model import Codes, GraphicalModel, spread

CELLS = 1 << 23
"""Cells of all parts of tables that are held at once."""


def synthesize_given(model: GraphicalModel, given: Codes, rng: np.random.Generator) -> Codes:
    """Codes of the columns that are not in ``given``, which holds codes [n], all of the domain measured."""
    groups = model.compression.groups
    known = {c: groups[c][codes] for c, codes in given.items()}
    found = sample_given(model.compression.domain, model.tree, model.marginals, known, rng)
    return {c: spread(codes, model.compression, c, rng) for c, codes in found.items()}


def sample_given(
    domain: Domain,
    tree: JunctionTree,
    marginals: Sequence[Array],
    given: Mapping[str, npt.NDArray[Any]],
    rng: np.random.Generator,
) -> Codes:
    """As above, of the domain of the tree."""
    pieces = list(_pieces(domain, tree, marginals, frozenset(given)))
    free = [c for c in domain if c not in given]
    rows = len(next(iter(given.values())))
    found = {c: np.zeros(rows, dtype=np.intp) for c in free}
    size = sum(p.cells for p in pieces if p is not None)
    block = max(1, CELLS // max(1, size))
    for start in range(0, rows, block):
        known = {
            c: np.asarray(codes[start : start + block], dtype=np.intp) for c, codes in given.items()
        }
        drawn = _drawn(domain, tree, pieces, known, min(block, rows - start), rng)
        for c in free:
            found[c][start : start + block] = drawn[c]
    return {c: codes.astype(np.min_scalar_type(domain[c] - 1)) for c, codes in found.items()}


@dataclass(frozen=True)
class _Piece:
    """A clique's conditional table, [cells of what is known, cells of what is free].

    ``known``, ``head``, ``rest``: columns that are known, free ones of the separator, and free ones that are
    drawn here. ``alone``: the marginal of ``rest``.
    """

    known: Clique
    head: Clique
    rest: Clique
    table: npt.NDArray[np.float32]
    alone: npt.NDArray[np.float32]

    @property
    def cells(self) -> int:
        return int(self.table.shape[1])


def _pieces(
    domain: Domain, tree: JunctionTree, marginals: Sequence[Array], given: frozenset[str]
) -> Iterator[_Piece | None]:
    """None for a clique without a free column, which says nothing."""
    for clique, separator, marginal in zip(tree.cliques, tree.separators, marginals, strict=True):
        known = tuple(c for c in clique if c in given)
        head = tuple(c for c in separator if c not in given)
        rest = tuple(c for c in clique if c not in given and c not in separator)
        if not head and not rest:
            yield None
            continue
        table = marginal.reshape(shape(domain, clique))
        below = tuple(range(len(separator), len(clique)))
        sums = table.sum(axis=below, keepdims=True)
        within = np.divide(table, sums, out=np.zeros(table.shape), where=sums > 0)
        axes = [clique.index(c) for c in (*known, *head, *rest)]
        parts = within.transpose(axes).reshape(prod(shape(domain, known)), -1)
        others = tuple(i for i, c in enumerate(clique) if c not in rest)
        alone = table.sum(axis=others).reshape(-1)
        yield _Piece(known, head, rest, parts.astype(np.float32), alone.astype(np.float32))


def _drawn(
    domain: Domain,
    tree: JunctionTree,
    pieces: Sequence[_Piece | None],
    known: Mapping[str, npt.NDArray[np.intp]],
    n: int,
    rng: np.random.Generator,
) -> dict[str, npt.NDArray[np.intp]]:
    """Codes of the free columns of n rows."""
    weights: dict[int, npt.NDArray[np.float32]] = {}
    told: dict[int, list[tuple[Clique, npt.NDArray[np.float32]]]] = {}
    for i in range(len(pieces) - 1, -1, -1):
        piece = pieces[i]
        if piece is None:
            continue
        at = _cell(domain, piece.known, known, n)
        free = (*piece.head, *piece.rest)
        here = piece.table[at].reshape(n, *shape(domain, free))
        for columns, message in told.pop(i, []):
            sizes = [domain[c] if c in columns else 1 for c in free]
            in_turn = [1 + columns.index(c) for c in free if c in columns]
            here = here * message.transpose(0, *in_turn).reshape(n, *sizes)
        weights[i] = here.reshape(n, prod(shape(domain, piece.head)), -1)
        if piece.head and i:
            message = weights[i].sum(axis=2)
            most = message.max(axis=1, keepdims=True)
            message = np.where(most > 0, message / np.where(most > 0, most, 1), 1).astype(
                np.float32
            )
            sent = message.reshape(n, *shape(domain, piece.head))
            told.setdefault(tree.parents[i], []).append((piece.head, sent))
    found: dict[str, npt.NDArray[np.intp]] = {}
    for i, piece in enumerate(pieces):
        if piece is None or not piece.rest:
            continue
        at = _cell(domain, piece.head, found, n)
        cell = _pick(weights[i][np.arange(n), at], piece.alone, rng)
        codes = np.unravel_index(cell, shape(domain, piece.rest))
        found |= dict(zip(piece.rest, codes, strict=True))
    return found


def _cell(
    domain: Domain, columns: Clique, codes: Mapping[str, npt.NDArray[np.intp]], n: int
) -> npt.NDArray[np.intp]:
    """The cell of these columns that each row is in."""
    at = np.zeros(n, dtype=np.intp)
    for c in columns:
        at = at * domain[c] + codes[c]
    return at


def _pick(
    weights: npt.NDArray[np.float32], alone: npt.NDArray[np.float32], rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """A cell of each row, by its weights; by ``alone`` where all are zero."""
    nothing = weights.sum(axis=1) <= 0
    if nothing.any():
        weights = np.where(
            nothing[:, None], alone if alone.sum() > 0 else np.ones_like(alone), weights
        )
    sums = weights.astype(np.float64).cumsum(axis=1)
    u = rng.random(len(weights)) * sums[:, -1]
    cell = (sums <= u[:, None]).sum(axis=1)
    last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
    return np.asarray(np.minimum(cell, last))


def conditioned(
    model: GraphicalModel, allowed: Mapping[str, npt.NDArray[np.bool_]]
) -> GraphicalModel | None:
    """The model of rows whose codes of some columns are among those ``allowed`` [codes measured]; None where it
    holds no such row.

    Exact: what a clique knows is multiplied in, a sweep from the leaves adds up what is left, and a sweep from
    the root makes marginals of it again.
    """
    compression, tree = model.compression, model.tree
    domain = compression.domain
    within, homes = dict(compression.within), {c: tree.home((c,)) for c in allowed}
    factors = []
    for i, (clique, separator, marginal) in enumerate(
        zip(tree.cliques, tree.separators, model.marginals, strict=True)
    ):
        table = marginal.reshape(shape(domain, clique))
        sums = table.sum(axis=tuple(range(len(separator), len(clique))), keepdims=True)
        factor = np.divide(table, sums, out=np.zeros(table.shape), where=sums > 0)
        for column, codes in allowed.items():
            if homes[column] == i:
                groups, kept = compression.groups[column], within[column] * codes
                likely = np.zeros(domain[column])
                np.add.at(likely, groups, kept)
                each = np.where(likely > 0, likely, 1)[groups]
                within[column] = np.where(likely[groups] > 0, kept / each, within[column])
                factor = factor * _along(likely, (column,), clique)
        factors.append(factor)
    messages: list[npt.NDArray[np.float64]] = []
    for i in range(len(factors) - 1, -1, -1):
        below = tuple(range(len(tree.separators[i]), len(tree.cliques[i])))
        message = factors[i].sum(axis=below)
        messages.append(message)
        if i:
            parent = tree.parents[i]
            spread_out = _along(message, tree.separators[i], tree.cliques[parent])
            factors[parent] = factors[parent] * spread_out
    share = float(messages[-1])
    if not share > 0:
        return None
    found: list[Array] = []
    for i, (factor, message) in enumerate(zip(factors, reversed(messages), strict=True)):
        separator = tree.separators[i]
        head: Array = np.ones(())
        if i:
            above = tree.cliques[tree.parents[i]]
            others = tuple(at for at, c in enumerate(above) if c not in separator)
            head = found[tree.parents[i]].reshape(shape(domain, above)).sum(axis=others)
            left = [c for c in above if c in separator]
            head = head.transpose([left.index(c) for c in separator])
        scale = np.divide(head, message, out=np.zeros(np.shape(message)), where=message > 0)
        table = factor * scale.reshape(*scale.shape, *[1] * (factor.ndim - scale.ndim))
        found.append((table / table.sum()).reshape(model.marginals[i].shape))
    kept_within = Compression(domain, compression.groups, within)
    return GraphicalModel(tree, tuple(found), kept_within, model.total * share)


def _along(values: Array, columns: Clique, clique: Clique) -> Array:
    """A table over some columns of a clique, so that it can be multiplied with one over all of them."""
    in_turn = [columns.index(c) for c in clique if c in columns]
    sizes = dict(zip(columns, values.shape, strict=True))
    return values.transpose(in_turn).reshape([sizes.get(c, 1) for c in clique])
