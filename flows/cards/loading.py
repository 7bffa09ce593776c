"""Code that opens the exported files with their types, written for the columns of a schema.

Parquet holds its types. A CSV file is text: these lines say which columns are numbers or dates, and what stands
for a missing value.

Privacy claim: none needed; reads the public schema only.
"""

from __future__ import annotations

from flows.frames.column_types import DAY, NUMBER, TEXT, WHOLE, column_type
from flows.frames.parquet import PARQUET
from privacy.schema.columns import Datetime
from privacy.schema.schema import Schema


def missing_sign(name: str, schema: Schema) -> str | None:
    """What is written in a CSV file for a missing value; None where none is ever missing."""
    column = schema.columns[name]
    if column.missing != "keep":
        return None
    return column.missing_values[0] if column.missing_values else ""


def pandas_csv(schema: Schema) -> str:
    """Lines of Python that read data.csv as ``rows``."""
    signs = {n: [s] for n in schema.columns if (s := missing_sign(n, schema)) is not None}
    numbers = {
        n: kind.pandas
        for n, c in schema.columns.items()
        if (kind := column_type(c)).pandas != TEXT.pandas and not isinstance(c, Datetime)
    }
    times = {n: c for n, c in schema.columns.items() if isinstance(c, Datetime)}
    lines = ["import pandas as pd", ""]
    if signs:
        lines.append(f"missing = {_python(signs)}")
        lines.append(
            'rows = pd.read_csv("data.csv", dtype=str, keep_default_na=False, na_values=missing)'
        )
    else:
        lines.append('rows = pd.read_csv("data.csv", dtype=str, keep_default_na=False)')
    if numbers:
        lines.append(f"rows = rows.astype({_python(numbers)})")
    lines += [f"rows[{n!r}] = {_pandas_time(n, column)}" for n, column in times.items()]
    return "\n".join(lines)


def _pandas_time(name: str, column: Datetime) -> str:
    """The times of one column, made of its texts."""
    texts, pattern = f"rows[{name!r}]", column.written.pattern
    if column.written.has_offset:
        return (
            f"pd.to_datetime({texts}, format={pattern!r}, utc=True).dt.tz_convert({column.zone!r})"
        )
    found = f"pd.to_datetime({texts}, format={pattern!r})"
    if (pivot := column.pivot) is None:
        return found
    year = f"{pivot} - ({pivot} - t.year) % 100"
    return f"{found}.map(lambda t: t.replace(year={year}), na_action='ignore')"


def duckdb_csv(schema: Schema) -> str:
    """One SQL query that reads data.csv; every column that is not plain text is replaced."""
    typed = {n: _sql(n, schema) for n in schema.columns}
    lines = [f"    {v} AS {_name(n)}" for n, v in typed.items() if v != _name(n)]
    columns = "* REPLACE (\n" + ",\n".join(lines) + "\n)" if lines else "*"
    # no text is null by itself: what is missing is said column by column
    return f"SELECT {columns}\nFROM read_csv('data.csv', header = true, all_varchar = true, nullstr = chr(1))"


def stata_csv(schema: Schema) -> str:
    """Stata's command that reads data.csv, with what is a number and what is not; dates come as texts."""
    numeric = [
        i for i, c in enumerate(schema.columns.values(), 1) if column_type(c) in (WHOLE, NUMBER)
    ]
    other = [i for i in range(1, len(schema.columns) + 1) if i not in numeric]
    kinds = [
        f"{k}cols({' '.join(map(str, of))})"
        for k, of in (("numeric", numeric), ("string", other))
        if of
    ]
    return (
        f'import delimited using "data.csv", varnames(1) case(preserve) encoding("utf-8") ///\n'
        f"    bindquote(strict) {' '.join(kinds)} clear"
    )


SAS_CSV = """\
proc import datafile="data.csv" out=work.rows dbms=csv replace;
    guessingrows=max;
run;"""
"""SAS's step that reads data.csv, with types as it guesses them from all rows."""


def r_parquet(files: str) -> str:
    """R's line that reads the file, or the parts that a pattern names."""
    if files == PARQUET:
        return f'rows <- arrow::read_parquet("{PARQUET}")  # install.packages("arrow")'
    return f'rows <- dplyr::collect(arrow::open_dataset("{PARQUET}"))  # install.packages(c("arrow", "dplyr"))'


def _sql(name: str, schema: Schema) -> str:
    """The value of one column, made of its text."""
    column, kind, value = schema.columns[name], column_type(schema.columns[name]), _name(name)
    sign = missing_sign(name, schema)
    if sign is not None:
        value = f"NULLIF({value}, {_text(sign)})"
    if isinstance(column, Datetime):
        value = f"strptime({value}, {_text(column.written.pattern)})"
        if column.pivot is not None:
            centuries = f"CAST(ceil((year({value}) - {column.pivot}) / 100.0) AS INTEGER)"
            value = f"{value} - to_years(100 * {centuries})"
        return f"CAST({value} AS DATE)" if kind is DAY else value
    return value if kind.duckdb == TEXT.duckdb else f"CAST({value} AS {kind.duckdb})"


def _name(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _text(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _python(value: dict[str, str] | dict[str, list[str]]) -> str:
    """A mapping as Python writes it; a long one with a line for each key."""
    if len(repr(value)) < 80:
        return repr(value)
    return "{\n" + "".join(f"    {k!r}: {v!r},\n" for k, v in value.items()) + "}"
