"""Rows of mixed columns as points, the way an attacker would look at them: by the release alone.

A category is one-hot, so that two different ones are 1 apart; a number is its rank among the release's
numbers, so that the whole range is 1 wide (Gower's distance, with ranks). Wide tables are projected at
random on few dimensions, which keeps distances (Johnson and Lindenstrauss 1984) and keeps copies at 0.

Privacy claim: none; points of real people, internal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluators.features import MAX_ONE_HOT, as_numbers, design
from evaluators.tables import Tables

DIMENSIONS = 96
"""Wider points are projected on so many dimensions."""


@dataclass(frozen=True, eq=False)
class Points:
    """``place`` [n, features]; ``codes`` [n, columns], those of wide categories modulo 64."""

    place: np.ndarray
    codes: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: np.ndarray) -> Points:
        return Points(self.place[rows], self.codes[rows])

    @staticmethod
    def joined(parts: Sequence[Points]) -> Points:
        """The rows of several, one after the other."""
        places, codes = zip(*((p.place, p.codes) for p in parts), strict=True)
        return Points(np.concatenate(places), np.concatenate(codes))


@dataclass(frozen=True, eq=False)
class Space:
    """Where the rows of one release's tables lie. ``starts``: the first feature of each column."""

    tables: Tables
    columns: tuple[str, ...]
    sorted: dict[str, np.ndarray]
    starts: np.ndarray
    projection: np.ndarray

    @staticmethod
    def of(tables: Tables) -> Space:
        """The space of all modelled columns, ranks taken from the release."""
        columns = tables.schema.modelled
        numbers = {
            name: np.sort(design(tables.synthetic, tables.codec, (name,))[:, 0])
            for name in columns
            if tables.codec.columns[name].bins is not None
        }
        widths = [design(tables.synthetic[:0], tables.codec, (c,)).shape[1] for c in columns]
        width = sum(widths)
        rng = tables.rng("projection")
        projection = (
            np.eye(width)
            if width <= DIMENSIONS
            else rng.normal(size=(width, DIMENSIONS)) / np.sqrt(DIMENSIONS)
        )
        starts = np.cumsum([0, *widths])
        return Space(tables, columns, numbers, starts, projection.astype(np.float32))

    def points(self, role: str, rows: np.ndarray) -> Points:
        """Rows of a table as points that are not projected yet."""
        frame, codes = self.tables.frame(role).iloc[rows], self.tables.codes[role].iloc[rows]
        blocks = [self._block(frame, name) for name in self.columns]
        return Points(np.concatenate(blocks, axis=1), codes.to_numpy() % MAX_ONE_HOT)

    def project(self, points: Points) -> Points:
        return Points(points.place @ self.projection, points.codes)

    def features(self, column: int) -> slice:
        """The features of a column."""
        return slice(int(self.starts[column]), int(self.starts[column + 1]))

    def _block(self, frame: pd.DataFrame, name: str) -> np.ndarray:
        block = design(frame, self.tables.codec, (name,)) / np.sqrt(2, dtype=np.float32)
        if name in self.sorted:
            known, value = self.sorted[name], design(frame, self.tables.codec, (name,))[:, 0]
            ranks = sum(np.searchsorted(known, value, side=side) for side in ("left", "right"))
            block[:, 0] = ranks / (2 * len(known))
        return np.asarray(block)


def records(tables: Tables, rows: dict[str, np.ndarray], bins: bool = False) -> np.ndarray:
    """A number for each row's record, equal for rows that are so in every column; roles one after the other.

    ``bins``: numbers and dates of one bin are equal.
    """
    if (image := tables.schema.image) is not None:
        pictures = [p.tobytes() for r in rows for p in tables.frame(r)[image].iloc[rows[r]]]
        return np.asarray(pd.factorize(np.array(pictures, dtype=object))[0])
    parts = [_values(tables, role, which, bins) for role, which in rows.items()]
    values = pd.concat(parts, ignore_index=True)
    # 64 bits of each row: of a billion rows two that differ are taken for one once in 30 tables
    return np.asarray(pd.factorize(pd.util.hash_pandas_object(values, index=False))[0])


def _values(tables: Tables, role: str, rows: np.ndarray, bins: bool) -> pd.DataFrame:
    """Codes, and beside them numbers and dates themselves, 0 where there is none."""
    found = tables.codes[role].iloc[rows].reset_index(drop=True)
    for name, column in tables.codec.columns.items():
        if column.bins is not None and not bins:
            known = found[name].to_numpy() < column.n_bins
            value = np.zeros(len(rows))
            value[known] = as_numbers(
                tables.frame(role)[name].iloc[rows][known], tables.codec, name
            )
            found[f"{name} as a number"] = value
    return found
