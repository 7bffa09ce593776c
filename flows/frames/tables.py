"""Linked rows as the tables that a schema declares, or else as two: units with what stays the same, and all
rows with what changes.

    tables/units      the unit's column and every constant one, a row for each unit
    tables/visits     the unit's column and all others, in the order of data.csv

Declared tables are called as the files that the rows came from (``privacy.schema.tables``). Their keys are new,
and each key of one is in the table that it belongs to; joined, they are data.csv.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from flows.frames.export import write_rows
from privacy.schema.columns import Categorical, Column, Identifier
from privacy.schema.schema import Schema
from privacy.schema.tables import (
    linked,
    merged,
    of_units,
    of_visits,
    there,
    units_table,
    visits_table,
)

FOLDER = "tables"
UNITS, VISITS = "units", "visits"
FORMATS = ("csv", "parquet")


@dataclass(frozen=True)
class Part:
    """One table.

    ``key``: the column that names its rows. ``of``, ``by``: which table a row belongs to, and by which column.
    """

    schema: Schema
    about: str
    key: str | None = None
    of: str | None = None
    by: str | None = None


def parts(schema: Schema) -> dict[str, Part]:
    """The tables by name; none where rows are not linked, or all columns would be in one."""
    visits, unit = schema.visits, schema.unit
    if visits is None or unit is None:
        return {}
    of_unit = f"One row for each synthetic {unit}: what is the same in all of its rows."
    of_rows = f"All rows of each synthetic {unit}, in order: what changes."
    if schema.tables:
        root, main = units_table(schema.tables), visits_table(schema.tables)
        found = {}
        for name, table in schema.tables.items():
            by = None if table.of is None else linked(schema, name)
            about = {root: of_unit, main: of_rows}.get(name, f"Rows of {table.of}, by {by}.")
            key = unit if name == root else table.key
            found[name] = Part(_declared(schema, name), about, key, table.of, by)
        return found
    static = set(visits.constant)
    changing = set(schema.columns) - static - {unit}
    if not static or all(isinstance(schema.columns[n], Identifier) for n in changing):
        return {}
    units = schema.without(changing).model_copy(update={"visits": None, "max_rows_per_unit": 1})
    return {
        UNITS: Part(units, of_unit, unit),
        VISITS: Part(schema.without(static), of_rows, None, UNITS, unit),
    }


def tables(frame: pd.DataFrame, schema: Schema) -> dict[str, pd.DataFrame]:
    """The rows of each of ``parts``."""
    found = {}
    for name, part in parts(schema).items():
        if name in schema.tables and schema.tables[name].rows:
            rows = _slotted(frame, schema, name, part.schema)
        else:
            rows = frame[list(part.schema.columns)]
            rows = rows.drop_duplicates(schema.unit) if part.of is None else rows
        found[name] = rows
    return {name: rows.reset_index(drop=True) for name, rows in found.items()}


def write_tables(frame: pd.DataFrame, schema: Schema, folder: Path) -> None:
    """Every table in both formats below ``folder``; nothing where there are none."""
    known = parts(schema)
    for name, rows in tables(frame, schema).items():
        (folder / FOLDER).mkdir(exist_ok=True)
        for file in files(name):
            write_rows(rows, known[name].schema, folder / file)


def files(name: str) -> Iterator[str]:
    """The files of a table, relative to the public folder."""
    yield from (f"{FOLDER}/{name}.{ending}" for ending in FORMATS)


def _declared(schema: Schema, name: str) -> Schema:
    """What the file of a declared table holds."""
    if name in (units_table(schema.tables), visits_table(schema.tables)):
        units = name == units_table(schema.tables)
        kept = of_units(schema) if units else of_visits(schema)
        part = schema.without(set(schema.columns) - set(kept))
        return part.model_copy(update={"visits": None, "max_rows_per_unit": 1}) if units else part
    table = schema.tables[name]
    columns: dict[str, Column] = {table.key: Identifier(kind="identifier")} if table.key else {}
    columns[linked(schema, name)] = Identifier(kind="identifier")
    columns |= {file: schema.columns[of] for file, of in table.copies.items()}
    for file in table.fixed:
        texts = dict.fromkeys(slot.fixed[file] for slot in table.rows)
        said = tuple(texts)  # "" too: a measurement may have no unit
        columns[file] = Categorical(kind="categorical", categories=said, missing_values=())
    columns |= {f: merged([schema.columns[n] for n in of]) for f, of in table.values.items()}
    return Schema.model_construct(name=schema.name, columns=columns)


def _slotted(frame: pd.DataFrame, schema: Schema, name: str, part: Schema) -> pd.DataFrame:
    """The rows of a table that belong to units or visits, in their order."""
    table, kinds, at = schema.tables[name], [], []
    of = frame
    if table.of == units_table(schema.tables):
        of = frame.drop_duplicates(schema.unit).reset_index(drop=True)
    for slot in table.rows:
        if slot.where is not None:
            known = (of[slot.where] == there(schema, slot)[1]).to_numpy(dtype=bool)
        else:
            known = of[list(slot.values.values())].notna().any(axis=1).to_numpy()
        mine = of[known]
        rows = {linked(schema, name): mine[linked(schema, name)].astype(object)}
        rows |= {file: mine[column] for file, column in table.copies.items()}
        rows |= {f: pd.Series(t, mine.index, dtype=object) for f, t in slot.fixed.items()}
        for file in table.values:
            held = slot.values.get(file)
            rows[file] = pd.Series(None, mine.index, dtype=object) if held is None else mine[held]
        kinds.append(pd.DataFrame(rows))
        at.append(np.flatnonzero(known))
    order = np.argsort(np.concatenate(at), kind="stable")
    found = _stacked(kinds).iloc[order].reset_index(drop=True)
    if table.key is not None and table.key not in found:
        found[table.key] = (1 + np.arange(len(found))).astype(str)
    return found[list(part.columns)]


def _stacked(kinds: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of several kinds, each value as its own column has it: 130 stays whole above 6.5."""
    columns = {}
    for name in kinds[0]:
        series = [kind[name] for kind in kinds]
        if len({s.dtype for s in series}) > 1:
            series = [s.astype(object) for s in series]
        columns[name] = pd.concat(series, ignore_index=True)
    return pd.DataFrame(columns)
