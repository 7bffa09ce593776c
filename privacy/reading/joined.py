"""Files of units and files of their rows, joined by the unit's name, where a schema has visits.

A file that holds the unit and constant columns only has one row a unit; every other file holds rows of units.
Each row gets its unit's constants. Names are compared as they are written.

Privacy claim: none by itself; what a row gets follows from the rows of its own unit. A unit without a row of
its own is in no table, and so in no release. What a file holds is quoted only in ``DataError.private``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import DataError
from privacy.schema.schema import Schema


def joined(paths: Sequence[Path], parts: Sequence[pa.Table], schema: Schema) -> pa.Table:
    """All rows, with every declared column in schema order. ``parts``: the declared columns that each file
    holds.

    Raises DataError where a column is in no file, a unit stands twice in a file of units, or a row's unit in
    none.
    """
    visits, unit = schema.visits, schema.unit
    assert visits is not None
    assert unit is not None
    own = {unit, *visits.constant}
    for path, part in zip(paths, parts, strict=True):
        if unit not in part.column_names:
            raise DataError(
                f"{path}: holds no column {unit!r}, which says whose its rows are; add it"
            )
    found = list(zip(paths, parts, strict=True))
    units = [(p, t) for p, t in found if own.issuperset(t.column_names)]
    rows = [(p, t) for p, t in found if not own.issuperset(t.column_names)]
    if not rows:
        raise DataError(
            f"{paths[0]}: holds {unit!r} and constant columns only; give the file of rows too"
        )
    table = _together(rows, "rows")
    if units:
        table = _with(table, _together(units, "units"), units[0][0], rows[0][0], unit)
    if absent := [n for n in schema.columns if n not in table.column_names]:
        raise DataError(
            f"{rows[0][0]}: column {absent[0]!r} of the schema is in none of the files; give the file"
            " that holds it, or take it out of the schema"
        )
    return table.select(list(schema.columns))


def _together(parts: Sequence[tuple[Path, pa.Table]], what: str) -> pa.Table:
    """Files of one kind, one after the other."""
    first = set(parts[0][1].column_names)
    for path, part in parts[1:]:
        if differ := sorted(first ^ set(part.column_names)):
            raise DataError(
                f"{path}: column {differ[0]!r} is in one file of {what} and not in another;"
                " write all of them alike"
            )
    names = parts[0][1].column_names
    return pa.concat_tables([part.select(names) for _, part in parts])


def _with(rows: pa.Table, units: pa.Table, of_units: Path, of_rows: Path, unit: str) -> pa.Table:
    """The rows with what their units are."""
    if twice := [n for n in units.column_names if n != unit and n in rows.column_names]:
        raise DataError(
            f"{of_rows}: holds column {twice[0]!r}, and {of_units} holds it too; leave it out of one of them"
        )
    names = units[unit].combine_chunks()
    counted = pc.value_counts(names)
    more = pc.filter(counted.field("values"), pc.greater(counted.field("counts"), 1))
    if len(more):
        raise DataError(
            f"{of_units}: {unit} {more[0].as_py()!r} stands in several rows; one row a unit"
        )
    at = pc.index_in(rows[unit], value_set=names)
    if at.null_count:
        missing = pc.filter(rows[unit], pc.is_null(at))[0].as_py()
        raise DataError(
            f"{of_rows}: {unit} {missing!r} is not in {of_units}; add it there, or drop its rows"
        )
    for name in units.column_names:
        if name != unit:
            rows = rows.append_column(name, units[name].take(at))
    return rows
