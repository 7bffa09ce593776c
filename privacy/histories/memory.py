"""What is remembered of a unit's earlier rows beyond the last one: ``remembers`` of a schema's visits.

A memory grows row by row, here for many units at once, so that rows that were read and rows that are drawn
have the same. It is a column of what is given before a row is drawn, and looks like the column it is of.

Privacy claim: none by itself. What is remembered before a row follows from the earlier rows of its unit alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from privacy.schema.columns import Categorical, Numeric
from privacy.schema.numbers import with_numbers, without_specials
from privacy.schema.schema import Schema
from privacy.schema.visits import Memory, remembered

Kept = pd.DataFrame
"""A row a unit: by the name of each memory the highest or last value so far, or the sum of a mean, beside how
many numbers it is of."""


def begun(rows: pd.DataFrame, schema: Schema) -> Kept:
    """What is kept after the first row of each unit."""
    kept: dict[str, Any] = {}
    for name, memory, given in _memories(schema):
        kept |= _summed(rows, schema, name, given) if memory == "mean" else {given: rows[name]}
    return pd.DataFrame(kept, index=rows.index).reset_index(drop=True)


def grown(kept: Kept, rows: pd.DataFrame, schema: Schema) -> Kept:
    """What is kept after a further row of each unit."""
    more = begun(rows, schema)
    for name, memory, given in _memories(schema):
        old, new = kept[given], more[given]
        if memory == "mean":
            more[given], more[_of(given)] = old + new, kept[_of(given)] + more[_of(given)]
        elif memory == "last":
            more[given] = new.where(new.notna(), old)
        else:
            place = _places(schema, name)
            more[given] = new.where(new.map(place).fillna(-1) > old.map(place).fillna(-1), old)
    return more


def recalled(kept: Kept, schema: Schema) -> dict[str, pd.Series]:
    """What is given of it before the next row is drawn, by the names of the table of steps."""
    return {
        given: _mean(kept, schema, name, given) if memory == "mean" else kept[given]
        for name, memory, given in _memories(schema)
    }


def before_each(frame: pd.DataFrame, place: np.ndarray, schema: Schema) -> dict[str, pd.Series]:
    """What is remembered before each row that is not its unit's first, in the order of the frame.

    ``place``: which row of its unit each is, from 1; rows of a unit stand together, in order.
    """
    first, *others = _by_place(place)
    unit = np.cumsum(place == 1) - 1
    found, kept, who = [], begun(frame.iloc[first], schema), unit[first]
    for rows in others:
        kept, who = kept.iloc[np.searchsorted(who, unit[rows])].reset_index(drop=True), unit[rows]
        found.append(pd.DataFrame(recalled(kept, schema)).set_axis(rows))
        kept = grown(kept, frame.iloc[rows].reset_index(drop=True), schema)
    if not found:
        return recalled(kept.iloc[:0], schema)
    every = pd.concat(found).sort_index().reset_index(drop=True)
    return {str(n): every[n] for n in every}


def _by_place(place: np.ndarray) -> list[np.ndarray]:
    """Positions of all first rows, of all second rows, …"""
    return np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place)[1:])[:-1])


def _memories(schema: Schema) -> Iterator[tuple[str, Memory, str]]:
    """Each column that is remembered, how, and what that is called."""
    assert schema.visits is not None
    for name, memory in schema.visits.remembers.items():
        yield name, memory, remembered(name, memory)


def _of(given: str) -> str:
    """Where it is kept of how many numbers a mean is."""
    return f"{given} of"


def _summed(rows: pd.DataFrame, schema: Schema, name: str, given: str) -> dict[str, np.ndarray]:
    values = without_specials(rows[name], _numeric(schema, name))
    there = np.isfinite(values)
    return {given: np.where(there, values, 0.0), _of(given): there.astype(float)}


def _mean(kept: Kept, schema: Schema, name: str, given: str) -> pd.Series:
    """As the column is written: whole, or with its decimals."""
    column, number = _numeric(schema, name), kept[_of(given)].to_numpy()
    mean = kept[given].to_numpy() / np.maximum(number, 1.0)
    if column.decimals is not None:
        mean = np.round(mean, column.decimals)
    kind = "Int64" if column.kind == "integer" else "float64"
    return with_numbers(
        pd.Series(np.nan, index=range(len(kept)), dtype=kind), column, mean, number > 0
    )


def _numeric(schema: Schema, name: str) -> Numeric:
    column = schema.columns[name]
    assert isinstance(column, Numeric)
    return column


def _places(schema: Schema, name: str) -> dict[str, int]:
    """Each category's place in the order they are listed in."""
    column = schema.columns[name]
    assert isinstance(column, Categorical)
    return {c: i for i, c in enumerate(column.categories or ())}
