"""Canonical frames → files that people open, and back through the schema's own rules.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from flows.frames.parquet import typed_table, with_pictures
from flows.frames.pictures import write_npz, write_png
from privacy.errors import InputError
from privacy.reading.conform import conform
from privacy.reading.images import stack
from privacy.reading.source import read_source
from privacy.schema.columns import Datetime
from privacy.schema.schema import Csv, Schema


def texts(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Every value as the source would write it: times in the schema's format and zone, missing ones as
    its sign.

    Pictures have no text; their column is left out.
    """

    def write(name: str) -> pd.Series:
        column, series = schema.columns[name], frame[name]
        written: pd.Series
        if isinstance(column, Datetime):
            written = column.written.write(series)
        else:
            # as objects: pandas would hand whole numbers beside missing ones over as floats
            written = series.astype(object).map(lambda v: v if pd.isna(v) else str(v))
        sign = column.missing_values[0] if column.missing_values else ""
        return written.astype(object).where(series.notna(), sign)

    return pd.DataFrame({name: write(name) for name in schema.columns if name != schema.image})


def exported(schema: Schema) -> Schema:
    """The schema of files written here, which follow no habit of the source's."""
    return schema.model_copy(update={"csv": Csv(), "npz": {}})


def read_synthetic(path: Path, schema: Schema) -> pd.DataFrame:
    """The canonical frame of a file of ``synthetic_bytes``.

    Raises ValueError where a value does not fit the schema: synthetic rows must.
    """
    source = read_source((path,), exported(schema))
    frame, findings = conform(source.texts, schema)
    if findings:
        raise ValueError(f"{path}: {findings[0]}")
    return source.frame(frame, schema, np.ones(len(frame), dtype=bool))


def synthetic_bytes(frame: pd.DataFrame, schema: Schema) -> bytes:
    """A file of texts that is read back exactly: CSV, or Parquet where there are pictures."""
    if schema.image is None:
        return texts(frame, schema).to_csv(index=False).encode()
    file = io.BytesIO()
    table = pa.Table.from_pandas(texts(frame, schema), preserve_index=False)
    pq.write_table(with_pictures(table, frame[schema.image], schema), file)
    return file.getvalue()


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
        texts(frame, schema).to_csv(path, index=False)


def write_files(frame: pd.DataFrame, schema: Schema, folder: Path) -> None:
    """The rows as data.parquet and data.csv; of an image set also images/ (named in data.csv) and data.npz."""
    write_rows(frame, schema, folder / "data.parquet")
    columns = texts(frame, schema)
    if schema.image is not None:
        arrays = {str(n): columns[n].to_numpy(dtype=str) for n in columns}
        arrays[schema.image] = stack(frame[schema.image])
        write_npz(folder / "data.npz", arrays)
        columns = columns.assign(**{schema.image: write_png(folder, frame[schema.image])})
    columns[list(schema.columns)].to_csv(folder / "data.csv", index=False)
