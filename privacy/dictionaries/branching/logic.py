"""REDCap's branching logic as text → comparisons of fields with values, joined by ``and`` and ``or``.

What is read: ``[field]`` or ``[field(choice)]``, one of ``= <> != < <= > >=``, and a number or a text in
quotes; brackets; ``and`` binds closer than ``or``. Functions, sums, other events and two fields that are
compared are not read.

Privacy claim: none; a data dictionary holds no row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

FIELD = re.compile(r"\[(\w+)(?:\((-?\w+)\))?\]")
TOKEN = re.compile(
    rf"\s*({FIELD.pattern}|<>|!=|<=|>=|[=<>()]|'[^']*'|\"[^\"]*\"|-?\d+(?:\.\d+)?\b|and\b|or\b)\s*",
    re.IGNORECASE,
)
SIGNS = ("=", "<>", "!=", "<", "<=", ">", ">=")
MOST = 200
"""So many signs of a condition are read, which bounds how deep brackets lie."""


@dataclass(frozen=True)
class Comparison:
    """``choice``: of a checkbox, None for other fields. ``sign``: ``!=`` is written ``<>``."""

    field: str
    choice: str | None
    sign: str
    value: str


@dataclass(frozen=True)
class Joined:
    """Several conditions of which all hold, or at least one."""

    word: Literal["and", "or"]
    parts: tuple[Logic, ...]


Logic = Comparison | Joined
Tokens = Sequence[str]
Found = tuple[Logic | None, Tokens]
"""What the first signs say, and those that are left."""


def parsed(text: str) -> Logic | None:
    """What a condition says; None where it says what is not read here."""
    tokens, at = [], 0
    while at < len(text) and (found := TOKEN.match(text, at)):
        tokens.append(found[1])
        at = found.end()
    if at < len(text) or len(tokens) > MOST:
        return None
    logic, left = _either(tokens)
    return None if left else logic


def _either(tokens: Tokens) -> Found:
    return _joined("or", _all, tokens)


def _all(tokens: Tokens) -> Found:
    return _joined("and", _one, tokens)


def _joined(word: Literal["and", "or"], one: Callable[[Tokens], Found], tokens: Tokens) -> Found:
    found, left = one(tokens)
    parts = [found]
    while left and left[0].lower() == word:
        found, left = one(left[1:])
        parts.append(found)
    known = tuple(p for p in parts if p is not None)
    if len(known) < len(parts):
        return None, left
    return (known[0] if len(known) == 1 else Joined(word, known)), left


def _one(tokens: Tokens) -> Found:
    if tokens and tokens[0] == "(":
        found, left = _either(tokens[1:])
        return (found, left[1:]) if left and left[0] == ")" else (None, left)
    if len(tokens) < 3:
        return None, ()
    name, sign, value = FIELD.fullmatch(tokens[0]), tokens[1], tokens[2]
    in_quotes = value[0] in "'\""
    if name is None or sign not in SIGNS or not (in_quotes or value[-1].isdigit()):
        return None, tokens[3:]
    text = value[1:-1].strip() if in_quotes else value
    sign = "<>" if sign == "!=" else sign
    return Comparison(name[1], name[2], sign, text), tokens[3:]
