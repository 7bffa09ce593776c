"""Texts → canonical values inside the schema, or a finding that says what does not fit.

An undeclared category, a value outside the bounds or an undeclared missing value is refused,
clamped or mapped to ``other`` as the schema says; never adopted. Declared aliases, rules and
hierarchies map without a finding. A time is the local one that is written; a finding tells of an offset that is
left out.

Privacy claim: what a text becomes depends on that text and the schema, whoever else stands in the column.
Findings quote private values and stay in the house.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.reading.formats.strict import NULL
from privacy.reading.guesses.dates import dates_in
from privacy.reading.numerals import numbers_in
from privacy.schema.codec import canonical_numbers
from privacy.schema.columns import Categorical, Datetime, Identifier, Image, Numeric, Rule
from privacy.schema.numbers import bounds_as_numbers
from privacy.schema.schema import Schema

Action = Literal["refused", "clamped", "mapped", "local"]
"""What becomes of values that met a rule; of a refused one nothing."""

NO_NUMBER = "not a finite number:"
NOT_WHOLE = "not a whole number:"
NO_DATE = "not a date:"
NO_CATEGORY = "undeclared category"
NO_VALUE = "undeclared missing value"
OFFSET = "an offset"
IN_TURN = (NO_VALUE, NO_CATEGORY, NOT_WHOLE, NO_NUMBER, NO_DATE)
"""In which order problems of a column are looked for; then what is out of bounds, and offsets."""


@dataclass(frozen=True)
class Finding:
    """One way in which values met the schema's rules: in how many rows, and the first of them."""

    column: str
    problem: str
    value: str
    row: int
    rows: int
    action: Action

    def __str__(self) -> str:
        advice = {
            "refused": "correct it",
            "clamped": "clamped to the bounds",
            "mapped": "mapped to `other`",
            "local": "the local time is kept and the offset left out",
        }[self.action]
        if self.hint:
            advice += f"; or {self.hint}" if self.action == "refused" else f" ({self.hint})"
        return (
            f"column {self.column!r}, row {self.row}: {self.problem} {self.value[:60]!r}"
            f" ({self.rows} rows): {advice}"
        )

    @property
    def hint(self) -> str:
        """What would help, by what the value is; "" where nothing has to be done."""
        if self.action == "local":
            return "declare `zone:` to have all in one zone, and times written with its offset"
        if self.problem == NO_NUMBER and "," in self.value:
            return "decimals after a comma: `csv: {decimal: ','}`"
        if self.problem == NO_DATE and re.fullmatch(r"[1-5][0-9]{4}(\.[0-9]+)?", self.value):
            return "a day as Excel counts them: format the column as a date there"
        if self.problem == NO_CATEGORY and re.fullmatch(r"[0-9]{1,15}\.0", self.value):
            code = self.value.removesuffix(".0")
            return f"a code that became a float: `aliases: {{'{self.value}': '{code}'}}`"
        return self._remedy if self.action == "refused" else ""

    @property
    def _remedy(self) -> str:
        """What a schema can do with a refused value."""
        if self.problem == NO_VALUE:
            return "where a value may be missing: `missing: keep`"
        if self.problem == NO_CATEGORY:
            return "list it under `categories:` where it is public, or say `aliases:` or `other:`"
        if self.problem == NO_DATE:
            dates = dates_in([self.value], dt.date.today().year)
            if dates is not None and dates.formats:
                return f"written otherwise: `format: {' or '.join(map(repr, dates.formats))}`"
            return "where it stands for none: `missing_values:` and `missing: keep`"
        if self.problem == NOT_WHOLE:
            return "numbers with decimals: `kind: float`"
        if self.problem == NO_NUMBER:
            return "a word: `special:`, or `missing_values:` and `missing: keep`"
        return "wider `bounds:`, or `out_of_range: clamp`"


@dataclass(frozen=True)
class _Values:
    """The distinct texts of a column, and where they stand."""

    name: str
    texts: pd.Series
    index: np.ndarray

    def finding(self, bad: np.ndarray, problem: str, action: Action) -> list[Finding]:
        """A finding for the rows whose distinct text is marked; none where nothing is marked."""
        rows = np.flatnonzero(bad[self.index])
        if len(rows) == 0:
            return []
        first = str(self.texts.iloc[self.index[rows[0]]]).replace(NULL, "null")
        return [Finding(self.name, problem, first, int(rows[0]) + 1, len(rows), action)]


def conform(texts: pa.Table, schema: Schema) -> tuple[pd.DataFrame, list[Finding]]:
    """Canonical frame of all declared columns [n rows], and what was refused, clamped, mapped or kept local.

    Where a finding is "refused" the frame holds a missing value in its place and must not be used. An image
    column is left out: a picture is held against the schema as it is decoded.
    """
    columns, findings = conform_distinct(texts, schema)
    whole = {
        n: values.take(places).reset_index(drop=True) for n, (values, places) in columns.items()
    }
    return pd.DataFrame(whole), findings


def conform_distinct(
    texts: pa.Table, schema: Schema
) -> tuple[dict[str, tuple[pd.Series, np.ndarray]], list[Finding]]:
    """As ``conform``, each column as what became of its distinct texts, and for each row the place of its own.

    Nothing is done twice for a text, so that long tables cost little.
    """
    columns, findings = {}, []
    for name, column in schema.columns.items():
        if isinstance(column, Image):
            continue
        encoded = pc.dictionary_encode(texts[name])
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        distinct = encoded.dictionary.to_pandas().astype(object)
        values = _Values(name, distinct, encoded.indices.to_numpy())
        canonical, found = _column(values, column)
        columns[name] = canonical, values.index
        findings += found
    return columns, findings


def merged(
    findings: Sequence[Finding], more: Sequence[Finding], before: int, schema: Schema
) -> list[Finding]:
    """What was found in some rows and in those that follow, ``before`` of them standing before these."""
    found = {(f.column, f.problem): f for f in findings}
    for f in more:
        first = found.get((f.column, f.problem))
        found[f.column, f.problem] = (
            replace(f, row=f.row + before)
            if first is None
            else replace(first, rows=first.rows + f.rows)
        )
    columns = [*schema.columns]
    return sorted(found.values(), key=lambda f: (columns.index(f.column), _turn(f)))


def _turn(finding: Finding) -> float:
    """The place of a problem among those of a column, as they are looked for."""
    if finding.problem == NO_VALUE and finding.action == "mapped":
        return IN_TURN.index(NO_CATEGORY) + 0.5
    if finding.problem == OFFSET:
        return len(IN_TURN) + 1
    return IN_TURN.index(finding.problem) if finding.problem in IN_TURN else len(IN_TURN)


def _column(
    values: _Values, column: Categorical | Numeric | Datetime | Identifier
) -> tuple[pd.Series, list[Finding]]:
    missing = values.texts.isin([*column.missing_values, NULL]).to_numpy()
    findings = []
    takes_missing = isinstance(column, Categorical) and column.other is not None
    if column.missing == "refuse" and not takes_missing:
        findings += values.finding(missing, NO_VALUE, "refused")
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
        known = {*column.categories, *chain(*column.stand_ins().values())}
        unknown = ~missing & ~texts.isin(known).to_numpy()
        for rule in column.rules:
            holds = unknown & _holds(rule, texts)
            texts[holds] = rule.to
            unknown &= ~holds
        if column.hierarchy is not None:
            unknown = _ancestors(texts, unknown, column)
    action: Literal["refused", "mapped"] = "refused" if column.other is None else "mapped"
    findings = values.finding(unknown, NO_CATEGORY, action)
    texts[unknown] = column.other
    if column.missing == "refuse" and column.other is not None:
        findings += values.finding(missing, NO_VALUE, "mapped")
        texts[missing] = column.other
    else:
        texts[missing] = None
    return texts, findings


def _ancestors(texts: pd.Series, unknown: np.ndarray, column: Categorical) -> np.ndarray:
    """Puts ancestors that are categories in the place of unknown texts; which texts have none is left."""
    found = texts.map(column.nearest(texts[unknown])).to_numpy()
    led = unknown & pd.notna(found) & (found != column.other)
    texts[led] = found[led]
    return np.asarray(unknown & ~led)


def _holds(rule: Rule, texts: pd.Series) -> np.ndarray:
    if rule.prefix is not None:
        return texts.str.startswith(rule.prefix).to_numpy(dtype=bool)
    number = numbers_in(texts)
    return np.asarray((number >= rule.min) & (number < rule.below))


def _dates(
    values: _Values, missing: np.ndarray, column: Datetime
) -> tuple[pd.Series, list[Finding]]:
    """Local dates and times; below the resolution nothing is kept."""
    written = column.written
    read = [written.read(text) for text in values.texts.where(~missing, "")]
    local = np.array([time for time, _ in read], dtype="datetime64[s]")
    left_out = np.array([offset for _, offset in read], dtype=bool)
    unit = 86_400 if column.resolution == "day" else 1
    number = np.where(np.isnat(local), np.nan, local.astype(np.int64) // unit)
    number, bad, findings = _bounded(values, number, ~missing, NO_DATE, column)
    seconds = np.where(bad, 0, number * unit).astype(np.int64).astype("datetime64[s]")
    findings += values.finding(left_out, OFFSET, "local")
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
        findings = values.finding(fraction, NOT_WHOLE, "refused")
        plain &= ~fraction
    if column.decimals is not None:
        number = np.round(number, column.decimals)
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
