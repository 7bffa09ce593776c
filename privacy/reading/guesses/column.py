"""What a column of texts is guessed to be, as the lines that describe it in a draft.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from privacy.reading.formats.delimited import UNNAMED
from privacy.reading.formats.strict import NULL
from privacy.reading.guesses.categories import are_diagnoses, hierarchy, in_order, listing
from privacy.reading.guesses.disguised import MIXED, remedy
from privacy.reading.guesses.lines import quoted
from privacy.reading.guesses.missing import MISSING, codes, kept, no_dates, words
from privacy.reading.guesses.names import NAMES_A_PERSON, identifies, is_postal, natural
from privacy.reading.guesses.numbers import are_numbers, lying, numeric_lines, serial
from privacy.reading.guesses.persons import is_free_text, looks
from privacy.reading.guesses.times import DATE, datetime_lines, read_dates, stand_ins
from privacy.reading.numerals import commas_to_points, numbers_in
from privacy.schema.columns import CONTROL
from privacy.schema.schema import DRAFT_MARK

IDENTIFIER = ["    kind: identifier  # a guess: nearly every row has its own"]
OPEN = [
    "    kind: categorical",
    "    categories: null  # too many to list: the frequent ones are found under a charge",
    "    other: (other)",
]
EMPTY = [
    "    kind: categorical",
    "    categories: null  # no row has a value: delete the column, or say what it may hold",
    "    other: (other)",
]

MOST_CATEGORIES = 50
MOST_NUMBER_CATEGORIES = 10
MOST_SPECIAL = 5
LEAST = 30
"""Fewer rows that say the same may say another thing tomorrow."""


@dataclass(frozen=True)
class Guess:
    """``lines``: the column in a draft. ``told``: what a person should know at once, without a value of a row.

    ``left_out``: why the column is better left out of a schema; "" where it is not.
    """

    lines: list[str]
    told: str = ""
    left_out: str = ""


def guess(name: str, texts: pd.Series, counts: np.ndarray, mixed: bool = False) -> Guess:
    """What a column is, from its distinct texts and their counts.

    ``mixed``: whether its numbers have decimal commas in a file where others have points.
    """
    blank = texts.isin([*MISSING, NULL]).to_numpy()
    absent = blank.copy()
    absent[~blank], why = _absent(texts[~blank].reset_index(drop=True))
    plain, times = texts[~absent].reset_index(drop=True), counts[~absent]
    found = _guess(name, plain, times, int(times.sum()), mixed)
    if len(plain) == 1 and times.sum() >= LEAST and not absent.any():
        found = replace(found, left_out="every row says the same")
    if not absent.any():
        return found
    asked = ", ".join(repr(t) for t in sorted(texts[absent & ~blank]))
    lines = [
        f"    # {asked}: {why}; if it is a value, take it from missing_values  {DRAFT_MARK}"
    ] * bool(asked)
    signs = sorted(t for t in texts[absent] if t != NULL) or [""]
    return replace(found, lines=[*found.lines, *lines, *kept(signs)])


def _guess(name: str, texts: pd.Series, counts: np.ndarray, rows: int, mixed: bool) -> Guess:
    """What a column is, of those texts that stand for a value."""
    if len(texts) == 0:
        return Guess(EMPTY, left_out="no row has a value")
    if name == UNNAMED and len(texts) == rows and np.isfinite(numbers_in(texts)).all():
        told = "a column without a name that numbers the rows, as R and pandas write it"
        return Guess([f"    kind: identifier  # {told}"], told, told)
    if what := identifies(name) or looks(name, texts):
        told = f"{what}: never modelled, written as new numbers"
        return Guess([f"    kind: identifier  # {told}"], told)
    if is_free_text(name, texts, rows):
        told = "free text, which is never modelled: it may name anybody"
        return Guess([f"    kind: identifier  # {told}"], told, told)
    if NAMES_A_PERSON(name) and len(texts) > MOST_CATEGORIES:
        return Guess(["    kind: identifier  # by its name: whom a row is about"])
    lines = _lines(name, texts, counts, rows)
    if mixed:
        numbers = [f"    # {line.strip()}" for line in lines]
        return Guess(
            [f"    kind: identifier  # numbers with {MIXED}; then:", *numbers],
            f"numbers with {MIXED}",
        )
    asked = _asked(name, texts)
    told = remedy(texts) if lines[0].split()[1] in ("identifier", "categorical") else ""
    if told:
        return Guess([f"    kind: identifier  # {told}"], told)
    told_there = lines[0].startswith(DATE)  # by what stands beside the format
    return Guess([*lines, f"    # {asked}"] if asked and not told_there else lines, asked)


def _absent(texts: pd.Series) -> tuple[np.ndarray, str]:
    """Which texts stand for a missing value among numbers or dates, and why."""
    none = np.zeros(len(texts), dtype=bool)
    said, far = words(texts), codes(texts, none)
    if (said | far).any():
        rest = texts[~(said | far)]
        finite = are_numbers(numbers_in(rest))
        if finite.sum() > MOST_NUMBER_CATEGORIES and (~finite).sum() <= MOST_SPECIAL:
            how = [
                w for w, found in (("by its size", far.any()), ("in words", said.any())) if found
            ]
            return said | far, f"a code for missing, {' or '.join(how)}"
    odd = said | no_dates(texts)
    rest = texts[~odd]
    if dates := read_dates(list(rest)):
        odd[np.flatnonzero(~odd)] = stand_ins(dates)
        return odd, "what stands for no date"
    return none, ""


def _lines(name: str, texts: pd.Series, counts: np.ndarray, rows: int) -> list[str]:
    numbers = numbers_in(texts)
    finite = are_numbers(numbers)
    if (
        is_postal(name)
        and texts.str.fullmatch(r"[0-9A-Za-z -]{3,10}").all()
        and len(texts) > MOST_CATEGORIES
    ):
        return [*OPEN, *hierarchy(texts)]
    if finite.all() and len(texts) > MOST_NUMBER_CATEGORIES and serial(name, numbers):
        return numeric_lines(texts, numbers, [])
    lines = kind_of(texts, rows)
    if lines[0].split()[1] in ("integer", "float"):
        lines = [*lines, *lying(numbers[finite], counts[finite])]
        if known := natural(name):
            lines.insert(2, f"    # a natural range: bounds: {quoted(list(known))}")
    elif "    categories:" in lines:
        lines = listing(texts, counts)
    return lines


def _asked(name: str, texts: pd.Series) -> str:
    """What numbers and dates may be that cannot be seen from them."""
    if (dates := read_dates(list(texts))) is not None:
        if any(re.match("%d[/.-]%m", f) for f in dates.formats[:1]) and len(dates.formats) > 1:
            return "the day first, or the month? Every date can be read either way"
        return (
            "texts carry offsets, and no zone is known: name it (`zone:`)" if dates.offsets else ""
        )
    numbers = numbers_in(texts)
    known = numbers[np.isfinite(numbers)]
    if len(known) > MOST_NUMBER_CATEGORIES and (what := serial(name, known)):
        return f"are these {what}? Then write dates (2021-03-15), and draft again"
    if len(known) > MOST_NUMBER_CATEGORIES and texts.str.match(r"\s*[<>≤≥]").any():
        return "limits of detection (<5) are values of their own; or write a number for each, and draft again"
    return ""


def kind_of(texts: pd.Series, rows: float = np.inf) -> list[str]:
    """The lines of a column without missing values, of as many rows; where that is not said it names nobody."""
    numbers = numbers_in(texts)
    finite = are_numbers(numbers)
    padded = texts.str.fullmatch(r"-?0\d+(\.\d+)?").to_numpy(dtype=bool)
    special = texts[~finite]
    if dates := read_dates(list(texts)):
        return datetime_lines(dates)
    if finite.sum() > MOST_NUMBER_CATEGORIES and len(special) <= MOST_SPECIAL and not padded.any():
        found = numbers[finite]
        if (found == np.round(found)).all() and len(found) == rows > MOST_CATEGORIES:
            return IDENTIFIER
        return numeric_lines(texts[finite], found, sorted(special))
    if len(texts) == 0:
        return EMPTY
    if texts.str.contains(CONTROL).any():
        return IDENTIFIER  # no category runs over several lines
    if len(texts) <= MOST_CATEGORIES:
        return listing(texts)
    if len(texts) > rows / 2 and not are_diagnoses(texts):
        return IDENTIFIER
    return [*OPEN, *hierarchy(texts)]


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
        present = texts[~texts.isin([*MISSING, NULL])]
        if np.isfinite(numbers_in(present)).all():
            return np.asarray(numbers_in(texts))
        places = {text: float(i) for i, text in enumerate(present.iloc[in_order(present)])}
    return [places.get(text, np.nan) for text in texts]


def times_of(texts: pd.Series) -> dict[str, dt.datetime]:
    """The local time that each text of a column of dates says."""
    there = texts[~texts.isin([*MISSING, NULL])]
    there = there[~(words(there) | no_dates(there))]
    dates = read_dates(list(there))
    if dates is None:
        return {}
    known = ~stand_ins(dates)
    return {t: time for t, time, ok in zip(there, dates.times, known, strict=True) if ok}


def pointed_texts(texts: pd.Series) -> pd.Series:
    """The texts of a column of numbers whose decimals follow a comma, with points; of another as they are."""
    pointed = commas_to_points(pa.chunked_array([pa.array(texts, pa.string())])).to_pandas()
    plain = pointed[~pointed.isin([*MISSING, NULL])]
    finite = np.isfinite(numbers_in(plain[~words(plain)]))
    is_numeric = finite.sum() > MOST_NUMBER_CATEGORIES and (~finite).sum() <= MOST_SPECIAL
    return pointed.astype(object) if is_numeric else texts
