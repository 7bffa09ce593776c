"""A column of dates or times, as lines of a draft.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from itertools import chain

import numpy as np

from privacy.reading.guesses.dates import DIGITS, Dates, dates_in
from privacy.reading.guesses.lines import quoted
from privacy.schema.schema import DRAFT_MARK

DATE = "    kind: datetime"
SPELLED = {"Y": "YYYY", "m": "MM", "d": "DD", "H": "hh", "M": "mm", "S": "ss"}
STAND_INS = (dt.date(1800, 1, 1), dt.date(1899, 12, 30), dt.date(1899, 12, 31), dt.date(1900, 1, 1))
"""Days that programs write where there is no date."""
APART = dt.timedelta(days=3650)
"""By how much they precede every other."""


def this_year() -> int:
    """The year that the machine's clock says; two-digit years are at first read as not after it."""
    return dt.date.today().year


def read_dates(texts: Sequence[str]) -> Dates | None:
    """What the texts say, where all are dates or times."""
    return dates_in(texts, this_year()) if len(texts) > 1 else None


def stand_ins(dates: Dates) -> np.ndarray:
    """Which of the dates stand for none: a usual first day, long before all others."""
    odd = np.array([time.date() in STAND_INS for time in dates.times], dtype=bool)
    others = [time for time, bad in zip(dates.times, odd, strict=True) if not bad]
    first = [time for time, bad in zip(dates.times, odd, strict=True) if bad]
    if len(others) < 2 or not first or min(others) - max(first) < APART:
        return np.zeros(len(odd), dtype=bool)
    return odd


def datetime_lines(dates: Dates) -> list[str]:
    """Kind, format, bounds and resolution."""
    midnight = dt.time()
    clock = all(time.date() == dt.date(1900, 1, 1) for time in dates.times)
    days = all(time.time() == midnight for time in dates.times) and not clock
    first, latest = min(dates.times), max(dates.times)
    last = latest.date() + dt.timedelta(days=latest.time() != midnight or latest == first)
    kind, form = DATE, dates.formats[0] if dates.formats else ""
    if form in chain(*DIGITS.values()):
        shown = re.sub("%(.)", lambda part: SPELLED[part[1]], form)
        kind += f"  # whole numbers that look like dates, {shown}; if they are none: kind: integer"
    if clock:
        kind += "  # a time of day or a duration, read as one of 1 January 1900"
    lines = [kind]
    if form:
        lines.append(f"    format: {quoted(form)}{_asked(dates.formats)}")
    if dates.pivot is not None:
        last = min(last, dt.date(dates.pivot, 12, 31))
        span = f"{dates.pivot - 99} to {dates.pivot}"
        lines.append(f"    pivot: {dates.pivot}  # two-digit years are read as {span}; is that so?")
    lines.append(f"    bounds: {quoted([first.date(), last])}  {DRAFT_MARK}")
    if dates.offsets:
        lines.append(
            "    # zone: which? texts carry an offset; without a zone (America/Chicago) the local time is"
            " kept and the offset left out"
        )
    return [
        *lines,
        f"    resolution: {'day' if days else 'second'}",
        "    out_of_range: clamp  # bins: none given, so they are measured under a charge",
    ]


def _asked(formats: tuple[str, ...]) -> str:
    """What a person has to know or to answer about a format."""
    form, *others = formats
    if others:
        return (
            f"  # which? every text fits {' and '.join(map(quoted, others))} as well  {DRAFT_MARK}"
        )
    if re.match("%d[/.-]%m", form):
        return "  # the day first: some texts fit no other order"
    return (
        "  # the month first: some texts fit no other order" if re.match("%m[/.-]%d", form) else ""
    )
