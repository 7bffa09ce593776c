"""What the wizard must withstand: copies from rows that nobody gave their word for, and pages from before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from flows.checking.drafting import draft
from flows.wizard.app import app
from flows.wizard.door import leading_to
from flows.wizard.project import SCHEMA, Project
from flows.wizard.session import Session
from privacy.errors import InputError
from privacy.schema.schema import Csv, load_schema
from tests.flows.wizard.people import patients
from tests.flows.wizard.test_app import TOKEN, fields, get, send

MARK = "draft: unconfirmed"


def pages_of(home: Path) -> tuple[TestClient, Session]:
    session = Session(home)
    return TestClient(app(session, TOKEN), base_url="http://127.0.0.1:8000"), session


def visits(path: Path) -> Path:
    """A CSV of made-up patients with up to seven visits each."""
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 8, 150)
    pid = np.repeat([f"P{i}" for i in range(len(counts))], counts)
    number = np.concatenate([np.arange(n) for n in counts])
    frame = {"pid": pid, "visit": number, "sex": "F", "pain": rng.integers(0, 11, len(pid))}
    frame["sex"] = np.where(pd.factorize(pid)[0] % 2, "F", "M")
    pd.DataFrame(frame).to_csv(path, index=False)
    return path


def test_a_page_from_before_columns_moved_changes_and_confirms_nothing(tmp_path: Path) -> None:
    patients(tmp_path / "patients.csv", 600)
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "patients.csv"})
    stale = fields(get(pages, "columns"))
    names = list(session.open.columns)
    gone = names.index("age")
    send(pages, "columns", stale | {f"{gone}.kind": "left out"})
    before = session.open
    status, _, text = send(
        pages, "columns", stale | {f"{gone}.public": "on", f"{gone}.other": "old"}
    )
    assert status == 409
    assert "made before something changed" in text
    assert (
        "old" not in fields(text).values()
    )  # fields go by number, and these are other columns now
    assert (session.open.document, session.open.state) == (before.document, before.state)


def test_a_tick_for_everything_is_for_what_was_shown(tmp_path: Path) -> None:
    patients(tmp_path / "patients.csv", 600)
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "patients.csv"})
    number = list(session.open.columns).index("ward")
    send(pages, "columns", fields(get(pages, "columns")) | {f"{number}.kind": "left out"})
    stale = fields(get(pages, "columns"))
    send(pages, "columns", stale | {"back": "ward"})
    assert send(pages, "columns", stale | {"everything": "on", "go": "1"})[0] == 409
    assert "ward" in session.open.unconfirmed


def test_what_a_draft_copies_beside_columns_waits_for_a_word_too(tmp_path: Path) -> None:
    visits(tmp_path / "visits.csv")
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "visits.csv"})
    assert session.open.document["max_rows_per_unit"] == 7
    assert {"max_rows_per_unit", "visits"} <= set(session.open.unconfirmed_parts)
    ticked = {f"{n}.public": "on" for n in range(len(session.open.columns))}
    status, _, text = send(pages, "columns", fields(get(pages, "columns")) | ticked | {"go": "1"})
    assert status == 400
    assert "max_rows_per_unit" in text
    assert MARK in (session.open.folder / SCHEMA).read_text("utf-8")
    assert pages.get(f"/{TOKEN}/privacy").status_code == 400
    form = fields(get(pages, "columns")) | {"parts": "on", "go": "1"}
    assert send(pages, "columns", form)[1] == "people"
    assert load_schema(session.open.folder / SCHEMA) == session.open.schema()


def test_what_a_person_writes_in_place_of_a_copy_is_their_word(tmp_path: Path) -> None:
    visits(tmp_path / "visits.csv")
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "visits.csv"})
    form = fields(get(pages, "columns")) | {"everything": "on"}
    send(pages, "columns", form)
    send(pages, "people", fields(get(pages, "people")) | {"most": "10"})
    assert session.open.document["max_rows_per_unit"] == 10
    assert session.open.is_confirmed


def test_looking_again_asks_for_a_word_again(tmp_path: Path) -> None:
    visits(tmp_path / "visits.csv")
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "visits.csv"})
    send(pages, "columns", fields(get(pages, "columns")) | {"everything": "on"})
    send(pages, "people", fields(get(pages, "people")) | {"most": "3"})
    send(pages, "people", fields(get(pages, "people")) | {"again": "1"})
    assert "max_rows_per_unit" in session.open.unconfirmed_parts
    assert MARK in (session.open.folder / SCHEMA).read_text("utf-8")


def test_a_column_that_was_left_out_when_rows_were_looked_at_again_is_still_a_copy(
    tmp_path: Path,
) -> None:
    patients(tmp_path / "patients.csv", 600)
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "patients.csv"})
    number = list(session.open.columns).index("age")
    send(pages, "columns", fields(get(pages, "columns")) | {f"{number}.kind": "left out"})
    send(pages, "people", {"unit": "age", "again": "1"})
    send(pages, "people", {"unit": ""})
    send(pages, "columns", fields(get(pages, "columns")) | {"back": "age"})
    assert "age" in session.open.unconfirmed


def test_a_draft_that_is_put_into_the_folder_stays_one(tmp_path: Path) -> None:
    data = patients(tmp_path / "patients.csv", 600)
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "patients.csv"})
    send(pages, "columns", fields(get(pages, "columns")) | {"everything": "on"})
    folder = session.open.folder
    text = draft([data], Csv()).text
    (folder / SCHEMA).write_text(text.replace("\n  age:", "\n  years:"), "utf-8")
    Project.of(folder).save()
    assert "years" in Project.of(folder).unconfirmed
    with pytest.raises(InputError, match="draft"):
        load_schema(folder / SCHEMA)


def test_a_mark_that_nothing_explains_is_for_every_column(tmp_path: Path) -> None:
    patients(tmp_path / "patients.csv", 600)
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "patients.csv"})
    send(pages, "columns", fields(get(pages, "columns")) | {"everything": "on"})
    path = session.open.folder / SCHEMA
    path.write_text(f"{MARK}\n{path.read_text('utf-8')}", "utf-8")
    assert set(Project.of(path.parent).unconfirmed) == set(session.open.columns)


def test_proposals_are_ticked_as_they_were_shown(tmp_path: Path) -> None:
    patients(tmp_path / "patients.csv", 600)
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "patients.csv"})
    send(pages, "columns", fields(get(pages, "columns")) | {"everything": "on"})
    stale = fields(get(pages, "purpose"))
    session.keep(
        session.open.with_state(proposals={"relations": ({"order": ["discharged", "admitted"]},)})
    )
    assert send(pages, "purpose", stale | {"relation": "0"})[0] == 409
    assert "relations" not in session.open.document


def test_a_browser_is_led_to_the_address_without_being_told_it(tmp_path: Path) -> None:
    """Whoever is on the machine may list what its processes were told."""
    opened: list[str] = []
    with leading_to("http://127.0.0.1:1/t0ken/", tmp_path) as door:
        assert door is not None
        assert TOKEN not in door.as_uri()
        assert door.stat().st_mode & 0o077 == 0
        assert "http://127.0.0.1:1/t0ken/" in door.read_text("utf-8")
        opened += [str(door)]
    assert not Path(opened[0]).exists()


def test_where_nothing_can_be_written_no_browser_is_opened(tmp_path: Path) -> None:
    with leading_to("http://127.0.0.1:1/t0ken/", tmp_path / "gone") as door:
        assert door is None


def test_a_token_of_any_letters_is_no_fault_of_ours(tmp_path: Path) -> None:
    pages, _ = pages_of(tmp_path)
    assert pages.get("/tökën/").status_code == 404


def test_what_an_editor_took_out_does_not_come_back(tmp_path: Path) -> None:
    patients(tmp_path / "patients.csv", 600)
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "patients.csv"})
    send(pages, "columns", fields(get(pages, "columns")) | {"everything": "on"})
    stale = fields(get(pages, "columns"))
    path = session.open.folder / SCHEMA
    path.write_text(path.read_text("utf-8").replace("A#1", "Annex"), "utf-8")
    assert pages.post(f"/{TOKEN}/columns", data=stale).status_code == 409
    send(pages, "columns", fields(get(pages, "columns")))
    assert "A#1" not in path.read_text("utf-8")
    assert "Annex" in path.read_text("utf-8")


def test_a_folder_with_a_schema_in_it_is_not_written_over(tmp_path: Path) -> None:
    patients(tmp_path / "patients.csv", 600)
    pages, session = pages_of(tmp_path)
    session.folder = tmp_path / "mine"
    session.folder.mkdir()
    (session.folder / SCHEMA).write_text("name: mine\n")
    send(pages, "file", {"file": "patients.csv"})
    send(pages, "file", {"project": "mine-2"})
    send(pages, "file", {"file": "patients.csv"})
    assert (tmp_path / "mine" / SCHEMA).read_text() == "name: mine\n"
    assert {p.parent.name for p in tmp_path.glob("*/wizard.json")} == {"mine-2", "mine-3"}


def test_rows_that_were_checked_are_those_that_are_released(tmp_path: Path) -> None:
    patients(tmp_path / "patients.csv", 600)
    other = patients(tmp_path / "later.csv", 500)
    pages, session = pages_of(tmp_path)
    send(pages, "file", {"file": "patients.csv"})
    send(pages, "columns", fields(get(pages, "columns")) | {"everything": "on"})
    send(pages, "privacy", fields(get(pages, "privacy")))
    send(pages, "check", {"path": "later.csv"})
    assert session.open.release is not None
    assert session.open.release["data"] == [str(other)]
