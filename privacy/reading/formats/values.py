"""Values of typed files → texts, each by itself: what stands beside a value changes nothing of it.

Whole numbers are written without a point also where the file stores floats (1, not 1.0), others by the fewest
digits that give the same float; dates and times as ISO 8601 writes them; None for what is missing.

Privacy claim: none; no value changes the text of another.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pyarrow as pa

EXACT = 2.0**53
"""Whole numbers below are exact as floats, and written in full."""


def number(value: float, single: bool = False) -> str:
    """A number as text. ``single``: whether it was stored in 32 bits, of which 64 show digits that are none."""
    if value == int(value) and abs(value) <= EXACT:
        return str(int(value))
    return str(np.float32(value)) if single else repr(float(value))


def texts_of(values: np.ndarray, write: Callable[[float], str | None]) -> pa.Array:
    """Floats [n] as texts, each distinct one written once; NaN and infinities are missing."""
    distinct, at = np.unique(values, return_inverse=True)
    written = [write(v) if np.isfinite(v) else None for v in distinct.tolist()]
    return pa.array(written, pa.string()).take(pa.array(at))


def moment(value: dt.date | dt.time | dt.timedelta) -> str:
    """A date, a time of it, or a duration in hours."""
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    if isinstance(value, dt.timedelta):
        return clock(value.total_seconds())
    return value.isoformat()


def clock(seconds: float) -> str:
    """Hours, minutes and seconds; hours may be more than a day's."""
    whole, part = divmod(round(abs(seconds) * 1000), 1000)
    text = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return ("-" if seconds < 0 else "") + text + (f".{part:03d}" if part else "")
