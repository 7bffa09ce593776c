"""Canonical frames → Parquet with the schema's types, which says in its footer what it holds.

The footer carries what pandas needs to keep whole numbers whole, the features as Hugging Face's ``datasets``
documents them (a picture is a struct of PNG bytes and file name), the public schema as YAML under
``understudy.schema``, and each column's description in its Arrow field.

A large table is a folder of parts, as Spark and Dask write it: ``data.parquet/part-00000.parquet`` and so on.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa

from flows.frames.column_types import DAY, ORDERED, PICTURE, TEXT, WHOLE, column_type
from flows.frames.pictures import stored_pictures
from flows.frames.written import written_values
from privacy.schema.columns import Categorical, Datetime
from privacy.schema.schema import Schema

PARQUET = "data.parquet"
"""The rows of a published folder: a file, or a folder of parts."""


def part_name(number: int) -> str:
    """What a part is called, in the order of the rows."""
    return f"part-{number:05}.parquet"


def parts_below(public: Path) -> str:
    """The file of the rows, or a pattern that names its parts, from the published folder."""
    return f"{PARQUET}/*.parquet" if (public / PARQUET).is_dir() else PARQUET


def parquet_files(public: Path) -> list[Path]:
    """The file of the rows, or its parts in their order."""
    return sorted(public.glob(parts_below(public)))


def typed_table(frame: pd.DataFrame, schema: Schema) -> pa.Table:
    """The rows of a canonical frame under ``arrow_schema``."""
    wanted = arrow_schema(schema)
    columns = pd.DataFrame(
        {n: _typed(frame[n], n, schema) for n in schema.columns if n != schema.image}
    )
    plain = [field for field in wanted if field.name != schema.image]
    table = pa.Table.from_pandas(columns, pa.schema(plain), preserve_index=False)
    about_pandas = table.schema.metadata
    if schema.image is not None:
        table = with_pictures(table, frame[schema.image], schema)
    return table.cast(wanted.with_metadata(wanted.metadata | about_pandas))


def with_pictures(table: pa.Table, pictures: pd.Series, schema: Schema) -> pa.Table:
    """A table of all columns but the image, with the pictures put in their place."""
    assert schema.image is not None
    column = pa.array(stored_pictures(pictures), PICTURE.arrow)
    return table.append_column(schema.image, column).select(list(schema.columns))


def arrow_schema(schema: Schema) -> pa.Schema:
    """Types, descriptions and footer of files written here."""
    fields = [
        pa.field(name, column_type(c).arrow, metadata={"description": c.description})
        for name, c in schema.columns.items()
    ]
    footer = {
        "huggingface": json.dumps({"info": {"features": features(schema)}}),
        "understudy.schema": schema.to_yaml(),
    }
    return pa.schema(fields, footer)


def features(schema: Schema) -> dict[str, dict[str, str]]:
    """Hugging Face's features by column."""
    return {
        name: {"_type": "Image"}
        if column_type(c) is PICTURE
        else {"dtype": column_type(c).feature, "_type": "Value"}
        for name, c in schema.columns.items()
    }


def _typed(series: pd.Series, name: str, schema: Schema) -> pd.Series:
    """A canonical series in the pandas type that Arrow turns into the column's."""
    column = schema.columns[name]
    kind = column_type(column)
    if kind is ORDERED:
        assert isinstance(column, Categorical)
        return series.astype(pd.CategoricalDtype(list(column.categories or ()), ordered=True))
    if kind is TEXT:
        return written_values(series)
    if kind is WHOLE:
        return series.astype("Int64")
    if kind is DAY:
        return pd.Series(series.dt.date, dtype=object)
    if isinstance(column, Datetime) and column.written.has_offset:
        return column.written.instants(series)
    return series
