"""Table schemas in JSON: Frictionless, CSVW and JSON Schema say the same of the same table."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.dictionaries.csvw import from_picture
from privacy.dictionaries.typed import alternatives, decimals_of
from privacy.errors import InputError
from privacy.schema.columns import Categorical, Datetime, Numeric
from tests.privacy.dictionaries.described import findings, loaded

FRICTIONLESS = {
    "name": "visits",
    "resources": [
        {
            "name": "visits",
            "encoding": "latin-1",
            "dialect": {"delimiter": ";"},
            "schema": {
                "missingValues": ["", "NA"],
                "primaryKey": "patient_id",
                "fields": [
                    {"name": "patient_id", "type": "string"},
                    {
                        "name": "sex",
                        "type": "string",
                        "constraints": {"enum": ["F", "M"], "required": True},
                    },
                    {
                        "name": "age",
                        "type": "integer",
                        "constraints": {"minimum": 0, "maximum": 110},
                    },
                    {
                        "name": "weight",
                        "type": "number",
                        "constraints": {"minimum": 30, "maximum": 250},
                    },
                    {"name": "seen", "type": "date", "format": "%d/%m/%Y"},
                    {
                        "name": "died",
                        "type": "boolean",
                        "trueValues": ["yes"],
                        "falseValues": ["no"],
                    },
                ],
            },
        }
    ],
}
CSVW = {
    "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
    "url": "visits.csv",
    "dialect": {"delimiter": ";", "encoding": "latin-1"},
    "tableSchema": {
        "primaryKey": "pid",
        "columns": [
            {"name": "pid", "titles": "patient_id", "datatype": "string"},
            {"titles": "sex", "datatype": {"base": "string", "format": "^(F|M)$"}, "required": True},
            {"titles": "age", "null": ["", "NA"],
             "datatype": {"base": "integer", "minimum": 0, "maximum": "110"}},
            {"titles": "weight", "null": ["", "NA"],
             "datatype": {"base": "decimal", "minInclusive": 30, "maxInclusive": 250}},
            {"titles": "seen", "null": ["", "NA"], "datatype": {"base": "date", "format": "dd/MM/yyyy"}},
            {"titles": "died", "null": ["", "NA"], "datatype": {"base": "boolean", "format": "yes|no"}},
            {"name": "made", "virtual": True},
        ],
    },
}  # fmt: skip
JSON = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "visits",
    "type": "array",
    "items": {"$ref": "#/$defs/visit"},
    "$defs": {
        "visit": {
            "type": "object",
            "required": ["patient_id", "sex"],
            "properties": {
                "patient_id": {"type": "string"},
                "sex": {"enum": ["F", "M"]},
                "age": {"type": ["integer", "null"], "minimum": 0, "exclusiveMaximum": 111},
                "weight": {
                    "anyOf": [{"type": "number", "minimum": 30, "maximum": 250}, {"type": "null"}]
                },
                "seen": {"type": "string", "format": "date"},
                "died": {"type": "boolean"},
                "history": {"type": "array", "items": {"type": "string"}},
            },
        }
    },
}


@pytest.mark.parametrize(
    "document", [FRICTIONLESS, CSVW, JSON], ids=["frictionless", "csvw", "json"]
)
def test_they_say_the_same(document, tmp_path):
    schema = loaded(tmp_path, document)
    assert (schema.name, schema.unit) == ("visits", "patient_id")
    assert list(schema.columns) == ["patient_id", "sex", "age", "weight", "seen", "died"]
    sex, age, weight, seen, died = list(schema.columns.values())[1:]
    assert isinstance(sex, Categorical)
    assert (sex.categories, sex.missing) == (("F", "M"), "refuse")
    assert isinstance(age, Numeric)
    assert (age.kind, age.bounds, age.missing) == ("integer", (0, 110), "keep")
    assert isinstance(weight, Numeric)
    assert (weight.kind, weight.bounds) == ("float", (30, 250))
    assert isinstance(seen, Datetime)
    assert seen.format == (None if document is JSON else "%d/%m/%Y")
    assert isinstance(died, Categorical)
    assert died.categories == (("false", "true") if document is JSON else ("no", "yes"))
    assert schema.csv.separator == ("," if document is JSON else ";")


def test_a_table_is_asked_for_where_there_are_several(tmp_path):
    two = {"resources": [*FRICTIONLESS["resources"], {"name": "b", "schema": {"fields": [
        {"name": "x", "type": "year"}]}}]}  # fmt: skip
    with pytest.raises(InputError, match="2 tables; name one with --table: visits, b"):
        loaded(tmp_path, two)
    assert list(loaded(tmp_path, two, table="B").columns) == ["x"]


def test_parts_and_definitions_of_a_json_schema_are_put_together(tmp_path):
    sex = {"enum": ["F", "M"], "title": "Sex"}
    base = {"type": "object", "properties": {"sex": {"allOf": [{"$ref": "#/$defs/Sex"}]}}}
    whole = {"$defs": {"Sex": sex, "Base": base, "Row": {
        "allOf": [{"$ref": "#/$defs/Base"}], "properties": {"age": {"type": "integer"}}}}}  # fmt: skip
    schema = loaded(tmp_path, whole, table="Row")
    assert {n: c.kind for n, c in schema.columns.items()} == {
        "sex": "categorical",
        "age": "integer",
    }
    loop = {"properties": {"a": {"$ref": "#/properties/a"}, "b": {"type": "boolean"}}}
    assert list(loaded(tmp_path, loop).columns) == ["a", "b"]


def test_patterns_pictures_and_steps_are_read():
    assert alternatives("^(?:a|b c|d)$") == ("a", "b c", "d")
    assert alternatives("[A-Z]+") == alternatives("^a.*|b$") == ()
    assert from_picture("dd.MM.yyyy HH:mm") == "%d.%m.%Y %H:%M"
    assert from_picture("yyyy-MM-ddTHH:mm") is None
    assert [decimals_of(s) for s in (0.1, 0.25, 1, "0.1", None)] == [1, 2, 0, None, None]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"type": "string"}, "categorical"),
        ({"type": "string", "constraints": {"maxLength": 400}}, None),
        ({"type": "string", "format": "email"}, "identifier"),
        ({"type": "integer", "categories": [{"value": 1, "label": "low"}, {"value": 2, "label": "high"}],
          "categoriesOrdered": True}, "ordinal"),
        ({"type": "number", "groupChar": ","}, None),
        ({"type": "geopoint"}, None),
        ({"type": "time"}, "datetime"),
        ({"type": "yearmonth"}, "datetime"),
        ({"type": "any"}, "categorical"),
    ],
)  # fmt: skip
def test_what_a_field_of_a_table_schema_becomes(said, kind, tmp_path):
    fields = [{"name": "a", "type": "boolean"}, {"name": "q", **said}]
    columns = loaded(tmp_path, {"fields": fields}).columns
    assert (columns["q"].kind if "q" in columns else None) == kind


LIMITS = st.tuples(st.integers(-1000, 1000), st.integers(1, 1000)).map(
    lambda t: (t[0], t[0] + t[1])
)


@st.composite
def described(draw):
    """Columns of every type with a value each may have: by name, what three kinds of document say of it."""
    low, high = draw(LIMITS)
    start, days = dt.date(1980, 1, 1), draw(st.integers(1, 9000))
    whole, number, day = (
        st.integers(low, high).map(str),
        st.floats(low, high).map(str),
        st.integers(0, days).map(lambda n: str(start + dt.timedelta(days=n))),
    )
    texts = st.text(
        st.characters(categories=["L", "N", "Zs"], include_characters="-.:#'"), min_size=1
    )
    codes = draw(st.lists(texts.filter(str.strip), min_size=1, max_size=5, unique=True))
    ends = {"minimum": low, "maximum": high}
    dates = {"minimum": str(start), "maximum": str(start + dt.timedelta(days=days))}
    return {
        "whole": ({"type": "integer", "constraints": ends},
                  {"base": "integer", **ends}, {"type": "integer", **ends}, whole),
        "open": ({"type": "integer"}, "integer", {"type": "integer"}, st.integers(-999, 99999).map(str)),
        "number": ({"type": "number", "constraints": ends},
                   {"base": "double", **ends}, {"type": "number", **ends}, number),
        "day": ({"type": "date", "constraints": dates}, {"base": "date", **dates},
                {"type": "string", "format": "date"}, day),
        "code": ({"type": "string", "constraints": {"enum": codes}}, "string", {"enum": codes},
                 st.sampled_from(codes)),
        "yes": ({"type": "boolean"}, "boolean", {"type": "boolean"}, st.sampled_from(["true", "false", "1"])),
        "free": ({"type": "string"}, "string", {"type": "string"}, texts),
    }  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(described(), st.sampled_from([0, 1, 2]), st.data())
def test_rows_that_follow_a_document_conform(columns, which, data):
    said = {name: column[which] for name, column in columns.items()}
    if which == 0:
        document = {"fields": [{"name": n, **s} for n, s in said.items()]}
    elif which == 1:
        listed = [{"name": n, "datatype": s} for n, s in said.items()]
        document = {"@context": "http://www.w3.org/ns/csvw", "tableSchema": {"columns": listed}}
    else:
        document = {"type": "object", "properties": said}
    cells = st.tuples(*(st.one_of(st.just(""), column[3]) for column in columns.values()))
    rows = data.draw(st.lists(cells.map(list), min_size=1, max_size=6))
    with tempfile.TemporaryDirectory() as folder:
        schema = loaded(Path(folder), document)
        assert findings(Path(folder), schema, list(columns), rows) == []
