"""Tables that only grow, and whose rows are chained by hashes: a changed, removed or inserted row is found.

The database itself refuses changes (triggers); whoever goes around it breaks the chain. What a chain cannot
show is that its last rows were cut off: keep the head somewhere else.

Privacy claim: none; it holds what was recorded to its word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

import sqlalchemy as sa

from privacy.errors import LedgerError

GENESIS = "0" * 64
"""What stands where the first row of a chain has no row before it."""

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


class Linked(Protocol):
    """A row of a chain: a frozen dataclass with these fields among others."""

    @property
    def number(self) -> int: ...
    @property
    def dataset(self) -> str: ...
    @property
    def run(self) -> str: ...
    @property
    def previous(self) -> str: ...
    @property
    def hash(self) -> str: ...


def create(db: sa.Connection, tables: sa.MetaData) -> None:
    """Make the tables where they are not there yet, closed to changes."""
    tables.create_all(db)
    for table in tables.tables:
        for verb in REFUSED[db.dialect.name]:
            for statement in APPEND_ONLY[db.dialect.name]:
                db.execute(sa.text(statement.format(verb=verb, table=table)))


def row_hash(row: Any) -> str:
    """SHA-256 over every field but ``hash``, the hash of the row before among them, in a canonical form.

    ``who`` counts where it is known: rows of before it was recorded keep their hashes.
    """
    content = {k: v for k, v in asdict(row).items() if k != "hash" and (k != "who" or v)}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def head(rows: Sequence[Linked], what: str) -> str:
    """The hash of the last row, when the whole chain holds. Raises LedgerError where it breaks."""
    previous = GENESIS
    for number, row in enumerate(rows, start=1):
        if row.number != number:
            raise LedgerError(f"{what} {number} is missing: the next one is numbered {row.number}")
        if row.previous != previous or row_hash(row) != row.hash:
            raise LedgerError(f"{what} {number} ({row.dataset}, {row.run}) was altered")
        previous = row.hash
    return previous
