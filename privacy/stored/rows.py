"""Private rows of one partition, a batch at a time or a column at a time.

Privacy claim: none; made by ``PrivateTable.open`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import pandas as pd

from privacy.schema.columns import Column
from privacy.stored.column import Distinct, GrowingValues, Values

AT_ONCE = 1 << 17
"""Rows of a batch."""

Change = Callable[[pd.DataFrame], pd.DataFrame]
"""What becomes of rows, each by itself."""


class AnyRows(Protocol):
    """Private rows that have been paid for, in memory (``Rows``) or not (``StoredRows``).

    ``room``: a folder for what else must not be held in memory; None where all may be.
    """

    @property
    def frame(self) -> pd.DataFrame:
        """All rows as a canonical frame."""
        ...

    @property
    def units(self) -> np.ndarray:
        """Each row's unit as a number, [n]."""
        ...

    @property
    def room(self) -> Path | None: ...

    def __len__(self) -> int: ...

    def batches(self) -> Iterator[pd.DataFrame]:
        """The frame, some rows after the other."""
        ...

    def column(self, name: str) -> pd.Series:
        """One column of the frame, numbered from 0."""
        ...

    def take(self, rows: slice | np.ndarray) -> pd.DataFrame:
        """Some rows of the frame, numbered from 0."""
        ...

    def changed(self, change: Change) -> Self:
        """Rows with ``change`` made to each."""
        ...

    def some(self, rows: np.ndarray, names: Sequence[str]) -> AnyRows:
        """Some columns of some rows, in memory; of rows to which no change is made."""
        ...

    def values(self, name: str) -> pd.Series:
        """The distinct values of a column, in any order; of rows to which no change is made."""
        ...


@dataclass(frozen=True)
class Rows:
    """Private rows that have been paid for: a canonical frame, and each row's unit as a number."""

    frame: pd.DataFrame
    units: np.ndarray
    room: None = None

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Rows:
        """Rows that are units of their own."""
        return cls(frame, np.arange(len(frame)))

    def __len__(self) -> int:
        return len(self.frame)

    def batches(self) -> Iterator[pd.DataFrame]:
        """All of them at once."""
        yield self.frame

    def column(self, name: str) -> pd.Series:
        """One column."""
        return self.frame[name]

    def take(self, rows: slice | np.ndarray) -> pd.DataFrame:
        """Some rows, numbered from 0."""
        return self.frame.iloc[rows].reset_index(drop=True)

    def changed(self, change: Change) -> Rows:
        """Rows with ``change`` made to each."""
        return replace(self, frame=change(self.frame))

    def some(self, rows: np.ndarray, names: Sequence[str]) -> Rows:
        """Some columns of some rows."""
        return Rows(self.frame[[*names]].iloc[rows].reset_index(drop=True), self.units[rows])

    def values(self, name: str) -> pd.Series:
        """The distinct values of a column."""
        return self.frame[name].drop_duplicates().reset_index(drop=True)


@dataclass(frozen=True)
class StoredRows:
    """Rows as columns of numbered values; ``changes`` are made to each batch."""

    columns: Mapping[str, Values]
    units: np.ndarray
    room: Path | None = None
    changes: tuple[Change, ...] = ()

    @classmethod
    def gathered(
        cls, frames: Iterable[pd.DataFrame], columns: Mapping[str, Column], room: Path | None
    ) -> StoredRows:
        """Rows of canonical frames that come one after the other, each a unit of its own."""
        kept, rows = {n: GrowingValues(n, column, room) for n, column in columns.items()}, 0
        for frame in frames:
            rows += len(frame)
            for name, growing in kept.items():
                growing.append(_numbered(frame[name]))
        return cls({n: growing.whole() for n, growing in kept.items()}, np.arange(rows), room)

    def __len__(self) -> int:
        return len(self.units)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All rows in memory."""
        return self.take(slice(None))

    def take(self, rows: slice | np.ndarray) -> pd.DataFrame:
        """Some rows as a canonical frame."""
        frame = pd.DataFrame({n: values.take(rows) for n, values in self.columns.items()})
        for change in self.changes:
            frame = change(frame)
        return frame

    def batches(self) -> Iterator[pd.DataFrame]:
        for start in range(0, max(1, len(self)), AT_ONCE):  # also of no rows there is a frame
            yield self.take(slice(start, start + AT_ONCE))

    def column(self, name: str) -> pd.Series:
        if not self.changes:
            return self.columns[name].take(slice(None))
        return pd.concat([batch[name] for batch in self.batches()], ignore_index=True)

    def changed(self, change: Change) -> StoredRows:
        return replace(self, changes=(*self.changes, change))

    def some(self, rows: np.ndarray, names: Sequence[str]) -> StoredRows:
        self._unchanged()
        columns = {
            n: replace(self.columns[n], numbers=self.columns[n].numbers[rows]) for n in names
        }
        return StoredRows(columns, self.units[rows])

    def values(self, name: str) -> pd.Series:
        self._unchanged()
        return self.columns[name].met()

    def _unchanged(self) -> None:
        if self.changes:
            raise ValueError("changes are made to all columns of a row together")


def _numbered(series: pd.Series) -> Distinct:
    """Distinct values and the place of each row's. (To pandas, texts that differ behind a NUL are one.)"""
    if series.dtype == object:
        known: dict[object, int] = {}
        told = (None if absent else v for v, absent in zip(series, series.isna(), strict=True))
        places = np.fromiter((known.setdefault(v, len(known)) for v in told), np.int64, len(series))
        return pd.Series([*known], dtype=object), places
    places, distinct = pd.factorize(series, use_na_sentinel=False)
    return pd.Series(distinct, dtype=series.dtype), places


def people_among(units: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """The places, in order, of all rows of units drawn by chance, as many as have ``most`` rows together."""
    if len(units) <= most:
        return np.arange(len(units))
    n = int(units.max()) + 1
    # each has a row, so that more are not needed
    drawn = rng.choice(n, min(n, most), replace=False)
    chosen = np.zeros(n, dtype=bool)
    chosen[drawn] = True
    at = np.flatnonzero(chosen[units])
    rows = pd.Series(units[at]).value_counts().reindex(drawn, fill_value=0).to_numpy()
    chosen[drawn[np.cumsum(rows) > most]] = False
    return np.asarray(at[chosen[units[at]]])


def people_at_once(rows: AnyRows) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """The rows and their units some after the other, all of a unit together; of no rows once none.

    ``rows``: units numbered in the order in which they stand.
    """
    start = 0
    while True:
        last = min(start + AT_ONCE, len(rows)) - 1
        stop = int(np.searchsorted(rows.units, rows.units[last], side="right")) if last >= 0 else 0
        part = slice(start, stop)
        yield rows.take(part), rows.units[part]
        if stop >= len(rows):
            return
        start = stop
