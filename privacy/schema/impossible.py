"""Structural zeros: combinations that the schema declares impossible, in rows and in cells.

Privacy claim: none; what is impossible is public.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np
import pandas as pd

from privacy.schema.codec import Codec, ColumnCode
from privacy.schema.columns import Column, Numeric
from privacy.schema.schema import Condition, Schema


def impossible_rows(frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """Which rows of a canonical frame meet a combination that never holds, bool [n]."""
    bad = np.zeros(len(frame), dtype=bool)
    for zero in schema.impossible:
        hit = np.ones(len(frame), dtype=bool)
        for name, condition in zero.items():
            hit &= _holds(frame[name], schema.columns[name], condition)
        bad |= hit
    return bad


def impossible_cells(codec: Codec) -> dict[tuple[str, ...], np.ndarray]:
    """Columns, in schema order → the cells of their joint codes that are wholly impossible, bool.

    A bin that a range cuts through is possible: only some of its values are not.
    """
    cells: dict[tuple[str, ...], np.ndarray] = {}
    for zero in codec.schema.impossible:
        clique = tuple(name for name in codec.domain if name in zero)
        mask = np.ones((), dtype=bool)
        for name in clique:
            mask = np.logical_and.outer(mask, _holds_in_all(codec.columns[name], zero[name]))
        cells[clique] = cells.get(clique, np.zeros_like(mask)) | mask
    return cells


def _holds(series: pd.Series, column: Column, condition: Condition) -> np.ndarray:
    missing = series.isna().to_numpy()
    found = missing & condition.missing
    if condition.values is not None:
        listed: Sequence[object] = condition.values
        if isinstance(column, Numeric):
            # as the column holds them: turned into texts, a 501 reads "501.0" beside a missing value
            listed = [v for v in column.special if str(v) in condition.values]
        found |= series.isin(listed).to_numpy(dtype=bool)
    if condition.min is not None or condition.max is not None:
        numbers = _numbers(series)
        low, high = _range(condition)
        found |= (numbers >= low) & (numbers <= high)
    return np.asarray(found)


def _numbers(series: pd.Series) -> np.ndarray:
    """A canonical series as numbers, NaN for what is missing or a text."""
    if series.dtype != object:
        return series.to_numpy(dtype=float, na_value=np.nan)
    read = (float(v) if isinstance(v, Real) else np.nan for v in series)
    return np.fromiter(read, dtype=float, count=len(series))


def _holds_in_all(code: ColumnCode, condition: Condition) -> np.ndarray:
    """For each code, whether the condition holds whatever value the code stands for."""
    found = np.zeros(code.size, dtype=bool)
    values = set(condition.values or ())
    said = (code.stand_ins.get(str(v), (str(v),)) for v in code.values)
    found[code.n_bins : code.n_bins + len(code.values)] = [values.issuperset(s) for s in said]
    if code.has_missing:
        found[-1] = condition.missing
    if code.bins is not None and (condition.min is not None or condition.max is not None):
        first, last = code.bins.edges[:-1], code.bins.edges[1:] - code.bins.whole
        low, high = _range(condition)
        found[: code.n_bins] = (first >= low) & (last <= high)
    return found


def _range(condition: Condition) -> tuple[float, float]:
    low = -np.inf if condition.min is None else condition.min
    return low, np.inf if condition.max is None else condition.max
