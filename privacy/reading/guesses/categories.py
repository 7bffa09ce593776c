"""A column of a few texts or of known codes, as lines of a draft; one answer may be spelled in several ways.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from privacy.reading.guesses.lines import quoted
from privacy.reading.guesses.missing import few_codes
from privacy.reading.numerals import numbers_in
from privacy.schema.schema import DRAFT_MARK

CODES = {
    "ATC": (r"[A-Z]\d\d[A-Z]{2}\d\d", [5, 4, 3, 1]),
    "ICD-10": (r"[A-Z]\d[0-9A-Z](\.?[0-9A-Z]{1,4})?", [3, 1]),
    "ICD-9": (r"(\d{3}|V\d\d|E\d{3})(\.\d{1,2})?", [3, 1]),
    "ZIP": (r"\d{5}(-\d{4})?", [3, 1]),
}
"""Well-known codes: how they are written, and the prefixes of a hierarchy."""
MOSTLY = 0.9
"""So many of the distinct texts have to be written so."""

ANSWERS = (
    ("y", "yes", "true", "t", "ja", "j", "oui", "si", "sí", "sim"),
    ("n", "no", "false", "f", "nein", "non", "não", "nao"),
)
"""How yes and no are spelled."""


def in_order(texts: pd.Series) -> np.ndarray:
    """The order in which categories are listed: numbers first, by size."""
    numbers = numbers_in(texts)
    return np.lexsort((texts, np.where(np.isfinite(numbers), numbers, np.inf)))


def listing(texts: pd.Series, counts: np.ndarray | None = None) -> list[str]:
    """The lines of a column of few texts, each a category; of several spellings the most frequent.

    ``counts``: how often each occurs; without them each text is a category of its own.
    """
    aliases = {} if counts is None else spellings(texts, counts)
    kept = texts[~texts.isin([*aliases])]
    values = [f"      - {quoted(text)}  {DRAFT_MARK}" for text in kept.iloc[in_order(kept)]]
    lines = ["    kind: categorical", "    categories:", *values]
    if aliases:
        lines += [
            f"    aliases: {quoted(aliases)}  # spellings of one answer, taken as one  {DRAFT_MARK}"
        ]
    if asked := few_codes(kept):
        told = ", ".join(map(repr, asked))
        lines += [
            f"    # {told}: no answer? then under missing_values, with missing: keep, and not a category  "
            f"{DRAFT_MARK}"
        ]
    return lines


def spellings(texts: pd.Series, counts: np.ndarray) -> Mapping[str, str]:
    """Text → the most frequent one that says the same: in another case, with blanks, as yes or no, 1.0 as 1."""
    groups: dict[str, list[int]] = {}
    for i, text in enumerate(texts):
        groups.setdefault(_sense(text), []).append(i)
    yes_or_no = set(groups) <= {"yes", "no"}
    found: dict[str, str] = {}
    for sense, members in groups.items():
        if sense in ("yes", "no") and not yes_or_no:  # T and F may be something else
            by_case: dict[str, list[int]] = {}
            for i in members:
                by_case.setdefault(texts.iloc[i].strip().casefold(), []).append(i)
            parts = [*by_case.values()]
        else:
            parts = [members]
        for part in parts:
            best = texts.iloc[max(part, key=lambda i: (counts[i], texts.iloc[i]))]
            if re.fullmatch(r"\d+\.0", best) and best[:-2] in set(texts):
                best = best[:-2]
            found |= {texts.iloc[i]: best for i in part if texts.iloc[i] != best}
    return found


def _sense(text: str) -> str:
    plain = " ".join(text.split()).casefold()
    for answer, ways in zip(("yes", "no"), ANSWERS, strict=True):
        if plain in ways:
            return answer
    return plain.removesuffix(".0") if re.fullmatch(r"\d+\.0", plain) else plain


def are_diagnoses(texts: pd.Series) -> bool:
    """Whether texts are codes of diseases or drugs, and not numbers of people: they begin in several ways."""
    several = texts.str[:1].nunique() > 2
    return several and any(
        texts.str.fullmatch(CODES[c][0]).mean() >= MOSTLY for c in ("ATC", "ICD-10")
    )


def hierarchy(texts: pd.Series) -> list[str]:
    """A hierarchy to choose, as a comment, for a column of well-known codes."""
    for what, (pattern, prefixes) in CODES.items():
        if texts.str.fullmatch(pattern).mean() >= MOSTLY:
            told = f"hierarchy: {{prefixes: {prefixes}}}"
            return [
                f"    # {told}  # {what}? then a rare code falls back to its parent, not to other"
            ]
    return []
