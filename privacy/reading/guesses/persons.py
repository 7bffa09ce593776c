"""Columns that name people, and free text: by what their values look like.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import re

import pandas as pd

from privacy.reading.guesses.names import words

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

CALLED_NAME = ("name", "names")
TWO_NAMES = r"(Dr\.? |Prof\.? )?[^\W\d_][\w'’-]+( [^\W\d_]\.)?( [^\W\d_][\w'’-]+){1,2}"
"""A first name and another; drugs and wards are called so too, so it counts in a column called name alone."""

CALLED_COMMENT = re.compile(
    r"(^| )(comments?|notes?|remarks?|narrative|free text|history|bemerkung(en)?|kommentare?|notiz(en)?|befund)"
    r"( |$)"
).search

WORDS = 4
"""A text of so many words is a sentence."""
SENTENCES = 0.5
MOST_SENTENCES = 50
"""More distinct sentences than a list of answers has."""


def looks(name: str, texts: pd.Series) -> str:
    """What direct identifier the texts look like, "" for none. ``name``: what their column is called."""
    if len(texts) <= LEAST:
        return ""
    called = {"names a person": TWO_NAMES} if words(name) in CALLED_NAME else {}
    for what, pattern in (*LOOKS.items(), *called.items()):
        if texts.str.strip().str.fullmatch(pattern).mean() >= MOSTLY:
            return what
    return ""


def is_free_text(name: str, texts: pd.Series, rows: float) -> bool:
    """Whether the texts are sentences, too many to be answers to choose from.

    ``name``: of a column that is called a comment, fewer are none.
    """
    own = len(texts) > rows / 2 or CALLED_COMMENT(words(name)) is not None
    many = len(texts) > MOST_SENTENCES or (len(texts) > LEAST and own)
    if not many:
        return False
    sentences = [len(re.findall(r"\S+", t)) >= WORDS or "\n" in t for t in texts]
    return sum(sentences) >= SENTENCES * len(texts)
