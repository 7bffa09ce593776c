"""A fitted model: what is left of the private rows, and where synthetic rows come from.

Holds the probabilities over the cliques of a junction tree (over merged codes, see ``compression``)
as plain arrays, so that a saved model draws the same rows without fitting again, and is read
without pickle.

Rows are drawn down the tree, a clique at a time given its separator, by systematic sampling: among
the n_s rows that share a separator, a cell of probability p gets ⌊n_s p⌋ or ⌈n_s p⌉ of them, in
random order. That removes most of the sampling noise of independent draws; cells next to each other
stay together, so the columns of the root (subgroup and target) come out almost exactly as fitted.

Privacy claim: post-processing; drawing rows is free and repeatable by seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from generators.marginals.compression import Compression
from generators.marginals.counting.coded import Domain, shape
from generators.marginals.estimate import Array, Fit
from generators.marginals.junction import JunctionTree
from generators.marginals.measurement import Measurement

Codes = dict[str, npt.NDArray[np.unsignedinteger[Any]]]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class GraphicalModel:
    """A distribution over the domain that was measured, and an estimate of the number of rows."""

    tree: JunctionTree
    marginals: tuple[Array, ...]
    compression: Compression
    total: float

    @classmethod
    def of(cls, fit: Fit, compression: Compression, total: float) -> GraphicalModel:
        return cls(fit.tree, fit.marginals, compression, total)

    def alone(self, column: str) -> Array:
        """The probability of each code of a column, of the domain that was measured."""
        home = self.tree.home((column,))
        clique = self.tree.cliques[home]
        others = tuple(i for i, c in enumerate(clique) if c != column)
        table = self.marginals[home].reshape(shape(self.compression.domain, clique))
        groups = table.sum(axis=others)[self.compression.groups[column]]
        found: Array = groups * self.compression.within[column]
        return found

    def to_plain(self) -> tuple[dict[str, Any], Arrays]:
        """A JSON description and named arrays, from which ``from_plain`` rebuilds the model
        exactly.
        """
        arrays: Arrays = {f"marginal.{i}": table for i, table in enumerate(self.marginals)}
        arrays |= {f"group.{c}": group for c, group in self.compression.groups.items()}
        arrays |= {f"within.{c}": within for c, within in self.compression.within.items()}
        meta = {
            "domain": dict(self.compression.domain),
            "cliques": [list(c) for c in self.tree.cliques],
            "separators": [list(c) for c in self.tree.separators],
            "parents": list(self.tree.parents),
            "total": self.total,
        }
        return meta, arrays

    @classmethod
    def from_plain(
        cls, meta: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
    ) -> GraphicalModel:
        """What ``to_plain`` described."""
        tree = JunctionTree(
            tuple(tuple(c) for c in meta["cliques"]),
            tuple(tuple(c) for c in meta["separators"]),
            tuple(meta["parents"]),
        )
        compression = Compression(
            dict(meta["domain"]),
            {c: arrays[f"group.{c}"] for c in meta["domain"]},
            {c: arrays[f"within.{c}"] for c in meta["domain"]},
        )
        marginals = tuple(arrays[f"marginal.{i}"] for i in range(len(tree.cliques)))
        return cls(tree, marginals, compression, float(meta["total"]))


class Result(NamedTuple):
    """The model that a mechanism fitted, and the noisy marginals it was fitted to."""

    model: GraphicalModel
    measurements: tuple[Measurement, ...]


def synthesize(model: GraphicalModel, n: int, rng: np.random.Generator) -> Codes:
    """Draw n rows as codes of the domain that was measured."""
    small = sample(model.compression.domain, model.tree, model.marginals, n, rng)
    return {c: spread(small[c], model.compression, c, rng) for c in model.compression.domain}


def sample(
    domain: Domain,
    tree: JunctionTree,
    marginals: Sequence[Array],
    n: int,
    rng: np.random.Generator,
) -> Codes:
    """Draw n rows as codes of the domain of the tree."""
    rows: dict[str, npt.NDArray[np.intp]] = {}
    for clique, separator, table in zip(tree.cliques, tree.separators, marginals, strict=True):
        given = np.zeros(n, dtype=np.intp)
        for column in separator:
            given *= domain[column]
            given += rows[column]
        rest = clique[len(separator) :]
        cell = _draw(table.reshape(int(np.prod(shape(domain, separator))), -1), given, rng)
        rows |= dict(zip(rest, np.unravel_index(cell, shape(domain, rest)), strict=True))
    return {c: _narrow(rows[c], size) for c, size in domain.items()}


def _draw(
    table: Array, given: npt.NDArray[np.intp], rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """For each row, a cell of the table's row ``given``, by systematic sampling in each."""
    heads, width = table.shape
    order = rng.permutation(given.size)
    if heads > 1:  # as narrow as they are, so that numpy sorts by digits
        order = order[np.argsort(_narrow(given, heads)[order], kind="stable")]
    members = np.bincount(given, minlength=heads)
    of = partial(np.repeat, repeats=members)  # what rows have by their head, in order
    rank = np.arange(given.size) - of(np.cumsum(members) - members)
    u = (rank + of(rng.random((heads,)))) / of(members)
    weights: Array = np.where(table.sum(axis=1)[:, None] > 0, table, 1.0)
    sums: Array = weights.cumsum(axis=1)
    edges = (sums / sums[:, -1:] + np.arange(heads)[:, None]).ravel()
    # both rise, so that a search for each edge tells of each row how many edges are not above it
    begins = np.searchsorted(u + of(np.arange(heads)), edges)
    found = np.repeat(np.arange(edges.size + 1), np.diff(begins, prepend=0, append=given.size))
    last = width - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
    cell = np.empty(given.size, dtype=np.intp)
    cell[order] = np.clip(found - of(np.arange(heads) * width), 0, of(last))
    return cell


def spread(
    small: npt.NDArray[np.unsignedinteger[Any]],
    compression: Compression,
    column: str,
    rng: np.random.Generator,
) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Spread the rows of merged codes over the codes that were merged."""
    group = compression.groups[column]
    table = np.zeros((compression.domain[column], group.size))
    table[group, np.arange(group.size)] = compression.within[column]
    return _narrow(_draw(table, small.astype(np.intp), rng), group.size)


def _narrow(codes: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.unsignedinteger[Any]]:
    return codes.astype(np.min_scalar_type(size - 1))
