"""Texts and numbers that stand for a missing value: surely, or as a question.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from privacy.reading.guesses.lines import quoted
from privacy.reading.numerals import numbers_in
from privacy.schema.schema import DRAFT_MARK

MISSING = (
    "", "?", ".", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "NULL", "null", "None",
)  # fmt: skip
"""Texts that usually stand for a missing value."""

WORDS = re.compile(
    r"unknown|unk|unbekannt|inconnu|desconocido|missing|not (known|done|recorded|available|applicable|stated"
    r"|given)|no data|n\.? ?[akd]\.?|k\. ?a\.?|keine angabe|nicht (bekannt|erhoben)|none|nil|no answer|refused"
    r"|--?-?|[—–*]|x+|#(value|div/0|ref|num|name|null)[!?]?",
    re.IGNORECASE,
)
"""What else people write for one, which may as well be an answer."""

BELOW = (-1.0, -8.0, -9.0, -99.0, -999.0, -9999.0, -99999.0)
ABOVE = (99.0, 999.0, 9999.0, 99999.0, 999999.0)
"""Numbers that often stand for a missing value, where every other is positive, or less than half as large."""
FEW = (9.0, 77.0, 88.0, 98.0, *ABOVE, *BELOW)
"""The same among a few codes."""
LEAST = 10
"""So many other numbers have to be there before one is taken for a code."""

NO_DATE = re.compile(
    r"(9999|0000)\D?(99|00|12)\D?(99|00|31)|(99|00|31|12)\D(99|00|12|31)\D(9999|0000)|9{8}|0{8}"
)
"""Dates that nobody has."""


def kept(missing: list[str]) -> list[str]:
    """The lines that say that a value may be missing, and by which texts."""
    return ["    missing: keep", f"    missing_values: {quoted(missing)}  {DRAFT_MARK}"]


def words(texts: pd.Series) -> np.ndarray:
    """Which texts say in words that there is no value, bool [n]."""
    return np.array([WORDS.fullmatch(t.strip()) is not None for t in texts], dtype=bool)


def no_dates(texts: pd.Series) -> np.ndarray:
    """Which texts are dates that nobody has, bool [n]."""
    return np.array([NO_DATE.match(t.strip()) is not None for t in texts], dtype=bool)


def codes(texts: pd.Series, missing: np.ndarray) -> np.ndarray:
    """Which texts of a column are numbers that stand for a missing value: they lie far from all others."""
    numbers = numbers_in(texts)
    numbers[missing] = np.nan
    below, above = np.isin(numbers, BELOW), np.isin(numbers, ABOVE)
    plain = numbers[np.isfinite(numbers) & ~below & ~above]
    if len(plain) <= LEAST:
        return np.zeros(len(texts), dtype=bool)
    alone = plain.max() < np.where(above, numbers, np.inf) / 2
    return np.asarray((below & (plain.min() >= 0)) | (above & alone))


def few_codes(texts: pd.Series) -> list[str]:
    """Categories that may stand for no answer: words, or numbers far from all others."""
    found = words(texts)
    numbers = numbers_in(texts)
    odd = np.isin(numbers, FEW)
    plain = numbers[np.isfinite(numbers) & ~odd]
    if len(plain) > 1:
        found |= odd & ((numbers < 0) & (plain.min() >= 0) | (numbers / 2 > plain.max()))
    return sorted(texts[found]) if 0 < found.sum() < len(texts) else []
