"""Which formats all texts of a column fit, so that a draft can say that they are dates.

Where two readings fit every text (day or month first) both are named; the choice is a person's.

Privacy claim: none, on purpose; looks at private texts for a draft.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from privacy.schema.times import Written, two_digit_years

ISO = re.compile(r"\d{4}-\d\d(?!\d)")
DIGITS = {
    8: ("%Y%m%d", "%d%m%Y", "%m%d%Y"),
    12: ("%Y%m%d%H%M",),
    14: ("%Y%m%d%H%M%S",),
}
"""By how many digits there are, what they may say."""
SHAPES = {
    r"\d{1,2}([/.-])\d{1,2}\1\d{4}": ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y"),
    r"\d{4}([/.-])\d{1,2}\1\d{1,2}": ("%Y{0}%m{0}%d",),
    r"\d{4}([/.-])\d{2}": ("%Y{0}%m",),
    r"\d{1,2}([/.-])\d{1,2}\1\d{2}": ("%d{0}%m{0}%y", "%m{0}%d{0}%y", "%y{0}%m{0}%d"),
    r"\d{1,2}([ /.-]?)[A-Za-z]{3,}\1\d{4}": ("%d{0}%b{0}%Y", "%d{0}%B{0}%Y"),
    r"\d{1,2}([ /.-]?)[A-Za-z]{3,}\1\d{2}": ("%d{0}%b{0}%y", "%d{0}%B{0}%y"),
    r"[A-Za-z]{3,}([ /.-])\d{4}": ("%b{0}%Y", "%B{0}%Y"),
    r"[A-Za-z]{3,}([ /.-])\d{2}": ("%b{0}%y", "%B{0}%y"),
    r"\d{1,2}([/.-])\d{4}": ("%m{0}%Y",),
    r"[A-Za-z]{3,}( )\d{1,2}, \d{4}": ("%b %d, %Y", "%B %d, %Y"),
}
CLOCK = re.compile(
    r"(?P<gap>[ T])\d{1,2}:\d{2}(?P<second>:\d{2})?(?P<part>\.\d+)?(?P<half> ?[AaPp][Mm])?"
    r"(?P<offset> ?(?:Z|[+-]\d{2}:?\d{2}))?$"
)
TIME = re.compile(r"\d{1,2}:\d{2}(?P<second>:\d{2})?(?P<half> ?[AaPp][Mm])?")
YEARS = range(1900, 2101)
ISO_YEARS = range(1679, 2262)
"""What a schema can hold."""


@dataclass(frozen=True)
class Dates:
    """Texts that are all dates.

    ``times``: the local times that they say. ``formats``: those that every one of them fits; none for ISO 8601.
    ``offsets``: whether any has one. ``pivot``: of two-digit years.
    """

    times: list[dt.datetime]
    formats: tuple[str, ...]
    offsets: bool
    pivot: int | None


def dates_in(texts: Sequence[str], this_year: int) -> Dates | None:
    """What the texts say, where all are dates or times; None otherwise.

    Two-digit years are read as the latest that are not after ``this_year``.
    """
    if ISO.match(texts[0]) and (dates := _read(texts, None, this_year)):
        return dates if all(t.year in ISO_YEARS for t in dates.times) else None
    found = {form: _read(texts, form, this_year) for form in _formats_like(texts[0])}
    fitting = {f: d for f, d in found.items() if d and all(t.year in YEARS for t in d.times)}
    if not fitting:
        return None
    first = next(iter(fitting.values()))
    return Dates(first.times, tuple(fitting), first.offsets, first.pivot)


def is_a_date(text: str) -> bool:
    """Whether a text by itself is a date, in any form."""
    return dates_in([text], YEARS[-1]) is not None


def _formats_like(text: str) -> tuple[str, ...]:
    """The formats that a text of this shape may have."""
    whole = text.removesuffix(".0")
    if whole.isascii() and whole.isdigit():
        return DIGITS.get(len(whole), ())
    if digits := re.fullmatch(r"(\d{12}|\d{14})(Z|[+-]\d{4})", text, re.ASCII):
        return tuple(form + "%z" for form in DIGITS[len(digits[1])])
    if alone := TIME.fullmatch(text):
        half = alone["half"] or ""
        second = ":%S" * bool(alone["second"])
        return (
            f"{'%I' if half else '%H'}:%M{second}{' ' * half.startswith(' ')}{'%p' * bool(half)}",
        )
    clock = CLOCK.search(text)
    day, time = (text[: clock.start()], _clock(clock)) if clock else (text, "")
    for shape, formats in SHAPES.items():
        if found := re.fullmatch(shape, day, re.ASCII):
            return tuple(form.format(found[1]) + time for form in formats)
    return ()


def _clock(found: re.Match[str]) -> str:
    half, offset = found["half"] or "", found["offset"] or ""
    hour = "%I" if half else "%H"
    second = ":%S" * bool(found["second"]) + ".%f" * bool(found["part"])
    zone = " %z" if offset.startswith(" ") else "%z" * bool(offset)
    return f"{found['gap']}{hour}:%M{second}{' ' * half.startswith(' ')}{'%p' * bool(half)}{zone}"


def _read(texts: Sequence[str], form: str | None, this_year: int) -> Dates | None:
    written = Written(form, "second", None, this_year if two_digit_years(form) else None)
    times, offsets = [], False
    for text in texts:
        time, offset = written.read(text)
        if time is None:
            return None
        times.append(time)
        offsets |= offset
    return Dates(times, (form,) if form else (), offsets, written.pivot)
