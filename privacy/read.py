"""Files → a table of texts: CSV (gz too) and Parquet, strictly.

Everything is text at first, because what a text means is the schema's to say: no type is guessed, no column
dropped, no ragged row mended. Privacy claim: none; called only behind ``PrivateTable.open`` and by the
commands that say they read private data.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from privacy.errors import DataError, InputError
from privacy.schema import Csv, Schema

NULL = "\0null"
"""Stands for a Parquet null, which no text file can hold."""


def read_texts(paths: Sequence[Path], schema: Schema) -> pa.Table:
    """All rows of all files, every declared column as text, in schema order.

    Raises InputError for a file that is not there, DataError for what is inside it.
    """
    tables = [_checked(path, read_any(path, schema.csv, tuple(schema.columns)), schema) for path in paths]
    table = pa.concat_tables(tables).combine_chunks()
    if table.num_rows == 0:
        raise DataError(f"{paths[0]}: no rows")
    return table


def read_any(path: Path, form: Csv, columns: tuple[str, ...] = ()) -> pa.Table:
    """One file as texts, all its columns; ``columns`` names those of a file without a header."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.suffix == ".parquet":
        return _parquet(path)
    if path.name.endswith((".csv", ".csv.gz", ".data", ".data.gz", ".txt", ".txt.gz", ".tsv", ".tsv.gz")):
        return _csv(path, form, columns)
    raise InputError(f"{path}: expected .csv, .csv.gz or .parquet")


def _parquet(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
        texts = [pc.fill_null(pc.cast(column, pa.string()), NULL) for column in table.columns]
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a readable Parquet file: {_one_line(error)}") from error
    return pa.table(dict(zip(table.column_names, texts, strict=True)))


def _csv(path: Path, form: Csv, columns: tuple[str, ...]) -> pa.Table:
    try:
        codecs.lookup(form.encoding)
    except LookupError as error:
        raise InputError(f"csv.encoding: {form.encoding!r} is not a known encoding") from error
    names = list(columns) if not form.header else _header(path, form)
    opts = pacsv.ConvertOptions(
        column_types={n: pa.string() for n in names}, strings_can_be_null=False, null_values=[]
    )
    read = pacsv.ReadOptions(
        encoding=form.encoding, column_names=names, skip_rows=int(form.header), block_size=1 << 24
    )
    parse = pacsv.ParseOptions(delimiter=form.separator, newlines_in_values=True)
    try:
        table = pacsv.read_csv(path, read_options=read, parse_options=parse, convert_options=opts)
    except (pa.ArrowException, OSError, UnicodeDecodeError, EOFError) as error:
        raise DataError(f"{path}: not a readable CSV file ({form.encoding}): {_one_line(error)}") from error
    if form.strip:
        table = pa.table({n: pc.utf8_trim_whitespace(table[n]) for n in names})
    return table


def _header(path: Path, form: Csv) -> list[str]:
    """The column names of the first line; empty, unnamed and repeated ones are refused."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as raw, io.TextIOWrapper(raw, form.encoding, newline="") as text:  # type: ignore[arg-type]
            names = next(csv.reader(text, delimiter=form.separator), [])
    except (OSError, UnicodeDecodeError, EOFError, csv.Error) as error:
        raise DataError(f"{path}: not a readable CSV file ({form.encoding}): {_one_line(error)}") from error
    names = [n.removeprefix("\ufeff") for n in names]
    names = [n.strip() for n in names] if form.strip else names
    if not names:
        raise DataError(f"{path}: the file is empty")
    if "" in names:
        raise DataError(f"{path}: column {names.index('') + 1} has no name in the header")
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        raise DataError(f"{path}: the header names {', '.join(repeated)} twice")
    return names


def _checked(path: Path, table: pa.Table, schema: Schema) -> pa.Table:
    """The declared columns in schema order; absent ones and refused surplus ones are errors."""
    found = set(table.column_names)
    if absent := [n for n in schema.columns if n not in found]:
        raise DataError(f"{path}: column {absent[0]!r} of the schema is not in the file")
    surplus = [n for n in table.column_names if n not in schema.columns]
    if surplus and schema.surplus_columns == "refuse":
        raise DataError(
            f"{path}: column {surplus[0]!r} is not in the schema; declare it, or set surplus_columns: drop"
        )
    return table.select(list(schema.columns))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
