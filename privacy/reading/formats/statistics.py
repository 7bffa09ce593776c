"""Files of SAS, Stata and SPSS → a table of texts, and what such a file says of its columns.

A value with a label is read as the label (2 as female), one without as it is: an age of 45 stays a number where
only 999 is labelled. Where two values of a column share a label, all stay codes. What the file itself declares
missing is missing: user-missing codes of SPSS, .a to .z of Stata, .A to .Z of SAS. Dates and times are read by
the format of their column, months and quarters of Stata as their first days. Numbers that Stata keeps in 32
bits have the digits that these hold.

Sources: pyreadstat's documentation; dates count from 1960 in Stata and SAS, from 14 October 1582 in SPSS. In
which format a value stands is public, as labels are: whoever made the file declared them.

Privacy claim: none; called only behind ``PrivateTable.open`` and by commands that say they read private data. A
value is read by itself and by what the file declares, never by other values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from privacy.errors import DataError, InputError
from privacy.reading.formats.values import clock, number, texts_of

if TYPE_CHECKING:
    from pyreadstat import metadata_container

Write = Callable[[float], str | None]

READERS = {
    ".dta": "read_dta",
    ".sav": "read_sav",
    ".zsav": "read_sav",
    ".por": "read_por",
    ".sas7bdat": "read_sas7bdat",
    ".xpt": "read_xport",
}
DAY = 86_400
FROM_1960 = int(np.datetime64("1960-01-01", "s").astype(np.int64))
FROM_1582 = int(np.datetime64("1582-10-14", "s").astype(np.int64))
LATEST = int(np.datetime64("9999-12-31T23:59:59", "s").astype(np.int64))
EARLIEST = int(np.datetime64("0001-01-01", "s").astype(np.int64))

SAS_DAYS = re.compile(
    r"(WEEKDAT|MMDDYY|DDMMYY|YYMMDD|DATE(?!TIME|AMPM)|E8601DA|B8601DA|IS8601DA|MONYY|YYMM|MMYY|WORDDAT|NLDATE(?!M)|JULIAN)"
)
SAS_TIMES = re.compile(
    r"(DATETIME|DATEAMPM|MDYAMPM|E8601D[TZ]|B8601D[TZN]|IS8601D[TZ]|DTDATE|NLDATM)"
)
SAS_CLOCKS = re.compile(r"(TIME|HHMM|TOD|E8601TM|B8601TM|IS8601TM)")
SPSS_DAYS = re.compile(r"(DATE(?!TIME)|ADATE|EDATE|JDATE|SDATE|QYR|MOYR|WKYR)")
SPSS_TIMES = re.compile(r"(DATETIME|YMDHMS)")
SPSS_CLOCKS = re.compile(r"(TIME|DTIME|MTIME)")


@dataclass(frozen=True)
class Described:
    """What a file says of one column.

    ``label``: in words. ``labels``: by value, as it would be read without. ``missing``: the values and ranges
    that the file declares missing, as texts.
    """

    label: str
    labels: Mapping[str, str]
    missing: tuple[str, ...]


def read_statistics(path: Path, encoding: str = "utf-8") -> pa.Table:
    """All columns as texts with nulls. ``encoding``: where another than the file itself says.

    Raises InputError where the reader is not installed, DataError for what is inside the file.
    """
    columns, about = _read(path, encoding)
    if not columns:
        raise DataError(f"{path}: holds no column; give the right file")
    texts = {n: _column(values, n, about) for n, values in columns.items()}
    return pa.Table.from_arrays(list(texts.values()), list(texts))


def described(path: Path, encoding: str = "utf-8") -> dict[str, Described]:
    """What a file says of its columns, without reading a row; by name, in order."""
    _, about = _read(path, encoding, metadataonly=True)
    found = {}
    for name in about.column_names:
        write = _writer(name, about)
        labels = {_code(v, write): t for v, t in _labels(name, about).items()}
        ranges = about.missing_ranges.get(name, [])
        missing = [
            _code(r["lo"], write)
            if r["lo"] == r["hi"]
            else f"{_code(r['lo'], write)} to {_code(r['hi'], write)}"
            for r in ranges
        ]
        missing += [f".{sign}" for sign in about.missing_user_values.get(name, [])]
        label = " ".join((about.column_names_to_labels.get(name) or "").split())
        found[name] = Described(label, labels, tuple(missing))
    return found


def _code(value: Any, write: Write) -> str:
    return value if isinstance(value, str) else str(write(float(value)))


def _read(
    path: Path, encoding: str, metadataonly: bool = False
) -> tuple[dict[str, Any], metadata_container]:
    try:
        import pyreadstat
    except ImportError:
        raise InputError(
            f"{path}: pyreadstat, which reads SAS, Stata and SPSS, is not installed; pip install "
            "'understudy[files]'"
        ) from None
    read = getattr(pyreadstat, READERS[path.suffix.lower()])
    more: dict[str, Any] = {"output_format": "dict", "disable_datetime_conversion": True}
    more |= {"metadataonly": True} if metadataonly else {}
    if path.suffix.lower() != ".por":
        more["encoding"] = _iconv(encoding)
        more |= {"user_missing": True} if metadataonly and path.suffix.lower() != ".xpt" else {}
    try:
        columns, about = read(str(path), **more)
    except (
        pyreadstat.ReadstatError,
        pyreadstat.PyreadstatError,
        UnicodeError,
        ValueError,
        OSError,
        MemoryError,
    ) as error:
        said = _one_line(error)
        advice = "it may be damaged: export it again"
        if "encoding" in said or isinstance(error, UnicodeError):
            advice = (
                "texts are in another encoding than the file says; say csv.encoding in the schema"
            )
        raise DataError(f"{path}: cannot be read ({said}); {advice}") from error
    return columns, about


def _iconv(encoding: str) -> str | None:
    """The encoding to read by, None for what the file says."""
    return (
        None if encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig") else encoding
    )


def _labels(name: str, about: metadata_container) -> dict[Any, str]:
    """Labels by value; none where two values share one."""
    said = about.variable_value_labels.get(name, {})
    labels = {value: " ".join(str(text).split()) for value, text in said.items()}
    labels = {value: text for value, text in labels.items() if text}
    return labels if len(set(labels.values())) == len(labels) else {}


def _column(values: Any, name: str, about: metadata_container) -> pa.Array:
    labels = _labels(name, about)
    if about.readstat_variable_types[name] == "string":
        return pa.array([labels.get(v, v) for v in values], pa.string())
    write = _writer(name, about)
    numbers = np.array(
        [np.nan if v is None or isinstance(v, str) else v for v in values], dtype=float
    )
    return texts_of(numbers, lambda v: labels.get(v) or write(v))


def _writer(name: str, about: metadata_container) -> Write:
    """How the numbers of a column are written, by its format."""
    form = (about.original_variable_types.get(name) or "").strip()
    if about.file_format == "dta":
        return _stata(form, about.readstat_variable_types[name] == "float")
    form = form.upper()
    if about.file_format in ("sav/zsav", "por"):
        days, times, clocks, origin = SPSS_DAYS, SPSS_TIMES, SPSS_CLOCKS, FROM_1582
    else:
        days, times, clocks, origin = SAS_DAYS, SAS_TIMES, SAS_CLOCKS, FROM_1960
    if times.match(form):
        return lambda v: _time(v + origin, v)
    if clocks.match(form):
        return lambda v: clock(v) if abs(v) < 1e12 else number(v)
    if days.match(form):
        per = 1 if origin == FROM_1582 else DAY
        return lambda v: _day(v * per + origin, v)
    return number


def _stata(form: str, single: bool) -> Write:
    form = form.removeprefix("%").removeprefix("-")
    if form.startswith(("tc", "tC")):
        return lambda v: _time(v / 1000 + FROM_1960, v)
    if form.startswith(("td", "d")):
        return lambda v: _day(v * DAY + FROM_1960, v)
    for sign, a_year in (("tm", 12), ("tq", 4), ("th", 2)):
        if form.startswith(sign):
            return lambda v, a_year=a_year: _first_of(v, a_year)  # type: ignore[misc]
    if form.startswith("tw"):
        return _week
    return lambda v: number(v, single)


def _time(seconds: float, stored: float) -> str:
    if not EARLIEST <= seconds <= LATEST:
        return number(stored)
    return str(np.datetime64(round(seconds * 1000), "ms")).replace("T", " ").removesuffix(".000")


def _day(seconds: float, stored: float) -> str:
    if not EARLIEST <= seconds <= LATEST:
        return number(stored)
    return str(np.datetime64(int(seconds // DAY), "D"))


def _first_of(periods: float, a_year: int) -> str:
    """The first day of a month, a quarter or half a year, counted from 1960."""
    year, part = divmod(int(periods), a_year)
    if not 1 <= 1960 + year <= 9999:
        return number(periods)
    return f"{1960 + year:04d}-{1 + part * 12 // a_year:02d}-01"


def _week(weeks: float) -> str:
    """The first day of a week of Stata's, of which a year has 52."""
    year, week = divmod(int(weeks), 52)
    if not 1 <= 1960 + year <= 9999:
        return number(weeks)
    return str(np.datetime64(f"{1960 + year:04d}-01-01", "D") + 7 * week)


def _one_line(error: BaseException) -> str:
    from privacy.reading.read import one_line

    return one_line(error)
