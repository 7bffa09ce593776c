"""Whose rows a table repeats, and how the rows of one unit follow one another: guesses, for a draft.

A column is guessed to name the unit where its values repeat and others never change with them, more often than
chance allows: rows are dealt out anew, and what still hardly changes (a rare answer) is no evidence.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.reading.guesses.names import NAMES_A_PERSON, NAMES_SOMEBODY

LEAST = 30
"""Units (or steps between rows) that must show something before it is proposed."""
NEARLY = 0.97
"""A column that is constant in so many units with several rows is told of, though it changes in some."""
MOST_UNITS = 0.95
"""So many units must keep an order."""
MOST_APART = 0.75
"""Of a date so many suffice where nothing else orders rows: two visits may fall on one day."""
KEPT = 0.95
"""A bound on a unit's rows is offered that keeps so many of all rows."""
MOST_ROWS = 1000
"""What a schema lets a unit have."""

PACES = (365.25, 52.18, 12.0, 1.0)
"""How many units of the order a year may have: days, weeks, months, years."""


@dataclass(frozen=True)
class Drafted:
    """A column as it was guessed: its kind, what its texts stand for, and whether any is missing.

    ``scale``: of numbers, dates (as days) and listed categories (as numbers, or as places from 0); texts
    that are not there are missing or special.
    """

    kind: str
    scale: Mapping[str, float]
    gaps: bool


@dataclass(frozen=True)
class Repeats:
    """The unit's column, the rows of the largest unit, and ``visits:`` as plain values.

    ``sure``: whether the column is named, or called as one that names somebody; others may determine columns
    too, as a postal code its county. ``several``: units with more than one row. ``enough``: rows of a
    unit that keep KEPT of all rows. ``nearly``: columns that change in a few units: in how many, and of how
    many with several rows.
    """

    unit: str
    sure: bool
    several: int
    most: int
    enough: int
    visits: dict[str, Any]
    nearly: dict[str, tuple[int, int]]


def repeats(
    table: pa.Table, columns: Mapping[str, Drafted], named: str | None = None
) -> Repeats | None:
    """The best guess; None where nothing shows that rows belong together.

    ``named``: the unit, where a person says it.
    """
    codes = {n: _codes(table[n]) for n in table.column_names}
    dealt = np.random.default_rng(0).permutation(table.num_rows)
    guesses = []
    scales = {n: c.scale for n, c in columns.items() if c.scale}
    identifiers = [n for n, c in columns.items() if c.kind == "identifier"]
    dates = [n for n, c in columns.items() if c.kind == "datetime"]
    for name in [named] if named else _candidates(codes, columns):
        units = _Units(codes[name])
        called = NAMES_A_PERSON(name) is not None
        if units.several < (1 if named or called else LEAST):
            continue
        others = [n for n in codes if n != name and n not in identifiers]
        constant, nearly = _constant(units, {n: codes[n] for n in others}, dealt)
        numbers = {n: _values(table[n], scales[n]) for n in others if n in scales}
        numbered = tuple(n for n in numbers if units.numbers(numbers[n]))
        told = len(constant) + len(nearly) + len(numbered)
        if named or called or numbered or told > 1 or (told and NAMES_SOMEBODY(name)):
            sure = named is not None or called or NAMES_SOMEBODY(name) is not None
            evidence = sure, called, told, units.count
            guesses.append((evidence, name, units, constant, nearly, numbered, numbers))
    if not guesses:
        return None
    (sure, *_), name, units, constant, nearly, numbered, numbers = max(guesses, key=lambda g: g[0])
    left = {n: v for n, v in numbers.items() if n not in (*constant, *numbered, *nearly)}
    ranks = {n: _values(table[n], _digits(table[n])) for n in identifiers if n != name}
    order = _order(units, left, numbers, dates, numbered, ranks)
    visits: dict[str, Any] = {"order": order} if order else {}
    visits |= {"constant": list(constant)} if constant else {}
    visits |= {"numbered": list(numbered)} if numbered else {}
    key = {**ranks, **numbers}[order] if order else np.zeros(table.num_rows)
    numeric = [n for n, c in columns.items() if c.kind in ("integer", "float")]
    timed = numeric if order in left else []
    visits |= _steps(units, {n: v for n, v in left.items() if n != order}, key, timed)
    return Repeats(name, sure, units.several, units.most, units.enough, visits, nearly)


class _Units:
    """Rows by the unit that a column names, as numbers [n]."""

    def __init__(self, codes: np.ndarray) -> None:
        self.codes = codes
        self.size = np.bincount(codes)
        self.count = len(self.size)
        self.many = self.size > 1
        self.several = int(self.many.sum())
        self.most = min(int(self.size.max()), MOST_ROWS)

    @property
    def enough(self) -> int:
        kept = (int(np.minimum(self.size, k).sum()) for k in range(1, self.most + 1))
        return next((k for k, n in enumerate(kept, 1) if n >= KEPT * len(self.codes)), self.most)

    def changing(self, codes: np.ndarray) -> int:
        """How many units with several rows hold several values."""
        pairs = np.unique(self.codes.astype(np.int64) * (int(codes.max()) + 1) + codes)
        held = np.bincount(pairs // (int(codes.max()) + 1), minlength=self.count)
        return int((held[self.many] > 1).sum())

    def numbers(self, values: np.ndarray) -> bool:
        """Whether the values count every unit's rows from 1."""
        if not np.isfinite(values).all() or values.min() != 1:
            return False
        at = np.lexsort((values, self.codes))
        starts = np.cumsum(self.size) - self.size
        return bool((values[at] == np.arange(len(at)) - np.repeat(starts, self.size) + 1).all())

    def steps(self, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows that follow another of their unit by a key, and those that they follow, as positions."""
        at = np.lexsort((np.arange(len(key)), key, self.codes))
        same = self.codes[at][1:] == self.codes[at][:-1]
        return at[1:][same], at[:-1][same]

    def since_first(self, values: np.ndarray, key: np.ndarray) -> np.ndarray:
        """Values less those of the unit's first row by a key."""
        at = np.lexsort((key, self.codes))
        first = at[np.cumsum(self.size) - self.size]
        return np.asarray(values - values[first][self.codes])

    def share_rising(self, values: np.ndarray) -> float:
        """The share of units with several rows in which values rise from row to row, as they stand."""
        return self._share_of_units(values, np.zeros(len(values)))

    def share_distinct(self, values: np.ndarray) -> float:
        """The share of them in which no two values are equal."""
        return self._share_of_units(values, values)

    def _share_of_units(self, values: np.ndarray, key: np.ndarray) -> float:
        if not np.isfinite(values).all():
            return 0.0
        later, earlier = self.steps(key)
        bad = np.zeros(self.count, dtype=bool)
        bad[self.codes[later][values[later] <= values[earlier]]] = True
        return 1 - float(bad.sum()) / max(1, self.several)


def _candidates(codes: Mapping[str, np.ndarray], columns: Mapping[str, Drafted]) -> Iterator[str]:
    """Columns of texts or whole numbers, never missing, whose values repeat, each a few times."""
    for name, column in columns.items():
        if column.kind in ("integer", "categorical", "identifier") and not column.gaps:
            count, rows = int(codes[name].max()) + 1, len(codes[name])
            most = int(np.bincount(codes[name]).max())
            if (2 * LEAST <= count <= rows - LEAST and most <= MOST_ROWS) or (
                NAMES_A_PERSON(name) and 1 < most <= MOST_ROWS and rows > count > rows / MOST_ROWS
            ):
                yield name


def _constant(
    units: _Units, others: Mapping[str, np.ndarray], dealt: np.ndarray
) -> tuple[tuple[str, ...], dict[str, tuple[int, int]]]:
    """Columns that never change within a unit, and those that do in a few."""
    constant, nearly = [], {}
    for name, codes in others.items():
        changing = units.changing(codes)
        if changing > (1 - NEARLY) * units.several:
            continue
        chance = units.changing(codes[dealt])
        if chance - changing < LEAST or changing > 0.2 * chance:
            continue
        if changing:
            nearly[name] = changing, units.several
        else:
            constant.append(name)
    return tuple(constant), nearly


def _order(
    units: _Units,
    left: Mapping[str, np.ndarray],
    numbers: Mapping[str, np.ndarray],
    dates: Collection[str],
    numbered: Collection[str],
    ranks: Mapping[str, np.ndarray],
) -> str | None:
    """What puts a unit's rows in order.

    The first that there is: a date, a number that rises, what counts them, a date with ties, a number of rows.
    """
    days = {n: units.share_distinct(left[n]) for n in left if n in dates}
    if days and max(days.values()) >= MOST_UNITS:
        return max(days, key=lambda n: days[n])
    rising = {n: units.share_rising(v) for n, v in left.items() if n not in dates}
    if rising and max(rising.values()) >= MOST_UNITS:
        return max(rising, key=lambda n: (rising[n], float(np.ptp(numbers[n]))))
    if numbered:
        return next(iter(numbered))
    if days and max(days.values()) >= MOST_APART:
        return max(days, key=lambda n: days[n])
    return next((n for n, v in ranks.items() if np.isfinite(v).all()), None)


def _steps(
    units: _Units, left: Mapping[str, np.ndarray], key: np.ndarray, timed: Collection[str]
) -> dict[str, Any]:
    """What grows with the order's time (of ``timed``), and what rises or never falls from row to row."""
    later, earlier = units.steps(key)
    ages, rises, never_falls = {}, [], []
    for name, values in left.items():
        apart = values[later] - values[earlier]
        known = np.isfinite(apart)
        if (apart[known] > 0).sum() < LEAST:
            continue
        pace = _pace(units, values, key) if name in timed else None
        if pace is not None:
            ages[name] = pace
        elif (apart[known] > 0).all():
            rises.append(name)
        elif (apart[known] >= 0).all():
            never_falls.append(name)
    found = {"never_falls": never_falls, "rises": rises, "ages": ages}
    return {k: v for k, v in found.items() if v}


def _pace(units: _Units, values: np.ndarray, key: np.ndarray) -> float | None:
    """The units of time in which numbers grow by one, if they do: never off by more since the first row."""
    if not np.isfinite(values).all():
        return None
    apart, time = (units.since_first(x, key) for x in (values, key))
    for pace in PACES:
        off = apart - time / pace
        if (np.abs(off) <= 1 + 1e-6).all() and abs(off.sum()) <= 0.1 * time.sum() / pace:
            return pace
    return None


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pd.factorize(column.to_pandas())[0])


def _values(column: pa.ChunkedArray, scale: Mapping[str, float]) -> np.ndarray:
    return np.asarray(column.to_pandas().map(scale).to_numpy(dtype=float))


def _digits(column: pa.ChunkedArray) -> dict[str, float]:
    """The numbers of texts that are digits alone."""
    return {t: float(t) for t in pc.unique(column).to_pylist() if t.isascii() and t.isdigit()}
