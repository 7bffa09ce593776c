"""A query reads one snapshot, changes nothing, and names no password."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
import yaml

from privacy.errors import DataError, InputError, UnderstudyError
from privacy.reading import read
from privacy.reading.folded import by_table
from privacy.reading.formats import query
from privacy.reading.formats.digest import source_digest
from privacy.reading.formats.query import is_ordered, load_query, one_snapshot
from privacy.reading.formats.several import tables_in
from privacy.reading.formats.strict import NULL
from privacy.reading.read import read_any
from privacy.schema.schema import Csv, Schema
from tests import postgres

TYPED = """
    SELECT 1 AS whole, 2.50 AS exact, CAST(0.1 AS DOUBLE PRECISION) AS double, true AS yes,
    DATE '2020-02-29' AS day, TIMESTAMP '2020-01-01 10:00:01' AS moment, 'é;"' AS text, NULL AS nothing,
    CAST(1 AS DOUBLE PRECISION) AS one
"""
READ = {
    "whole": "1", "exact": "2.50", "double": "0.1", "yes": "true", "day": "2020-02-29",
    "moment": "2020-01-01 10:00:01", "text": 'é;"', "nothing": NULL, "one": "1",
}  # fmt: skip


def described(folder: Path, database: str, **queries: str) -> Path:
    path = folder / "clinic.query.yaml"
    said = {"query": queries["query"]} if "query" in queries else {"tables": queries}
    path.write_text(yaml.safe_dump({"database": database} | said))
    return path


def rows(path: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = read_any(path, Csv()).to_pylist()
    return found


def change(folder: Path, statement: str) -> None:
    with duckdb.connect(str(folder / "house.duckdb")) as database:
        database.execute(statement)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    change(
        tmp_path, "CREATE TABLE patients AS SELECT * FROM (VALUES (2, 'F'), (1, 'M')) t(id, sex)"
    )
    return tmp_path


def test_types_become_texts(house: Path) -> None:
    (found,) = rows(described(house, "house.duckdb", query=TYPED))
    assert found.pop("moment").startswith(READ["moment"])
    assert found == {n: t for n, t in READ.items() if n != "moment"}


def test_rows_are_put_in_order_unless_the_query_does(house: Path) -> None:
    path = described(house, "house.duckdb", query="SELECT * FROM patients; ")
    assert [r["id"] for r in rows(path)] == ["1", "2"]
    path = described(house, "house.duckdb", query="SELECT * FROM patients\norder  by id DESC -- so")
    assert [r["id"] for r in rows(path)] == ["2", "1"]


def test_the_digest_is_of_the_rows(house: Path) -> None:
    path = described(house, "house.duckdb", query="SELECT * FROM patients")
    before = source_digest(path)
    change(house, "CREATE OR REPLACE TABLE patients AS SELECT * FROM patients ORDER BY id")
    assert source_digest(path) == before
    path = described(house, "house.duckdb", query="SELECT id, sex FROM patients WHERE true")
    assert source_digest(path) == before
    change(house, "UPDATE patients SET sex = 'F' WHERE id = 1")
    assert source_digest(path) != before


def test_one_snapshot_is_held(house: Path) -> None:
    path = described(house, "house.duckdb", query="SELECT * FROM patients")
    with one_snapshot():
        before = rows(path), source_digest(path)
        change(house, "DELETE FROM patients WHERE id = 1")
        with one_snapshot():
            assert (rows(path), source_digest(path)) == before
        assert (rows(path), source_digest(path)) == before
    assert len(rows(path)) == 1


def test_several_tables_are_named_behind_a_hash(house: Path) -> None:
    queries = {"people": "SELECT id FROM patients", "visits": "SELECT id, sex FROM patients"}
    path = described(house, "house.duckdb", **queries)
    assert tables_in(path) == [house / f"clinic.query.yaml#{name}" for name in queries]
    assert [list(rows(p)[0]) for p in tables_in(path)] == [["id"], ["id", "sex"]]
    with pytest.raises(
        InputError, match=r"several queries; give clinic\.query\.yaml# and one of peo"
    ):
        rows(path)
    with pytest.raises(InputError, match="has no table 'who'"):
        rows(house / "clinic.query.yaml#who")
    schema = Schema.model_construct(name="t", tables=dict.fromkeys(queries), columns={})
    assert list(by_table([path], schema)) == list(queries)


REFUSED = {
    "SELECT nope FROM patients": "refused the query: Binder Error",
    "DROP TABLE patients": "refused the query: Parser Error",
    "SELECT 1); DROP TABLE patients; SELECT * FROM (SELECT 1": "a query is one statement",
    "SELECT * FROM read_csv('/etc/passwd')": "disabled by configuration",
    "SELECT [1] AS l FROM patients": "column 'l' of type list",
}


@pytest.mark.parametrize("query", REFUSED)
def test_only_a_query_is_carried_out(query: str, house: Path) -> None:
    with pytest.raises(DataError) as caught:
        rows(described(house, "house.duckdb", query=query))
    assert REFUSED[query] in caught.value.private
    assert caught.value.private.isprintable()
    assert len(rows(described(house, "house.duckdb", query="SELECT * FROM patients"))) == 2


DESCRIBED = {
    "database: nope.duckdb\nquery: SELECT 1": "no such file",
    "database: mysql://h/d\nquery: SELECT 1": "expected postgresql://",
    "database: postgresql://me:hunter2@h/d\nquery: SELECT 1": "holds a password",
    "database: 'postgresql://me:hun#ter2@h/d'\nquery: SELECT 1": "holds a password",
    "database: postgresql://me:hun?ter2@h/d\nquery: SELECT 1": "holds a password",
    "database: postgresql://me:hun/ter2@h/d\nquery: SELECT 1": "holds a password",
    "database: 'postgresql://h/d?a=1#&password=hunter2'\nquery: SELECT 1": "holds a password",
    "database: host=h password=hunter2 dbname=d\nquery: SELECT 1": "holds a password",
    "database: postgresql://h/d?password=hunter2\nquery: SELECT 1": "holds a password",
    "database: x.duckdb": "give `query:`, or `tables:`",
    "database: x.duckdb\nquery: a\nqueri: b": "queri: unknown key",
    "database: postgresql://me@127.0.0.1:1/d\nquery: SELECT 1": "cannot connect",
}


@pytest.mark.parametrize("text", DESCRIBED)
def test_a_description_that_cannot_be_carried_out(text: str, tmp_path: Path) -> None:
    path = tmp_path / "q.query.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        rows(path)
    assert DESCRIBED[text] in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.running() as found:
        yield found


@pytest.fixture
def url(server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if server.folder is not None:
        monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)
    with server.database() as found:
        yield found


def told(url: str, statement: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as database:
        database.execute(sa.text(statement))


def test_postgres_writes_the_same_texts(url: str, tmp_path: Path) -> None:
    assert rows(described(tmp_path, url, query=TYPED + " -- and no more")) == [READ]
    many = "SELECT i AS \"i%\", 'x''%s' AS t FROM generate_series(1, 120000) i"
    found = rows(described(tmp_path, url, query=many))
    assert sorted(int(r["i%"]) for r in found) == list(range(1, 120001))
    assert {r["t"] for r in found} == {"x'%s"}


def test_a_column_that_is_named_twice_is_refused(house: Path) -> None:
    """DuckDB would call the second one id_1."""
    path = described(house, "house.duckdb", query="SELECT id, sex AS id FROM patients")
    with pytest.raises(DataError) as caught:
        rows(path)
    assert "the query names 'id' twice" in caught.value.private


@pytest.mark.parametrize("order", ["", " ORDER BY b DESC, a, c"])
def test_rows_in_parts_are_those_at_once_in_the_same_order(
    house: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    """Whether the query says an order or not; and nothing is left where temporary files go."""
    (house / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(house / "temporary"))
    asked = (
        "SELECT i % 7 AS a, i // 3 AS b, CASE WHEN i % 5 > 0 THEN i END AS c FROM range(60) t(i)"
    )
    path = described(house, "house.duckdb", query=asked + order)
    at_once = rows(path)
    monkeypatch.setattr(query, "AT_ONCE", 7)
    monkeypatch.setattr(read, "AT_ONCE", 4)
    assert rows(path) == at_once
    assert len(at_once) == 60
    assert list((house / "temporary").iterdir()) == []


def test_postgres_reads_all_queries_in_one_snapshot(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(url, "CREATE TABLE patients (id int)")
    told(url, "INSERT INTO patients VALUES (1)")
    path = described(tmp_path, url, a="SELECT id FROM patients", b="SELECT id FROM patients")
    first = query._texts

    def slowly(*asked: object) -> object:
        yield from first(*asked)  # type: ignore[arg-type]
        told(url, "INSERT INTO patients VALUES (2)")

    monkeypatch.setattr(query, "_texts", slowly)
    with one_snapshot():
        assert [len(rows(p)) for p in tables_in(path)] == [1, 1]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM patients RETURNING id",
        "SELECT 1) AS asked; COMMIT; DROP TABLE patients; SELECT * FROM (SELECT 1",
        "WITH gone AS (DELETE FROM patients RETURNING id) SELECT * FROM gone",
        "SELECT nextval('counter')",
        "SELECT id, id FROM patients",
    ],
)
def test_postgres_is_only_read(query: str, url: str, tmp_path: Path) -> None:
    told(url, "CREATE TABLE patients (id int)")
    told(url, "INSERT INTO patients VALUES (1)")
    told(url, "CREATE SEQUENCE counter")
    with pytest.raises(UnderstudyError) as caught:
        rows(described(tmp_path, url, query=query))
    assert isinstance(caught.value, DataError)
    assert len(rows(described(tmp_path, url, query="SELECT id FROM patients"))) == 1


def test_a_wrong_password_is_told_without_it(
    server: postgres.Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server.folder is None:
        pytest.skip("somebody else's server")
    with monkeypatch.context() as once:
        once.setitem(os.environ, "PGPASSWORD", "wrong-9731")
        with pytest.raises(InputError, match=r"cannot connect: .*authentication failed") as caught:
            rows(described(tmp_path, url, query="SELECT 1"))
    assert "wrong-9731" not in str(caught.value)


def test_a_user_and_a_port_are_no_password(tmp_path: Path) -> None:
    for database in (
        "postgresql://me@h:5432/d",
        "postgresql://h:5432/d",
        "postgresql:///d?user=me",
    ):
        assert load_query(described(tmp_path, database, query="SELECT 1")).database == database


@pytest.mark.parametrize(
    ("query", "whole"),
    [
        ("SELECT * FROM t ORDER BY a", True),
        ("SELECT * FROM t\norder\n by (a + 1), b", True),
        ("SELECT * FROM (SELECT * FROM t ORDER BY a) s", False),
        ("SELECT row_number() OVER (PARTITION BY a ORDER BY (b)) FROM t", False),
        ("SELECT * FROM t -- ORDER BY a", False),
        ("SELECT * FROM t /* ORDER BY\na */", False),
        ("SELECT 'order by' AS \"order by\" FROM t", False),
    ],
)
def test_rows_are_in_the_order_of_a_query_only_where_all_of_it_has_one(
    query: str, whole: bool
) -> None:
    """Any other order is the database's own, which may be another when a release goes on."""
    assert is_ordered(query) == whole


def test_a_query_is_one_statement(house: Path) -> None:
    query = "SELECT 1) AS a; COMMIT; SELECT * FROM (SELECT * FROM patients"
    with pytest.raises(DataError) as raised:
        rows(described(house, "house.duckdb", query=query))
    assert "one statement" in raised.value.private
