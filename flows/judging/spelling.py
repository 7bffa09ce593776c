"""Texts that are a value of the schema in another spelling: what tools make of codes, dates and whole numbers.

A text that the schema reads is never touched. For any other, the spellings below are tried in turn, and the
first that the schema reads is taken: without blanks around it, the code that is the same number (0.0 is 0, 1 is
01), True for 1, another case, a day written as a number (20180614.0) or as ISO 8601, a number without its
fraction. Each text is read by itself, and what was taken for what is counted.

Privacy claim: none needed; synthetic rows are free to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from privacy.reading.conform import conform
from privacy.reading.formats.strict import NULL
from privacy.reading.numerals import numbers_in
from privacy.schema.columns import MAX_WHOLE, Categorical, Column, Datetime, Numeric
from privacy.schema.schema import Schema
from privacy.schema.times import Written

FLOAT_CODES = "input.float_codes"
SPELLING = "input.spelling"
ROUNDED = "input.rounded"

TRUTH = {"true": "1", "false": "0"}


@dataclass(frozen=True)
class Bent:
    """Rows of a column whose text was taken for another: how many, and the first of them."""

    metric: str
    column: str
    rows: int
    text: str
    taken_for: str


def respelled(texts: pd.Series, name: str, schema: Schema) -> tuple[pd.Series, list[Bent]]:
    """The texts of one column [n rows], each one in a spelling that the schema reads where there is one."""
    column = schema.columns[name]
    index, distinct = pd.factorize(texts)
    taken = {t: (FLOAT_CODES, m) for t, m in _missing_codes(distinct, column).items()}
    odd = [t for t in distinct if t not in taken]
    odd = [t for t, reads in zip(odd, _reads(odd, name, schema), strict=True) if not reads]
    left = {t: _spellings(t, column) for t in odd}
    while left:  # one more spelling of all texts at once
        tried = {t: found for t, more in left.items() if (found := next(more, None)) is not None}
        reads = _reads([other for _, other in tried.values()], name, schema)
        taken |= {t: tried[t] for t, fits in zip(tried, reads, strict=True) if fits}
        left = {t: left[t] for t in tried if t not in taken}
    if not taken:
        return texts, []
    metrics = np.array([taken[t][0] if t in taken else "" for t in distinct], dtype=object)[index]
    others = np.array([taken[t][1] if t in taken else t for t in distinct], dtype=object)[index]
    bent = []
    for metric in (FLOAT_CODES, SPELLING, ROUNDED):
        rows = np.flatnonzero(metrics == metric)
        if len(rows):
            first = rows[0]
            bent.append(Bent(metric, name, len(rows), texts.iloc[first], repr(others[first])))
    return pd.Series(others, index=texts.index, dtype=object), bent


def _reads(texts: Iterable[str], name: str, schema: Schema) -> np.ndarray:
    """Which texts the schema reads as a value or a missing one; `other` stands for none of them."""
    column = schema.columns[name]
    if isinstance(column, Categorical):
        column = column.model_copy(update={"other": None})
    texts = list(texts)
    one = schema.model_copy(update={"columns": {name: column}})
    frame, _ = conform(pa.table({name: pa.array(texts, pa.string())}), one)
    missing = np.isin(np.array(texts, dtype=object), [*column.missing_values, NULL])
    return np.asarray(frame[name].notna()) | missing


def _missing_codes(texts: Iterable[str], column: Column) -> dict[str, str]:
    """Texts that are the number of a missing value's code, as -1.0 is of -1, and that code."""
    twins = _by_number(column.missing_values)
    texts = [t for t in texts if t not in column.missing_values]
    numbers = numbers_in(texts)
    return {t: twins[n] for t, n in zip(texts, numbers, strict=True) if n in twins}


def _spellings(text: str, column: Column) -> Iterator[tuple[str, str]]:
    """Other texts that this one may stand for, the likeliest first, and which kind of bending each is."""
    plain = text.strip()
    if plain != text:
        yield SPELLING, plain
    code = isinstance(column, Categorical | Datetime) and plain.endswith(
        ",0"
    )  # a float, by a comma
    number = float(numbers_in([plain.removesuffix(",0") if code else plain])[0])
    whole = bool(np.isfinite(number)) and number == round(number) and abs(number) < MAX_WHOLE
    truth = TRUTH.get(plain.casefold())
    if isinstance(column, Categorical):
        yield from _codes(plain, number, truth, column)
    elif isinstance(column, Numeric):
        if truth:
            yield SPELLING, truth
        if column.kind == "integer" and np.isfinite(number) and abs(number) < MAX_WHOLE:
            yield ROUNDED, str(round(number))
    elif isinstance(column, Datetime):
        if whole and number >= 0:
            width = len(column.bounds[0].strftime(column.format or "%Y%m%d"))
            yield FLOAT_CODES, str(int(number)).zfill(width)
        iso, _ = Written(zone=column.zone).read(plain)
        if column.format and plain[4:5] == plain[7:8] == "-" and iso is not None:
            yield SPELLING, column.written.text(iso)


def _codes(
    text: str, number: float, truth: str | None, column: Categorical
) -> Iterator[tuple[str, str]]:
    known = (*(column.categories or ()), *column.aliases)
    if number in (twins := _by_number(known)):
        yield FLOAT_CODES, twins[number]
    alike = [k for k in known if k.strip().casefold() == text.casefold()]
    if len(alike) == 1:
        yield SPELLING, alike[0]
    if truth and float(truth) in twins:
        yield SPELLING, twins[float(truth)]
    for value in (k for k in known if TRUTH.get(k.casefold(), "none") == f"{number:g}"):
        yield SPELLING, value


def _by_number(texts: Iterable[str]) -> dict[float, str]:
    """Texts that are numbers, by their number, but those that are the same number."""
    texts = list(texts)
    numbers = numbers_in(texts)
    found = {n: t for n, t in zip(numbers, texts, strict=True) if np.isfinite(n)}
    return {n: t for n, t in found.items() if (numbers == n).sum() == 1}
