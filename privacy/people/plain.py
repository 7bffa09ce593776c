"""The plain form of names and values: what stays the same when another tool writes the same file.

Each text is brought into it alone. The form decides nothing of what a value means, only whose it is.

Privacy claim: none; no text changes the form of another.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from privacy.reading.formats.strict import NULL

_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_LARGE = re.compile(r"\d\.\d+e\+\d\d")
"""As Arrow writes a number of eleven digits and more that came as a float."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(\.\d+)?")
_TRUTH = {"true", "false"}


def plain_name(text: str) -> str:
    """The name of a unit: as 12 where it is written 12.0, without blanks around it, in one Unicode form."""
    name = unicodedata.normalize("NFC", text).strip()
    if _LARGE.fullmatch(name):
        return _without_zeros(f"{Decimal(name):f}")
    whole = _WHOLE.fullmatch(name)
    return whole[1] if whole else name


def plain_value(text: str) -> str:
    """A value as it stays through CSV and Parquet: numbers, truth values and times in one form, "" for none."""
    if text == NULL:
        return ""
    value = unicodedata.normalize("NFC", text).strip()
    if _NUMBER.fullmatch(value):
        number = Decimal(value)
        return _without_zeros(f"{number:f}") if number else "0"
    if found := _INSTANT.fullmatch(value):
        day, minutes, seconds, part = found.groups("")
        clock = f"{minutes}{seconds or ':00'}{part.rstrip('0').rstrip('.')}"
        return day if clock == "00:00:00" else f"{day} {clock}"
    return value.lower() if value.lower() in _TRUTH else value


def _without_zeros(number: str) -> str:
    """A decimal number without zeros at its end and without a plus."""
    return (number.rstrip("0").rstrip(".") if "." in number else number).removeprefix("+")
