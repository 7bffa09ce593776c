"""Canonical frames → files that people open, and back through the schema's own rules.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from flows.frames.parquet import PARQUET, part_name, typed_table, with_pictures
from flows.frames.pictures import write_npz, write_png
from flows.frames.written import texts, write_csv
from privacy.errors import InputError
from privacy.reading.conform import conform
from privacy.reading.images import stack
from privacy.reading.source import read_source
from privacy.schema.codec import number_identifiers
from privacy.schema.schema import Csv, Schema
from privacy.stored.reading import read_all
from privacy.stored.rows import AnyRows, Rows


def exported(schema: Schema) -> Schema:
    """The schema of files written here, which follow no habit of the source's."""
    return schema.model_copy(update={"csv": Csv(), "npz": {}})


def read_synthetic(path: Path, schema: Schema) -> pd.DataFrame:
    """The canonical frame of a file of ``write_synthetic``.

    Raises ValueError where a value does not fit the schema: synthetic rows must.
    """
    source = read_source((path,), exported(schema))
    frame, findings = conform(source.texts, schema)
    if findings:
        raise ValueError(f"{path}: {findings[0]}")
    return source.frame(frame, schema, np.ones(len(frame), dtype=bool))


def stored_synthetic(path: Path, schema: Schema, room: Path) -> AnyRows:
    """As ``read_synthetic``, without identifiers and outside of memory where rows are by themselves."""
    if schema.image or schema.visits:
        return Rows.of(read_synthetic(path, schema))
    rows, findings = read_all((path,), exported(schema), room)
    if findings:
        raise ValueError(f"{path}: {findings[0]}")
    return rows


def write_synthetic(parts: Iterable[pd.DataFrame], schema: Schema, file: BinaryIO) -> None:
    """A file of texts that is read back exactly: CSV, or one part as Parquet where there are pictures."""
    for number, frame in enumerate(parts):
        if schema.image is None:
            write_csv(frame, schema, file, header=number == 0)
            continue
        table = pa.Table.from_pandas(texts(frame, schema), preserve_index=False)
        pq.write_table(with_pictures(table, frame[schema.image], schema), file)


def check_name(path: Path, schema: Schema) -> None:
    """Raise InputError for a name whose ending ``write_rows`` has no format for."""
    if schema.image is not None and path.suffix != ".parquet":
        raise InputError(f"{path}: expected a name that ends in .parquet, which holds pictures")
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path}: expected a name that ends in .csv or .parquet")


def write_rows(frame: pd.DataFrame, schema: Schema, path: Path) -> None:
    """Write a canonical frame as .csv or .parquet, by the path's ending."""
    check_name(path, schema)
    if path.suffix == ".parquet":
        pq.write_table(typed_table(frame, exported(schema)), path)
    else:
        with path.open("wb") as file:
            write_csv(frame, schema, file)


PART = 5_000_000
"""Rows of a Parquet file, about; a table of more is a folder of such."""


def write_files(rows: AnyRows, schema: Schema, folder: Path) -> None:
    """The rows as data.parquet and data.csv; of an image set also images/ (named in data.csv) and data.npz."""
    if schema.image is not None:
        _write_pictures(rows.frame, schema, folder)
        return
    path, parts = folder / PARQUET, _numbered(rows, schema)
    if len(rows) > PART:
        path.mkdir(mode=0o700)
    with (folder / "data.csv").open("wb") as csv:
        write_synthetic(_kept(path, parts, exported(schema)), exported(schema), csv)


def _kept(path: Path, parts: Iterable[pd.DataFrame], schema: Schema) -> Iterator[pd.DataFrame]:
    """The parts of a table, each written as Parquet as it passes: to one file, or to many in a folder."""
    file, number, held = ExitStack(), 0, 0
    with file:
        for frame in parts:
            table = typed_table(frame, schema)
            if number == 0 or (path.is_dir() and held >= PART):
                file.close()
                name = path / part_name(number) if path.is_dir() else path
                writer = file.enter_context(pq.ParquetWriter(name, table.schema))
                number, held = number + 1, 0
            writer.write_table(table)
            held += len(frame)
            yield frame


def _numbered(rows: AnyRows, schema: Schema) -> Iterator[pd.DataFrame]:
    """The rows, some after the other, with identifiers where they have none."""
    before = 0
    for frame in rows.batches():
        whole = set(schema.columns) <= set(frame.columns)
        yield frame if whole else number_identifiers(frame, schema, before)
        before += len(frame)


def _write_pictures(frame: pd.DataFrame, schema: Schema, folder: Path) -> None:
    write_rows(frame, schema, folder / PARQUET)
    columns = texts(frame, schema)
    arrays = {str(n): columns[n].to_numpy(dtype=str) for n in columns}
    arrays[schema.image or ""] = stack(frame[schema.image])
    write_npz(folder / "data.npz", arrays)
    columns = columns.assign(**{schema.image or "": write_png(folder, frame[schema.image])})
    columns[list(schema.columns)].to_csv(folder / "data.csv", index=False)
