"""Codes of two columns that never meet in a row: structural zeros, by the schema alone.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from privacy.records.following import FollowingCode, spans
from privacy.records.gaps import as_series
from privacy.records.impossible import impossible_cells
from privacy.records.rows import table_value
from privacy.schema.codec import ColumnCode
from privacy.schema.columns import Categorical, Numeric
from privacy.schema.network import Mask
from privacy.schema.numbers import bounds_as_numbers
from privacy.schema.placing import Relative
from privacy.schema.relations import Determined

if TYPE_CHECKING:
    from privacy.records.codec import RecordCodec


@dataclass(frozen=True)
class Contradictions:
    """What the codes of ``codec`` rule out."""

    codec: RecordCodec

    def zeros(self) -> dict[tuple[str, ...], npt.NDArray[np.bool_]]:
        """Columns, in schema order → the cells of their joint codes that never occur, bool."""
        found = impossible_cells(self.codec.schema, self.codec.columns)
        for a, b, never in self._contradictions():
            in_turn = list(self.codec.columns).index(a) < list(self.codec.columns).index(b)
            clique, cells = ((a, b), never) if in_turn else ((b, a), never.T)
            if cells.any():
                found[clique] = found.get(clique, np.zeros_like(cells)) | cells
        return found

    def _contradictions(self) -> list[tuple[str, str, Mask]]:
        found = []
        for name, tied in self.codec.plan.relative.items():
            found.append((tied.anchor, name, self._apart(tied, name)))
        for network in self.codec.plan.networks:
            names = [n for n in network.names if n not in self.codec.plan.relative]
            for i, a in enumerate(names):
                for b in names[i + 1 :]:
                    j, k = network.names.index(a), network.names.index(b)
                    if np.isfinite(network.direct[[j + 1, k + 1], [k + 1, j + 1]]).any():
                        found.append((a, b, self._never(a, b, *network.between(j, k))))
        for group in self.codec.plan.together:
            first, *rest = group.names
            for name in rest:
                apart = np.not_equal.outer(self._absent(first), self._absent(name))
                found.append((first, name, apart))
        for table in self.codec.plan.determined:
            found.append((table.by, table.determined, self.otherwise(table)))
        return found

    def _never(self, a: str, b: str, least: float, most: float) -> Mask:
        """Bins of two columns between which no difference is allowed."""
        low_a, high_a = spans(self.codec.own.columns[a])
        low_b, high_b = spans(self.codec.own.columns[b])
        widest = high_b[None, :] - low_a[:, None]
        narrowest = low_b[None, :] - high_a[:, None]
        with np.errstate(invalid="ignore"):
            return np.asarray((widest < least) | (narrowest > most))

    def _apart(self, tied: Relative, name: str) -> Mask:
        """A gap from an anchor that is not there, no gap from one that is, and a gap out of the bounds."""
        code, anchor = self.codec.columns[name], self.codec.columns[tied.anchor]
        assert isinstance(code, FollowingCode)
        assert code.gap is not None
        there, way = self._has_number(tied.anchor), np.arange(code.size) < code.ways
        never = _both(there, self._has_number(name) & ~way) | _both(~there, way)
        if isinstance(anchor, ColumnCode):
            low, high = bounds_as_numbers(self.codec.numeric(name))
            first, last = spans(anchor)
            least, most = (s[: code.ways] for s in spans(code.gap))
            if tied.sign < 0:
                least, most = -most, -least
            with np.errstate(invalid="ignore"):
                out = (first[:, None] + least > high) | (last[:, None] + most < low)
            never[:, : code.ways] |= out
        return never

    def otherwise(self, table: Determined) -> Mask:
        """Values that the table does not give."""
        by, code = self.codec.columns[table.by], self.codec.columns[table.determined]
        if isinstance(by, FollowingCode):
            return np.zeros((by.size, code.size), dtype=bool)
        listed = np.array([v in table.listed for v in by.labels])
        listed[by.size - by.has_missing :] = False
        if isinstance(code, FollowingCode):
            way = np.arange(code.size) < code.ways
            value = self._has_value(table.determined)
            return _both(listed, value & ~way) | _both(~listed, way)
        never = np.zeros((by.size, code.size), dtype=bool)
        for i in np.flatnonzero(listed):
            given = pd.Series([table_value(table, by.labels[i], code.column)])
            if isinstance(code.column, Numeric):
                given = as_series(given.to_numpy(dtype=float), code.column)
            never[i] = self._has_value(table.determined)
            never[i, code.encode(given)[0]] = False
        return never

    def _has_number(self, name: str) -> Mask:
        """Codes with which the column has a number."""
        code = self.codec.columns[name]
        if isinstance(code, ColumnCode):
            return np.arange(code.size) < code.n_bins
        return np.arange(code.size) < code.ways + max(0, code.own.n_bins - code.skipped)

    def _has_value(self, name: str) -> Mask:
        """Codes with which the column has a number, or a category."""
        code = self.codec.columns[name]
        if isinstance(code.column, Categorical):
            return ~self._absent(name)
        return self._has_number(name)

    def _absent(self, name: str) -> Mask:
        """Codes with which the column is missing."""
        code = self.codec.columns[name]
        last = np.arange(code.size) == code.size - 1
        return last if code.has_missing else np.zeros(code.size, dtype=bool)


def _both(a: Mask, b: Mask) -> Mask:
    """Pairs of codes of which both are marked."""
    return np.asarray(a[:, None] & b[None, :])
