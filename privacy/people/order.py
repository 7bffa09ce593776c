"""The order of a unit's rows, by the column that the schema names.

Privacy claim: none by itself; where a row stands among its unit's follows from that unit's rows alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.schema.columns import Categorical, Column, Datetime, Identifier
from privacy.schema.schema import Schema

DIGITS = 32


def in_order(frame: pd.DataFrame, schema: Schema, units: np.ndarray) -> np.ndarray:
    """Positions [n] of the rows unit by unit, each unit's in the order of ``schema.visits``.

    ``units``: each row's unit, any labels; units come in the order in which they first appear. Rows of one unit
    that are equal in the order stay as they stand; those without a value there come last.
    """
    unit = pd.factorize(units)[0]
    name = schema.visits.order if schema.visits is not None else None
    if name is None:
        return np.argsort(unit, kind="stable")
    key = order_keys(frame[name], schema.columns[name])
    by = pd.DataFrame({"unit": unit, "key": key})
    return by.sort_values(["unit", "key"], kind="stable").index.to_numpy()


def order_keys(series: pd.Series, column: Column) -> np.ndarray:
    """Numbers [n] that rise in the order of the values, NaN where there is none; to be held against each other
    within the series alone.
    """
    if isinstance(column, Identifier):
        turn, _ = pd.factorize(series.map(_numbered, na_action="ignore"), sort=True)
        return np.where(turn < 0, np.nan, turn)
    if isinstance(column, Categorical):
        places = {c: float(i) for i, c in enumerate(column.categories or ())}
        return series.map(places).to_numpy(dtype=float)
    if isinstance(column, Datetime):
        times = series.to_numpy(dtype="datetime64[s]")
        return np.where(np.isnat(times), np.nan, times.astype(np.int64))
    return pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def first_rows(frame: pd.DataFrame, schema: Schema, units: np.ndarray) -> np.ndarray:
    """Whether each row [n] is among the first ``max_rows_per_unit`` of its unit, in order."""
    at = in_order(frame, schema, units)
    first = np.zeros(len(frame), dtype=bool)
    first[at] = pd.Series(units[at]).groupby(units[at]).cumcount() < schema.max_rows_per_unit
    return first


def _numbered(text: str) -> str:
    """As a text that sorts by its number, where it is one."""
    return text.zfill(DIGITS) if text.isdigit() else text
