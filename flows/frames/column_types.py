"""What each kind of column is called in the formats that people open.

Whole numbers may be missing and stay whole; a column that mixes numbers with texts ("N") is text; categories
in an order keep it, as Arrow's ordered dictionaries; days are dates and seconds are timestamps, of a zone where
their texts have its offset.

Privacy claim: none; reads the public schema only.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from privacy.schema.columns import Column, Datetime, Image, Numeric


@dataclass(frozen=True)
class ColumnType:
    """One type under its names: in Parquet, Hugging Face, Croissant, ``read_csv`` of pandas, DuckDB."""

    arrow: pa.DataType
    feature: str
    croissant: str
    pandas: str
    duckdb: str


TEXT = ColumnType(pa.string(), "string", "sc:Text", "str", "VARCHAR")
ORDERED = ColumnType(
    pa.dictionary(pa.int32(), pa.string(), ordered=True), "string", "sc:Text", "str", "VARCHAR"
)
WHOLE = ColumnType(pa.int64(), "int64", "sc:Integer", "Int64", "BIGINT")
NUMBER = ColumnType(pa.float64(), "float64", "sc:Float", "float64", "DOUBLE")
DAY = ColumnType(pa.date32(), "date32", "sc:Date", "datetime64[ns]", "DATE")
SECOND = ColumnType(  # Parquet knows no whole seconds
    pa.timestamp("ms"), "timestamp[ms]", "sc:DateTime", "datetime64[ns]", "TIMESTAMP"
)
PICTURE = ColumnType(
    pa.struct([("bytes", pa.binary()), ("path", pa.string())]), "image", "sc:ImageObject", "str",
    "VARCHAR",
)  # fmt: skip


def column_type(column: Column) -> ColumnType:
    """The type of a column's values in files written here; of a picture in CSV, that of its file's name."""
    if isinstance(column, Image):
        return PICTURE
    if isinstance(column, Datetime):
        if column.resolution == "day":
            return DAY
        return _second_in(column.zone) if column.zone and column.written.has_offset else SECOND
    if isinstance(column, Numeric):
        if any(isinstance(value, str) for value in column.special):
            return TEXT
        return WHOLE if column.kind == "integer" else NUMBER
    return ORDERED if column.kind == "ordinal" else TEXT


def _second_in(zone: str) -> ColumnType:
    return ColumnType(
        pa.timestamp("ms", zone),
        f"timestamp[ms, tz={zone}]",
        SECOND.croissant,
        f"datetime64[ns, {zone}]",
        "TIMESTAMP WITH TIME ZONE",
    )
