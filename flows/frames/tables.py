"""Linked rows as two tables: one row a unit with what stays the same, and all rows with what changes.

    tables/units      the unit's column and every constant one, a row for each unit
    tables/visits     the unit's column and all others, in the order of data.csv

Each unit of the one has rows in the other and the other way round; joined, they are data.csv.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from flows.frames.export import write_rows
from privacy.schema.columns import Identifier
from privacy.schema.schema import Schema

FOLDER = "tables"
UNITS, VISITS = "units", "visits"
FORMATS = ("csv", "parquet")


def schemas(schema: Schema) -> dict[str, Schema]:
    """The schema of each table by its name; none where rows are not linked, or all columns would be in one."""
    visits, unit = schema.visits, schema.unit
    if visits is None or unit is None:
        return {}
    static = set(visits.constant)
    changing = set(schema.columns) - static - {unit}
    if not static or all(isinstance(schema.columns[n], Identifier) for n in changing):
        return {}
    units = schema.without(changing).model_copy(update={"visits": None, "max_rows_per_unit": 1})
    return {UNITS: units, VISITS: schema.without(static)}


def tables(frame: pd.DataFrame, schema: Schema) -> dict[str, pd.DataFrame]:
    """The rows of each table of ``schemas``."""
    found = {}
    for name, part in schemas(schema).items():
        rows = frame[list(part.columns)]
        found[name] = rows.drop_duplicates(schema.unit) if name == UNITS else rows
    return {name: rows.reset_index(drop=True) for name, rows in found.items()}


def write_tables(frame: pd.DataFrame, schema: Schema, folder: Path) -> None:
    """Both tables in both formats below ``folder``; nothing where there are none."""
    for name, rows in tables(frame, schema).items():
        (folder / FOLDER).mkdir(exist_ok=True)
        for file in files(name):
            write_rows(rows, schemas(schema)[name], folder / file)


def files(name: str) -> Iterator[str]:
    """The files of a table, relative to the public folder."""
    yield from (f"{FOLDER}/{name}.{ending}" for ending in FORMATS)
