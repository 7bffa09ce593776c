"""Types, constraints and formats that table schemas in JSON have in common → a field.

Privacy claim: none; reads documents alone.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from privacy.dictionaries.field import FREE_TEXT, Field, identifier, left_out, unlisted
from privacy.reading.guesses.names import identifies

WHOLE = {
    "integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger",
    "negativeInteger", "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte",
}  # fmt: skip
NUMBERS = {"number", "float", "double", "decimal", "numeric"}
SIGNS = {"nonNegativeInteger": 0, "positiveInteger": 1, "unsignedInt": 0, "unsignedLong": 0,
         "unsignedShort": 0, "unsignedByte": 0}  # fmt: skip
"""The least that a type of XML Schema holds."""
TIMES = {
    "date": (None, "day"),
    "datetime": (None, "second"),
    "date-time": (None, "second"),
    "dateTime": (None, "second"),
    "dateTimeStamp": (None, "second"),
    "time": ("%H:%M:%S", "second"),
    "yearmonth": ("%Y-%m", "day"),
    "gYearMonth": ("%Y-%m", "day"),
}
"""Types of times: how they are written, and to what they are kept."""
LONG = 60
"""A text that may be longer is no code."""


def typed(
    name: str,
    kind: str,
    description: str,
    said: Mapping[str, Any],
    required: bool,
    values: Sequence[Any] = (),
) -> Field:
    """A column of a type. ``said``: its constraints, by the names that JSON Schema and Table Schema share.

    ``values``: those that it may have, where they are listed.
    """
    written = tuple(dict.fromkeys(t for t in map(as_text, values) if t))
    if written and kind not in ("date", "datetime"):
        return Field(name, "categorical", description, categories=written, required=required)
    low, high = said.get("minimum"), said.get("maximum")
    if kind in WHOLE:
        low = SIGNS.get(kind, low) if low is None else low
        return Field(
            name, "integer", description, low=number(low), high=number(high), required=required
        )
    if kind in NUMBERS:
        places = decimals_of(said.get("multipleOf"))
        return Field(
            name,
            "float",
            description,
            low=number(low),
            high=number(high),
            decimals=places,
            required=required,
        )
    if kind in ("year", "gYear"):
        bounds = {"low": number(low) or 1900, "high": number(high) or 2099}
        return Field(name, "integer", description, required=required, **bounds)  # type: ignore[arg-type]
    if kind in TIMES:
        form, resolution = TIMES[kind]
        field = Field(name, "datetime", description, format=form, required=required)
        field = replace(field, low=time(low), high=time(high), resolution=resolution)  # type: ignore[arg-type]
        return _of_day(field) if kind == "time" else field
    return _text(name, kind, description, said, required)


def _of_day(field: Field) -> Field:
    start = dt.datetime(1900, 1, 1)
    told = "a time of day, read as one of 1 January 1900"
    return replace(field, low=start, high=start + dt.timedelta(seconds=86_399), remarks=(told,))


def _text(name: str, kind: str, description: str, said: Mapping[str, Any], required: bool) -> Field:
    """A text: codes that a pattern lists, somebody's name, a code that nobody lists, or free text."""
    if what := identifies(name, description) or _named(said):
        return identifier(name, what, description, required=required)
    if codes := alternatives(str(said.get("pattern") or "")):
        return Field(name, "categorical", description, categories=codes, required=required)
    if kind not in ("string", "normalizedString", "token", "any", "anyAtomicType", "literal", ""):
        return left_out(name, f"of type {kind}, which is not modelled", description)
    longest = number(said.get("maxLength"))
    if longest is not None and longest > LONG:
        return left_out(name, FREE_TEXT, description)
    return unlisted(name, description, required=required)


def _named(said: Mapping[str, Any]) -> str:
    form = said.get("format")
    known = {"email": "is an e-mail address", "uuid": "is a number that names something",
             "uri": "is an address", "ipv4": "is an address on a network"}  # fmt: skip
    return known.get(form, "") if isinstance(form, str) else ""


def alternatives(pattern: str) -> tuple[str, ...]:
    """The texts that a pattern lists: ``^(M|F)$``; none where it says anything else."""
    found = re.fullmatch(r"\^?(?:\((?:\?:)?)?((?:[\w .<>=+-]+\|)+[\w .<>=+-]+)\)?\$?", pattern)
    return tuple(dict.fromkeys(found[1].split("|"))) if found and "." not in pattern else ()


def as_text(value: Any) -> str:
    """A value of JSON as a CSV file writes it; "" for null."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def number(value: Any) -> float | None:
    """A number, also as text; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def time(value: Any) -> dt.datetime | None:
    """A date or time as ISO 8601 writes it, without its offset; None for anything else."""
    try:
        return dt.datetime.fromisoformat(str(value)).replace(tzinfo=None) if value else None
    except ValueError:
        return None


def decimals_of(step: Any) -> int | None:
    """Digits after the point of multiples of a step: 0.1 → 1."""
    text = f"{step:.12f}".rstrip("0") if isinstance(step, int | float) and step else ""
    return len(text.partition(".")[2]) if text and len(text.partition(".")[2]) <= 6 else None


def readable(found: Mapping[str, Any]) -> dict[str, Any]:
    """How a file is written, as far as it differs from what is usual and is something to read a file by."""
    usual = {"separator": ",", "encoding": "utf-8", "decimal": "."}
    kept = {k: v for k, v in found.items() if v is not None and v != usual.get(k)}
    separator, encoding = kept.get("separator"), kept.get("encoding")
    if not (isinstance(separator, str) and len(separator) == 1 and separator not in '"\r\n'):
        kept.pop("separator", None)
    try:
        "a".encode("utf-8" if encoding is None else encoding)
    except (LookupError, TypeError, UnicodeError):
        kept.pop("encoding")
    return kept


def texts(value: Any) -> tuple[str, ...]:
    """One text or several, as a tuple; of ``{value, label}`` the value."""
    found = [] if value is None else value if isinstance(value, list) else [value]
    return tuple(str(v.get("value", "")) if isinstance(v, dict) else str(v) for v in found)
