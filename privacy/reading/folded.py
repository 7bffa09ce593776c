"""Files of tables that belong together → rows of visits, where a schema has ``tables:``.

Each file is known by its name without the ending. What rows of a table say is put into the columns that its
``rows:`` name (``privacy.schema.tables``): a row takes the first free place of its kind among those of the row
it belongs to, in the order of its file. Names are compared as they are written.

Privacy claim: none by itself; what a visit gets follows from rows of its own unit: one that names another unit
than its visit does is whose it says, and the visit not, so no release is made of it. Units without a visit are
in no table, and so in no release. What a file holds is quoted only in ``Unfolded.first``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import DataError, InputError
from privacy.reading.formats.holders import called
from privacy.reading.formats.several import tables_in
from privacy.reading.formats.strict import NULL
from privacy.schema.schema import Schema
from privacy.schema.tables import (
    Slot,
    Table,
    linked,
    of_units,
    of_visits,
    slots,
    there,
    units_table,
    visits_table,
)


@dataclass(frozen=True)
class Unfolded:
    """Rows of one table that no visit says. ``first``: the first of them, in words; it is private.

    ``fatal``: no release is made of files that hold such rows.
    """

    table: str
    path: Path
    why: str
    rows: int
    first: str
    fatal: bool = False

    def __str__(self) -> str:
        return f"{self.table}: {self.rows:,} rows {self.why}, first {self.first}"


def by_table(paths: Sequence[Path], schema: Schema) -> dict[str, Path]:
    """The file of each table; empty where none of them is called as one, so that they are rows of visits.

    A folder stands for its files, a workbook for its sheets and a description of queries for its tables. Raises
    InputError for a table without a file or with two.
    """
    if not schema.tables:
        return {}
    named = [(called(f), f) for p in paths for f in tables_in(p)]
    found = {name: file for name, file in named if name in schema.tables}
    if not found:
        return {}
    for name, file in named:
        if name not in schema.tables:
            if file not in paths:
                continue  # what else lies in a folder
            raise InputError(f"{file}: no table of the schema is called {name!r}; give those only")
        if file != found[name]:
            raise InputError(f"{file}: {found[name]} is table {name!r} already; give one of them")
    if absent := [n for n in schema.tables if n not in found]:
        raise InputError(
            f"{next(iter(found.values()))}: the schema's table {absent[0]!r} has no file; give "
            f"{absent[0]}.csv too, or .parquet"
        )
    return {name: found[name] for name in schema.tables}


def files_of(paths: Sequence[Path], schema: Schema) -> tuple[Path, ...]:
    """The files that these paths stand for: of a folder, those of the schema's tables."""
    return tuple(by_table(paths, schema).values()) or tuple(paths)


def columns(schema: Schema, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of a table's file: those that must be there, and those that may."""
    table = schema.tables[name]
    if name == units_table(schema.tables):
        return of_units(schema), ()
    if name == visits_table(schema.tables):
        return of_visits(schema), ()
    needed = dict.fromkeys((linked(schema, name), *table.fixed, *table.values))
    return tuple(needed), tuple({*table.copies, *([table.key] if table.key else [])} - {*needed})


def folded(
    files: Mapping[str, pa.Table], paths: Mapping[str, Path], schema: Schema
) -> tuple[pa.Table, list[Unfolded]]:
    """All visits with every declared column in schema order, and what none of them says.

    ``files``: the texts of each table. Raises DataError where a column is missing.
    """
    for name, part in files.items():
        if absent := [n for n in columns(schema, name)[0] if n not in part.column_names]:
            raise DataError(
                f"{paths[name]}: column {absent[0]!r} of table {name!r} is not in the file; add it, or "
                "correct `tables:` in the schema"
            )
    assert schema.unit is not None
    root, main = units_table(schema.tables), visits_table(schema.tables)
    key = schema.tables[main].key
    people = files[root].select(of_units(schema))
    units, notes, _ = _first_of_each(people, schema.unit, root, paths[root])
    at, more = _owned(files[main], schema.unit, units, main, paths[main])
    notes += more
    visits = files[main].select(of_visits(schema)).filter(pa.array(at >= 0))
    at = at[at >= 0]
    if key is not None:
        visits, more, kept = _first_of_each(visits, key, main, paths[main])
        notes += more
        at = at[kept]
    alone = np.setdiff1d(np.arange(units.num_rows), at)
    if len(alone):
        first = units[schema.unit][int(alone[0])].as_py()
        why = f"have no row in {main}, so they are in no release"
        notes.append(Unfolded(root, paths[root], why, len(alone), repr(first)))
    found = {n: visits[n] for n in visits.column_names}
    found |= {n: units[n].take(at) for n in units.column_names if n != schema.unit}
    for name, table in schema.tables.items():
        if not table.rows:
            continue
        of, names = (units, schema.unit) if table.of == root else (visits, str(key))
        own, more = _owned(files[name], linked(schema, name), of, name, paths[name], names)
        notes += more
        placed = _Placing(name, table, files[name], own, of.num_rows, schema, paths[name])
        parts = placed.columns()
        if table.of == root:
            parts = {n: part.take(at) for n, part in parts.items()}
        found |= parts
        notes += placed.left()
        notes += _strange(files[name], own, table, of, name, paths[name], schema.unit)
        notes += _differing(files[name], own, table, of, name, paths[name], schema.unit)
    return pa.table({n: found[n] for n in schema.columns}), notes


def _first_of_each(
    part: pa.Table, key: str, name: str, path: Path
) -> tuple[pa.Table, list[Unfolded], np.ndarray]:
    """One row of each key, and which are kept (bool [n])."""
    names = part[key].to_pandas()
    again = names.duplicated().to_numpy()
    if not again.any():
        return part, [], np.ones(len(names), dtype=bool)
    first = f"{key} {names.iloc[int(again.argmax())]!r}"
    note = Unfolded(
        name, path, f"name a {key} that another row names", int(again.sum()), first, True
    )
    return part.filter(pa.array(~again)), [note], ~again


def _owned(
    part: pa.Table, column: str, of: pa.Table, name: str, path: Path, key: str | None = None
) -> tuple[np.ndarray, list[Unfolded]]:
    """The row of ``of`` that each row belongs to, int64 [n]; -1 for none."""
    names, notes = part[column], []
    at = pc.index_in(names, value_set=of[key or column].combine_chunks())
    found = pc.fill_null(at, -1).to_numpy().astype(np.int64)
    nobody = pc.is_in(names, value_set=pa.array(["", NULL])).to_numpy()
    for bad, why, fatal in (
        (nobody, f"have no {column}, so they belong to nothing", False),
        (~nobody & (found < 0), f"have a {column} that is in no row of what they belong to", True),
    ):
        if bad.any():
            first = f"row {int(bad.argmax()) + 1}"
            if fatal:
                first = f"{names[int(bad.argmax())].as_py()!r} in {first}"
            notes.append(Unfolded(name, path, why, int(bad.sum()), first, fatal))
    return np.where(nobody, -1, found), notes


@dataclass(frozen=True)
class _Placing:
    """Where rows of one table go. ``own``: the row that each belongs to, -1 for none, of ``n``."""

    name: str
    table: Table
    part: pa.Table
    own: np.ndarray
    n: int
    schema: Schema
    path: Path

    def places(self) -> Iterator[tuple[Slot, np.ndarray]]:
        """Each slot, and which row of the file is in it for each row that it belongs to, -1 for none."""
        for fixed, kind in slots(self.table):
            rows = np.flatnonzero(self._of(fixed) & (self.own >= 0))
            rows = rows[np.argsort(self.own[rows], kind="stable")]
            rank = np.asarray(pd.Series(self.own[rows]).groupby(self.own[rows]).cumcount())
            for k, slot in enumerate(kind):
                chosen = rows[rank == k]
                at = np.full(self.n, -1)
                at[self.own[chosen]] = chosen
                yield slot, at

    def _of(self, fixed: Mapping[str, str]) -> np.ndarray:
        """Whether each row of the file is of a kind."""
        found = np.ones(self.part.num_rows, dtype=bool)
        for column, text in fixed.items():
            said = pc.if_else(pc.equal(self.part[column], NULL), "", self.part[column])
            found &= pc.equal(said, text).to_numpy()
        return found

    def columns(self) -> dict[str, pa.Array]:
        """The columns of the schema, a text for each row that the table's rows belong to."""
        found = {}
        for slot, at in self.places():
            if slot.where is not None:
                told = np.array(there(self.schema, slot), dtype=object)
                found[slot.where] = pa.array(told[(at >= 0).astype(int)], pa.string())
            taken = pa.array(np.where(at >= 0, at, 0), mask=at < 0)
            for file, name in slot.values.items():
                found[name] = pc.fill_null(self.part[file].take(taken), NULL)
        return found

    def left(self) -> Iterator[Unfolded]:
        """Rows that belong somewhere and found no place, or say nothing."""
        known, taken = np.zeros(len(self.own), dtype=bool), np.zeros(len(self.own), dtype=bool)
        for fixed, _ in slots(self.table):
            known |= self._of(fixed)
        empty = np.zeros(len(self.own), dtype=bool)
        for slot, at in self.places():
            rows = at[at >= 0]
            taken[rows] = True
            if slot.where is None:
                missing = np.ones(len(rows), dtype=bool)
                for file, name in slot.values.items():
                    signs = pa.array([NULL, *self.schema.columns[name].missing_values], pa.string())
                    missing &= pc.is_in(self.part[file].take(rows), value_set=signs).to_numpy()
                empty[rows] = missing
        mine = self.own >= 0
        for bad, why in (
            (mine & ~known, f"are none that `rows:` tell ({', '.join(self.table.fixed)})"),
            (mine & known & ~taken, "are more of a kind than `rows:` have places"),
            (empty, "hold no value"),
        ):
            if bad.any():
                first = f"row {int(bad.argmax()) + 1}"
                yield Unfolded(self.name, self.path, why, int(bad.sum()), first)


def _strange(
    part: pa.Table, own: np.ndarray, table: Table, of: pa.Table, name: str, path: Path, unit: str
) -> Iterator[Unfolded]:
    """Rows that name another unit than what they belong to does, also in a column that nobody declared.

    They are rows of both, and with either of them gone the other would be read otherwise.
    """
    rows = np.flatnonzero(own >= 0)
    declared = {file for file, column in table.copies.items() if column == unit}
    other = {table.key, *table.fixed, *table.values, *table.copies} - declared
    for file in sorted((declared | {unit}) & {*part.column_names} - other):
        named = part[file].take(rows)
        same = pc.or_(
            pc.equal(named, of[unit].take(own[rows])), pc.is_in(named, pa.array(["", NULL]))
        )
        if not (alike := same.to_numpy()).all():
            why = f"name another {unit} in {file} than what they belong to"
            first = f"row {int(rows[int(alike.argmin())]) + 1}"
            yield Unfolded(name, path, why, int((~alike).sum()), first, True)


def _differing(
    part: pa.Table, own: np.ndarray, table: Table, of: pa.Table, name: str, path: Path, unit: str
) -> Iterator[Unfolded]:
    """Rows whose copies say something else than what they repeat, whosever they are."""
    rows = np.flatnonzero(own >= 0)
    for file, column in table.copies.items():
        if file not in part.column_names or column not in of.column_names or column == unit:
            continue
        same = pc.equal(part[file].take(rows), of[column].take(own[rows])).to_numpy()
        if not same.all():
            why = (
                f"have another {file} than the {column} that it repeats, which is kept in its place"
            )
            first = f"row {int(rows[int(same.argmin())]) + 1}"
            yield Unfolded(name, path, why, int((~same).sum()), first)
