"""Structural zeros: combinations that the schema declares impossible, in rows and in cells.

Privacy claim: none; what is impossible is public.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from privacy.records.following import Code, FollowingCode
from privacy.schema.codec import ColumnCode
from privacy.schema.columns import Column, Datetime, Identifier, Image, Numeric
from privacy.schema.numbers import date_to_number, plain_numbers
from privacy.schema.schema import Condition, Schema


def impossible_rows(frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """Which rows of a canonical frame meet a combination that never holds, bool [n]."""
    bad = np.zeros(len(frame), dtype=bool)
    for zero in schema.impossible:
        hit = np.ones(len(frame), dtype=bool)
        for name, condition in zero.items():
            hit &= holds(frame[name], schema.columns[name], condition)
        bad |= hit
    return bad


def impossible_cells(
    schema: Schema, columns: Mapping[str, Code]
) -> dict[tuple[str, ...], np.ndarray]:
    """Columns, in schema order → the cells of their joint codes that are wholly impossible, bool.

    A bin that a range cuts through is possible: only some of its values are not.
    """
    cells: dict[tuple[str, ...], np.ndarray] = {}
    for zero in schema.impossible:
        clique = tuple(name for name in columns if name in zero)
        mask = np.ones((), dtype=bool)
        for name in clique:
            mask = np.logical_and.outer(mask, _holds_in_all(columns[name], zero[name]))
        cells[clique] = cells.get(clique, np.zeros_like(mask)) | mask
    return cells


def holds(series: pd.Series, column: Column, condition: Condition) -> np.ndarray:
    """In which rows of a canonical series a condition holds, bool [n]."""
    missing = series.isna().to_numpy()
    found = missing & condition.missing
    if condition.values is not None:
        listed: Sequence[object] = condition.values
        if isinstance(column, Numeric):
            # as the column holds them: turned into texts, a 501 reads "501.0" beside a missing value
            listed = [v for v in column.special if str(v) in condition.values]
        found |= series.isin(listed).to_numpy(dtype=bool)
    if condition.edges:
        assert not isinstance(column, Identifier | Image)
        values = plain_numbers(series, column)
        low, high = _range(condition, column)
        found |= (values >= low) & (values <= high)
    return np.asarray(found)


def may_hold(code: Code, condition: Condition) -> np.ndarray:
    """For each code, whether the condition holds for some value that the code stands for."""
    if isinstance(
        code, FollowingCode
    ):  # what follows from another column is known when that is drawn
        return np.ones(code.size, dtype=bool)
    return _told(code, condition, every=False)


def _holds_in_all(code: Code, condition: Condition) -> np.ndarray:
    """For each code, whether the condition holds whatever value the code stands for."""
    if isinstance(code, FollowingCode):
        found = np.zeros(code.size, dtype=bool)
        found[code.ways :] = _holds_in_all(code.own, condition)[code.skipped :]
        return found
    return _told(code, condition, every=True)


def _told(code: ColumnCode, condition: Condition, every: bool) -> np.ndarray:
    """For each code, whether the condition holds for every value that it stands for, or for some."""
    found = np.zeros(code.size, dtype=bool)
    values = set(condition.values or ())
    said = (code.stand_ins.get(str(v), (str(v),)) for v in code.values)
    listed = [values.issuperset(s) if every else not values.isdisjoint(s) for s in said]
    found[code.n_bins : code.n_bins + len(listed)] = listed
    if code.has_missing:
        found[-1] = condition.missing
    if code.bins is not None and condition.edges:
        first, last = code.bins.edges[:-1], code.bins.edges[1:] - code.bins.whole
        low, high = _range(condition, code.column)
        inside = (first >= low) & (last <= high)
        found[: code.n_bins] = inside if every else (last >= low) & (first <= high)
    return found


def _range(condition: Condition, column: Column) -> tuple[float, float]:
    low, high = condition.min, condition.max
    if isinstance(column, Datetime):
        low, high = (e if e is None else date_to_number(e, column.resolution) for e in (low, high))
    assert not isinstance(low, dt.datetime)
    assert not isinstance(high, dt.datetime)
    return -np.inf if low is None else low, np.inf if high is None else high
