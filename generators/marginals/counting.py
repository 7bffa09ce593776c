"""Exact marginals of the private rows: the only place in this package that touches them.

A marginal is one vectorised pass: the codes of its columns are folded into one cell index, block by
block so that the index stays in cache, and counted. Codes are kept in the smallest unsigned type
that holds them (a million rows of 40 columns is 40 MB). Every marginal is counted once and
remembered.

Privacy claim: none by itself. Its answers are exact and must meet noise before they leave a
mechanism. Adding or removing one unit of at most k rows, or of rows that weigh k together, changes an
answer by at most k in L1, hence in L2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Clique = tuple[str, ...]
Domain = Mapping[str, int]
"""Column → number of codes. The order of the columns is the order of a clique's axes."""
Counts = npt.NDArray[np.int64]

BLOCK = 1 << 17


class Columns(Protocol):
    """Columns of codes by name: a dict of arrays or a data frame."""

    def __getitem__(self, column: Any, /) -> Any: ...


def shape(domain: Domain, clique: Clique) -> tuple[int, ...]:
    """The shape of a marginal over the clique."""
    return tuple(domain[column] for column in clique)


def cells(domain: Domain, clique: Clique) -> int:
    """How many cells a marginal over the clique has."""
    return prod(shape(domain, clique))


@dataclass(frozen=True)
class Counter:
    """Counts marginals of integer codes; build it with ``Counter.of``."""

    domain: Domain
    codes: Mapping[str, npt.NDArray[np.unsignedinteger]] = field(repr=False)
    weights: Counts | None = field(default=None, repr=False)
    """Of each row, a whole number; None where each counts once."""
    known: dict[Clique, Counts] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, domain: Domain, codes: Columns, weights: Counts | None = None) -> Counter:
        """Check every code against the domain and keep it in the smallest type."""
        return cls(domain, {c: _compact(c, codes[c], size) for c, size in domain.items()}, weights)

    def recode(self, domain: Domain, groups: Mapping[str, npt.NDArray[np.intp]]) -> Counter:
        """The same rows with every code replaced by that of its group."""
        codes = {c: groups[c][own] for c, own in self.codes.items()}
        return Counter.of(domain, codes, self.weights)

    def __call__(self, clique: Clique) -> Counts:
        if clique not in self.known:
            self.known[clique] = self.tally(clique)
        return self.known[clique]

    def tally(self, clique: Clique) -> Counts:
        """Count without remembering."""
        size = cells(self.domain, clique)
        counts = np.zeros(size, dtype=np.int64)
        rows = len(next(iter(self.codes.values())))
        for start in range(0, rows, BLOCK):
            index = np.zeros(min(BLOCK, rows - start), dtype=np.intp)
            for column in clique:
                index *= self.domain[column]
                index += self.codes[column][start : start + BLOCK]
            counts += self._weighed(index, size, slice(start, start + BLOCK))
        return counts.reshape(shape(self.domain, clique))

    def _weighed(self, index: npt.NDArray[np.intp], size: int, rows: slice) -> Counts:
        """The sums of weights, exact: as floats they are whole numbers far below 2^53."""
        if self.weights is None:
            return np.bincount(index, minlength=size)
        summed = np.bincount(index, weights=self.weights[rows], minlength=size)
        return summed.astype(np.int64)


def _compact(column: str, codes: npt.ArrayLike, size: int) -> npt.NDArray[np.unsignedinteger]:
    values = np.asarray(codes)
    if values.size and not 0 <= values.min() <= values.max() < size:
        raise ValueError(f"column {column}: a code lies outside 0..{size - 1}")
    return values.astype(np.min_scalar_type(size - 1))
