"""Canonical frames → files that people open, and back through the schema's own rules.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from privacy.columns import Datetime
from privacy.conform import conform
from privacy.errors import InputError
from privacy.read import read_any
from privacy.schema import Csv, Schema


def texts(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Every value as the source would write it: dates in the schema's format, missing ones as its sign."""

    def write(name: str) -> pd.Series:
        column, series = schema.columns[name], frame[name]
        written: pd.Series
        if isinstance(column, Datetime):
            default = "%Y-%m-%d" if column.resolution == "day" else "%Y-%m-%dT%H:%M:%S"
            written = series.dt.strftime(column.format or default)
        else:
            written = series.map(lambda v: v if pd.isna(v) else str(v))
        sign = column.missing_values[0] if column.missing_values else ""
        return written.astype(object).where(series.notna(), sign)

    return pd.DataFrame({name: write(name) for name in schema.columns})


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """One type a column, as Parquet wants it: columns that mix numbers and texts ("N") become text."""

    def is_mixed(series: pd.Series) -> bool:
        return (
            series.dtype == object and not series.dropna().map(lambda v: isinstance(v, str)).all()
        )

    def text(series: pd.Series) -> pd.Series:
        return series.map(lambda v: None if pd.isna(v) else str(v))

    return frame.assign(**{str(n): text(frame[n]) for n in frame if is_mixed(frame[n])})


def read_synthetic(path: Path, schema: Schema) -> pd.DataFrame:
    """The canonical frame of a CSV file that ``texts`` wrote.

    Raises ValueError where a value does not fit the schema: synthetic rows must.
    """
    table = read_any(path, Csv())
    frame, findings = conform(table.select(list(schema.columns)), schema)
    if findings:
        raise ValueError(f"{path}: {findings[0]}")
    return frame


def write_rows(frame: pd.DataFrame, schema: Schema, path: Path) -> None:
    """Write a canonical frame as .csv or .parquet, by the path's ending."""
    if path.suffix == ".parquet":
        typed(frame).to_parquet(path, index=False)
    elif path.suffix == ".csv":
        texts(frame, schema).to_csv(path, index=False)
    else:
        raise InputError(f"{path}: expected a name that ends in .csv or .parquet")
