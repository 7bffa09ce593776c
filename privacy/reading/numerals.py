"""Texts → numbers, each text by itself.

A number is a plain decimal: digits, a point, an exponent, a sign, blanks around it. It is the float nearest to
what is written, as Python reads it. Everything else is none: "nan", "inf", what is too large for a float,
"0x10", "1_000", "1,000", digits of other scripts.

``pandas.to_numeric`` reads a column as a whole: beside one text with a point, whole numbers of 16 digits and
more are rounded another way.

With a decimal comma a number is the same with a comma for the point, and is brought into this form first.

Privacy claim: none; what a text means depends on no other row.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_BLANK = r"[ \t\n\v\f\r]*"
_DECIMAL = re.compile(
    rf"{_BLANK}[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?{_BLANK}"
).fullmatch

_TAIL = rf"(?:[eE][+-]?[0-9]+)?{_BLANK}"
_COMMAS = (
    rf"\A({_BLANK}[+-]?[0-9]+),([0-9]*{_TAIL})\z",
    rf"\A({_BLANK}[+-]?),([0-9]+{_TAIL})\z",
)
_COMMA = rf"\A{_BLANK}[+-]?(?:[0-9]*,(?:[0-9]{{1,2}}|[0-9]{{4,}})){_TAIL}\z"
_POINT = rf"\A{_BLANK}[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+){_TAIL}\z"


def numbers_in(texts: Collection[str]) -> np.ndarray:
    """Each text as a number, NaN where it is none."""
    read = (float(text) if _DECIMAL(text) else np.nan for text in texts)
    found = np.fromiter(read, dtype=float, count=len(texts))
    found[np.isinf(found)] = np.nan
    return found


def commas_to_points(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers with a decimal comma, written with a point; every other text as it is."""
    for pattern in _COMMAS:
        texts = pc.replace_substring_regex(texts, pattern, r"\1.\2")
    return texts


def have_points(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which texts are numbers with a decimal point."""
    return pc.match_substring_regex(texts, _POINT)


def have_commas(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which texts are numbers with a decimal comma, and none that may part thousands: 1,5 but not 1,500."""
    return pc.match_substring_regex(texts, _COMMA)
