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

import codecs
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa

from privacy.errors import DataError, InputError
from privacy.reading.formats.said import one_line
from privacy.reading.formats.values import clock, number, texts_of
from privacy.worker import call

Write = Callable[[float], str | None]

READERS = {
    ".dta": "read_dta",
    ".sav": "read_sav",
    ".zsav": "read_sav",
    ".por": "read_por",
    ".sas7bdat": "read_sas7bdat",
    ".xpt": "read_xport",
}
WORKER = Path(__file__).parents[2] / "workers" / "readstat_worker.py"
LIMIT = 3600.0
"""Seconds that reading one file may take."""

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


@dataclass(frozen=True)
class _About:
    """What a file says, by column: ``values`` with their labels, and the format that each is shown in."""

    format: str
    labels: Mapping[str, str | None]
    types: Mapping[str, str]
    formats: Mapping[str, str | None]
    values: Mapping[str, Sequence[tuple[float | str, str]]]
    missing: Mapping[str, Sequence[Mapping[str, float | str]]]

    def labelled(self, name: str) -> dict[float | str, str]:
        """Labels by value; none where two values share one."""
        said = {value: " ".join(text.split()) for value, text in self.values.get(name, ())}
        labels = {value: text for value, text in said.items() if text}
        return labels if len(set(labels.values())) == len(labels) else {}

    def written(self, name: str) -> Write:
        """How the numbers of a column are written, by its format."""
        form = (self.formats.get(name) or "").strip()
        if self.format == "dta":
            return _stata(form, self.types[name] == "float")
        return _other(form.upper(), self.format in ("sav/zsav", "por"))


def read_statistics(path: Path, encoding: str = "utf-8") -> pa.Table:
    """All columns as texts with nulls. ``encoding``: where another than the file itself says.

    Raises InputError where the reader is not installed, DataError for what is inside the file.
    """
    table, about = _read(path, encoding, "rows")
    if not table.column_names:
        raise DataError(f"{path}: holds no column; give the right file")
    columns = [_column(table[n], about.labelled(n), about.written(n)) for n in table.column_names]
    return pa.Table.from_arrays(columns, table.column_names)


def described(path: Path, encoding: str = "utf-8") -> dict[str, Described]:
    """What a file says of its columns, without reading a row; by name, in order."""
    table, about = _read(path, encoding, "columns")
    found = {}
    for name in table.column_names:
        code = partial(_code, write=about.written(name))
        labels = {code(value): text for value, text in about.labelled(name).items()}
        missing = [
            code(r["lo"]) if r["lo"] == r["hi"] else f"{code(r['lo'])} to {code(r['hi'])}"
            for r in about.missing.get(name, ())
        ]
        label = " ".join((about.labels.get(name) or "").split())
        found[name] = Described(label, labels, tuple(missing))
    return found


def _code(value: float | str, write: Write) -> str:
    return value if isinstance(value, str) else str(write(float(value)))


def _read(path: Path, encoding: str, what: str) -> tuple[pa.Table, _About]:
    """``what``: rows, or columns without any."""
    if find_spec("pyreadstat") is None:
        raise InputError(
            f"{path}: pyreadstat, which reads SAS, Stata and SPSS, is not installed; pip install "
            "'understudy[files]'"
        )
    known = codecs.lookup(encoding).name
    said = "" if known.startswith("utf-8") else known  # UTF-8 is what CSV files are in, unless told
    asked = [READERS[path.suffix.lower()], said, what, str(path.resolve())]
    code, answer, errors = call([sys.executable, str(WORKER), *asked], LIMIT)
    if code == 0:
        with pa.ipc.open_stream(answer) as stream:
            table = stream.read_all()
        return table, _About(**json.loads(table.schema.metadata[b"about"]))
    why = one_line(ValueError(errors)) if code == 1 else "the reader crashed on it"
    advice = "it may be damaged: export it again"
    if "encoding" in why:
        advice = (
            "its texts are in another encoding than it says: name it as csv.encoding in the schema"
        )
    raise DataError(f"{path}: cannot be read ({why}); {advice}")


def _column(values: pa.ChunkedArray, labels: Mapping[float | str, str], write: Write) -> pa.Array:
    if pa.types.is_string(values.type):
        return pa.array([labels.get(v, v) for v in values.to_pylist()], pa.string())
    return texts_of(values.to_numpy(), lambda v: labels.get(v) or write(v))


def _other(form: str, spss: bool) -> Write:
    """Of SPSS and of SAS."""
    days, times, clocks, origin, a_day = (
        (SPSS_DAYS, SPSS_TIMES, SPSS_CLOCKS, FROM_1582, 1)
        if spss
        else (SAS_DAYS, SAS_TIMES, SAS_CLOCKS, FROM_1960, DAY)
    )
    if times.match(form):
        return lambda v: _time(v + origin, v)
    if clocks.match(form):
        return lambda v: clock(v) if abs(v) < LATEST else number(v)
    return (lambda v: _day(v * a_day + origin, v)) if days.match(form) else number


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
