"""A published folder as one DuckDB file: its rows, or its tables with their keys as the database keeps them.

Every key is a primary key there and every reference a foreign key, so that DuckDB itself refuses a row that
points to nothing.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.frames.parquet import parts_below
from flows.frames.published import ROWS, check_published
from flows.frames.tables import FOLDER, Part, parts
from privacy.errors import InputError
from privacy.files import sync

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def write_duckdb(public: Path, path: Path) -> list[str]:
    """Write the database, and return the names of its tables. ``public``: a folder that was published.

    Raises InputError where duckdb is not installed, the folder is none, or the file is there.
    """
    try:
        import duckdb
    except ImportError:
        raise InputError(
            f"{path}: duckdb is not installed; pip install 'understudy[duckdb]'"
        ) from None
    if path.exists():
        raise InputError(f"{path}: exists already; name another file with --out")
    known = parts(check_published(public))
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with duckdb.connect(str(partial)) as database:
        if not known:
            _fill(database, ROWS, public / parts_below(public), ())
        for name, part in known.items():  # what others point to comes first
            _fill(database, name, public / FOLDER / f"{name}.parquet", _keys(known, part))
    sync(partial)
    partial.replace(path)
    return list(known) or [ROWS]


def _keys(known: dict[str, Part], part: Part) -> tuple[str, ...]:
    found = () if part.key is None else (f"PRIMARY KEY ({_name(part.key)})",)
    if part.of is None or part.by is None:
        return found
    of = f"{_name(part.of)} ({_name(known[part.of].key or part.by)})"
    return (*found, f"FOREIGN KEY ({_name(part.by)}) REFERENCES {of}")


def _fill(database: DuckDBPyConnection, name: str, file: Path, keys: Sequence[str]) -> None:
    """A table with the types that Parquet has."""
    columns = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
    typed = [f"{_name(column)} {kind}" for column, kind, *_ in columns]
    database.execute(f"CREATE TABLE {_name(name)} ({', '.join([*typed, *keys])})")
    database.read_parquet(str(file)).insert_into(_name(name))


def _name(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
