"""Texts → canonical values inside the schema, or a finding that says what does not fit.

An undeclared category, a value outside the bounds or an undeclared missing value is refused,
clamped or mapped to ``other`` as the schema says; never adopted. Declared aliases and rules map
without a finding.

Privacy claim: what a text becomes depends on that text and the schema, whoever else stands in the column.
Findings quote private values and stay in the house.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.reading.numerals import numbers_in
from privacy.reading.read import NULL
from privacy.schema.codec import canonical_numbers
from privacy.schema.columns import Categorical, Datetime, Identifier, Image, Numeric, Rule
from privacy.schema.numbers import bounds_as_numbers
from privacy.schema.schema import Schema

NO_NUMBER = "not a finite number:"


@dataclass(frozen=True)
class Finding:
    """One way in which values met the schema's rules: in how many rows, and the first of them."""

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
        if self.problem == NO_NUMBER and "," in self.value:
            advice += " (decimals after a comma: `csv: {decimal: ','}`)"
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

    def finding(
        self, bad: np.ndarray, problem: str, action: Literal["refused", "clamped", "mapped"]
    ) -> list[Finding]:
        """A finding for the rows whose distinct text is marked; none where nothing is marked."""
        rows = np.flatnonzero(bad[self.index])
        if len(rows) == 0:
            return []
        first = str(self.texts.iloc[self.index[rows[0]]]).replace(NULL, "null")
        return [Finding(self.name, problem, first, int(rows[0]) + 1, len(rows), action)]


def conform(texts: pa.Table, schema: Schema) -> tuple[pd.DataFrame, list[Finding]]:
    """Canonical frame of all declared columns [n rows], and what was refused, clamped or mapped.

    Works on the distinct texts of a column, so that long tables cost little. Where a finding is
    "refused" the frame holds a missing value in its place and must not be used. An image column is
    left out: a picture is held against the schema as it is decoded.
    """
    series, findings = {}, []
    for name, column in schema.columns.items():
        if isinstance(column, Image):
            continue
        encoded = pc.dictionary_encode(texts[name])
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        distinct = encoded.dictionary.to_pandas().astype(object)
        values = _Values(name, distinct, encoded.indices.to_numpy())
        canonical, found = _column(values, column)
        series[name] = canonical.take(values.index).reset_index(drop=True)
        findings += found
    return pd.DataFrame(series), findings


def _column(
    values: _Values, column: Categorical | Numeric | Datetime | Identifier
) -> tuple[pd.Series, list[Finding]]:
    missing = values.texts.isin([*column.missing_values, NULL]).to_numpy()
    findings = []
    takes_missing = isinstance(column, Categorical) and column.other is not None
    if column.missing == "refuse" and not takes_missing:
        findings += values.finding(missing, "undeclared missing value", "refused")
    if isinstance(column, Identifier):
        return values.texts.where(~missing, None), findings
    if isinstance(column, Categorical):
        series, more = _categories(values, missing, column)
    elif isinstance(column, Datetime):
        series, more = _dates(values, missing, column)
    else:
        series, more = _numbers(values, missing, column)
    return series, findings + more


def _categories(
    values: _Values, missing: np.ndarray, column: Categorical
) -> tuple[pd.Series, list[Finding]]:
    texts = values.texts.map(lambda text: column.aliases.get(text, text)).astype(object)
    unknown = np.zeros(len(texts), dtype=bool)
    if column.categories is not None:
        unknown = ~missing & ~texts.isin(column.categories).to_numpy()
        for rule in column.rules:
            holds = unknown & _holds(rule, texts)
            texts[holds] = rule.to
            unknown &= ~holds
    action: Literal["refused", "mapped"] = "refused" if column.other is None else "mapped"
    findings = values.finding(unknown, "undeclared category", action)
    texts[unknown] = column.other
    if column.missing == "refuse" and column.other is not None:
        findings += values.finding(missing, "undeclared missing value", "mapped")
        texts[missing] = column.other
    else:
        texts[missing] = None
    return texts, findings


def _holds(rule: Rule, texts: pd.Series) -> np.ndarray:
    if rule.prefix is not None:
        return texts.str.startswith(rule.prefix).to_numpy(dtype=bool)
    number = numbers_in(texts)
    return np.asarray((number >= rule.min) & (number < rule.below))


def instant(text: str, form: str | None) -> np.datetime64:
    """One text as a time, alone: pandas lets a text's offset move the texts after it."""
    try:
        time = dt.datetime.strptime(text, form) if form else dt.datetime.fromisoformat(text)
        if time.tzinfo is not None:
            time = time.astimezone(dt.UTC).replace(tzinfo=None)
        return np.datetime64(time, "s")
    except (ValueError, OverflowError):
        return np.datetime64("NaT", "s")


def _dates(
    values: _Values, missing: np.ndarray, column: Datetime
) -> tuple[pd.Series, list[Finding]]:
    """Dates and times, those with an offset as UTC; below the resolution nothing is kept."""
    texts = values.texts.where(~missing, "")
    instants = np.array([instant(t, column.format) for t in texts], dtype="datetime64[s]")
    unit = 86_400 if column.resolution == "day" else 1
    number = np.where(np.isnat(instants), np.nan, instants.astype(np.int64) // unit)
    number, bad, findings = _bounded(values, number, ~missing, "not a date:", column)
    seconds = np.where(bad, 0, number * unit).astype(np.int64).astype("datetime64[s]")
    return pd.Series(np.where(bad, np.datetime64("NaT", "s"), seconds)), findings


def _numbers(
    values: _Values, missing: np.ndarray, column: Numeric
) -> tuple[pd.Series, list[Finding]]:
    number = np.where(missing, np.nan, numbers_in(values.texts))
    special = np.full(len(number), -1)
    for i, value in enumerate(column.special):
        is_text = (values.texts == str(value)).to_numpy()
        special[is_text if isinstance(value, str) else (number == value) | is_text] = i
    plain = ~missing & (special < 0)
    fraction = plain & np.isfinite(number) & (number != np.round(number))
    findings = []
    if column.kind == "integer":
        findings = values.finding(fraction, "not a whole number:", "refused")
        plain &= ~fraction
    number, bad, more = _bounded(values, number, plain, NO_NUMBER, column)
    special = np.where(bad & (special < 0), len(column.special), special)
    whole = column.kind == "integer"
    return canonical_numbers(number, special, column.special, whole), findings + more


def _bounded(
    values: _Values, number: np.ndarray, plain: np.ndarray, broken: str, column: Numeric | Datetime
) -> tuple[np.ndarray, np.ndarray, list[Finding]]:
    """Numbers inside the bounds, which of them stand for nothing, and what was refused or clamped.

    ``plain`` marks the texts that ought to be numbers.
    """
    low, high = bounds_as_numbers(column)
    finite = np.isfinite(number)
    findings = values.finding(plain & ~finite, broken, "refused")
    outside = plain & finite & ((number < low) | (number > high))
    action: Literal["refused", "clamped"] = (
        "clamped" if column.out_of_range == "clamp" else "refused"
    )
    first, last = (f"{b:.12g}" if isinstance(b, float) else str(b) for b in column.bounds)
    findings += values.finding(outside, f"outside {first} to {last}:", action)
    bad = ~plain | ~finite
    if action == "refused":
        bad |= outside
    return np.where(bad, low, np.clip(number, low, high)), bad, findings
