"""Tables that only grow, and whose rows are chained by hashes: a changed, removed or inserted row is found.

The database itself refuses changes (triggers), ``INSERT OR REPLACE`` among them; whoever goes around it breaks
the chain. What a chain cannot show is that its last rows were cut off: heads are kept somewhere else
(``privacy.ledger.witness``, and the label of every release).

Privacy claim: none; it holds what was recorded to its word.
"""

from __future__ import annotations

import datetime as dt
import getpass
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import SchemaItem

from privacy.errors import LedgerError

GENESIS = "0" * 64
"""What stands where the first row of a chain has no row before it."""

CHAINS = {"charges": "charge", "decisions": "decision", "register": "entry"}
"""Every chained table of a ledger, and what a row of it is called."""

APPEND_ONLY = {
    "sqlite": [
        "CREATE TRIGGER IF NOT EXISTS {table}_no_{verb} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$ LANGUAGE plpgsql",
        "CREATE OR REPLACE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
        "EXECUTE FUNCTION ledger_append_only()",
    ],
}
"""Statements by database; its keys are the databases that a ledger may live in."""

REFUSED = {"sqlite": ("UPDATE", "DELETE"), "postgresql": ("UPDATE", "DELETE", "TRUNCATE")}
"""What nobody may do to a row; SQLite has no TRUNCATE."""

NO_REPLACE = (
    "CREATE TRIGGER IF NOT EXISTS {table}_no_REPLACE BEFORE INSERT ON {table} WHEN {taken} "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
)
"""SQLite's INSERT OR REPLACE removes the row that is in its way without asking the trigger on DELETE."""


@dataclass(frozen=True)
class Head:
    """The last row of a chain: how many there are, and its hash."""

    number: int = 0
    hash: str = GENESIS


def chained(name: str, tables: sa.MetaData, *own: SchemaItem) -> sa.Table:
    """A table of rows about a data set and a run: columns of its ``own``, and those that ``append`` fills."""
    return sa.Table(
        name,
        tables,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("run", sa.String(128), nullable=False),
        *own,
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("time", sa.String(32), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )


def create(db: sa.Connection, tables: sa.MetaData) -> None:
    """Make the tables where they are not there yet, closed to changes."""
    tables.create_all(db)
    for name, table in tables.tables.items():
        for verb in REFUSED[db.dialect.name]:
            for statement in APPEND_ONLY[db.dialect.name]:
                db.execute(sa.text(statement.format(verb=verb, table=name)))
        if db.dialect.name == "sqlite":
            db.execute(sa.text(NO_REPLACE.format(table=name, taken=_taken(table))))


def _taken(table: sa.Table) -> str:
    """Whether a row stands where a new one would, as SQL."""
    unique: list[list[str]] = [[c.name for c in table.primary_key.columns]]
    unique += [[c.name] for c in table.columns if c.unique]
    unique += [
        [c.name for c in constraint.columns]
        for constraint in table.constraints
        if isinstance(constraint, sa.UniqueConstraint)
    ]
    same = " OR ".join(
        "(" + " AND ".join(f'"{name}" = NEW."{name}"' for name in names) + ")" for names in unique
    )
    return f"EXISTS (SELECT 1 FROM {table.name} WHERE {same})"  # noqa: S608 (names are our own)


def append(db: sa.Connection, table: sa.Table, **content: Any) -> dict[str, Any]:
    """Put a row behind the last one, with number, account, time and hashes; returns all of it.

    To be called inside the ledger's transaction, which holds its only write lock.
    """
    last = db.execute(sa.select(table).order_by(table.c.number.desc()).limit(1)).one_or_none()
    row = content | {
        "number": 1 if last is None else last.number + 1,
        "who": whoami(),
        "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "previous": GENESIS if last is None else last.hash,
    }
    row["hash"] = row_hash(row)
    db.execute(table.insert().values(**row))
    return row


def whoami() -> str:
    """Who is at work, as the ledger writes it: UNDERSTUDY_WHO, or the account's name."""
    return (os.environ.get("UNDERSTUDY_WHO") or getpass.getuser())[:64]


def row_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 over every field but ``hash``, the hash of the row before among them, in a canonical form.

    ``who`` counts where it is known: rows of before it was recorded keep their hashes.
    """
    content = {k: v for k, v in row.items() if k != "hash" and (k != "who" or v)}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def heads(db: sa.Connection) -> dict[str, Head]:
    """The head of every chain, when all of them hold. Raises LedgerError where one breaks."""
    there = set(sa.inspect(db).get_table_names())
    return {
        name: _head(db, name, what) if name in there else Head() for name, what in CHAINS.items()
    }


def _head(db: sa.Connection, table: str, what: str) -> Head:
    rows = db.execute(sa.text(f"SELECT * FROM {table} ORDER BY number"))  # noqa: S608
    return head([dict(row._mapping) for row in rows], what)


def head(rows: Iterable[Mapping[str, Any]], what: str) -> Head:
    """The last row's number and hash, when the whole chain holds. Raises LedgerError where it breaks."""
    last = Head()
    for number, row in enumerate(rows, start=1):
        if row["number"] != number:
            raise LedgerError(
                f"{what} {number} is missing: the next one is numbered {row['number']}"
            )
        if row["previous"] != last.hash or row_hash(row) != row["hash"]:
            raise LedgerError(f"{what} {number} ({row['dataset']}, {row['run']}) was altered")
        last = Head(number, row["hash"])
    return last


def holds(db: sa.Connection, table: str, seen: Head) -> bool:
    """Whether a row that was once the last one still stands in its chain."""
    if seen.number == 0:
        return True
    if table not in sa.inspect(db).get_table_names():
        return False
    query = sa.text(f"SELECT hash FROM {table} WHERE number = :number")  # noqa: S608
    return bool(db.execute(query, {"number": seen.number}).scalar_one_or_none() == seen.hash)
