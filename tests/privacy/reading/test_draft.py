"""A draft describes its table, says loudly where it read, and cannot be used until confirmed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from privacy.errors import DataError, InputError
from privacy.reading.conform import conform
from privacy.reading.draft import draft_schema
from privacy.reading.read import read_texts
from privacy.schema.columns import Categorical, Datetime, Identifier, Numeric
from privacy.schema.schema import DRAFT_MARK, Csv, Schema, load_schema


def table(tmp_path: Path, rows: int = 200) -> Path:
    lines = ["patient,sex,age,bmi,seen,ward: no,income,zip,note,empty,yes"]
    for i in range(rows):
        sex = "FM?"[i % 3]
        income = "N" if i % 7 == 0 else str(i * 100)
        seen = f"20{i % 20 + 10}-05-{i % 28 + 1:02}"
        note = f"text {i % 90}"
        bmi = "" if i == 5 else f"{20 + i / 10}"
        row = [1000 + i, sex, i % 90, bmi, seen, i % 3, income, f"0{i % 60 + 1000}", note, "", "no"]
        lines.append(",".join(str(value) for value in row))
    path = tmp_path / "Ward 7 (2020).csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def confirmed(draft: str, tmp_path: Path) -> Schema:
    path = tmp_path / "confirmed.yaml"
    path.write_text(
        draft.replace("draft: unconfirmed\n", "").replace(DRAFT_MARK, ""), encoding="utf-8"
    )
    return load_schema(path)


def test_a_draft_is_refused_until_a_person_confirms_it(tmp_path: Path) -> None:
    draft = draft_schema(table(tmp_path))
    path = tmp_path / "draft.yaml"
    path.write_text(draft, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_schema(path)
    assert str(caught.value) == (
        f"{path}: this draft holds values read from private rows; confirm that each is public,"
        " then delete its mark and the line `draft:`"
    )
    assert draft.startswith("# THIS DRAFT WAS READ FROM PRIVATE ROWS.")
    assert confirmed(draft, tmp_path).name == "ward_7_2020_"


def test_kinds_are_guessed_and_the_table_fits_its_draft(tmp_path: Path) -> None:
    path = table(tmp_path)
    schema = confirmed(draft_schema(path), tmp_path)
    assert {name: type(column) for name, column in schema.columns.items()} == {
        "patient": Identifier,
        "sex": Categorical,
        "age": Numeric,
        "bmi": Numeric,
        "seen": Datetime,
        "ward: no": Categorical,
        "income": Numeric,
        "zip": Categorical,
        "note": Categorical,
        "empty": Categorical,
        "yes": Categorical,
    }
    age, income, note = (schema.columns[name] for name in ("age", "income", "note"))
    assert isinstance(age, Numeric)
    assert (age.kind, age.bounds, age.bins) == ("integer", (0, 89), None)
    assert isinstance(income, Numeric)
    assert income.special == ("N",)
    assert isinstance(note, Categorical)
    assert (note.categories, note.other) == (None, "(other)")
    assert schema.columns["bmi"].missing == "keep"
    assert schema.columns["sex"].missing_values == ("?",)
    _, findings = conform(read_texts([path], schema), schema)
    assert [f for f in findings if f.action == "refused"] == []


def test_every_value_that_was_read_is_marked(tmp_path: Path) -> None:
    draft = draft_schema(table(tmp_path))
    for line in draft.splitlines():
        words = line.strip()
        copies = words.startswith(("- ", "bounds:", "special:", "missing_values:"))
        assert copies == (DRAFT_MARK in line and not line.startswith("#")), line


def test_a_file_without_a_header_gets_numbered_columns(tmp_path: Path) -> None:
    path = tmp_path / "adult.data"
    path.write_text("|remark\n39, Private\n50, ?\n")
    form = Csv(header=False, strip=True, comment="|")
    schema = confirmed(draft_schema(path, form), tmp_path)
    assert list(schema.columns) == ["column_1", "column_2"]
    assert schema.csv == form
    assert read_texts([path], schema).num_rows == 2


def test_decimals_after_a_comma_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{i},5;{i % 2},{i % 3};a{i},5" for i in range(60)]
    path.write_text("\n".join(["kilos;level;name", *rows]))
    form = Csv(separator=";", decimal=",")
    schema = confirmed(draft_schema(path, form), tmp_path)
    assert schema.csv == form
    assert schema.columns["kilos"].kind == "float"
    assert schema.columns["kilos"].bounds == (0.5, 59.5)
    assert schema.columns["name"].kind == "identifier"
    _, findings = conform(read_texts([path], schema), schema)
    assert findings == []


@pytest.mark.parametrize("text", ["naïve", "no", "null", "1: 2", "# x", "'", '"', "=", "🙂"])
def test_any_text_is_quoted_as_it_must_be(text: str, tmp_path: Path) -> None:
    path = tmp_path / "7.csv"
    escaped = text.replace('"', '""')
    path.write_text(f'x,"{escaped}"\n"{escaped}",2\n')
    schema = confirmed(draft_schema(path), tmp_path)
    assert schema.name == "draft"
    _, findings = conform(read_texts([path], schema), schema)
    assert findings == []


def test_relations_that_every_row_keeps_are_proposed_as_comments(tmp_path: Path) -> None:
    lines = ["in,out,died,high,low,other"]
    for i in range(200):
        start, stay = dt.date(2020, 1, 1) + dt.timedelta(days=i * 7 % 90), dt.timedelta(days=i % 5)
        died = start + 3 * stay if i % 2 else ""
        pressure = f"{100 + i % 40},{60 + i % 40}" if i % 3 else ","
        lines.append(f"{start},{start + stay},{died},{pressure},{i % 4 or ''}")
    path = tmp_path / "stays.csv"
    path.write_text("\n".join(lines) + "\n")
    draft = draft_schema(path)
    tied = [line.removeprefix("#  - ") for line in draft.splitlines() if line.startswith("#  - ")]
    assert all(line.endswith(DRAFT_MARK) for line in tied)
    assert [line.removesuffix(DRAFT_MARK).strip() for line in tied] == [
        "{order: [in, out]}",
        "{order: [out, died]}",
        "{missing_together: [high, low]}",
    ]
    assert confirmed(draft.replace("# relations:", "relations:").replace("#  - ", "  - "), tmp_path)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError):
        draft_schema(tmp_path / "empty.csv")
    with pytest.raises(InputError):
        draft_schema(tmp_path / "absent.csv")
