"""Numbers and dates of a canonical frame as floats: dates are days or seconds since 1970.

Privacy claim: none; each value by itself.
"""

from __future__ import annotations

import datetime as dt
from numbers import Real

import numpy as np
import pandas as pd

from privacy.schema.columns import Categorical, Datetime, Numeric


def bounds_as_numbers(column: Numeric | Datetime) -> tuple[float, float]:
    """Lower and upper bound as floats; dates as days or seconds since 1970."""
    if isinstance(column, Datetime):
        low, high = (date_to_number(edge, column.resolution) for edge in column.bounds)
        return low, high
    return column.bounds


def date_to_number(value: object, resolution: str) -> float:
    """A date → days or seconds since 1970."""
    seconds = pd.Timestamp(value).timestamp()  # type: ignore[arg-type]
    return float(seconds // 86_400 if resolution == "day" else seconds // 1)


def number_to_date(number: float, resolution: str) -> dt.datetime:
    """Days or seconds since 1970 → a date."""
    day = dt.datetime(1970, 1, 1)
    return day + (
        dt.timedelta(days=number) if resolution == "day" else dt.timedelta(seconds=number)
    )


def numbers(series: pd.Series, column: Categorical | Numeric | Datetime) -> np.ndarray:
    """A canonical series without specials or missing values as numbers, dates as since 1970."""
    if isinstance(column, Datetime):
        seconds = series.to_numpy(dtype="datetime64[s]").astype(np.int64)
        return seconds // 86_400 if column.resolution == "day" else seconds
    return series.to_numpy(dtype=float)


def plain_numbers(series: pd.Series, column: Categorical | Numeric | Datetime) -> np.ndarray:
    """A canonical series as numbers, NaN for what is missing or a text."""
    if isinstance(column, Datetime):
        there = series.notna().to_numpy()
        found = np.full(len(series), np.nan)
        found[there] = numbers(series[there], column)
        return found
    if series.dtype != object:
        return series.to_numpy(dtype=float, na_value=np.nan)
    read = (float(v) if isinstance(v, Real) else np.nan for v in series)
    return np.fromiter(read, dtype=float, count=len(series))


def without_specials(series: pd.Series, column: Numeric | Datetime) -> np.ndarray:
    """A canonical series as numbers, NaN for what is missing or a special value."""
    found = plain_numbers(series, column).copy()
    if isinstance(column, Numeric) and column.special:
        found[series.isin(column.special).to_numpy(dtype=bool)] = np.nan
    return found


def with_numbers(
    series: pd.Series, column: Numeric | Datetime, values: np.ndarray, where: np.ndarray
) -> pd.Series:
    """A canonical series with ``values[where]`` in place of what was there."""
    found = series.copy().reset_index(drop=True)
    if not where.any():
        return found
    if isinstance(column, Datetime):
        unit = "D" if column.resolution == "day" else "s"
        dates = values[where].astype(np.int64).astype(f"datetime64[{unit}]")
        found[where] = dates.astype("datetime64[s]")
    elif column.kind == "integer":
        found[where] = np.rint(values[where]).astype(np.int64)
    else:
        found[where] = values[where]
    return found
