"""Rows of integer codes, and how a marginal of them is counted.

A marginal is one vectorised pass: the codes of its columns are folded into one cell index, block by
block so that the index stays in cache, and counted. Codes are kept in the smallest unsigned type
that holds them (a million rows of 40 columns is 40 MB).

Privacy claim: none by itself; see ``counter``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from privacy.stored.growing import Growing, taken

Clique = tuple[str, ...]
Domain = Mapping[str, int]
"""Column → number of codes. The order of the columns is the order of a clique's axes."""
Counts = npt.NDArray[np.int64]

BLOCK, PART = 1 << 16, 1 << 20
"""Rows that are counted, and rows that are recoded, together."""


class Columns(Protocol):
    """Columns of codes by name: a dict of arrays or a data frame."""

    def __getitem__(self, column: Any, /) -> Any: ...


def shape(domain: Domain, clique: Clique) -> tuple[int, ...]:
    """The shape of a marginal over the clique."""
    return tuple(domain[column] for column in clique)


def cells(domain: Domain, clique: Clique) -> int:
    """How many cells a marginal over the clique has."""
    return prod(shape(domain, clique))


Groups = Mapping[str, npt.NDArray[np.intp]]
"""Column → for each code what it counts as."""


@dataclass(frozen=True)
class CodedRows:
    """Rows in memory or in files of this process. ``domain``: how many codes each column has."""

    domain: Domain
    codes: Mapping[str, npt.NDArray[np.unsignedinteger]] = field(repr=False)
    weights: Counts | None = field(default=None, repr=False)
    """Of each row, a whole number; None where each counts once."""
    room: Path | None = field(default=None, repr=False)
    """A folder for codes that are too many for memory."""

    @classmethod
    def of(cls, domain: Domain, codes: Columns, weights: Counts | None = None) -> CodedRows:
        """Check every code against the domain and keep it in the smallest type."""
        return cls(domain, {c: _compact(c, codes[c], size) for c, size in domain.items()}, weights)

    @classmethod
    def gathered(
        cls,
        domain: Domain,
        parts: Iterable[Columns],
        room: Path | None,
        weights: Counts | None = None,
    ) -> CodedRows:
        """Of codes that come some rows after the other; kept in files in ``room``, or in memory."""
        kept = {c: Growing(np.min_scalar_type(size - 1), room) for c, size in domain.items()}
        for part in parts:
            for c, size in domain.items():
                kept[c].append(_compact(c, part[c], size))
        codes = taken({c: kept.pop(c).whole() for c in [*kept]}, None, room)
        return cls(domain, codes, weights, room)

    def __len__(self) -> int:
        return len(next(iter(self.codes.values())))

    def part(self, rows: slice) -> CodedRows:
        """Some of them, where they lie."""
        weights = None if self.weights is None else self.weights[rows]
        return CodedRows(self.domain, {c: own[rows] for c, own in self.codes.items()}, weights)

    def recode(self, domain: Domain, groups: Groups) -> CodedRows:
        """The same rows with every code replaced by that of its group."""
        starts = range(0, len(self), PART)
        parts = (_Recoded(self.part(slice(start, start + PART)), groups) for start in starts)
        return CodedRows.gathered(domain, parts, self.room, self.weights)

    def tally(self, clique: Clique, groups: Groups | None = None) -> Counts:
        """A marginal; ``groups``: what codes count as, for every column of the clique."""
        sizes = self.domain if groups is None else {c: int(groups[c].max()) + 1 for c in clique}
        size = cells(sizes, clique)
        counts = np.zeros(size, dtype=np.int64)
        kind = _narrow(size)
        # made once: to a process that gives memory back at once, such as Dask's workers, new ones are dear
        folded, wide = np.zeros(BLOCK, dtype=kind), np.zeros(BLOCK, dtype=np.intp)
        for start in range(0, len(self), BLOCK):
            rows = slice(start, start + BLOCK)
            many = min(BLOCK, len(self) - start)
            index, cell = folded[:many], wide[:many]
            for place, column in enumerate(clique):
                codes = self.codes[column][rows]
                codes = codes if groups is None else groups[column][codes].astype(kind)
                if place == 0:
                    index[:] = codes
                else:
                    index *= kind(sizes[column])
                    index += codes
            cell[:] = index
            counts += self._weighed(cell, size, rows)
        return counts.reshape(shape(sizes, clique))

    def _weighed(self, cell: npt.NDArray[np.intp], size: int, rows: slice) -> Counts:
        """The sums of weights, exact: as floats they are whole numbers far below 2^53."""
        if self.weights is None:
            return np.bincount(cell, minlength=size)
        summed = np.bincount(cell, weights=self.weights[rows], minlength=size)
        return summed.astype(np.int64)


@dataclass(frozen=True)
class _Recoded:
    """Columns of which each is recoded when it is asked for: of hundreds all at once would take gigabytes."""

    rows: CodedRows
    groups: Groups

    def __getitem__(self, column: str, /) -> npt.NDArray[np.intp]:
        found: npt.NDArray[np.intp] = self.groups[column][self.rows.codes[column]]
        return found


def _narrow(size: int) -> type[np.uint16 | np.uint32 | np.int64]:
    """The narrowest type of numbers of so many cells: folding takes most of the time."""
    if size < 1 << 16:
        return np.uint16
    return np.uint32 if size < 1 << 32 else np.int64


def _compact(column: str, codes: npt.ArrayLike, size: int) -> npt.NDArray[np.unsignedinteger]:
    values = np.asarray(codes)
    if values.size and not 0 <= values.min() <= values.max() < size:
        raise ValueError(f"column {column}: a code lies outside 0..{size - 1}")
    return values.astype(np.min_scalar_type(size - 1))
