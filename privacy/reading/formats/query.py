"""A query on Postgres or DuckDB → a table of texts. A small file says which:

    database: postgresql://me@host/clinic      or a DuckDB file, relative to this one: clinic.duckdb
    query: SELECT patient, sex, age FROM patients WHERE consent

or, of several tables, ``tables: {patients: SELECT …, visits: SELECT …}``, which are then called
``clinic.query.yaml#patients``. All queries of a file are asked in one read-only transaction on one snapshot,
and while ``one_snapshot`` is open they are asked once. A database has no order: without ORDER BY rows are put
into that of their texts, so that the same rows are read alike again. Rows come some after the other and lie in
files without a name, so that they need not fit into memory; putting them in order takes 8 bytes a row there.

A password comes from PGPASSWORD or ~/.pgpass, as libpq reads them; a file that holds one is refused. A DuckDB
query sees its database and no other file.

Sources: PostgreSQL's documentation of transaction isolation and SET TRANSACTION; DuckDB's of read-only
connections and ``enable_external_access``.

Privacy claim: none; called only behind ``PrivateTable.open`` and by commands that say they read private data.
Rows stay in files of this process without a name while a snapshot is held. What a database says of a query is
quoted only in ``DataError.private``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from privacy.errors import DataError, InputError
from privacy.reading.formats.holders import apart
from privacy.reading.formats.kinds import kind_of
from privacy.reading.formats.said import one_line
from privacy.schema.documents import Frozen, load_yaml
from privacy.unnamed import mapped, unnamed

if TYPE_CHECKING:
    from psycopg import Connection

POSTGRES = re.compile(r"(postgresql|postgres)(\+psycopg)?://")
PASSWORD = re.compile(r"://[^@]*:[^@]*@|password\s*=", re.IGNORECASE)
"""As libpq reads an address or settings: what stands before @ is no host, whatever signs a password holds."""
ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)
NO_WORDS = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
"""Texts, names and remarks of SQL."""
INNER = re.compile(r"\([^()]*\)")
AT_ONCE = 50_000

Keep = Callable[[str, Iterable[pa.Table]], pa.Table]
"""Takes the rows of a table, by its name, and gives them back as one."""


class Query(Frozen):
    """What is asked of which database: one ``query``, or one for each of several ``tables``."""

    database: str = Field(min_length=1)
    query: str | None = None
    tables: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _one(self) -> Query:
        if (self.query is None) == (not self.tables):
            raise ValueError("give `query:`, or `tables:` with a query for each")
        return self

    @property
    def queries(self) -> Mapping[str, str]:
        """By table; the only one is called ""."""
        asked = {"": self.query} if self.query is not None else self.tables
        return {name: query.strip().rstrip(";").strip() for name, query in asked.items()}


def load_query(file: Path) -> Query:
    """Read a description. Raises InputError for one that cannot be carried out, or that holds a password."""
    asked: Query = load_yaml(file, Query)
    if PASSWORD.search(unquote(asked.database)):
        raise InputError(
            f"{file}: database: holds a password, which no file should; take it out, and set PGPASSWORD or "
            "write it into ~/.pgpass"
        )
    if "://" in asked.database and not POSTGRES.match(asked.database):
        raise InputError(
            f"{file}: database: expected postgresql://… or the path of a DuckDB file; export tables of "
            "other databases as CSV or Parquet"
        )
    return asked


def database_of(path: Path) -> Path | None:
    """The DuckDB file that a description of a query names; None for a server, and for any other file."""
    file, _ = apart(path)
    if kind_of(file) != "query":
        return None
    asked = load_query(file)
    return None if "://" in asked.database else file.parent / Path(asked.database).expanduser()


def tables_in(file: Path) -> list[str]:
    """The tables of a description; none where it has one query."""
    return list(load_query(file).tables)


def read_query(path: Path) -> pa.Table:
    """The rows of one query as texts with nulls.

    Raises InputError for what cannot be asked, DataError for what the database says to it.
    """
    file, wanted = apart(path)
    with _HELD.lock:
        found = _HELD.tables.get(file) or _asked(file)
        if _HELD.open:
            _HELD.tables[file] = found
    if wanted is None and len(found) == 1:
        return next(iter(found.values()))
    if wanted not in found:
        known = ", ".join(found)
        told = "holds several queries" if wanted is None else f"has no table {wanted!r}"
        raise InputError(f"{file}: {told}; give {file.name}# and one of {known}")
    return found[wanted]


@dataclass
class _Held:
    """What was read while somebody wants one snapshot, by description."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    open: int = 0
    tables: dict[Path, dict[str, pa.Table]] = field(default_factory=dict)


_HELD = _Held()


@contextmanager
def one_snapshot() -> Iterator[None]:
    """While it is open every query is asked once, whoever reads its rows again sees the same."""
    with _HELD.lock:
        _HELD.open += 1
    try:
        yield
    finally:
        with _HELD.lock:
            _HELD.open -= 1
            if not _HELD.open:
                _HELD.tables.clear()


def _asked(file: Path) -> dict[str, pa.Table]:
    def keep(name: str, parts: Iterable[pa.Table]) -> pa.Table:
        whole = _kept(_as_texts(file, parts))
        return whole if is_ordered(asked.queries[name]) else _sorted(whole)

    asked = load_query(file)
    on_server = "://" in asked.database
    return _postgres(file, asked, keep) if on_server else _duckdb(file, asked, keep)


def _as_texts(file: Path, parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    from privacy.reading.read import with_nulls

    before = 0
    for part in parts:
        yield with_nulls(file, part, before)
        before += part.num_rows


def _kept(parts: Iterable[pa.Table]) -> pa.Table:
    """Some rows after the other as one table, one part at least, in a file without a name."""
    with unnamed() as file, ExitStack() as opened:
        writer = None
        for part in parts:
            writer = writer or opened.enter_context(pa.ipc.new_stream(file, part.schema))
            writer.write_table(part)
        opened.close()
        return pa.ipc.open_stream(pa.py_buffer(mapped(file))).read_all()


def is_ordered(query: str) -> bool:
    """Whether the rows of a query come in an order that it says itself, and not only a part of it."""
    words, before = NO_WORDS.sub(" ", query), ""
    while words != before:
        words, before = INNER.sub(" ", words), words
    return ORDERED.search(words) is not None


def _sorted(table: pa.Table) -> pa.Table:
    if not table.column_names:
        return table
    order = pc.sort_indices(table, [(name, "ascending") for name in table.column_names])
    starts = range(0, max(1, len(order)), AT_ONCE)
    return _kept(table.take(order.slice(start, AT_ONCE)) for start in starts)


def _duckdb(file: Path, asked: Query, keep: Keep) -> dict[str, pa.Table]:
    try:
        import duckdb
    except ImportError:
        raise InputError(
            f"{file}: duckdb is not installed; pip install 'understudy[duckdb]'"
        ) from None
    path = file.parent / Path(asked.database).expanduser()
    if not path.is_file():
        raise InputError(f"{file}: database: {path}: no such file")
    alone: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": False,
        "autoinstall_known_extensions": False,
    }
    try:
        with duckdb.connect(str(path), read_only=True, config=alone) as db:
            db.execute("BEGIN TRANSACTION")
            found = {}
            for name, query in asked.queries.items():
                if len(db.extract_statements(_all(query))) != 1:
                    raise DataError(f"{file}: a query is one statement; take the others out")
                rows = db.sql(_all(query)).to_arrow_reader(AT_ONCE)
                (statement,) = db.extract_statements(query)
                if (
                    statement.type == duckdb.StatementType.SELECT
                ):  # of what stands around it names differ
                    _check_distinct(file, db.sql(query).columns)
                parts = (pa.Table.from_batches([batch]) for batch in rows)
                found[name] = keep(name, chain([rows.schema.empty_table()], parts))
            return found
    except duckdb.Error as error:
        raise _refused(file, error) from error


def _all(query: str, columns: str = "*") -> str:
    """One statement around what a person wrote, so that it can only be a query."""
    return f"SELECT {columns} FROM (\n{query}\n) AS asked"  # noqa: S608 (theirs to write)


def _postgres(file: Path, asked: Query, keep: Keep) -> dict[str, pa.Table]:
    try:
        import psycopg
    except ImportError:
        raise InputError(
            f"{file}: psycopg is not installed; pip install 'understudy[postgres]'"
        ) from None
    url = POSTGRES.sub("postgresql://", asked.database)
    try:
        db = psycopg.connect(url, connect_timeout=10, application_name="understudy")
    except psycopg.Error as error:
        raise InputError(f"{file}: cannot connect: {one_line(error)}") from None
    try:
        with db:
            db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            db.read_only = True
            db.execute(
                "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'iso_8601'"
            )
            return {n: keep(n, _texts(file, db, query)) for n, query in asked.queries.items()}
    except psycopg.Error as error:
        raise _refused(file, error) from error
    finally:
        db.close()


def _texts(file: Path, db: Connection, query: str) -> Iterator[pa.Table]:
    """All values as the server writes them, some rows after the other; the extended protocol takes one
    statement."""
    with db.cursor(binary=True) as first:
        first.execute(f"{_all(query)} LIMIT 0")
        names = [column.name for column in first.description or ()]
    _check_distinct(file, names)
    quoted = ", ".join('"{}"::text'.format(name.replace('"', '""')) for name in names)
    yield pa.table({n: pa.array([], pa.string()) for n in names})
    with db.cursor("understudy") as cursor:
        cursor.execute(_all(query, quoted))
        while rows := cursor.fetchmany(AT_ONCE):
            columns = zip(names, zip(*rows, strict=True), strict=True)
            yield pa.table({n: pa.array(values, pa.string()) for n, values in columns})


def _check_distinct(file: Path, names: list[str]) -> None:
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise DataError(
            f"{file}: the query names {twice[0]!r} twice; name one of them otherwise (AS)"
        )


def _refused(file: Path, error: Exception) -> DataError:
    return DataError(f"{file}: the database refused the query: {one_line(error)}")
