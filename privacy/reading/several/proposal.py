"""Several files → one table of visits, and the ``tables:`` that put it together: a guess, for a draft.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import DataError, InputError
from privacy.reading.folded import folded
from privacy.reading.formats.holders import called
from privacy.reading.formats.kinds import ENDINGS
from privacy.reading.formats.parts import is_parts
from privacy.reading.guesses.column import IDENTIFIER, kind_of, pointed_texts
from privacy.reading.guesses.missing import MISSING
from privacy.reading.read import SEPARATORS, check_kind, first_line, is_typed, read_any
from privacy.reading.several.belonging import Belonging, belonging
from privacy.reading.several.kinds import ABSENT, NEARLY, rows_of
from privacy.schema.columns import Categorical, Column, Identifier
from privacy.schema.schema import Csv, Schema
from privacy.schema.tables import Table, units_table
from privacy.schema.visits import Visits

TYPED = [e for k, endings in ENDINGS.items() if k not in ("csv", "query") for e in endings]
TABLES = (".csv", ".tsv", *TYPED)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}").fullmatch
FLAG = ("0", "1")


@dataclass(frozen=True)
class Proposal:
    """``rows``: all visits, with all columns of the draft. ``units``: the columns of units, without their name.

    ``tables``: as a schema says them. ``plain``: whether files of units and of rows say it without.
    ``key``: the column that names visits. ``left_out``: columns by table that nothing holds. ``told``: what a
    person should know of a table.
    """

    rows: pa.Table
    unit: str
    units: tuple[str, ...]
    visits: tuple[str, ...]
    key: str | None
    tables: Mapping[str, Table]
    plain: bool
    left_out: Mapping[str, tuple[str, ...]]
    told: Mapping[str, tuple[str, ...]]

    @property
    def root(self) -> str:
        """The table of units."""
        return units_table(self.tables)

    @property
    def constant(self) -> tuple[str, ...]:
        """What is the same in all rows of a unit."""
        held = (c for t in self.tables.values() if t.of == self.root for c in t.held)
        return (*self.units, *held)

    @property
    def flags(self) -> tuple[str, ...]:
        """The columns that say whether a row is there."""
        return tuple(s.where for t in self.tables.values() for s in t.rows if s.where is not None)


def files_in(paths: Sequence[Path]) -> list[Path]:
    """The files, a folder being its tables. Raises InputError for a folder without any."""
    found = []
    for path in paths:
        files = [path]
        if path.is_dir() and not is_parts(path):
            files = [f for f in sorted(path.iterdir()) if _is_table(f)]
        if not files:
            raise InputError(
                f"{path}: this folder holds no CSV or Parquet file, nor any other table"
            )
        found += files
    return found


def _is_table(file: Path) -> bool:
    return file.is_file() and file.name.lower().removesuffix(".gz").endswith(TABLES)


def proposed(paths: Sequence[Path], form: Csv, unit: str | None = None) -> Proposal:
    """The best guess of what the files have to do with one another.

    Raises InputError for files that do not make units and their visits, DataError for what is in them.
    """
    by_name = _by_name(paths)
    files = {name: _read(path, form) for name, path in by_name.items()}
    found = belonging(files, by_name, unit)
    units, visits, left_out, told = _own_columns(files, found)
    plain = not found.of and not {*files[found.root].column_names} & (
        {*files[found.main].column_names} - {found.unit}
    )
    for name, path in by_name.items():
        if not plain and not NAME(name):
            raise InputError(
                f"{path}: a table is called as its file; rename it: a letter, then letters, digits, _ or -"
            )
    two = {found.root: Table(), found.main: Table(of=found.root, key=found.key)}
    tables = {**two, **{n: Table(of=of) for n, of in found.of.items()}}
    declared = _schema(found, units, visits, two)
    base = _folded({n: files[n] for n in two}, by_name, declared)
    parents = {found.main: base, found.root: files[found.root].select([found.unit, *units])}
    taken = {found.unit, *units, *visits}
    for name, of in found.of.items():
        by = found.unit if of == found.root else str(found.key)
        own = pc.index_in(files[name][by], value_set=parents[of][by].combine_chunks())
        at = pc.fill_null(own, -1).to_numpy().astype(np.int64)
        rows = rows_of(name, _frame(files[name]), at, _frame(parents[of]), (of, by), taken)
        tables[name], taken = rows.table, taken | {*rows.table.held}
        left_out[name] = rows.left_out
        told[name] = list(rows.told)
        if of == found.root and len(at) > len(np.unique(at)):
            told[name] += [
                f"the same at all visits of a {found.unit}; if its rows are of visits, let each name its visit"
            ]
    whole = base
    if found.of:
        declared = _schema(found, units, visits, tables)
        whole = _folded(files, by_name, declared, told)
    return Proposal(
        whole,
        found.unit,
        tuple(units),
        tuple(visits),
        found.key,
        tables,
        plain,
        {n: tuple(c) for n, c in left_out.items() if c},
        {n: tuple(lines) for n, lines in told.items() if lines},
    )


def _by_name(paths: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        check_kind(path)
        name = called(path)
        if name in found:
            raise InputError(
                f"{path}: {found[name]} is called {name!r} too, and a table is called as its file; rename one"
            )
        found[name] = path
    return found


def _read(path: Path, form: Csv) -> pa.Table:
    """The texts of a file, numbers with decimals after a point."""
    if not is_typed(path):
        _check_separator(path, form)
    table = read_any(path, form, told="--{}".format)
    if form.decimal == "." or is_typed(path):
        return table
    return pa.table({n: _pointed(table[n]) for n in table.column_names})


def _pointed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = pd.Series(pc.unique(column).to_pylist(), dtype=object)
    said = dict(zip(texts, pointed_texts(texts), strict=True))
    return pa.chunked_array([pa.array([said[t] for t in column.to_pylist()], pa.string())])


def _check_separator(path: Path, form: Csv) -> None:
    """Raise InputError for a file of one column that another separator makes several of."""

    def columns(separator: str) -> int:
        try:
            return len(first_line(path, form.model_copy(update={"separator": separator})))
        except DataError:
            return 0

    if columns(form.separator) == 1 and columns(best := max(SEPARATORS, key=columns)) > 1:
        raise InputError(
            f"{path}: one column by the separator {form.separator!r}, {columns(best)} by {best!r}; write all "
            f"files alike, or say --separator {best!r} where all are so"
        )


def _own_columns(
    files: Mapping[str, pa.Table], found: Belonging
) -> tuple[list[str], list[str], dict[str, Collection[str]], dict[str, list[str]]]:
    """The columns of units and of visits, those that are left out, and why."""
    root, main, unit = files[found.root], files[found.main], found.unit
    units = [n for n in root.column_names if n != unit]
    visits = [n for n in main.column_names if n != unit]
    own = [n for n in units if _is_identifier(root[n])]
    told: dict[str, list[str]] = {found.root: [], found.main: []}
    left: dict[str, Collection[str]] = {found.root: own, found.main: []}
    at = pc.index_in(main[unit], value_set=root[unit].combine_chunks())
    for name in sorted({*units} & {*visits} - {*own}, key=units.index):
        same = pc.mean(pc.equal(main[name], root[name].take(at))).as_py() or 0.0
        if same >= NEARLY:
            left[found.main] = [*left[found.main], name]
            told[found.main] += [f"{name} repeats what {found.root} says: it is left out"]
        else:
            left[found.root] = [*left[found.root], name]
            told[found.root] += [
                f"{name} is called as a column of {found.main} that says something else: it is left out; "
                "rename it to keep it"
            ]
    if own:
        told[found.root] += [f"left out, since nearly every row has its own: {', '.join(own)}"]
    units = [n for n in units if n not in left[found.root]]
    visits = [n for n in visits if n not in left[found.main]]
    return units, visits, left, told


def _is_identifier(column: pa.ChunkedArray) -> bool:
    """Whether nearly every row has a text of its own, which no number is, nor a date."""
    there = column.filter(pc.invert(pc.is_in(column, value_set=pa.array(ABSENT))))
    return kind_of(pd.Series(pc.unique(there).to_pylist(), dtype=object), len(there)) is IDENTIFIER


def _schema(
    found: Belonging, units: Sequence[str], visits: Sequence[str], tables: Mapping[str, Table]
) -> Schema:
    """As much of a schema as puts files together."""
    said = Categorical(kind="categorical", categories=None, other="(other)", missing_values=MISSING)
    columns: dict[str, Column] = {found.unit: Identifier(kind="identifier")}
    columns |= dict.fromkeys([*units, *visits], said)
    flag = Categorical(kind="categorical", categories=FLAG)
    for table in tables.values():
        for slot in table.rows:
            columns |= {slot.where: flag} if slot.where else {}
            columns |= dict.fromkeys(slot.values.values(), said)
    constant = [n for t in tables.values() if t.of == found.root for n in t.held]
    return Schema.model_construct(
        name=found.root,
        unit=found.unit,
        columns=columns,
        visits=Visits(constant=(*units, *constant)),
        tables=tables,
    )


def _folded(
    files: Mapping[str, pa.Table],
    paths: Mapping[str, Path],
    schema: Schema,
    told: dict[str, list[str]] | None = None,
) -> pa.Table:
    """All visits; what none of them says is ``told``. Raises DataError for what no release is made of."""
    table, notes = folded({n: files[n] for n in schema.tables}, paths, schema)
    for note in notes:
        if note.fatal:
            raise DataError(f"{note.path}: {note}; mend the file, or drop those rows")
        if told is not None:
            told.setdefault(note.table, []).append(f"{note.rows:,} rows {note.why}")
    return table


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas().astype(object)
    return frame
