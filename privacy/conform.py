"""Texts → canonical values inside the schema, or a finding that says what does not fit.

An undeclared category, a value outside the bounds or an undeclared missing value is refused, clamped or
mapped to ``other`` as the schema says; never adopted. Privacy claim: none; findings quote private values
and stay in the house.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.codec import canonical_numbers
from privacy.read import NULL
from privacy.schema import Categorical, Column, Datetime, Identifier, Numeric, Schema


@dataclass(frozen=True)
class Finding:
    """One way in which a column's values met the schema's rules: how many rows, and the first value."""

    column: str
    problem: str
    value: str
    row: int
    rows: int
    action: Literal["refused", "clamped", "mapped"]

    def __str__(self) -> str:
        advice = {
            "refused": "correct the data, or say in the schema what to do with it",
            "clamped": "clamped to the bounds",
            "mapped": "mapped to `other`",
        }[self.action]
        return (
            f"column {self.column!r}, row {self.row}: {self.problem} {self.value[:60]!r}"
            f" ({self.rows} rows): {advice}"
        )


@dataclass(frozen=True)
class _Values:
    """The distinct texts of a column, and where they stand."""

    name: str
    texts: pd.Series
    index: np.ndarray

    def finding(self, bad: np.ndarray, problem: str, action: Literal["refused", "clamped", "mapped"]) -> list[Finding]:
        """A finding for the rows whose distinct text is marked; none where nothing is marked."""
        rows = np.flatnonzero(bad[self.index])
        if len(rows) == 0:
            return []
        first = str(self.texts[self.index[rows[0]]]).replace(NULL, "null")
        return [Finding(self.name, problem, first, int(rows[0]) + 1, len(rows), action)]


def conform(texts: pa.Table, schema: Schema) -> tuple[pd.DataFrame, list[Finding]]:
    """Canonical frame of all declared columns [n rows], and what was refused, clamped or mapped.

    Where a finding is "refused" the frame holds a missing value in its place and must not be used.
    """
    series, findings = {}, []
    for name, column in schema.columns.items():
        encoded = pc.dictionary_encode(texts[name].combine_chunks())
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        values = _Values(name, encoded.dictionary.to_pandas(), encoded.indices.to_numpy())
        canonical, found = _column(values, column)
        series[name] = canonical.take(values.index).reset_index(drop=True)
        findings += found
    return pd.DataFrame(series), findings


def _column(values: _Values, column: Column) -> tuple[pd.Series, list[Finding]]:
    missing = values.texts.isin({*column.missing_values, NULL}).to_numpy()
    findings = []
    if column.missing == "refuse" and not (isinstance(column, Categorical) and column.other is not None):
        findings += values.finding(missing, "undeclared missing value", "refused")
    if isinstance(column, Identifier):
        return values.texts.astype(object), findings
    convert = _categories if isinstance(column, Categorical) else _numbers
    series, more = convert(values, missing, column)  # type: ignore[operator]
    return series, findings + more


def _categories(values: _Values, missing: np.ndarray, column: Categorical) -> tuple[pd.Series, list[Finding]]:
    texts = values.texts.replace(dict(column.aliases)).astype(object)
    unknown = np.zeros(len(texts), dtype=bool)
    if column.categories is not None:
        unknown = ~missing & ~texts.isin(column.categories).to_numpy()
    findings = []
    if column.other is None:
        findings += values.finding(unknown, "undeclared category", "refused")
        texts[unknown] = None
    else:
        findings += values.finding(unknown, "undeclared category", "mapped")
        texts[unknown] = column.other
    if column.missing == "refuse" and column.other is not None:
        findings += values.finding(missing, "undeclared missing value", "mapped")
        texts[missing] = column.other
    else:
        texts[missing] = None
    return texts, findings


def _numbers(
    values: _Values, missing: np.ndarray, column: Numeric | Datetime
) -> tuple[pd.Series, list[Finding]]:
    special = np.full(len(values.texts), -1)
    if isinstance(column, Datetime):
        seconds = pd.to_datetime(
            values.texts.where(~missing), format=column.format or "ISO8601", errors="coerce"
        )
        number = (seconds - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
        low, high = (pd.Timestamp(b).timestamp() for b in column.bounds)
    else:
        number = pd.to_numeric(values.texts.where(~missing), errors="coerce").astype(float)
        low, high = column.bounds
        for i, value in enumerate(column.special):
            is_text = values.texts == str(value)
            special[is_text if isinstance(value, str) else (number == value) | is_text] = i
    plain = ~missing & (special < 0)
    number = number.to_numpy(dtype=float, copy=True)
    broken = plain & ~np.isfinite(number)
    findings = values.finding(broken, "not a finite number or date:", "refused")
    if column.kind == "integer":
        fraction = plain & ~broken & (number != np.round(number))
        findings += values.finding(fraction, "not a whole number:", "refused")
        broken |= fraction
    outside = plain & ~broken & ((number < low) | (number > high))
    action: Literal["refused", "clamped"] = "clamped" if column.out_of_range == "clamp" else "refused"
    findings += values.finding(outside, f"outside {column.bounds[0]} to {column.bounds[1]}:", action)
    number = np.where(missing | broken | (special >= 0), low, np.clip(number, low, high))
    if isinstance(column, Datetime):
        dates = number.astype("datetime64[s]")
        return pd.Series(np.where(missing | broken, np.datetime64("NaT", "s"), dates)), findings
    special = np.where(missing | broken, len(column.special), special)
    return canonical_numbers(number, special, column.special, column.kind == "integer"), findings
