"""Releases of the same people from a workbook, a Stata file and a query; rows that changed are refused."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from flows.pipelines.release import release
from flows.stages import steps
from flows.stages.config import load_config
from flows.stages.run import Run
from flows.stages.telling import StageError
from privacy.errors import InputError, LedgerError
from tests.flows import clinic
from tests.flows.stages.test_steps import fitted, quiet, work_of

BUDGET = {"epsilon": 50.0, "delta": 1e-5}


@pytest.fixture
def few(few_questions: None) -> None:
    pass


def house(folder: Path, frame: pd.DataFrame) -> Path:
    with duckdb.connect(str(folder / "house.duckdb")) as database:
        database.register("given", frame)
        database.execute("CREATE OR REPLACE TABLE patients AS SELECT * FROM given")
    path = folder / "clinic.query.yaml"
    path.write_text("database: house.duckdb\nquery: SELECT * FROM patients\n")
    return path


def test_the_same_people_are_known_in_every_file(tmp_path: Path) -> None:
    """They are split alike, and nobody is taken for somebody else."""
    import pyreadstat

    frame = clinic.rows(300)
    config = clinic.write(tmp_path, frame=frame, budget=BUDGET)
    frame.to_excel(tmp_path / "clinic.xlsx", index=False)
    pyreadstat.write_dta(frame, tmp_path / "clinic.dta")
    house(tmp_path, frame)
    trained = []
    for i, name in enumerate(("clinic.csv", "clinic.xlsx", "clinic.dta", "clinic.query.yaml")):
        run = Run.of(load_config(config, (tmp_path / name,)), f"r{i}")
        work = steps.Work.of(run)
        with run.locked():
            rows = work.open(work.charge()).frame
        key = [*rows.columns]
        trained.append(rows.sort_values(key).reset_index(drop=True))
    for other in trained[1:]:
        pd.testing.assert_frame_equal(other, trained[0])


def test_a_query_whose_rows_changed_is_refused_as_changed_files_are(tmp_path: Path) -> None:
    frame = clinic.rows(300)
    config = clinic.write(tmp_path, frame=frame, data="clinic.query.yaml")
    house(tmp_path, frame)
    work = fitted(config)
    work.opened_internally("train")  # the same rows, asked again
    house(tmp_path, frame.assign(ill="no"))
    again = work_of(config)
    with again.run.locked():
        steps.sample(again)
        with pytest.raises(LedgerError, match="files are not those that the model was trained on"):
            steps.judge(again, quiet)


def test_a_release_asks_a_query_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: None
) -> None:
    from privacy.reading.formats import query

    asked = []
    read = query._asked
    monkeypatch.setattr(query, "_asked", lambda file: asked.append(file) or read(file))
    config = clinic.write(tmp_path, frame=clinic.rows(300), data="clinic.query.yaml")
    house(tmp_path, clinic.rows(300))
    assert release(Run.of(load_config(config))).decision == "approved"
    assert asked == [(tmp_path / "clinic.query.yaml").resolve()]


def test_what_a_query_reads_lies_inside_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inside").mkdir()
    config = clinic.write(tmp_path / "inside", data="clinic.query.yaml")
    query = {"database": "../house.duckdb", "query": "SELECT 1"}
    (tmp_path / "inside" / "clinic.query.yaml").write_text(yaml.safe_dump(query))
    monkeypatch.setenv("UNDERSTUDY_ROOT", str(tmp_path / "inside"))
    with pytest.raises(InputError, match=r"house\.duckdb: lies outside UNDERSTUDY_ROOT"):
        load_config(config)


def test_a_sheet_of_a_workbook_that_is_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.rows(5).to_excel(tmp_path / "clinic.xlsx", index=False)
    config = clinic.write(tmp_path / "inside", data="clinic.xlsx#Sheet1")
    (tmp_path / "inside" / "clinic.xlsx").symlink_to(tmp_path / "clinic.xlsx")
    assert load_config(config).data == ((tmp_path / "clinic.xlsx#Sheet1").resolve(),)
    monkeypatch.setenv("UNDERSTUDY_ROOT", str(tmp_path / "inside"))
    with pytest.raises(InputError, match="lies outside UNDERSTUDY_ROOT"):
        load_config(config)


def test_a_workbook_of_two_tables_is_refused_before_a_charge(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "clinic.xlsx") as book:
        for sheet in ("patients", "legend"):
            clinic.rows(50).to_excel(book, sheet_name=sheet, index=False)
    config = clinic.write(tmp_path, data="clinic.xlsx")
    run = Run.of(load_config(config))
    with pytest.raises(StageError):
        release(run)
    assert "2 sheets hold something: 'patients', 'legend'" in (run / "error.txt").read_text()
    assert "fit" not in [c.purpose for c in steps.Work.of(run).ledger.charges()]
