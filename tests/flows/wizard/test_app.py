"""The wizard as text: from a file to an approved release, and what it refuses."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flows.wizard.app import app
from flows.wizard.project import RELEASE, SCHEMA, Project
from flows.wizard.session import Session
from tests.flows.wizard.people import patients

TOKEN = "t0ken"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.chdir(tmp_path)
    patients(tmp_path / "patients.csv", odd="<script>alert(1)</script>")
    return Session(tmp_path)


@pytest.fixture
def pages(session: Session) -> TestClient:
    return TestClient(
        app(session, TOKEN), base_url="http://127.0.0.1:8000", raise_server_exceptions=True
    )


def get(pages: TestClient, step: str) -> str:
    return pages.get(f"/{TOKEN}/{step}").text


def send(pages: TestClient, step: str, form: dict[str, str | list[str]]) -> tuple[int, str, str]:
    """Status, the step that was led to, and its text. Sent as from a page that was just looked at."""
    if step in ("columns", "people", "purpose"):
        form = {"seen": fields(get(pages, step))["seen"], **form}
    answer = pages.post(f"/{TOKEN}/{step}", data=form)
    return answer.status_code, answer.url.path.rsplit("/", 1)[1], answer.text


def fields(text: str) -> dict[str, str]:
    """What a browser would send of a page, untouched: as far as these tests need it."""
    import html

    found: dict[str, str] = {}
    for name, value in re.findall(
        r'<input(?=[^>]*type="(?:text|number|hidden)")[^>]*name="([^"]*)" value="([^"]*)"', text
    ):
        found[name] = html.unescape(value)
    for name, value in re.findall(
        r'<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', text, re.S
    ):
        found[name] = html.unescape(value)
    for name, inner in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', text, re.S):
        chosen = re.search(r'<option(?: class="out")?(?: value="([^"]*)")? selected>([^<]*)', inner)
        first = re.search(r'<option(?: value="([^"]*)")?>([^<]*)', inner)
        option = chosen or first
        assert option is not None
        found[name] = html.unescape(option[1] if option[1] is not None else option[2])
    for name in re.findall(r'<input type="checkbox" name="([^"]*)" checked>', text):
        found[name] = "on"
    return found


def through_columns(pages: TestClient) -> None:
    assert send(pages, "file", {"file": "patients.csv"})[1] == "columns"
    form = fields(get(pages, "columns")) | {"everything": "on", "go": "1"}
    assert send(pages, "columns", form)[:2] == (200, "people")


def test_nothing_without_the_token_or_under_another_name(pages: TestClient) -> None:
    assert pages.get("/").status_code == 404
    assert pages.get("/wrong/").status_code == 404
    assert pages.get("/wrong/columns").status_code == 404
    assert pages.post("/wrong/file", data={"file": "patients.csv"}).status_code == 404
    assert pages.get(f"/{TOKEN}/", headers={"host": "evil.example"}).status_code == 400
    assert pages.get(f"/{TOKEN}/nothing").status_code == 404
    assert pages.get(f"/{TOKEN}/bundle/internal/report.html").status_code == 404


def test_pages_ask_nothing_of_anybody_and_are_kept_by_nobody(pages: TestClient) -> None:
    through_columns(pages)
    for step in ("file", "columns", "people", "purpose", "check", "privacy"):
        answer = pages.get(f"/{TOKEN}/{step}")
        assert answer.status_code == 200, step
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"(src|href|action)=.?(https?:)?//", answer.text)
        assert "<script" not in answer.text  # also not that of a ward's name


def test_later_pages_wait_for_a_file(pages: TestClient) -> None:
    for step in ("columns", "people", "purpose", "check", "privacy", "release"):
        answer = pages.get(f"/{TOKEN}/{step}")
        assert answer.status_code == 400
        assert "begin with the first page" in answer.text


def test_what_is_wrong_is_told_and_what_was_typed_stays(
    pages: TestClient, session: Session
) -> None:
    assert "no such file" in send(pages, "file", {"path": "gone.csv"})[2]
    send(pages, "file", {"file": "patients.csv"})
    form = fields(get(pages, "columns"))
    number = list(session.open.columns).index("age")
    status, _, text = send(pages, "columns", form | {f"{number}.high": "old", "2.other": "typed"})
    assert status == 400
    assert "column &#39;age&#39;: bounds: expected a number" in text
    assert fields(text)[f"{number}.high"] == "old"
    assert fields(text)["2.other"] == "typed"
    assert session.open.columns["age"]["bounds"][1] < 120  # nothing was kept of it


def test_nobody_goes_on_with_copies_that_nobody_confirmed(
    pages: TestClient, session: Session
) -> None:
    send(pages, "file", {"file": "patients.csv"})
    form = fields(get(pages, "columns"))
    status, _, text = send(pages, "columns", form | {"go": "1"})
    assert status == 400
    assert "nobody has confirmed" in text
    assert pages.get(f"/{TOKEN}/privacy").status_code == 400
    assert send(pages, "columns", form | {"1.public": "on"})[0] == 200
    assert session.open.state.confirmed.keys() == {list(session.open.columns)[1]}


def test_a_column_is_left_out_and_taken_back(pages: TestClient, session: Session) -> None:
    through_columns(pages)
    send(pages, "purpose", {"g0.column": "sex"})
    number = list(session.open.columns).index("sex")
    form = fields(get(pages, "columns")) | {f"{number}.kind": "left out"}
    send(pages, "columns", form)
    assert "sex" not in session.open.columns
    assert session.open.document["surplus_columns"] == "drop"
    assert not session.open.document["subgroups"]
    send(pages, "columns", fields(get(pages, "columns")) | {"back": "sex"})
    assert session.open.columns["sex"]["categories"] == ["F", "M"]


def test_the_person_is_named_and_the_rows_are_looked_at_once_more(
    pages: TestClient, session: Session, tmp_path: Path
) -> None:
    lines = ["pid,day,pressure"]
    lines += [f"{p},2020-01-{d:02d},{100 + p % 40 + d}" for p in range(60) for d in (1, 9, 20)]
    (tmp_path / "visits.csv").write_text("\n".join(lines) + "\n")
    send(pages, "file", {"file": "visits.csv"})
    columns = fields(get(pages, "columns")) | {"everything": "on"}
    send(pages, "columns", columns)
    assert send(pages, "people", {"unit": "pid", "again": "1"})[1] == "people"
    document = session.open.document
    assert (document["unit"], document["max_rows_per_unit"]) == ("pid", 3)
    assert document["visits"]["order"] == "day"


def test_proposals_are_taken_by_ticking_them_and_bands_end_where_the_column_does(
    pages: TestClient, session: Session
) -> None:
    send(pages, "file", {"file": "patients.csv"})
    number = list(session.open.columns).index("age")
    columns = fields(get(pages, "columns")) | {f"{number}.low": "0", f"{number}.high": "120"}
    send(pages, "columns", columns | {"everything": "on"})
    text = get(pages, "purpose")
    assert "died is 1" in text
    band = re.search(r'name="subgroups" value="(\d)"> age, in bands 0, [\d, ]+, 120<', text)
    target = re.search(r'name="targets" value="(\d)"> died is 1', text)
    assert band is not None
    assert target is not None
    send(pages, "purpose", {"targets": target[1], "subgroups": band[1]})
    (group,) = session.open.document["subgroups"]
    assert (group["bands"][0], group["bands"][-1]) == (0, 120)
    assert session.open.document["targets"][0]["positive"] == ["1"]
    assert "died is 1" not in get(pages, "purpose")  # it is there now


def test_from_a_file_to_an_approved_release(
    pages: TestClient, session: Session, tmp_path: Path
) -> None:
    through_columns(pages)
    people = fields(get(pages, "people")) | {"people": "3000", "go": "1"}
    assert send(pages, "people", people)[1] == "purpose"
    status, _, text = send(pages, "purpose", {"t0.task": "classification", "t0.column": "died"})
    assert status == 400
    assert "which value means yes" in text
    purpose = {
        "t0.task": "classification",
        "t0.column": "died",
        "t0.values": "1",
        "g0.column": "sex",
        "relation": "0",
        "go": "1",
    }
    assert send(pages, "purpose", purpose)[1] == "check"
    assert session.open.document["relations"] == [{"order": ["admitted", "discharged"]}]
    assert "All 3000 rows fit" in send(pages, "check", {})[2]
    assert send(pages, "check", {"go": "1"})[1] == "privacy"
    form = fields(get(pages, "privacy"))
    assert (form["epsilon"], form["approval"]) == ("1", "person")
    assert "above 0" in send(pages, "privacy", form | {"epsilon": "none"})[2]
    form |= {"epsilon": "20", "publisher": "A clinic", "go": "1"}
    assert "all that it may ever spend" in send(pages, "privacy", form)[2]
    form |= {"budget": "40"}
    assert send(pages, "privacy", form)[1] == "release"
    assert send(pages, "release", {"do": "start", "accept": "on"})[0] == 200
    text = send(pages, "release", {"do": "start"})[2]
    assert "running already" in text, text
    assert session.running is not None
    session.running.process.wait(300)
    text = get(pages, "release")
    log = (session.open.folder / "release.log").read_text("utf-8")
    assert "Waits for approval" in text, log
    candidate = re.search(r'name="candidate" value="([0-9a-f]{64})"', text)
    assert candidate is not None
    assert "who decides" in send(pages, "release", {"do": "approve", "candidate": candidate[1]})[2]
    said = {
        "do": "approve",
        "candidate": candidate[1],
        "reviewer": "Ada",
        "reason": "Looked at it.",
    }
    assert "Approved" in send(pages, "release", said)[2]
    # who is held out is fixed by now
    assert "is fixed, since something was charged" in send(pages, "check", {"holdout": "40"})[2]
    card = pages.get(f"/{TOKEN}/bundle/public/card.html")
    assert "A clinic" in card.text
    assert pages.get(f"/{TOKEN}/bundle/internal/model").status_code == 404
    # what it wrote is what one writes by hand
    folder = session.open.folder
    assert {f.name for f in folder.iterdir()} == {SCHEMA, RELEASE, "wizard.json", "release.log"}
    assert Project.of(folder).release == session.open.release


def test_a_release_that_is_stopped_goes_on_when_it_is_started_again(
    pages: TestClient, session: Session
) -> None:
    through_columns(pages)
    send(
        pages,
        "purpose",
        {"t0.task": "classification", "t0.column": "died", "t0.values": "1", "g0.column": "sex"},
    )
    send(pages, "privacy", fields(get(pages, "privacy")))
    send(pages, "release", {"do": "start", "accept": "on"})
    assert session.running is not None
    time.sleep(0.2)
    send(pages, "release", {"do": "stop"})
    session.running.process.wait(60)
    assert session.running.code not in (None, 0)
    assert "Start the release" in get(pages, "release") or "Go on with the release" in get(
        pages, "release"
    )


DICTIONARY = """\
"Variable / Field Name","Form Name","Section Header","Field Type","Field Label","Choices, Calculations, OR Slider Labels","Field Note","Text Validation Type OR Show Slider Number","Text Validation Min","Text Validation Max",Identifier?,"Branching Logic (Show field only if...)","Required Field?","Custom Alignment","Question Number (surveys only)","Matrix Group Name","Matrix Ranking?","Field Annotation"
record_id,demo,,text,"Study ID",,,,,,,,,,,,,
sex,demo,,radio,Sex,"1, Male | 2, Female",,,,,,,y,,,,,
age,demo,,text,Age,,,integer,18,110,,,y,,,,,
died,demo,,yesno,"Died in hospital",,,,,,,,y,,,,,
"""  # noqa: E501


def test_a_dictionary_needs_no_confirmation_and_no_rows(
    pages: TestClient, session: Session, tmp_path: Path
) -> None:
    (tmp_path / "dictionary.csv").write_text(DICTIONARY)
    status, step, text = send(pages, "file", {"dictionary": "dictionary.csv"})
    assert (status, step) == (200, "columns")
    assert "to confirm" not in text
    assert "Died in hospital" in text
    assert not session.open.unconfirmed
    assert send(pages, "columns", fields(text) | {"go": "1"})[1] == "people"
    assert "no file of rows" in send(pages, "check", {})[2]
    rows = [
        "record_id,sex,age,died",
        *(f"{i},{1 + i % 2},{18 + i % 80},{i % 3 % 2}" for i in range(60)),
    ]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    text = send(pages, "check", {"path": "rows.csv"})[2]
    assert "All 60 rows fit the schema" in text


def test_a_dictionary_that_is_named_first_is_known_as_one(tmp_path: Path) -> None:
    (tmp_path / "dictionary.csv").write_text(DICTIONARY)
    pages = TestClient(
        app(Session(tmp_path, first=tmp_path / "dictionary.csv"), TOKEN),
        base_url="http://127.0.0.1",
    )
    form = fields(get(pages, "file"))
    assert form["dictionary"].endswith("dictionary.csv")
    assert "file" not in form


def test_a_sheet_that_is_named_is_meant_of_the_file_that_is_ticked(
    pages: TestClient, session: Session, tmp_path: Path
) -> None:
    import pandas as pd

    with pd.ExcelWriter(tmp_path / "two sheets.xlsx") as book:
        pd.read_csv(tmp_path / "patients.csv").to_excel(book, sheet_name="Patients", index=False)
        pd.DataFrame({"column": ["age"], "meaning": ["years"]}).to_excel(book, sheet_name="Legend")
    form: dict[str, str | list[str]] = {"file": "two sheets.xlsx"}
    assert "#Patients" in send(pages, "file", form)[2]
    named = form | {"path": '"two sheets.xlsx#Patients"'}
    assert send(pages, "file", named)[:2] == (200, "columns")
    assert session.open.state.data[0].endswith("#Patients")


def test_who_names_the_people_is_proposed_until_somebody_says(
    pages: TestClient, session: Session
) -> None:
    through_columns(pages)
    form = fields(get(pages, "people"))
    assert form["unit"] == "mrn"
    send(pages, "people", form | {"unit": ""})
    assert fields(get(pages, "people"))["unit"] == ""
