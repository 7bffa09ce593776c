"""Files → a table of texts: CSV (gz too), Parquet and whatever ``privacy.reading.formats`` knows, strictly.

Everything is text at first, because what a text means is the schema's to say: no type is guessed,
no column dropped, no ragged row mended.

Privacy claim: none; called only behind ``PrivateTable.open`` and by the commands that say they read
private data. What a file holds is quoted only in ``DataError.private``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from privacy.errors import DataError, InputError
from privacy.reading.formats.delimited import first_texts, read_csv
from privacy.reading.formats.holders import apart
from privacy.reading.formats.kinds import KNOWN, check_content, kind_of
from privacy.reading.formats.parts import parts_of, with_partition
from privacy.reading.formats.said import one_line
from privacy.reading.formats.strict import (
    IN_SCHEMA,
    NULL,
    UNREADABLE,
    Told,
    check_names,
    refuse_signs,
)
from privacy.reading.numerals import commas_to_points, have_points
from privacy.reading.share import Reached, nobody, reached
from privacy.schema.columns import Numeric
from privacy.schema.schema import Csv, Schema

SEPARATORS = (",", ";", "\t", "|")

AT_ONCE = 1 << 17
"""Rows of a Parquet file that are read together."""


def read_texts(paths: Sequence[Path], schema: Schema) -> pa.Table:
    """All rows of all files, every declared column as text, in schema order; for tables without pictures.

    Raises InputError for a file that is not there, DataError for what is inside it.
    """
    return pa.concat_tables(batches(paths, schema)).combine_chunks()


def batches(paths: Sequence[Path], schema: Schema, told: Reached = nobody) -> Iterator[pa.Table]:
    """What ``read_texts`` gives, some rows after the other, never none; CSV and Parquet are read in parts.

    ``told``: the share of the files that has been read.

    Raises as ``read_texts`` does, when it comes to what is wrong.
    """
    if not paths:
        raise InputError("data: no file is given")
    anybody, read = False, 0.0
    for path in paths:
        before, share = 0, None
        for part in read_parts(path, schema.csv, tuple(schema.columns)):
            declared = _declared(path, part, schema, before)
            before += part.num_rows
            if part.num_rows:
                anybody = True
                share = share or reached(path, paths)
                read += share(part)
                told(min(1.0, read))
                yield declared
    if not anybody:
        raise _no_rows(paths[0])


def with_points(
    path: Path, table: pa.Table, schema: Schema, told: Told = IN_SCHEMA, before: int = 0
) -> pa.Table:
    """Numbers of a file with decimal commas, written with points; of any other the table as it is.

    Each value by itself; what stands for a missing one stays as it is written. Of a workbook only numbers that
    are stored as text have commas. Raises DataError for a number with a point in any other file.
    """
    in_excel = kind_of(apart(path)[0]) == "excel"
    if schema.csv.decimal == "." or (is_typed(path) and not in_excel):
        return table
    for i, name in enumerate(table.column_names):
        column = schema.columns.get(name)
        if not isinstance(column, Numeric):
            continue
        texts = table[name]
        known = pc.is_in(texts, value_set=pa.array(column.missing_values, pa.string()))
        odd = pc.and_(have_points(texts), pc.invert(known))
        if pc.any(odd).as_py() and not in_excel:
            row = pc.index(odd, pa.scalar(True)).as_py()
            raise DataError(
                f"{path}: column {name!r}, row {before + row + 1}: {texts[row].as_py()!r} has a point, and"
                f" decimals are read after a comma; correct it, or say {told('decimal')}"
            )
        table = table.set_column(i, name, pc.if_else(known, texts, commas_to_points(texts)))
    return table


def is_parquet(path: Path) -> bool:
    """Whether the file is read as Parquet, by its name, or is a folder of such."""
    return kind_of(path) in ("parquet", "parts")


def is_typed(path: Path) -> bool:
    """Whether the values of a file have types of their own, so that it is not read as ``csv:`` says."""
    return kind_of(apart(path)[0]) not in (None, "csv")


def concatenated(paths: Sequence[Path], tables: Sequence[pa.Table]) -> pa.Table:
    """Tables with the same columns as one; DataError where that has no rows."""
    table = pa.concat_tables(tables).combine_chunks()
    if table.num_rows == 0:
        raise _no_rows(paths[0])
    return table


def _no_rows(path: Path) -> DataError:
    return DataError(f"{path}: the file holds a header and no rows; give the right file")


def read_any(
    path: Path,
    form: Csv,
    columns: tuple[str, ...] = (),
    told: Told = IN_SCHEMA,
    empty: bool = False,
) -> pa.Table:
    """One file as texts, all its columns.

    ``columns`` names those of a file without a header; without it they are column_1, column_2, …
    ``told``: where the form is said, for errors. ``empty``: whether a header may stand alone.
    """
    return pa.concat_tables(read_parts(path, form, columns, told, empty))


def read_parts(
    path: Path,
    form: Csv,
    columns: tuple[str, ...] = (),
    told: Told = IN_SCHEMA,
    empty: bool = False,
) -> Iterator[pa.Table]:
    """What ``read_any`` gives, some rows after the other; one part at least, which may be empty."""
    check_kind(path)
    if not is_typed(path):
        yield from read_csv(path, form, columns, told, empty)
        return
    before = 0
    for part in _typed(path, form):
        yield as_texts(path, part, before)
        before += part.num_rows


def _typed(path: Path, form: Csv) -> Iterable[pa.Table]:
    """A file whose values have types, in its parts; what reads it is imported when there is one."""
    kind = kind_of(apart(path)[0])
    if kind in ("parquet", "parts"):
        return read_parquet(path)
    if kind == "excel":
        from privacy.reading.formats.workbook import read_workbook

        table = read_workbook(path)
    elif kind == "query":
        from privacy.reading.formats.query import read_query

        whole = read_query(path)
        check_names(path, whole.column_names)
        starts = range(0, max(1, whole.num_rows), AT_ONCE)
        return (whole.slice(start, AT_ONCE) for start in starts)
    else:
        from privacy.reading.formats.statistics import read_statistics

        table = read_statistics(path, form.encoding)
    check_names(path, table.column_names)
    return [table]


def check_kind(path: Path) -> None:
    """Raise InputError for a file of no kind that is read here, of another than it is called, or not ours to
    read.
    """
    file, _ = apart(path)
    kind = kind_of(file)
    if kind is None:
        raise InputError(f"{path}: expected {KNOWN}")
    check_readable(path)
    if kind == "parts":
        _check_parts(path)
    else:
        check_content(file, kind)


def first_line(path: Path, form: Csv) -> list[str]:
    """The texts of a CSV file's first line. DataError for a file that holds no more than a header.

    Raises InputError as ``check_kind`` does.
    """
    check_kind(path)
    texts, _ = first_texts(path, form, IN_SCHEMA, False)
    return [t.strip() for t in texts] if form.strip else texts


def holds_rows(path: Path, form: Csv) -> bool:
    """Whether there is more than a header."""
    if is_typed(path):
        return bool(read_any(path, form).num_rows)
    try:
        first_line(path, form)
    except DataError:
        return False
    return True


def other_separator(path: Path, form: Csv, names: Collection[str]) -> str | None:
    """A usual separator by which the first line names more of these columns than by the form's own."""

    def named(separator: str) -> int:
        try:
            texts = first_line(path, form.model_copy(update={"separator": separator}))
        except DataError:
            return 0
        return len(set(texts) & set(names))

    best = max((s for s in SEPARATORS if s != form.separator), key=named)
    return best if named(best) > named(form.separator) else None


def check_readable(path: Path) -> None:
    """Raise InputError for a file that is not there or not ours to read."""
    file, _ = apart(path)
    if not file.exists():
        raise InputError(f"{file}: no such file")
    if not os.access(file, os.R_OK):
        raise InputError(f"{file}: may not be read; ask its owner for permission")


def _check_parts(folder: Path) -> None:
    if not (parts := parts_of(folder)):
        raise InputError(
            f"{folder}: a folder without a Parquet file; give a file, or another folder"
        )
    for part in parts:
        check_readable(part)
        check_content(part, "parquet")


def read_parquet(path: Path) -> Iterator[pa.Table]:
    """One Parquet file, or each part in a folder, some rows after the other; one table at least of each.

    The types are those that it has, the columns those of the first part.
    """
    names: list[str] = []
    for part in parts_of(path) if path.is_dir() else [path]:
        try:
            with pq.ParquetFile(part) as file:
                yield from _rows_of(path, part, file, names)
        except UNREADABLE as error:
            raise DataError(f"{part}: not a readable Parquet file: {one_line(error)}") from error


def _rows_of(path: Path, part: Path, file: pq.ParquetFile, names: list[str]) -> Iterator[pa.Table]:
    """The rows of one part; ``names``: the columns of the first, which it fills in."""
    empty = file.schema_arrow.empty_table()
    for rows in chain(file.iter_batches(AT_ONCE), () if file.metadata.num_rows else (empty,)):
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
        table = with_partition(path, part, table) if part != path else table
        check_names(part, table.column_names)
        if not names:
            names += table.column_names
        if differ := {*table.column_names} ^ {*names}:
            raise DataError(
                f"{part}: column {min(differ)!r} is in one part of {path.name} and not in another; write"
                " all alike"
            )
        yield table.select(names)


def as_texts(path: Path, table: pa.Table, before: int = 0) -> pa.Table:
    """Every value of a typed table as text, NULL for a null; ``before``: rows of the file before these."""
    texts = with_nulls(path, table, before)
    return pa.table({n: pc.fill_null(texts[n], NULL) for n in texts.column_names})


def with_nulls(path: Path, table: pa.Table, before: int = 0) -> pa.Table:
    """Every value of a typed table as text, nulls as they are."""
    texts = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            texts[name] = pc.cast(column, pa.string())
        except UNREADABLE as error:
            raise DataError(
                f"{path}: column {name!r} of type {column.type} cannot be read as text;"
                " store texts, numbers or dates"
            ) from error
    written = [n for n in table.column_names if not _is_plain(table[n].type)]
    table = pa.table(texts)
    refuse_signs(path, table.select(written), before)
    return table


def _is_plain(kind: pa.DataType) -> bool:
    """Whether values are numbers, days or the like, as a text of which no odd sign can stand."""
    return bool(pa.types.is_primitive(kind) or pa.types.is_null(kind))


def _declared(path: Path, table: pa.Table, schema: Schema, before: int) -> pa.Table:
    """The declared columns in schema order; absent ones and refused surplus ones are errors.

    ``before``: rows of the file before these.
    """
    found = set(table.column_names)
    if absent := [n for n in schema.columns if n not in found]:
        advice = "; add it, or take it out of the schema"
        if not is_typed(path) and (other := other_separator(path, schema.csv, schema.columns)):
            advice = f", read with separator {schema.csv.separator!r}; with {other!r} there are columns of"
            advice += f" the schema: write `csv: {{separator: {json.dumps(other)}}}` in it"
        raise DataError(f"{path}: column {absent[0]!r} of the schema is not in the file{advice}")
    refuse_surplus(path, table.column_names, schema.columns, schema)
    return with_points(path, table.select(list(schema.columns)), schema, before=before)


def refuse_surplus(
    path: Path, names: Sequence[str], known: Collection[str], schema: Schema
) -> None:
    """Raise DataError for a column that the schema neither knows nor lets drop."""
    surplus = [n for n in names if n not in known]
    if surplus and schema.surplus_columns == "refuse":
        raise DataError(
            f"{path}: column {surplus[0]!r} is not in the schema; declare it, or set"
            " surplus_columns: drop"
        )


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, for the ledger; it must not be shown."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
