"""One column of canonical values as distinct ones and, for each row, the number of its own.

Of numbers that hardly repeat the values themselves are kept.

Privacy claim: none; a row's value is the one that it came with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from privacy.schema.columns import Column, Datetime, Numeric
from privacy.schema.lattice import Lattice
from privacy.stored.growing import AT_ONCE, Array, Growing

MANY = 1 << 16
"""Numbers of more values than these are kept as they are."""

Distinct = tuple[pd.Series, np.ndarray]
"""Distinct canonical values and, for each row, the place of its own, as ``conform_distinct`` gives them."""


@dataclass(frozen=True)
class Values:
    """``distinct``: canonical, in the type that the column has; ``numbers``: [n], or the values themselves."""

    name: str
    distinct: pd.Series | None
    numbers: Array

    def take(self, rows: slice | np.ndarray) -> pd.Series:
        """The values of some rows, numbered from 0."""
        numbers = np.asarray(self.numbers[rows])
        if self.distinct is None:
            return pd.Series(numbers, name=self.name)
        return self.distinct.take(numbers).reset_index(drop=True).rename(self.name)

    def met(self) -> pd.Series:
        """The distinct values that rows have, in any order."""
        if self.distinct is None:
            return pd.Series(np.unique(self.numbers), name=self.name)
        times = np.zeros(len(self.distinct), dtype=np.int64)
        for start in range(0, len(self.numbers), AT_ONCE):
            times += np.bincount(self.numbers[start : start + AT_ONCE], minlength=len(times))
        return self.distinct[times > 0].reset_index(drop=True).rename(self.name)


class GrowingValues:
    """A column that is read some rows after the other."""

    def __init__(self, name: str, column: Column, room: Path | None) -> None:
        self.name, self.room = name, room
        self.plain = _hardly_repeats(column)
        self.numbers: Growing | None = None
        self.known: dict[object, int] = {}
        self.distinct: list[pd.Series] = []

    def append(self, found: Distinct) -> None:
        """The values of some more rows."""
        values, places = found
        if self.plain:
            self._grown(values.to_numpy().dtype).append(values.to_numpy()[places])
            return
        told = [None if absent else v for v, absent in zip(values, values.isna(), strict=True)]
        new = [i for i, v in enumerate(told) if _new(self.known, v)]
        self.distinct.append(values.iloc[new])
        numbers = np.array([self.known[v] for v in told], dtype=np.int64)
        self._grown(_smallest(len(self.known))).append(numbers[places])

    def whole(self) -> Values:
        numbers = self._grown(np.dtype(np.uint8)).whole()
        if self.plain:
            return Values(self.name, None, numbers)
        return Values(self.name, pd.concat(self.distinct, ignore_index=True), numbers)

    def _grown(self, dtype: np.dtype) -> Growing:
        """The numbers, in a type that holds those that there are now."""
        before = self.numbers
        if before is None or (not self.plain and before.dtype.itemsize < dtype.itemsize):
            self.numbers = Growing(dtype, self.room)
            if before is not None:
                self.numbers.append(before.whole())
        assert self.numbers is not None
        return self.numbers


def _new(known: dict[object, int], value: object) -> bool:
    """Whether a value is met for the first time; it has a number then."""
    number = len(known)
    return known.setdefault(value, number) == number


def _smallest(values: int) -> np.dtype:
    return np.min_scalar_type(max(0, values - 1))


def _hardly_repeats(column: Column) -> bool:
    """Whether a column holds numbers in a plain type, of too many values to be numbered."""
    if isinstance(column, Datetime):
        return column.resolution != "day"
    if not isinstance(column, Numeric) or column.kind == "integer":
        return False
    if any(isinstance(v, str) for v in column.special):
        return False
    if column.decimals is None:
        return True
    first, stop = Lattice.of(column).range(column)
    return stop - first > MANY
