"""Synthetic rows as files of Stata, SPSS and SAS, with labels, types and what they are.

    .dta          Stata 14 and later    categories are whole numbers with labels, dates are dates
    .sav, .zsav   SPSS                  the same; the promise and the licence stand in the file's documents
    .xpt          SAS transport, V8     which has no labels of values: categories are texts

Categories that are whole numbers themselves ("0", "1") stay these numbers. A number beside which a text may
stand ("N/A") is text, as in Parquet. A missing value is the system's own.

Sources: pyreadstat's documentation of ``write_dta``, ``write_sav`` and ``write_xport``.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from flows.frames.column_types import TEXT, column_type
from flows.frames.names import simple_names
from flows.frames.published import Published
from flows.frames.written import texts
from privacy.errors import InputError
from privacy.files import sync
from privacy.reading.formats.said import one_line
from privacy.schema.columns import Categorical, Column, Datetime, Numeric

ENDINGS = (".dta", ".sav", ".zsav", ".xpt")
LONGEST_LABEL = {".dta": 80, ".sav": 255, ".zsav": 255, ".xpt": 255}
"""Bytes that a column's label may have."""
LONGEST_FILE_LABEL = {".dta": 80, ".sav": 64, ".zsav": 64, ".xpt": 40}
LONGEST_VALUE_LABEL = {".dta": 32_000, ".sav": 120, ".zsav": 120, ".xpt": 0}
LONGEST_TEXT = {".dta": 2045, ".sav": 32_767, ".zsav": 32_767, ".xpt": 32_767}
LARGEST = 2_147_483_620
"""Whole numbers up to here are such in Stata; larger ones are doubles."""


@dataclass(frozen=True)
class Written:
    """A file that was written, of which table, and the columns that are called otherwise in it.

    ``called``: the table, by a name that all languages take.
    """

    path: Path
    table: str
    called: str
    renamed: Mapping[str, str]


@dataclass(frozen=True)
class _Column:
    """A column as the writers take it. ``labels``: of its whole numbers."""

    values: pd.Series
    labels: Mapping[int | float, str]
    format: str | None = None


def write_statistics(published: Published, out: Path) -> list[Written]:
    """Write ``out``; of several tables a file each, into a folder that is called so without the ending.

    Raises InputError where pyreadstat is not installed, or something is there already.
    """
    try:
        import pyreadstat  # noqa: F401
    except ImportError:
        raise InputError(
            f"{out}: pyreadstat, which writes Stata, SPSS and SAS, is not installed; pip install "
            "'understudy[files]'"
        ) from None
    single = len(published.frames) == 1
    place = out if single else out.with_suffix("")
    if place.exists():
        raise InputError(f"{place}: exists already; name another with --out")
    for schema in published.schemas.values():
        if schema.image is not None:
            raise InputError(f"{out}: holds no pictures; data.parquet does")
    if not single:
        place.mkdir(parents=True)
    return [
        _write(published, name, out if single else place / f"{name}{out.suffix}")
        for name in published.frames
    ]


def _write(published: Published, table: str, path: Path) -> Written:
    import pyreadstat

    schema, ending, called = published.schemas[table], path.suffix, simple_names([table])[table]
    names = simple_names(schema.columns)
    written = texts(published.frames[table], schema)
    found = {
        names[n]: _column(published.frames[table][n], written[n], schema.columns[n], ending)
        for n in schema.columns
    }
    frame = pd.DataFrame({n: c.values for n, c in found.items()})
    labels = {names[n]: _label(n, names[n], c, ending) for n, c in schema.columns.items()}
    said: dict[str, Any] = {
        "file_label": _cut(published.short, LONGEST_FILE_LABEL[ending]),
        "column_labels": labels,
        "variable_format": {n: c.format for n, c in found.items() if c.format is not None},
    }
    valued = {n: dict(c.labels) for n, c in found.items() if c.labels}
    write: Callable[..., None]
    if ending == ".dta":
        said["variable_value_labels"] = valued
        write = pyreadstat.write_dta
    elif ending == ".xpt":
        said |= {"table_name": called, "file_format_version": 8}
        write = pyreadstat.write_xport
    else:
        said |= {
            "compress": ending == ".zsav",
            "note": [line for note in published.notes for line in _lines(note)],
            "variable_value_labels": valued,
            "variable_measure": {names[n]: _measure(c) for n, c in schema.columns.items()},
        }
        write = pyreadstat.write_sav
    partial = path.with_name(f".{path.stem}.partial{ending}")
    try:
        write(frame, partial, **said)
        sync(partial)
        partial.replace(path)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, OSError) as error:
        raise InputError(f"{path}: cannot be written: {one_line(error)}") from None
    finally:
        partial.unlink(missing_ok=True)
    return Written(path, table, called, {n: new for n, new in names.items() if n != new})


def _column(values: pd.Series, written: pd.Series, column: Column, ending: str) -> _Column:
    """``written``: the same values as texts."""
    if isinstance(column, Categorical) and (codes := _codes(column, ending)):
        numbers = values.map(codes).astype("Float64" if ending == ".xpt" else "Int32")
        labels: dict[int | float, str]
        labels = {code: text for text, code in codes.items() if text != str(code)}
        return _Column(numbers, labels, _whole(ending, 4))
    if isinstance(column, Datetime):
        days = column.resolution == "day"
        times = (None if pd.isna(t) else t.to_pydatetime() for t in values)
        read = [t.date() if t is not None and days else t for t in times]
        return _Column(pd.Series(read, dtype=object), {})
    if isinstance(column, Numeric) and column_type(column) is not TEXT:
        return _number(values, column, ending)
    plain = written.where(values.notna(), "").map(lambda text: _cut(text, LONGEST_TEXT[ending]))
    return _Column(plain.astype(object), {})


def _codes(column: Categorical, ending: str) -> dict[str, int]:
    """The whole number of each category; none where they are better kept as texts."""
    known = column.categories or ()
    if column.draws_children:  # rows say other codes than the categories
        return {}
    if all(_is_whole(text) for text in known):
        return {text: int(text) for text in known}
    longest = max(len(text.encode()) for text in known)
    if longest > LONGEST_VALUE_LABEL[ending] or not all(map(str.strip, known)):
        return {}
    return {text: code for code, text in enumerate(known, 1)}


def _is_whole(text: str) -> bool:
    """Whether a text is a whole number, written as such a number always is."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 10 and str(int(text)) == text


def _number(values: pd.Series, column: Numeric, ending: str) -> _Column:
    numbers = values.astype("Float64")
    if column.kind == "float":
        decimals = column.decimals
        in_spss = ending in (".sav", ".zsav")
        form = f"F16.{decimals}" if in_spss and decimals is not None else None
        return _Column(numbers.astype("float64"), {}, form)
    most = max(map(abs, (*column.bounds, *(s for s in column.special if not isinstance(s, str)))))
    whole = (
        numbers.astype("Int64").astype("Int32") if most <= LARGEST else numbers.astype("float64")
    )
    return _Column(whole, {}, _whole(ending, len(f"{-most:.0f}")))


def _whole(ending: str, width: int) -> str | None:
    """How SPSS shows whole numbers, which it keeps as any other."""
    return f"F{width}.0" if ending in (".sav", ".zsav") else None


def _label(name: str, new: str, column: Column, ending: str) -> str | None:
    """The column's description, and what it is called in the schema where that is something else."""
    said = " ".join(column.description.split())
    if name != new:
        said = f"{name}: {said}" if said else name
    return _cut(said, LONGEST_LABEL[ending]) or None


def _cut(text: str, most: int) -> str:
    """A text of at most so many bytes."""
    return text if len(text.encode()) <= most else text.encode()[:most].decode(errors="ignore")


def _lines(text: str, most: int = 80) -> list[str]:
    """A text in lines of at most so many bytes, as SPSS keeps documents."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        lines = (
            [*lines[:-1], longer] if len(longer.encode()) <= most else [*lines, _cut(word, most)]
        )
    return [line for line in lines if line]


def _measure(column: Column) -> str:
    if isinstance(column, Numeric | Datetime):
        return "scale"
    return "ordinal" if column.kind == "ordinal" else "nominal"
