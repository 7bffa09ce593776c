"""How a date or time is written, and the local time that it says: text → time → text, each by itself.

A time is kept as its *wall-clock* time, so that the hour and the day are those that whoever wrote it saw. An
offset in a text is left out, or, where a zone is declared, turned into the zone's own time. A local time that
the zone never had, because its clocks went forward, is the one that the clocks showed instead; of one that it
had twice the first is written.

Privacy claim: none; what a text says depends on no other text, and on nothing of this machine.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd

ISO = {"day": "%Y-%m-%d", "second": "%Y-%m-%dT%H:%M:%S"}

_OFFSET = re.compile(r"%%|\s*%z")
_DIGITS = re.compile(r"(?:%[YymdHMSjf]|[0-9])+")
_NUMBER = re.compile(r"[0-9]+(?:\.0+)?|[0-9]\.[0-9]+e\+[0-9]{2}")
"""Digits, also as pandas (20180614.0) and Arrow (2.0180614e+13) write them once they were floats."""


def two_digit_years(form: str | None) -> bool:
    """Whether a format writes years without their century."""
    return form is not None and bool(re.search("%[yx]", form.replace("%%", "")))


@cache
def zones() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(available_timezones()) - {"localtime"}


def instant(text: str, form: str | None) -> np.datetime64:
    """One text as a point in time, by what stands in it alone; no zone or pivot of a schema counts.

    By this form people are known again, so it stays what it is.
    """
    try:
        time = dt.datetime.strptime(text, form) if form else dt.datetime.fromisoformat(text)
        if time.tzinfo is not None:
            time = time.astimezone(dt.UTC).replace(tzinfo=None)
        return np.datetime64(time, "s")
    except (ValueError, OverflowError):
        return np.datetime64("NaT", "s")


@dataclass(frozen=True)
class Written:
    """How the times of a column are written.

    ``format``: as in strptime; None for ISO 8601. ``zone``: whose clocks they were read from.
    ``pivot``: two-digit years are the latest that are not after it.
    """

    format: str | None = None
    resolution: Literal["day", "second"] = "day"
    zone: str | None = None
    pivot: int | None = None

    @cached_property
    def has_offset(self) -> bool:
        """Whether times are written with their zone's offset: where there is one, and a place for it."""
        has_place = self.format is None or self.format != self._plain
        return self.zone is not None and self.resolution == "second" and has_place

    @cached_property
    def pattern(self) -> str:
        """The format of what is written here."""
        if self.format is None:
            return ISO[self.resolution] + "%z" * self.has_offset
        return self.format if self.has_offset else self._plain

    @cached_property
    def _plain(self) -> str:
        """The format without a place for an offset."""
        return _OFFSET.sub(lambda m: m[0] if m[0] == "%%" else "", self.format or "")

    @cached_property
    def _width(self) -> int:
        """The length of texts of digits alone, which lose zeros as numbers do; 0 for other formats."""
        if self.format is None or not _DIGITS.fullmatch(self.format):
            return 0
        return len(dt.datetime(2000, 1, 1).strftime(self.format))

    def read(self, text: str) -> tuple[dt.datetime | None, bool]:
        """The local time of one text, None where it says none, and whether an offset was left out of it."""
        try:
            time = self._parsed(text).replace(microsecond=0)
            if self.zone is not None:
                return _local(time, self.zone).replace(tzinfo=None), False
            return time.replace(tzinfo=None), time.tzinfo is not None
        except (ValueError, OverflowError):
            return None, False

    def _parsed(self, text: str) -> dt.datetime:
        if self.format is None:
            return dt.datetime.fromisoformat(text)
        time = self._by_format(self._digits(text) if self._width else text, self.format)
        if self.pivot is not None and two_digit_years(self.format):
            return time.replace(year=self.pivot - (self.pivot - time.year) % 100)
        return time

    def _by_format(self, text: str, form: str) -> dt.datetime:
        try:
            return dt.datetime.strptime(text, form)
        except ValueError:
            if form == self._plain:
                raise
            return dt.datetime.strptime(text, self._plain)

    def _digits(self, text: str) -> str:
        """A number as its digits, with the zeros in front that it lost."""
        if not _NUMBER.fullmatch(text):
            raise ValueError("not digits")
        whole = f"{Decimal(text):f}".partition(".")[0]
        if not (self.format or "").startswith("%Y"):  # no year begins with a zero
            whole = whole.zfill(self._width)
        if len(whole) != self._width:
            raise ValueError("not as many digits as the format has")
        return whole

    def write(self, times: pd.Series) -> pd.Series:
        """Local times as texts; None for NaT."""
        found = np.full(len(times), None, dtype=object)
        known, distinct, which = _distinct(times)
        found[known] = np.array([self.text(time) for time in distinct], dtype=object)[which]
        return pd.Series(found, index=times.index, dtype=object)

    def text(self, time: dt.datetime) -> str:
        """One local time as text."""
        at = time if self.zone is None else _local(time, self.zone)
        if self.has_offset and self.format is None:
            return at.isoformat(timespec="seconds")
        return at.strftime(self.pattern)

    def floor(self, time: dt.datetime) -> dt.datetime:
        """A time without what is below the resolution."""
        whole = time.replace(microsecond=0)
        return whole.replace(hour=0, minute=0, second=0) if self.resolution == "day" else whole

    def again(self, time: dt.datetime) -> dt.datetime | None:
        """A local time once it was written and read; None where it cannot be read."""
        found, _ = self.read(self.text(time))
        return found and self.floor(found)

    @cached_property
    def is_coarse(self) -> bool:
        """Whether the format leaves out what the resolution keeps: the day of a month, the hour of a day."""
        time = self.floor(dt.datetime(self.pivot or 2001, 11, 22, 15, 4, 5))
        return self.again(time) != time

    def overruns(self, last: dt.datetime) -> bool:
        """Whether a time up to ``last`` is written as a later one than that: clocks go forward there."""
        if self.zone is None:
            return False
        last, day = self.floor(last), dt.timedelta(days=1)
        now, before = (_offset(time, self.zone) for time in (last, last - day))
        known = (last, last - max(now - before, dt.timedelta(0)))
        return any((self.again(time) or time) > time for time in known)

    def instants(self, times: pd.Series) -> pd.Series:
        """Local times as points in time of the zone."""
        assert self.zone is not None
        found = np.full(len(times), np.datetime64("NaT"), dtype="datetime64[s]")
        known, distinct, which = _distinct(times)
        utc = [_local(time, self.zone).astimezone(dt.UTC).replace(tzinfo=None) for time in distinct]
        found[known] = np.array(utc, dtype="datetime64[s]")[which]
        return pd.Series(found, index=times.index).dt.tz_localize("UTC").dt.tz_convert(self.zone)


def _distinct(times: pd.Series) -> tuple[np.ndarray, list[dt.datetime], np.ndarray]:
    """Which times are known, the distinct ones of them, and which of these each is."""
    known = times.notna().to_numpy()
    distinct, which = np.unique(times[known].to_numpy(dtype="datetime64[s]"), return_inverse=True)
    return known, distinct.tolist(), which


def _offset(time: dt.datetime, zone: str) -> dt.timedelta:
    return time.replace(tzinfo=ZoneInfo(zone)).utcoffset() or dt.timedelta(0)


def _local(time: dt.datetime, zone: str) -> dt.datetime:
    """A time on the clocks of a zone; without an offset of its own it was read from them."""
    clocks = ZoneInfo(zone)
    known = time if time.tzinfo is not None else time.replace(tzinfo=clocks, fold=0)
    return known.astimezone(dt.UTC).astimezone(clocks)
