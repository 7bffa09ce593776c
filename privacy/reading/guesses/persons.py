"""Columns that name people, and free text: by what their values look like.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import re

import pandas as pd

MOSTLY = 0.9
"""So many of the distinct texts have to look so."""
LEAST = 10
"""Fewer distinct texts name nobody."""

LOOKS = {
    "is an e-mail address": r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}",
    "is a telephone number": r"(\+\d{1,3}[ .-]?)?\(?\d{2,5}\)?[ ./-]\d{3,4}[ ./-]?\d{3,6}( ?x\d+)?",
    "is a social security number": r"\d{3}-\d{2}-\d{4}",
    "is an address on a network": r"https?://\S+|(\d{1,3}\.){3}\d{1,3}",
    "is a number that names something": r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}",
    "names a person": r"(Dr\.? |Prof\.? )?[^\W\d_][\w'’-]+, [^\W\d_][\w'’ .-]*",
}

WORDS = 4
"""A text of so many words is a sentence."""
SENTENCES = 0.5
MOST_SENTENCES = 50
"""More distinct sentences than a list of answers has."""


def looks(texts: pd.Series) -> str:
    """What direct identifier the texts look like, "" for none."""
    if len(texts) <= LEAST:
        return ""
    for what, pattern in LOOKS.items():
        if texts.str.strip().str.fullmatch(pattern).mean() >= MOSTLY:
            return what
    return ""


def is_free_text(texts: pd.Series, rows: float) -> bool:
    """Whether the texts are sentences, too many to be answers to choose from."""
    many = len(texts) > MOST_SENTENCES or (len(texts) > LEAST and len(texts) > rows / 2)
    if not many:
        return False
    sentences = [len(re.findall(r"\S+", t)) >= WORDS or "\n" in t for t in texts]
    return sum(sentences) >= SENTENCES * len(texts)
