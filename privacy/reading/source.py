"""Private files → the rows they hold: texts, and the pictures of an image set, stored as they are.

A plain table is one file after the other. An image set may come in *parts*: a file that holds only some
of the declared columns is put beside the files before it, until all columns are there, which closes one
table; closed tables follow one another. Parts are matched by the identifiers they share, one row to one,
or by order where they share none. Of histories units and their rows may be files of their own
(``joined``), or tables that belong together (``folded``).

In the texts a picture is the SHA-256 of what is stored, so that rows are compared and split as ever.

Privacy claim: none; called only behind ``PrivateTable.open``, by ``schema check`` and on synthetic
rows. What a file holds is quoted only in ``DataError.private``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import DataError, InputError
from privacy.reading.arrays import holds_arrays, read_arrays
from privacy.reading.folded import Unfolded, by_table, columns, folded
from privacy.reading.formats.said import one_line
from privacy.reading.images import Picture, load, unstack
from privacy.reading.joined import joined
from privacy.reading.read import (
    as_texts,
    check_kind,
    concatenated,
    is_parquet,
    read_any,
    read_parquet,
    read_texts,
    refuse_surplus,
    with_points,
)
from privacy.schema.columns import Identifier, Image
from privacy.schema.schema import Schema
from privacy.schema.tables import merged, visits_table

Stored = Sequence[np.ndarray | bytes | Path] | None
"""The pictures of a file as it stores them; None where it holds none."""


@dataclass(frozen=True)
class Source:
    """All rows: the declared columns as texts, and a picture a row where one of them is an image.

    ``unfolded``: rows of tables that no row says.
    """

    texts: pa.Table
    pictures: tuple[Picture, ...] = ()
    unfolded: tuple[Unfolded, ...] = ()

    def frame(self, conformed: pd.DataFrame, schema: Schema, rows: np.ndarray) -> pd.DataFrame:
        """The canonical frame of some rows (bool [n]) in schema order; only their pictures are decoded.

        ``conformed``: what ``conform`` made of the texts.
        """
        frame = conformed.loc[rows].reset_index(drop=True)
        if schema.image is None:
            return frame
        wanted = [self.pictures[i] for i in np.flatnonzero(rows)]
        decoded = unstack(load(wanted, _image(schema)))
        return frame.assign(**{schema.image: decoded})[list(schema.columns)]

    def check_pictures(self, schema: Schema) -> None:
        """Raise DataError for the first picture that is not as the schema says."""
        for picture in self.pictures:
            picture.decode(_image(schema))


def _image(schema: Schema) -> Image:
    column = schema.columns[schema.image or ""]
    assert isinstance(column, Image)
    return column


def read_source(paths: Sequence[Path], schema: Schema) -> Source:
    """All rows of all files; raises InputError for a file that is not there, DataError for what is in it."""
    if files := by_table(paths, schema):
        source = read_tables(files, schema)
        for note in source.unfolded:
            if note.fatal:
                raise DataError(f"{note.path}: {note}; mend the file, or drop those rows")
        return source
    if schema.visits is not None and len(paths) > 1:
        return Source(joined(paths, [_part(path, schema).texts for path in paths], schema))
    if schema.image is None:
        return Source(read_texts(paths, schema))
    if not paths:
        raise InputError("data: no file is given")
    closed: list[Source] = []
    rest: Source | None = None
    for path in paths:
        part = _part(path, schema)
        rest = part if rest is None else _beside(path, rest, part, schema)
        if len(rest.texts.column_names) == len(schema.columns):
            closed.append(Source(rest.texts.select(list(schema.columns)), rest.pictures))
            rest = None
    if rest is not None:
        absent = next(n for n in schema.columns if n not in rest.texts.column_names)
        raise DataError(
            f"{paths[-1]}: column {absent!r} of the schema is neither in this file nor in those it"
            " belongs to; give the file that holds it, or take it out of the schema"
        )
    table = concatenated(paths, [s.texts for s in closed])
    return Source(table, tuple(p for s in closed for p in s.pictures))


def read_tables(files: Mapping[str, Path], schema: Schema) -> Source:
    """The rows of tables that belong together, whatever they leave unsaid.

    A table without rows is one: nobody may have died.
    """
    texts = {}
    for name, path in files.items():
        table, known = read_any(path, schema.csv, empty=True), {*chain(*columns(schema, name))}
        refuse_surplus(path, table.column_names, known, schema)
        texts[name] = with_points(path, table, _of_table(schema, name))
    table, unfolded = folded(texts, files, schema)
    if table.num_rows == 0:
        path = files[visits_table(schema.tables)]
        raise DataError(f"{path}: holds no visit of anybody; give the right file")
    return Source(table, (), tuple(unfolded))


def _of_table(schema: Schema, name: str) -> Schema:
    """The schema with the columns of a table's file in place of its own."""
    held = schema.tables[name].values
    kinds = {file: merged([schema.columns[n] for n in names]) for file, names in held.items()}
    return schema.model_copy(update={"columns": kinds}) if held else schema


def _part(path: Path, schema: Schema) -> Source:
    """The declared columns that one file holds."""
    if holds_arrays(path):
        table, pixels = read_arrays(path, schema)
        stored: Stored = None if pixels is None else list(pixels)
    elif is_parquet(path):
        table, stored = _parquet(path, schema)
    else:
        table, stored = _csv(path, schema)
    if stored is None:
        if not table.column_names:
            raise DataError(f"{path}: holds no column of the schema; give the right file")
        return Source(table)
    pictures = tuple(Picture(content, path, i + 1) for i, content in enumerate(stored))
    digests = pa.array([p.digest() for p in pictures], pa.string())
    texts = {n: table[n] for n in table.column_names}
    return Source(pa.table(texts | {str(schema.image): digests}), pictures)


def _parquet(path: Path, schema: Schema) -> tuple[pa.Table, Stored]:
    check_kind(path)
    parts = [_apart(path, part, schema) for part in read_parquet(path)]
    stored = [_encoded(path, pictures) for _, pictures in parts if pictures is not None]
    table = pa.concat_tables([as_texts(path, table) for table, _ in parts])
    return table, list(chain(*stored)) if stored else None


def _csv(path: Path, schema: Schema) -> tuple[pa.Table, Stored]:
    texts = with_points(path, read_any(path, schema.csv, tuple(schema.columns)), schema)
    table, names = _apart(path, texts, schema)
    return table, None if names is None else _beneath(path, names.to_pylist())


def _apart(path: Path, table: pa.Table, schema: Schema) -> tuple[pa.Table, pa.ChunkedArray | None]:
    """The declared columns of a table without the image, and the image column where there is one."""
    refuse_surplus(path, table.column_names, schema.columns, schema)
    others = [n for n in table.column_names if n in schema.columns and n != schema.image]
    found = schema.image in table.column_names
    return table.select(others), table[schema.image] if found else None


def _encoded(path: Path, column: pa.ChunkedArray) -> list[bytes]:
    """Encoded pictures from a Parquet column of bytes, or of bytes and path as Hugging Face writes it."""
    kind = column.type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        column = pc.struct_field(column, "bytes")
    if not pa.types.is_binary(column.type) and not pa.types.is_large_binary(column.type):
        raise DataError(
            f"{path}: pictures of type {str(kind)!r}; store each as the bytes of a PNG or JPEG file"
        )
    if column.null_count:
        row = pc.index(pc.is_null(column), pa.scalar(True)).as_py() + 1
        raise DataError(
            f"{path}: row {row}: no picture is embedded; add its bytes, or drop the row"
        )
    stored: list[bytes] = column.to_pylist()
    return stored


def _beneath(path: Path, names: list[str]) -> list[Path]:
    """The pictures that a CSV file names, which must lie in its own folder, links followed."""
    folder = path.resolve().parent
    files = []
    for i, name in enumerate(names):
        try:
            file = (folder / name).resolve()
            found = file.is_file()
        except (OSError, RuntimeError) as error:  # these quote the name, which is private
            raise DataError(f"{path}: row {i + 1}: {one_line(error)}") from error
        if not file.is_relative_to(folder):
            raise DataError(
                f"{path}: row {i + 1}: {name!r}: outside the folder of this file; put the pictures beside it"
            )
        if not found:
            raise DataError(
                f"{path}: row {i + 1}: {name!r}: no such picture; add it, or drop the row"
            )
        files.append(file)
    return files


def _beside(path: Path, left: Source, right: Source, schema: Schema) -> Source:
    """Two parts of one table, put side by side in the order of the first."""
    shared = [n for n in right.texts.column_names if n in left.texts.column_names]
    if twice := [n for n in shared if not isinstance(schema.columns[n], Identifier)]:
        absent = next(n for n in schema.columns if n not in left.texts.column_names)
        raise DataError(
            f"{path}: holds column {twice[0]!r}, which the files before it hold too, and {absent!r} is"
            " still to come; give the files of one table after one another"
        )
    order = _order(path, left.texts, right.texts, shared)
    table = left.texts
    for name in right.texts.column_names:
        if name not in shared:
            table = table.append_column(name, right.texts[name].take(order))
    pictures = left.pictures or tuple(right.pictures[i] for i in order if right.pictures)
    return Source(table, pictures)


def _order(path: Path, left: pa.Table, right: pa.Table, shared: list[str]) -> np.ndarray:
    """The row of ``right`` that belongs to each row of ``left``; DataError where that is not one to one."""
    if left.num_rows != right.num_rows:
        raise DataError(
            f"{path}: {right.num_rows} rows, and the files it belongs to have {left.num_rows}; give a row"
            " of each for every picture"
        )
    if not shared:
        return np.arange(left.num_rows)
    wanted, found = (pd.MultiIndex.from_frame(t.select(shared).to_pandas()) for t in (left, right))
    for index in (wanted, found):
        if not index.is_unique:
            name = ", ".join(map(str, index[index.duplicated()][0]))
            raise DataError(f"{path}: {shared[0]} {name!r} stands in two rows; make it unique")
    order = np.asarray(found.get_indexer(wanted))
    if (order < 0).any():
        name = ", ".join(map(str, wanted[order < 0][0]))
        raise DataError(
            f"{path}: {shared[0]} {name!r} of the files it belongs to is not in this file; add the row"
        )
    return order
