"""Numbers and dates of a canonical frame as floats: dates are days or seconds since 1970.

Privacy claim: none; each value by itself.
"""

from __future__ import annotations

import datetime as dt

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
