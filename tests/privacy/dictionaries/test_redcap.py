"""A REDCap data dictionary describes its export, by codes and by labels."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.dictionaries.answers import choices
from privacy.dictionaries.document import schema_from
from privacy.errors import InputError
from privacy.schema.columns import Categorical, Datetime, Identifier, Numeric
from tests.privacy.dictionaries.described import findings, loaded, write

HEADER = [
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note",
    "Text Validation Type OR Show Slider Number", "Text Validation Min", "Text Validation Max",
    "Identifier?", "Branching Logic (Show field only if...)", "Required Field?",
]  # fmt: skip
MACHINE = [
    "field_name", "form_name", "section_header", "field_type", "field_label",
    "select_choices_or_calculations", "field_note", "text_validation_type_or_show_slider_number",
    "text_validation_min", "text_validation_max", "identifier", "branching_logic", "required_field",
]  # fmt: skip


def field(name, kind="text", label="", choices="", check="", low="", high="", named="", shown=""):
    """A line of a dictionary."""
    return [name, "visit", "", kind, label or name, choices, "", check, low, high, named, shown, ""]


FIELDS = [
    field("study_id"),
    field("first_name"),
    field("dob", check="date_dmy", named="y"),
    field("sex", "radio", choices="1, Male | 2, <b>Female</b>"),
    field("births", check="integer", low="0", high="20", shown="[sex] = '2'"),
    field("race", "checkbox", choices="1, White | -9, Not said, or unknown"),
    field("seen", check="date_mdy", low="2015-01-01", high="2020-12-31"),
    field("drawn", check="datetime_seconds_ymd"),
    field("woke", check="time"),
    field("weight", check="number_1dp", low="35", high="200"),
    field("age"),
    field("smokes", "yesno"),
    field("pain", "slider"),
    field("bmi", "calc", choices="[weight]/2"),
    field("story", "notes"),
    field("scan", "file"),
    field("intro", "descriptive", label="<div>Welcome</div>"),
    field("site", "sql", choices="select 1"),
    field("zip", check="zipcode"),
    field("mail", check="email"),
    field("remark"),
]


@pytest.mark.parametrize("header", [HEADER, MACHINE])
def test_each_kind_of_field_becomes_what_its_export_holds(header, tmp_path):
    schema = loaded(tmp_path, [header, *FIELDS])
    assert (schema.unit, schema.max_rows_per_unit, schema.surplus_columns) == (
        "study_id",
        1,
        "drop",
    )
    kinds = {name: column.kind for name, column in schema.columns.items()}
    assert kinds == {
        "study_id": "identifier",
        "first_name": "identifier",
        "dob": "identifier",
        "sex": "categorical",
        "births": "integer",
        "race___1": "categorical",
        "race____9": "categorical",
        "seen": "datetime",
        "drawn": "datetime",
        "woke": "datetime",
        "weight": "float",
        "age": "float",
        "smokes": "categorical",
        "pain": "integer",
        "bmi": "float",
        "site": "categorical",
        "zip": "categorical",
        "mail": "identifier",
    }
    sex, births, seen, weight = (schema.columns[n] for n in ("sex", "births", "seen", "weight"))
    assert isinstance(sex, Categorical)
    assert (sex.categories, sex.description) == (("1", "2"), "sex. 1 = Male; 2 = Female")
    assert isinstance(births, Numeric)
    assert births.bounds == (0, 20)
    assert isinstance(seen, Datetime)
    assert seen.bounds[0] == dt.datetime(2015, 1, 1)
    assert isinstance(weight, Numeric)
    assert (weight.bounds, weight.decimals) == ((35, 200), 1)
    (zero,) = schema.impossible
    assert zero["sex"].values == ("1",)
    assert zero["births"].min == 0


def test_an_export_of_labels_has_labels(tmp_path):
    schema = loaded(tmp_path, [HEADER, *FIELDS], labels=True)
    held = {
        name: schema.columns[name].categories  # type: ignore[union-attr]
        for name in ("sex", "race___1", "smokes")
    }
    assert held == {
        "sex": ("Male", "Female"),
        "race___1": ("Unchecked", "Checked"),
        "smokes": ("Yes", "No"),
    }
    assert schema.impossible[0]["sex"].values == ("Male",)


def test_a_required_field_is_never_missing_unless_it_is_not_always_asked(tmp_path):
    asked = [field("a", "yesno"), field("b", "yesno"), field("c", "yesno", shown="[a] = '1'")]
    lines = [[*line[:-1], "" if line[0] == "b" else "y"] for line in asked]
    columns = loaded(tmp_path, [HEADER, field("id"), *lines]).columns
    assert [columns[n].missing for n in "abc"] == ["refuse", "keep", "keep"]


def test_a_box_is_never_empty(tmp_path):
    columns = loaded(tmp_path, [HEADER, *FIELDS]).columns
    assert [columns[n].missing for n in ("race___1", "race____9", "sex")] == [
        "refuse",
        "refuse",
        "keep",
    ]


def test_columns_that_are_asked_of_are_told_by_name(tmp_path):
    open_ones = [field(f"x{i}", check="integer") for i in range(3)]
    few = schema_from(write(tmp_path, [HEADER, field("id"), field("smokes", "yesno")])).told[0]
    more = [HEADER, field("id"), field("ok", "yesno", label="Well?"), *open_ones]
    many = schema_from(write(tmp_path, more)).told[0]
    assert few.endswith("; 1 comment asks for what it does not say (max_rows_per_unit)")
    assert many.endswith("; 4 comments ask for what it does not say (max_rows_per_unit, x0, x1, …)")


def test_what_is_left_out_and_what_is_open_is_said(tmp_path):
    described = schema_from(write(tmp_path, [HEADER, *FIELDS], "Heart_DataDictionary_2024-05-01"))
    assert "name: heart\n" in described.text
    assert "SHA-256" in described.text
    assert "#   story: free text, which is never modelled" in described.text
    assert "bounds: [0.0, 120.0]  # a natural range, by the name" in described.text
    assert "#   - {task: classification, column: smokes, positive: ['1']}" in described.text
    assert any("redcap_repeat_instance" in line for line in described.told)


def test_choices_keep_commas_in_labels_and_are_parted_in_older_files_too():
    assert choices("1, Yes, often | 2, No|3") == {"1": "Yes, often", "2": "No", "3": "3"}
    assert choices(r"0, No \n 1, Yes") == {"0": "No", "1": "Yes"}


@pytest.mark.parametrize(
    ("checks", "decimal", "told"),
    [(("number_comma_decimal",), ",", False), (("number_comma_decimal", "number"), ".", True)],
)
def test_decimal_commas_are_the_file_s_where_all_numbers_have_them(checks, decimal, told, tmp_path):
    lines = [HEADER, field("id"), *(field(f"x{i}", check=c) for i, c in enumerate(checks))]
    assert loaded(tmp_path, lines).csv.decimal == decimal
    said = schema_from(write(tmp_path, lines)).told
    assert any("decimal commas" in line for line in said) is told


DAYS = st.dates(dt.date(1950, 1, 1), dt.date(2090, 1, 1))
BOXES = st.sampled_from(["0", "1"])
VALUES = {
    "radio": (
        field("", "radio", choices="1, a | 2, b, c | x, d"),
        st.sampled_from(["1", "2", "x"]),
    ),
    "yesno": (field("", "yesno"), BOXES),
    "truefalse": (field("", "truefalse"), BOXES),
    "slider": (field("", "slider"), st.integers(0, 100).map(str)),
    "calc": (field("", "calc", choices="1+1"), st.floats(-1e4, 1e4).map("{:.3f}".format)),
    "integer": (field("", check="integer", low="-5", high="50"), st.integers(-5, 50).map(str)),
    "open": (field("", check="integer"), st.integers(-(10**6), 10**6).map(str)),
    "number": (field("", check="number", low="0"), st.floats(0, 1e5).map("{:.2f}".format)),
    "date": (field("", check="date_dmy"), DAYS.map(str)),
    "time": (field("", check="time"), st.times().map("{:%H:%M}".format)),
    "stamp": (
        field("", check="datetime_mdy"),
        st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2050, 1, 1)).map(
            "{:%Y-%m-%d %H:%M}".format
        ),
    ),
    "zip": (field("", check="zipcode"), st.from_regex("[0-9]{5}", fullmatch=True)),
    "mail": (field("", check="email"), st.just("a@b.org")),
    "notes": (field("", "notes"), st.sampled_from(["one\ntwo", "a, b", ""])),
}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_rows_that_follow_a_dictionary_conform(data):
    kinds = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=8))
    kinds += ["radio"]  # something to model
    names = [f"q{i}_{kind}" for i, kind in enumerate(kinds)]
    lines = [[name, *VALUES[kind][0][1:]] for name, kind in zip(names, kinds, strict=True)]
    row = st.tuples(*(st.one_of(st.just(""), VALUES[kind][1]) for kind in kinds))
    rows = data.draw(st.lists(row, min_size=1, max_size=6))
    with tempfile.TemporaryDirectory() as folder:
        schema = loaded(Path(folder), [HEADER, field("record_id"), *lines])
        table = [[str(i), *cells, "2"] for i, cells in enumerate(rows)]
        found = findings(Path(folder), schema, ["record_id", *names, "visit_complete"], table)
    assert found == []
    assert isinstance(schema.columns["record_id"], Identifier)


def test_choices_that_break_lines_say_nothing_but_themselves(tmp_path: Path) -> None:
    """Conditions of many fields stand in comments, where a second line would be part of the schema."""
    path = tmp_path / "breaks.csv"
    lines = [
        ",".join(MACHINE),
        "rid,f,,text,Record,,,,,,,,",
        'q,f,,radio,Q,"1, yes | 2, no",,,,,,,',
    ]
    lines += [
        f"z{i},f,,radio,Z,\"a\N{LINE SEPARATOR}unit: q, yes | b, no\",,,,,,[q]='1',"
        for i in range(14)
    ]
    path.write_text("\n".join(lines), "utf-8")
    with pytest.raises(InputError, match="take out its signs"):
        schema_from(path)
