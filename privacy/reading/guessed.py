"""What a column of texts is guessed to be, as the lines that describe it in a draft.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import yaml

from privacy.reading.dates import DIGITS, Dates, dates_in
from privacy.reading.numerals import commas_to_points, numbers_in
from privacy.reading.read import NULL
from privacy.schema.columns import MAX_WHOLE
from privacy.schema.schema import DRAFT_MARK

MISSING = (
    "", "?", ".", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "NULL", "null", "None",
)  # fmt: skip
"""Texts that usually stand for a missing value."""

BELOW = (-9.0, -99.0, -999.0, -9999.0, -99999.0)
ABOVE = (999.0, 9999.0, 99999.0, 999999.0)
"""Numbers that often stand for a missing value, where every other is positive, or less than half as large."""

DATE = "    kind: datetime"
IDENTIFIER = ["    kind: identifier  # a guess: nearly every row has its own"]

MOST_CATEGORIES = 50
MOST_NUMBER_CATEGORIES = 10
MOST_SPECIAL = 5
MOST_DECIMALS = 6

CODES = {
    "ATC": (r"[A-Z]\d\d[A-Z]{2}\d\d", [5, 4, 3, 1]),
    "ICD-10": (r"[A-Z]\d[0-9A-Z](\.?[0-9A-Z]{1,4})?", [3, 1]),
    "ICD-9": (r"(\d{3}|V\d\d|E\d{3})(\.\d{1,2})?", [3, 1]),
    "ZIP": (r"\d{5}(-\d{4})?", [3, 1]),
}
"""Well-known codes: how they are written, and the prefixes of a hierarchy."""
MOSTLY = 0.9
"""So many of the distinct texts have to be written so."""


def scale_of(
    lines: list[str], texts: pd.Series, times: dict[str, dt.datetime]
) -> list[float] | np.ndarray:
    """What the distinct texts of a column stand for: numbers, days, places in a list; NaN for none of them."""
    if times:
        whens = pd.to_datetime(texts.map(times), errors="coerce")
        return np.asarray((whens - pd.Timestamp(0)) / pd.Timedelta(days=1), dtype=float)
    if lines[0].split()[1] in ("integer", "float"):
        return np.asarray(numbers_in(texts))
    places = {}
    if "    categories:" in lines:
        kept = texts[~texts.isin([*MISSING, NULL])]
        if np.isfinite(numbers_in(kept)).all():
            return np.asarray(numbers_in(texts))
        places = {text: float(i) for i, text in enumerate(kept.iloc[in_order(kept)])}
    return [places.get(text, np.nan) for text in texts]


def in_order(texts: pd.Series) -> np.ndarray:
    """The order in which categories are listed: numbers first, by size."""
    numbers = numbers_in(texts)
    return np.lexsort((texts, np.where(np.isfinite(numbers), numbers, np.inf)))


def pointed_texts(texts: pd.Series) -> pd.Series:
    """The texts of a column of numbers whose decimals follow a comma, with points; of another as they are."""
    pointed = commas_to_points(pa.chunked_array([pa.array(texts, pa.string())])).to_pandas()
    finite = np.isfinite(numbers_in(pointed[~pointed.isin([*MISSING, NULL])]))
    is_numeric = finite.sum() > MOST_NUMBER_CATEGORIES and (~finite).sum() <= MOST_SPECIAL
    return pointed.astype(object) if is_numeric else texts


def lines_of(texts: pd.Series, counts: np.ndarray) -> list[str]:
    """The lines of one column, from its distinct texts and their counts."""
    missing = texts.isin([*MISSING, NULL]).to_numpy()
    codes = missing_codes(texts, missing)
    missing = missing | codes
    kind = kind_of(texts[~missing], int(counts[~missing].sum()))
    if missing.any():
        found = sorted(t for t in texts[missing] if t != NULL) or [""]
        kind = [*kind, *kept(found)]
    if codes.any():
        told = " and ".join(map(quoted, texts[codes]))
        kind[0] += (
            f"  # {told}: a code for missing, by its size; if it is a value, take it from missing_values"
        )
    return kind


def missing_codes(texts: pd.Series, missing: np.ndarray) -> np.ndarray:
    """Which texts of a column are numbers that stand for a missing value: they lie far from all others."""
    numbers = numbers_in(texts)
    numbers[missing] = np.nan
    below, above = np.isin(numbers, BELOW), np.isin(numbers, ABOVE)
    plain = numbers[np.isfinite(numbers) & ~below & ~above]
    if len(plain) <= MOST_NUMBER_CATEGORIES:
        return np.zeros(len(texts), dtype=bool)
    alone = 2 * plain.max() < np.where(above, numbers, np.inf)
    return np.asarray((below & (plain.min() >= 0)) | (above & alone))


def kept(missing: list[str]) -> list[str]:
    """The lines that say that a value may be missing, and by which texts."""
    return ["    missing: keep", f"    missing_values: {quoted(missing)}  {DRAFT_MARK}"]


def kind_of(texts: pd.Series, rows: float = np.inf) -> list[str]:
    """The lines of a column without missing values, of as many rows; where that is not said it names nobody."""
    numbers = numbers_in(texts)
    finite = are_numbers(numbers)
    padded = texts.str.fullmatch(r"-?0\d+(\.\d+)?").to_numpy(dtype=bool)
    special = texts[~finite]
    if len(texts) > 1 and (dates := dates_in(list(texts), this_year())):
        return _datetime(dates)
    if finite.sum() > MOST_NUMBER_CATEGORIES and len(special) <= MOST_SPECIAL and not padded.any():
        return numeric_lines(texts[finite], numbers[finite], sorted(special), rows)
    if len(texts) == 0:
        return [
            "    kind: categorical",
            "    categories: null  # no row has a value: delete the column, or say what it may hold",
            "    other: (other)",
        ]
    if len(texts) <= MOST_CATEGORIES:
        return listing(texts)
    if len(texts) > rows / 2:
        return IDENTIFIER
    return [
        "    kind: categorical",
        "    categories: null  # too many to list: the frequent ones are found under a charge",
        "    other: (other)",
        *_hierarchy(texts),
    ]


def are_numbers(numbers: np.ndarray) -> np.ndarray:
    """Which of them a column of numbers may hold."""
    return np.asarray(np.isfinite(numbers) & (np.abs(numbers) <= MAX_WHOLE))


def listing(texts: pd.Series) -> list[str]:
    """The lines of a column of few texts, each a category."""
    values = [f"      - {quoted(text)}  {DRAFT_MARK}" for text in texts.iloc[in_order(texts)]]
    return ["    kind: categorical", "    categories:", *values]


def times_of(texts: pd.Series) -> dict[str, dt.datetime]:
    """The local time that each text of a column of dates says."""
    there = [t for t in texts if t not in (*MISSING, NULL)]
    dates = dates_in(there, this_year())
    return {} if dates is None else dict(zip(there, dates.times, strict=True))


def _hierarchy(texts: pd.Series) -> list[str]:
    """A hierarchy to choose, as a comment, for a column of well-known codes."""
    for what, (pattern, prefixes) in CODES.items():
        if texts.str.fullmatch(pattern).mean() >= MOSTLY:
            told = f"hierarchy: {{prefixes: {prefixes}}}"
            return [
                f"    # {told}  # {what}? then a rare code falls back to its parent, not to other"
            ]
    return []


def numeric_lines(
    texts: pd.Series, numbers: np.ndarray, special: list[str], rows: float
) -> list[str]:
    whole = bool((numbers == np.round(numbers)).all())
    if whole and len(texts) == rows > MOST_CATEGORIES:
        return IDENTIFIER
    low, high = numbers.min(), numbers.max()
    bounds = [int(low), int(high)] if whole else [float(low), float(high)]
    lines = [
        f"    kind: {'integer' if whole else 'float'}",
        f"    bounds: {quoted(bounds)}  {DRAFT_MARK}",
        "    out_of_range: clamp  # bins: none given, so they are measured under a charge",
    ]
    if not whole and (decimals := _decimals(numbers)) <= MOST_DECIMALS:
        lines += [f"    decimals: {decimals}  {DRAFT_MARK}"]
    return lines + ([f"    special: {quoted(special)}  {DRAFT_MARK}"] if special else [])


def _decimals(numbers: np.ndarray) -> int:
    """Digits after the point that all numbers keep to; more than MOST_DECIMALS where there are none."""
    digits = range(MOST_DECIMALS + 1)
    return next((d for d in digits if (np.round(numbers, d) == numbers).all()), MOST_DECIMALS + 1)


def _datetime(dates: Dates) -> list[str]:
    midnight = dt.time()
    days = all(time.time() == midnight for time in dates.times)
    first, latest = min(dates.times), max(dates.times)
    last = latest.date() + dt.timedelta(days=latest.time() != midnight or latest == first)
    kind, form = DATE, dates.formats[0] if dates.formats else ""
    if form in DIGITS.values():
        kind += "  # whole numbers that look like dates, YYYYMMDD; if they are none: kind: integer"
    lines = [kind]
    if form:
        lines.append(f"    format: {quoted(form)}{_asked(dates.formats)}")
    if dates.pivot is not None:
        last = min(last, dt.date(dates.pivot, 12, 31))
        span = f"{dates.pivot - 99} to {dates.pivot}"
        lines.append(f"    pivot: {dates.pivot}  # two-digit years are read as {span}; is that so?")
    lines.append(f"    bounds: {quoted([first.date(), last])}  {DRAFT_MARK}")
    if dates.offsets:
        lines.append(
            "    # zone: which? texts carry an offset; without a zone (America/Chicago) the local time is"
            " kept and the offset left out"
        )
    return [
        *lines,
        f"    resolution: {'day' if days else 'second'}",
        "    out_of_range: clamp  # bins: none given, so they are measured under a charge",
    ]


def _asked(formats: tuple[str, ...]) -> str:
    """What a person has to know or to answer about a format."""
    form, *others = formats
    if others:
        return (
            f"  # which? every text fits {' and '.join(map(quoted, others))} as well  {DRAFT_MARK}"
        )
    if re.match("%d[/.-]%m", form):
        return "  # the day first: some texts fit no other order"
    return (
        "  # the month first: some texts fit no other order" if re.match("%m[/.-]%d", form) else ""
    )


def this_year() -> int:
    """The year that the machine's clock says; two-digit years are at first read as not after it."""
    return dt.date.today().year


def quoted(value: Any) -> str:
    """A value on one line of YAML."""
    dumped: str = yaml.safe_dump(
        [value], default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False
    )
    return dumped.strip()[1:-1]
