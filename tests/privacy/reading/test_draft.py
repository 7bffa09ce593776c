"""A draft describes its table, says loudly where it read, and cannot be used until confirmed."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from privacy.errors import DataError, InputError
from privacy.reading.conform import conform
from privacy.reading.draft import draft_schema
from privacy.reading.guesses.form import form_of
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
    draft = draft_schema(table(tmp_path)).text
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
    schema = confirmed(draft_schema(path).text, tmp_path)
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
    draft = draft_schema(table(tmp_path)).text
    for line in draft.splitlines():
        words = line.strip()
        copied = (
            "- ",
            "bounds:",
            "decimals:",
            "special:",
            "missing_values:",
            "heaped_at:",
            "spikes:",
        )
        copies = words.startswith(copied)
        assert copies == (DRAFT_MARK in line and not line.startswith("#")), line


def test_a_file_without_a_header_gets_numbered_columns(tmp_path: Path) -> None:
    path = tmp_path / "adult.data"
    path.write_text("|remark\n39, Private\n50, ?\n")
    form = Csv(header=False, strip=True, comment="|")
    schema = confirmed(draft_schema(path, form).text, tmp_path)
    assert list(schema.columns) == ["column_1", "column_2"]
    assert schema.csv == form
    assert read_texts([path], schema).num_rows == 2


def test_decimals_after_a_comma_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{i},5;{i % 2},{i % 3};a{i},5" for i in range(60)]
    path.write_text("\n".join(["kilos;level;name", *rows]))
    form = Csv(separator=";", decimal=",")
    schema = confirmed(draft_schema(path, form).text, tmp_path)
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
    schema = confirmed(draft_schema(path).text, tmp_path)
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
    draft = draft_schema(path).text
    tied = [line.removeprefix("#  - ") for line in draft.splitlines() if line.startswith("#  - ")]
    assert all(line.endswith(DRAFT_MARK) for line in tied)
    assert [line.removesuffix(DRAFT_MARK).strip() for line in tied] == [
        "{order: [in, out]}",
        "{order: [out, died]}",
        "{missing_together: [high, low]}",
    ]
    assert confirmed(draft.replace("# relations:", "relations:").replace("#  - ", "  - "), tmp_path)


def test_orders_are_found_in_any_format_and_only_between_dates_of_one_kind(tmp_path: Path) -> None:
    lines = ["in,out,died,seen"]
    for i in range(200):
        start, stay = dt.date(2020, 1, 1) + dt.timedelta(days=i * 7 % 90), dt.timedelta(days=i % 5)
        died = start + 3 * stay + dt.timedelta(days=1)
        lines.append(f"{start:%d.%m.%Y},{start + stay:%d/%m/%y},{died},{start}T08:{i % 60:02}:00")
    path = tmp_path / "stays.csv"
    path.write_text("\n".join(lines) + "\n")
    draft = draft_schema(path).text
    tied = [line.removeprefix("#  - ") for line in draft.splitlines() if line.startswith("#  - ")]
    assert [line.removesuffix(DRAFT_MARK).strip() for line in tied] == [
        "{order: [in, out]}",
        "{order: [out, died]}",
    ]


def test_codes_that_begin_with_zeros_are_no_numbers(tmp_path: Path) -> None:
    """007.1 of ICD-9 would be written back as 7.1."""
    path = tmp_path / "stays.csv"
    path.write_text("code\n" + "".join(f"{i:03}.{i % 10}\n" for i in range(1, 120)) * 3)
    draft = draft_schema(path).text
    assert "kind: float" not in draft
    assert "hierarchy: {prefixes: [3, 1]}  # ICD-9?" in draft


def test_a_column_without_a_value_is_said_to_have_none(tmp_path: Path) -> None:
    path = tmp_path / "stays.csv"
    path.write_text("sex,empty\n" + "F,\nM,\n" * 20)
    draft = draft_schema(path)
    assert "surplus_columns: drop" in draft.text
    assert "#   empty: no row has a value" in draft.text
    assert draft.told == ("empty: left out, no row has a value",)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError):
        draft_schema(tmp_path / "empty.csv")
    with pytest.raises(InputError):
        draft_schema(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("what", "codes"),
    [
        ("ICD-10", [f"{c}{i:02}.{i % 10}" for c in "EIK" for i in range(20)]),
        ("ICD-9", [f"{c}{i}.{i % 7}" for c in ("V", "4", "E8") for i in range(10, 40)]),
        ("ATC", [f"A{i:02}BA0{i % 9 + 1}" for i in range(60)]),
        ("ZIP", [f"0{i}-{i}" for i in range(2100, 2160)]),
        ("ZIP", [f"0{i}" for i in range(2100, 2160)]),
        (None, [f"ward {i}" for i in range(60)]),
    ],
)
def test_well_known_codes_get_a_hierarchy_to_choose(
    what: str | None, codes: list[str], tmp_path: Path
) -> None:
    """As a comment: taking its sign away gives a schema that holds."""
    path = tmp_path / "codes.csv"
    path.write_text("\n".join(["code", *codes * 3]) + "\n")
    draft = draft_schema(path).text
    (offered,) = [line for line in draft.splitlines() if "hierarchy:" in line] or [""]
    assert (f"# {what}?" in offered) == (what is not None)
    column = confirmed(draft.replace("# hierarchy", "hierarchy"), tmp_path).columns["code"]
    assert isinstance(column, Categorical)
    assert (column.hierarchy is None) == (what is None)
    assert confirmed(draft, tmp_path).columns["code"].categories is None  # type: ignore[union-attr]


DATED = [
    # texts, format, choices, pivot, first and last bound, resolution
    (["20180614", "20201231"], "%Y%m%d", 1, "2018-06-14", "2020-12-31", "day"),
    (["14062018", "31122020"], "%d%m%Y", 1, "2018-06-14", "2020-12-31", "day"),
    (["06142018", "12312020"], "%m%d%Y", 1, "2018-06-14", "2020-12-31", "day"),
    (["06072018", "12112020"], "%d%m%Y", 2, "2018-07-06", "2020-11-12", "day"),
    (["20180614.0", "20201231.0"], "%Y%m%d", 1, "2018-06-14", "2020-12-31", "day"),
    (["20180614235959", "20201231000000"], "%Y%m%d%H%M%S", 1, "2018-06-14", "2020-12-31", "second"),
    (["17/01/1945", "02/11/1955"], "%d/%m/%Y", 1, "1945-01-17", "1955-11-02", "day"),
    (["01/17/1945", "02/11/1955"], "%m/%d/%Y", 1, "1945-01-17", "1955-02-11", "day"),
    (["01/07/1945", "02/11/1955"], "%d/%m/%Y", 2, "1945-07-01", "1955-11-02", "day"),
    (["1.7.1945", "31.11.1955"], None, 0, "", "", ""),
    (["1.7.1945", "30.11.1955"], "%d.%m.%Y", 1, "1945-07-01", "1955-11-30", "day"),
    (["2018/06/14", "2020/12/31"], "%Y/%m/%d", 1, "2018-06-14", "2020-12-31", "day"),
    (["14/06/18", "31/12/27"], "%d/%m/%y", 2, "1927-12-31", "2018-06-14", "day"),
    (["01/02/03", "04/05/06"], "%d/%m/%y", 3, "2003-02-01", "2006-05-04", "day"),
    (["14-Jun-2018", "31-dec-2020"], "%d-%b-%Y", 1, "2018-06-14", "2020-12-31", "day"),
    (["14JUN18", "31DEC20"], "%d%b%y", 1, "2018-06-14", "2020-12-31", "day"),
    (["14/06/2018 9:30", "31/12/2020 23:00"], "%d/%m/%Y %H:%M", 1, "2018-06-14", "2021-01-01", "second"),
    (["14/06/2018 9:30 PM", "31/12/2020 1:00 am"], "%d/%m/%Y %I:%M %p", 1, "2018-06-14", "2021-01-01",
     "second"),
    (["2018-06-14 09:30", "2020-12-31T10:00:00.5"], "", 0, "2018-06-14", "2021-01-01", "second"),
    (["2018-06", "2020-12"], "%Y-%m", 1, "2018-06-01", "2020-12-01", "day"),
    (["10.20.1.5", "10.20.2.7"], None, 0, "", "", ""),
    (["1.2.2345", "3.4.2346"], None, 0, "", "", ""),
    (["12345678", "20180614"], None, 0, "", "", ""),
    (["20180614", "20180631"], None, 0, "", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "form", "choices", "first", "last", "resolution"), DATED)
def test_dates_are_recognised_as_they_are_written(
    texts: list[str], form: str | None, choices: int, first: str, last: str, resolution: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("privacy.reading.guesses.times.this_year", lambda: 2026)
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["seen", *texts, *texts]) + "\n")
    draft = draft_schema(path).text
    schema = confirmed(draft, tmp_path)
    column = schema.columns["seen"]
    _, findings = conform(read_texts([path], schema), schema)
    assert findings == []
    if form is None:
        assert not isinstance(column, Datetime)
        return
    assert isinstance(column, Datetime)
    assert column.format == (form or None)
    assert column.pivot == (2026 if "%y" in form else None)
    assert [b.date().isoformat() for b in column.bounds] == [first, last]
    assert column.resolution == resolution
    asked = [line for line in draft.splitlines() if "every text fits" in line]
    assert len(asked) == (choices > 1)
    assert all(line.endswith(DRAFT_MARK) for line in asked)  # so that the draft waits for an answer
    assert ("look like dates" in draft) == (re.fullmatch("(%[YmdHMS])+", form) is not None)
    assert ("is that so?" in draft) == ("%y" in form)


def test_a_draft_asks_for_the_zone_of_offsets(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("at\n2024-01-29T20:30:00-05:00\n2024-01-30T23:30:00-06:00\n")
    draft = draft_schema(path).text
    assert "# zone: which?" in draft
    schema = confirmed(draft, tmp_path)
    assert [str(b.date()) for b in schema.columns["at"].bounds] == ["2024-01-29", "2024-01-31"]
    _, findings = conform(read_texts([path], schema), schema)
    assert [f.action for f in findings] == ["local"]


def written(path: Path, columns: dict[str, list[object]], separator: str = ",") -> Path:
    names = separator.join(columns)
    lines = [separator.join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([names, *lines]) + "\n")
    return path


def test_codes_for_missing_values_are_told_from_values(tmp_path: Path) -> None:
    n = 60
    file = written(
        tmp_path / "t.csv",
        {
            "bmi": [18 + i / 10 for i in range(n - 3)] + ["-999", ".", "N/A"],
            "grams": [2000 + 20 * i for i in range(n - 2)] + [9999, 99999],
            "change": [i - 30 for i in range(n - 1)] + [-999],
            "pulse": [50 + i for i in range(n - 1)] + [99],
        },
    )
    schema = confirmed(draft_schema(file).text, tmp_path)
    bmi, grams, change, pulse = (schema.columns[c] for c in ("bmi", "grams", "change", "pulse"))
    assert isinstance(bmi, Numeric)
    assert set(bmi.missing_values) >= {"-999", ".", "N/A"}
    assert bmi.bounds[0] == 18
    assert set(grams.missing_values) >= {"9999", "99999"}
    assert change.missing == "refuse"  # it may be negative, so -999 may be a change
    assert pulse.missing == "refuse"
    assert draft_schema(file).text.count("a code for missing, by its size") == 2


@pytest.mark.parametrize(
    ("separator", "numbers", "form"),
    [
        (";", [f"{i},5" for i in range(40)], {"separator": ";", "decimal": ","}),
        (";", [f"{i}.5" for i in range(40)], {"separator": ";"}),
        ("\t", [f"{i}" for i in range(40)], {"separator": "\t"}),
        (";", [f"{i},500" for i in range(1, 41)], {"separator": ";"}),  # thousands, perhaps
        (",", [f'"{i},5"' for i in range(40)], {"decimal": ","}),
    ],
)
def test_how_a_file_seems_to_be_written(
    tmp_path: Path, separator: str, numbers: list[object], form: dict[str, str]
) -> None:
    sexes: list[object] = ["F", "M"] * 20
    file = written(tmp_path / "t.csv", {"sex": sexes, "value": numbers}, separator)
    found = form_of(file, Csv())
    assert found.model_dump(exclude_defaults=True) == form
    assert form_of(file, found) == found


def test_a_file_of_one_column_is_one(tmp_path: Path) -> None:
    file = written(tmp_path / "t.csv", {"value": list(range(30))})
    assert form_of(file, Csv()) == Csv()


def test_decimal_commas_beside_points_are_told(tmp_path: Path) -> None:
    commas: list[object] = [f'"{20 + i},5"' for i in range(40)]
    file = written(tmp_path / "t.csv", {"bmi": commas, "crea": [i / 4 for i in range(40)]})
    assert form_of(file, Csv()) == Csv()
    (line,) = [x for x in draft_schema(file).text.splitlines() if "after a comma" in x]
    assert line.strip().startswith("kind: identifier")
    assert "    # kind: float" in draft_schema(file).text
