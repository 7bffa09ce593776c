"""Planted bugs of ledger, keys and registration, each caught by its check (docs/planted-bugs.md).

Every check passes without the bug, and fails with it.
"""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dp_accounting import NoOpDpEvent, ZCDpEvent

from privacy.accounting.guarantee import Guarantee
from privacy.errors import LedgerError, PeopleError
from privacy.ledger import chain, ledger, registration, witness
from privacy.ledger.ledger import Ledger
from privacy.people import keys
from privacy.people.identity import Identity
from privacy.people.keys import keys_of
from privacy.people.sketch import Sketch
from privacy.reading.source import read_source
from privacy.schema.schema import Schema
from privacy.table import PrivateTable

BUDGET = Guarantee(1, 1e-6)
COLUMNS = {
    "pid": {"kind": "identifier"},
    "x": {"kind": "float", "bounds": [0, 1], "bins": 4, "missing": "keep"},
}


def schema(name="d", **changes):
    return Schema.model_validate({"name": name, "columns": COLUMNS} | changes)


def charged(book, name="d", attempt="a"):
    return book.charge(
        name, "train", run=name, attempt=attempt, purpose="fit", event=ZCDpEvent(0.001)
    )


def table(folder, n=100):
    path = folder / "t.csv"
    rows = {"pid": [f"p{i}" for i in range(n)], "x": np.arange(n) / n}
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


# -- plants --


def identity_unbound(monkeypatch):
    """A registration that keeps budget and share held out, and not who its people are."""
    monkeypatch.setattr(Identity, "against", lambda identity, schema: "")


def columns_in_schema_order(monkeypatch):
    """A row is hashed column by column as the schema happens to list them."""

    def listed(source, schema):
        return {n: keys._plain_column(source, schema, n) for n in schema.columns}

    monkeypatch.setattr(keys, "plain_columns", listed)


def names_as_written(monkeypatch):
    """Patient 12 is another person where a tool writes 12.0."""
    monkeypatch.setattr(keys, "plain_name", lambda text: text)


def equals_cut_at_nul(monkeypatch):
    """Equal rows are counted by a table of C strings, to which all that follows a NUL is nothing."""

    def by_pandas(rows):
        joined = pd.Series(["\0" + str(row.tolist()) for row in rows], dtype=object)
        return joined.groupby(joined).cumcount().tolist()

    monkeypatch.setattr(keys, "_equal_before", by_pandas)


def people_not_looked_at(monkeypatch):
    """A data set is a name."""
    for place in (ledger, registration):
        monkeypatch.setattr(place, "check_people", lambda *about: None)


def chains_not_looked_at(monkeypatch):
    """A chain is held to its word when somebody asks, and not when a charge is made."""
    monkeypatch.setattr(chain, "heads", lambda db: {})


def replacing_is_inserting(monkeypatch):
    """Triggers on UPDATE and DELETE alone."""
    monkeypatch.setattr(chain, "NO_REPLACE", "SELECT 1")


def nothing_remembered(monkeypatch):
    """A ledger is what lies there."""
    monkeypatch.setattr(witness, "seen", lambda name: {})


# -- checks --


def a_schema_cannot_count_people_otherwise(folder):
    book = Ledger(str(folder / "ledger.db"))
    book.register("d", BUDGET, 0.2, schema(unit="pid", max_rows_per_unit=3))
    charged(book)
    for otherwise in (schema(), schema(unit="pid")):
        with pytest.raises(LedgerError):
            book.register("d", BUDGET, 0.2, otherwise)


def sides_do_not_follow_from_the_schema(folder):
    path = table(folder)
    swapped = schema(columns=dict(reversed(COLUMNS.items())))
    found = [
        list(keys_of(read_source((path,), s), s, "plain-1").names) for s in (schema(), swapped)
    ]
    assert found[0] == found[1]


def a_person_is_one_however_written(folder):
    texts = {"pid": ["12", "12.0"], "x": ["1", "0"]}
    pd.DataFrame(texts).to_csv(folder / "t.csv", index=False)
    declared = schema(unit="pid", max_rows_per_unit=2)
    found = keys_of(read_source((folder / "t.csv",), declared), declared, "plain-1")
    assert len(found.names) == 1


def a_null_makes_nobody_equal(folder):
    rows = pa.table({"x": pa.array([None] * 50, pa.float64()), "pid": [f"p{i}" for i in range(50)]})
    pq.write_table(rows, folder / "t.parquet")
    pq.write_table(rows.slice(1), folder / "rest.parquet")
    declared = schema(columns=dict(reversed(COLUMNS.items())))
    every, rest = (
        set(keys_of(read_source((folder / f,), declared), declared, "plain-1").names)
        for f in ("t.parquet", "rest.parquet")
    )
    assert rest < every


def people_have_one_budget(folder):
    book, path = Ledger(str(folder / "ledger.db")), table(folder)
    for name in ("d", "e"):
        declared = schema(name, unit="pid")
        book.register(name, BUDGET, 0.2, declared)
        permit = book.charge(
            name, "train", run=name, attempt="look", purpose=name, event=NoOpDpEvent()
        )
        sketch = PrivateTable(declared, (path,)).people(permit, book.house_secret())
        assert isinstance(sketch, Sketch)
        if name == "d":
            book.claim(name, ["1"], sketch)
            charged(book)
            continue
        with pytest.raises(PeopleError):
            book.claim(name, ["2"], sketch)


def tampered(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def nothing_is_charged_on_a_broken_chain(folder):
    book = Ledger(str(folder / "ledger.db"))
    book.register("d", BUDGET, 0.2, schema())
    charged(book)
    tampered(
        folder / "ledger.db",
        "DROP TRIGGER register_no_UPDATE",
        """UPDATE register SET content=replace(content, '"epsilon": 1', '"epsilon": 50')""",
    )
    with pytest.raises(LedgerError):
        charged(book, attempt="b")


def a_row_cannot_be_replaced(folder):
    book = Ledger(str(folder / "ledger.db"))
    book.register("d", BUDGET, 0.2, schema())
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        tampered(folder / "ledger.db", "INSERT OR REPLACE INTO register SELECT * FROM register")


def an_older_ledger_is_found(folder):
    path = folder / "ledger.db"
    book = Ledger(str(path))
    book.register("d", BUDGET, 0.2, schema())
    shutil.copy(path, folder / "older.db")
    charged(book)
    shutil.copy(folder / "older.db", path)
    with pytest.raises(LedgerError, match="older copy"):
        charged(Ledger(str(path)), attempt="b")


CAUGHT = {
    identity_unbound: a_schema_cannot_count_people_otherwise,
    columns_in_schema_order: sides_do_not_follow_from_the_schema,
    names_as_written: a_person_is_one_however_written,
    equals_cut_at_nul: a_null_makes_nobody_equal,
    people_not_looked_at: people_have_one_budget,
    chains_not_looked_at: nothing_is_charged_on_a_broken_chain,
    replacing_is_inserting: a_row_cannot_be_replaced,
    nothing_remembered: an_older_ledger_is_found,
}


@pytest.mark.parametrize("check", CAUGHT.values(), ids=lambda c: c.__name__)
def test_without_the_bug_the_check_passes(check, tmp_path):
    check(tmp_path)


@pytest.mark.parametrize("plant", CAUGHT, ids=lambda p: p.__name__)
def test_with_the_bug_the_check_fails(plant, tmp_path, monkeypatch):
    plant(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        CAUGHT[plant](tmp_path)


def test_the_table_in_the_docs_is_this_one():
    table = (Path(__file__).parents[2] / "docs" / "planted-bugs.md").read_text(encoding="utf-8")
    for plant, check in CAUGHT.items():
        (line,) = [row for row in table.splitlines() if f"`{plant.__name__}`" in row]
        assert f"`{check.__name__}`" in line
