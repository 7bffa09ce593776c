"""Numbers and dates that no schema can read as they are written, and how to write them.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import re
from collections import Counter

import pandas as pd

from privacy.reading.guesses.dates import is_a_date
from privacy.reading.guesses.missing import WORDS

MOSTLY = 0.9
LEAST = 10
"""Fewer distinct texts are answers to choose from."""

NUMBER = r"[+-]?\d+(?:[.,]\d+)?"
THOUSANDS = (
    r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?",
    r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?",
    r"[+-]?\d{1,3}([ \u00a0\u202f'’]\d{3})+([.,]\d+)?",
)
UNIT = re.compile(
    rf"([$€£¥]?)\s*[<>≤≥]?\s*(?:{NUMBER}|\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?)\s*([^\d\s.,;:()<>=/-][^\d\s,;()]{{0,11}})?"
)
PAIR = r"\d{2,3}\s*/\s*\d{2,3}"
MINUS = r"[−–‒]?\s*\d+([.,]\d+)?"
CENSORED = rf"[<>≤≥]=?\s*{NUMBER}"
MONTHS = r"\d{1,2}\.?[ -][^\W\d_]{3,}\.?[ -]\d{2,4}"
MIXED = "decimals after a comma, and elsewhere after a point: write the file in one way, and draft again"


def remedy(texts: pd.Series) -> str:
    """What numbers or dates in another dress are, and what to do; "" where the texts are none."""
    plain = texts.str.strip()
    plain = plain[[WORDS.fullmatch(t) is None for t in plain]]
    if len(plain) <= LEAST:
        return ""

    def are(pattern: str, least: float = MOSTLY) -> bool:
        return bool(plain.str.fullmatch(pattern).mean() >= least)

    for pattern in THOUSANDS:
        if plain.str.fullmatch(pattern).sum() > LEAST / 2 and are(rf"{pattern}|{NUMBER}"):
            return "numbers with signs between thousands (1,234): write 1234, and draft again"
    if are(PAIR):
        return "two numbers in a cell (120/80): give each a column of its own, and draft again"
    if _have_unit(plain):
        return "numbers with a unit (72 kg): write numbers alone, name the unit in the header, and draft again"
    if are(MINUS) and plain.str.contains("[−–‒]").any():
        return "numbers with a dash for a minus sign (−5): write -5, and draft again"
    if are(rf"{CENSORED}|{NUMBER}") and plain.str.fullmatch(CENSORED).sum() > 0:
        return (
            "numbers with many limits of detection (<5): write the limit as a number, say which it is in "
            "a column of its own, and draft again"
        )
    if are(MONTHS):
        return "dates with names of months that are not English: write 2021-03-15, and draft again"
    if all(is_a_date(text) for text in plain):
        return (
            "dates that are written in more than one way: write all as 2021-03-15, and draft again"
        )
    return ""


def _have_unit(texts: pd.Series) -> bool:
    """Whether nearly all numbers have the same unit."""
    found = Counter(m[1] or m[2] or "" for t in texts if (m := UNIT.fullmatch(t)))
    unit, times = found.most_common(1)[0] if found else ("", 0)
    return bool(unit) and times >= MOSTLY * len(texts)
