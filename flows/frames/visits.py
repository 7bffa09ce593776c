"""What rows do not keep of a schema's ``visits:``: real ones before a release, synthetic ones in a bundle.

Privacy claim: none; counts the rows that it is given, for whoever may see them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from privacy.people.order import in_order
from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.numbers import without_specials
from privacy.schema.schema import Schema
from privacy.schema.visits import Visits, timed

OFF = 1.0
"""So much may an age differ from the time between two rows: birthdays fall between them."""


def unkept(frame: pd.DataFrame, schema: Schema) -> Iterator[str]:
    """A line for each thing that does not hold, of a canonical frame with its unit column."""
    if schema.visits is None or frame.empty:
        return
    rows = _Rows(frame, schema)
    yield from _sizes(rows)
    yield from _orders(rows, schema.visits)
    yield from _constants(rows, schema.visits)
    yield from _numbers(rows, schema.visits)
    yield from _steps(rows, schema.visits)
    yield from _ends(rows, schema.visits)
    yield from _ages(rows, schema.visits)


def remarks(frame: pd.DataFrame, schema: Schema) -> Iterator[str]:
    """What is allowed, and worth a line: rows at the same time, and units of one row."""
    if schema.visits is None or frame.empty:
        return
    rows, order = _Rows(frame, schema), schema.visits.order
    if schema.max_rows_per_unit > 1 and not (rows.sizes > 1).any():
        yield f"no {schema.unit} has a second row, so there is nothing to link"
    if order is not None:
        values = pd.Series(frame[order].iloc[rows.at].to_numpy())
        ties = rows.follows & (values == values.shift()).to_numpy(dtype=bool)
        if ties.any():
            yield (
                f"order {order} is that of the row before in {rows.of(ties)}; such rows stay as they stand "
                "in the file"
            )


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows unit by unit and in order; rows are told by their number in the file, from 1."""

    frame: pd.DataFrame
    schema: Schema

    @cached_property
    def units(self) -> np.ndarray:
        """Each row's unit, as the rows stand in the file."""
        return np.asarray(pd.factorize(self.frame[self.schema.unit])[0])

    @cached_property
    def at(self) -> np.ndarray:
        """Where the rows stand in the file, in their order."""
        return in_order(self.frame, self.schema, self.units)

    @cached_property
    def unit(self) -> np.ndarray:
        return np.asarray(self.units[self.at])

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many rows each unit has."""
        return np.bincount(self.units)

    @cached_property
    def follows(self) -> np.ndarray:
        """Whether each row, in order, follows another of its unit."""
        return np.concatenate([[False], self.unit[1:] == self.unit[:-1]])

    def numbers(self, name: str) -> np.ndarray:
        """A column in order, as numbers: days, seconds, places of categories; NaN for none of them."""
        column, series = self.schema.columns[name], self.frame[name].iloc[self.at]
        if isinstance(column, Categorical):
            places = {c: float(i) for i, c in enumerate(column.categories or ())}
            return np.asarray(series.map(places).to_numpy(dtype=float))
        assert isinstance(column, Numeric | Datetime)
        return np.asarray(without_specials(series, column))

    def apart(self, name: str) -> np.ndarray:
        """By how much each row, in order, exceeds the one before; NaN where there is none."""
        values = self.numbers(name)
        return np.where(self.follows, values - np.concatenate([[np.nan], values[:-1]]), np.nan)

    def of(self, bad: np.ndarray) -> str:
        """How many rows of how many units are marked, and the first of them in the file."""
        units, first = len(np.unique(self.unit[bad])), int(self.at[bad].min()) + 1
        return f"{int(bad.sum()):,} rows of {units:,} {self.schema.unit}s, first row {first}"


def _sizes(rows: _Rows) -> Iterator[str]:
    bound, sizes = rows.schema.max_rows_per_unit, rows.sizes
    if (sizes > bound).any():
        yield (
            f"{int((sizes > bound).sum()):,} of {len(sizes):,} {rows.schema.unit}s have more than {bound} "
            f"rows, up to {int(sizes.max())}; of each the first {bound} count"
        )


def _orders(rows: _Rows, visits: Visits) -> Iterator[str]:
    if visits.order is None:
        return
    missing = rows.frame[visits.order].isna().to_numpy()[rows.at]
    if missing.any():
        yield f"order {visits.order} is missing in {rows.of(missing)}"


def _constants(rows: _Rows, visits: Visits) -> Iterator[str]:
    several = int((rows.sizes > 1).sum())
    for name in visits.constant:
        codes = pd.factorize(rows.frame[name].iloc[rows.at], use_na_sentinel=False)[0]
        first = codes[np.flatnonzero(~rows.follows)][rows.unit]
        bad = codes != first
        if bad.any():
            units = len(np.unique(rows.unit[bad]))
            yield (
                f"constant {name} changes in {units:,} of {several:,} {rows.schema.unit}s with several rows, "
                f"first row {int(rows.at[bad].min()) + 1}; the first row's value counts"
            )


def _numbers(rows: _Rows, visits: Visits) -> Iterator[str]:
    starts = np.flatnonzero(~rows.follows)
    place = np.arange(len(rows.at)) - np.repeat(starts, np.diff([*starts, len(rows.at)])) + 1
    for name in visits.numbered:
        bad = rows.numbers(name) != place
        if bad.any():
            yield f"numbered {name} is not 1, 2, 3, … in {rows.of(bad)}"


def _steps(rows: _Rows, visits: Visits) -> Iterator[str]:
    for name in visits.never_falls:
        if (bad := rows.apart(name) < 0).any():
            yield f"never_falls {name} falls in {rows.of(bad)}; no synthetic row does"
    for name in visits.rises:
        if (bad := rows.apart(name) <= 0).any():
            yield f"rises {name} does not rise in {rows.of(bad)}; every synthetic row does"


def _ends(rows: _Rows, visits: Visits) -> Iterator[str]:
    for name, values in visits.ends.items():
        ended = rows.frame[name].iloc[rows.at].isin(values).to_numpy(dtype=bool)
        if (bad := rows.follows & np.concatenate([[False], ended[:-1]])).any():
            yield f"ends {name} ends a history before {rows.of(bad)}; no synthetic row follows"


def _ages(rows: _Rows, visits: Visits) -> Iterator[str]:
    order = timed(rows.schema)
    if order is None:
        return
    column = rows.schema.columns[order]
    seconds = isinstance(column, Datetime) and column.resolution == "second"
    time = rows.apart(order) / (86_400 if seconds else 1)
    for name, pace in visits.ages.items():
        aged = rows.schema.columns[name]
        assert isinstance(aged, Numeric)
        below = rows.numbers(name) < aged.bounds[1]  # beyond its bound an age does not grow
        bad = below & (np.abs(rows.apart(name) - time / pace) > OFF + 1e-9)
        if bad.any():
            yield (
                f"ages {name} grows by more or less than one in {pace:g} of {order} in {rows.of(bad)}: off by "
                f"more than {OFF:g}"
            )
