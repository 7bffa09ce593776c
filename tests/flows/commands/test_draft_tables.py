"""From several files to a schema, and from its rows back to the tables that they were."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from flows.frames.tables import write_tables
from privacy.reading.conform import conform
from privacy.reading.source import read_source
from privacy.schema.schema import DRAFT_MARK, load_schema
from tests.flows.commands.test_cli import understudy
from tests.privacy.reading.several.hospital import made, written


def test_a_folder_is_drafted_checked_and_written_again(tmp_path: Path) -> None:
    private = made()
    written(private, tmp_path / "t")
    draft = tmp_path / "draft.yaml"
    drafted = understudy("schema", "draft", tmp_path / "t", "--out", draft)
    assert drafted.returncode == 0, drafted.stderr
    assert "A person must confirm each" in drafted.stderr
    assert understudy("schema", "check", draft, tmp_path / "t").returncode == 2
    said = draft.read_text().replace("draft: unconfirmed\n", "").replace(DRAFT_MARK, "")
    draft.write_text(said)
    checked = understudy("schema", "check", draft, *(tmp_path / "t").glob("*.csv"))
    assert checked.returncode == 0, checked.stderr
    assert "fit the schema" in checked.stdout
    assert "tables:" not in checked.stdout  # every row of every file is told
    schema = load_schema(draft)
    rows, _ = conform(read_source([tmp_path / "t"], schema).texts, schema)
    write_tables(rows, schema, tmp_path)
    for name, table in private.items():
        again = pd.read_csv(tmp_path / "tables" / f"{name}.csv", dtype=str, keep_default_na=False)
        shared = [c for c in table if c in again and c != "order_id"]
        assert {*table} - {*again} <= {"mrn"}
        was = pd.read_csv(tmp_path / "t" / f"{name}.csv", dtype=str, keep_default_na=False)
        assert sorted(map(tuple, again[shared].to_numpy())) == sorted(
            map(tuple, was[shared].to_numpy())
        )


def test_one_file_in_a_folder_is_drafted_by_itself(tmp_path: Path) -> None:
    written({"stays": made()["stays"]}, tmp_path / "t")
    drafted = understudy("schema", "draft", tmp_path / "t", "--out", tmp_path / "draft.yaml")
    assert drafted.returncode == 0, drafted.stderr
    assert "tables:" not in (tmp_path / "draft.yaml").read_text()


def test_what_belongs_to_nothing_is_told_in_one_line(tmp_path: Path) -> None:
    files = written(made() | {"notes": pd.DataFrame({"a": [1, 2], "b": [3, 3]})}, tmp_path / "t")
    refused = understudy("schema", "draft", *files, "--out", tmp_path / "draft.yaml")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "notes.csv: shares no column" in refused.stderr
    assert not (tmp_path / "draft.yaml").exists()


def test_a_form_that_is_none_is_one_line_with_a_remedy(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a;b\n" + "1;2\n" * 3)
    for option, value, says in (
        ("--separator", ";;", "expected one sign, as ';', or tab"),
        ("--encoding", "martian", "expected the name of a text encoding"),
        ("--decimal", "'", "expected '.' or ','"),
    ):
        done = understudy("schema", "draft", file, option, value, "--out", tmp_path / "d.yaml")
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert says in done.stderr
    told = understudy("schema", "draft", file, "--out", tmp_path / "d.yaml").stdout
    assert "read with separator ';'" in told
