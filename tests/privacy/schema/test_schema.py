"""A schema says one thing, says it once, and survives being written down."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given

from privacy.errors import InputError
from privacy.schema.columns import Categorical, Numeric
from privacy.schema.schema import Schema, load_schema
from tests.privacy.schema.random_schemas import schemas

GOOD: dict[str, Any] = {
    "name": "good",
    "unit": "id",
    "max_rows_per_unit": 2,
    "columns": {
        "id": {"kind": "identifier"},
        "sex": {"kind": "categorical", "categories": ["F", "M"]},
        "age": {"kind": "integer", "bounds": [0, 99], "bins": 10},
        "bmi": {"kind": "float", "bounds": [10, 60], "special": ["N"]},
        "born": {"kind": "datetime", "bounds": ["1920-01-01", "2020-01-01"], "bins": 5},
        "dead": {"kind": "categorical", "categories": ["0", "1"]},
    },
    "targets": [
        {"task": "survival", "time": "age", "event": "dead", "without": ["born"]},
        {"task": "classification", "column": "sex", "positive": ["F"]},
        {"task": "regression", "column": "bmi"},
    ],
    "subgroups": [{"column": "sex"}, {"column": "age", "bands": [0, 50, 99]}],
    "impossible": [{"sex": {"values": ["M"]}, "bmi": {"values": ["N"]}, "age": {"max": 10}}],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """``GOOD`` with one place changed; the value ``...`` deletes it."""
    data = copy.deepcopy(GOOD)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = data
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return data


def refusal(data: Any, tmp_path: Path) -> str:
    path = tmp_path / "schema.yaml"
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False))
    with pytest.raises(InputError) as caught:
        load_schema(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < 400 + len(str(path))
    return message


def test_a_good_schema_loads(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text(yaml.safe_dump(GOOD, sort_keys=False))
    schema = load_schema(path)
    assert schema.modelled == ("sex", "age", "bmi", "born", "dead")
    assert schema.incomplete == ("bmi",)
    assert [t.name for t in schema.targets] == ["dead", "sex", "bmi"]
    assert [s.name for s in schema.subgroups] == ["sex", "age"]


def test_what_is_kept_together_goes_with_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text(
        yaml.safe_dump(GOOD | {"keep_together": [["bmi", "age"], ["sex", "age", "dead"]]})
    )
    schema = load_schema(path)
    assert schema.keep_together == (("bmi", "age"), ("sex", "age", "dead"))
    assert schema.without(["bmi"]).keep_together == (("sex", "age", "dead"),)


BAD = {
    "an unknown key": ("colour", "red", "colour: unknown key"),
    "an unknown key in a column": (
        "columns.sex.levels",
        2,
        "columns.sex.levels: unknown key",
    ),
    "no columns": ("columns", {}, "columns: "),
    "a bad name": ("name", "Not a name", "name: "),
    "an unknown kind": ("columns.sex.kind", "enum", "columns.sex: "),
    "bounds reversed": ("columns.age.bounds", [99, 0], "bounds must increase, got [99, 0]"),
    "infinite bounds": (
        "columns.bmi.bounds",
        [0, float("inf")],
        "columns.bmi.bounds.1: must be a finite number",
    ),
    "bounds that are no number": ("columns.bmi.bounds", [float("nan"), 1], "finite number"),
    "bounds of half an integer": ("columns.age.bounds", [0.5, 9], "must be whole"),
    "bounds beyond what is exact": ("columns.age.bounds", [0, 2**60], "within ±2^53"),
    "a bound too many": (
        "columns.age.bounds",
        [0, 1, 2],
        "columns.age.bounds: expected two numbers",
    ),
    "edges that decrease": ("columns.age.bins", [0, 50, 40], "columns.age: bins must increase"),
    "edges outside the bounds": ("columns.age.bins", [0, 50, 200], "leave the bounds"),
    "more bins than numbers": ("columns.age.bins", 200, "200 bins for 100 whole numbers"),
    "more bins than days": ("columns.born.bounds", ["2020-01-01", "2020-01-03"], "5 bins for 3"),
    "no bins": ("columns.age.bins", 0, "columns.age.bins: must be at least 1"),
    "decimals of an integer": ("columns.age.decimals", 1, "decimals belong to float"),
    "a date with an offset": (
        "columns.born.bounds",
        ["1920-01-01T00:00:00Z", "2020-01-01T00:00:00Z"],
        "columns.born.bounds.0: expected a date without an offset",
    ),
    "a date too early": ("columns.born.bounds", ["1500-01-01", "2020-01-01"], "1678"),
    "a special value twice": ("columns.bmi.special", ["N", "N"], "special values repeat"),
    "a special value inside": ("columns.bmi.special", [20], "20 lies inside the bounds"),
    "half a special value": ("columns.age.special", [100.5], "special: 100.5 is not"),
    "a special value that is not exact": ("columns.age.special", [2**60], "quote it as text"),
    "one among floats": ("columns.bmi.special", [2**53 + 1], "is not exact in floating point"),
    "a special value missing": ("columns.bmi.special", [""], "special and for a missing value"),
    "a category twice": ("columns.sex.categories", ["F", "F"], "categories repeat: F"),
    "no categories": ("columns.sex.categories", [], "between 1 and"),
    "a category that YAML takes for a truth": ("columns.sex.categories", [True], "in quotes"),
    "one category": (
        "targets.1.positive",
        "F",
        'a list of texts in brackets, as `positive: ["F"]`',
    ),
    "numbers for names": ("impossible.0.age", [1, 2], "names and values, in braces"),
    "a missing value among others": ("impossible.0.sex.values", [""], "is `missing: true`"),
    "a category missing": ("columns.sex.missing_values", ["F"], "category and for a missing"),
    "other undeclared": ("columns.sex.other", "X", "other: 'X' is not among the categories"),
    "open categories without other": ("columns.sex.categories", None, "need `other:`"),
    "an alias to nowhere": ("columns.sex.aliases", {"m": "X"}, "undeclared categories ['X']"),
    "an alias of a category": ("columns.sex.aliases", {"M": "F"}, "['M'] already stand"),
    "a rule to nowhere": ("columns.sex.rules", [{"to": "X", "prefix": "m"}], "rules lead to"),
    "a rule without a test": (
        "columns.sex.rules",
        [{"to": "F"}],
        "give a prefix, or min and below",
    ),
    "half a rule": (
        "columns.sex.rules",
        [{"to": "F", "min": 1}],
        "give a prefix, or min and below",
    ),
    "a rule reversed": ("columns.sex.rules", [{"to": "F", "min": 2, "below": 1}], "under below"),
    "an undeclared unit": ("unit", "nobody", "unit: 'nobody' must be"),
    "a unit that is modelled": ("unit", "sex", "unit: 'sex' must be"),
    "a unit that may be missing": ("columns.id.missing", "keep", "belong to nobody"),
    "rows a unit without a unit": ("unit", None, "2 rows of whom?"),
    "a target undeclared": ("targets.2.column", "weight", "'weight' is not a declared"),
    "a target twice": ("targets.2", GOOD["targets"][1], "'sex' has the same name as another"),
    "a positive undeclared": ("targets.1.positive", ["X"], "['X'] are not categories of 'sex'"),
    "a target of the wrong kind": ("targets.2.column", "sex", "must be integer or float"),
    "a class of numbers": ("targets.1.column", "age", "'age' must be categorical"),
    "a survival time of the wrong kind": ("targets.0.time", "sex", "time 'sex' must be"),
    "a target without what is not there": ("targets.0.without", ["weight"], "'weight' is not"),
    "a target without itself": ("targets.0.without", ["age"], "without itself"),
    "a subgroup undeclared": ("subgroups.0.column", "race", "'race' is not a declared"),
    "a subgroup of numbers": ("subgroups.1.bands", ..., "needs a categorical column, or bands"),
    "bands of categories": ("subgroups.0.bands", [1, 2], "has bands but is not numeric"),
    "bands outside the bounds": (
        "subgroups.1.bands",
        [0, 200],
        "bands of 'age', column 'age', [0, 200] leave the bounds [0, 99]",
    ),
    "bands between integers": ("subgroups.1.bands", [0.5, 50], "must be whole"),
    "two subgroups of a name": ("subgroups.1", {"column": "sex"}, "same name"),
    "identifiers kept together": ("keep_together", [["id", "age"]], "keep_together: 'id' is not a"),
    "one column kept together": ("keep_together", [["age"]], "two or three different columns"),
    "four kept together": ("keep_together", [["sex", "age", "bmi", "born"]], "or three"),
    "a column kept with itself": ("keep_together", [["age", "age"]], "two or three different"),
    "a pair kept twice": ("keep_together", [["age", "bmi"], ["bmi", "age"]], "stands there twice"),
    "an impossible category": ("impossible.0.sex.values", ["X"], "['X'] are not declared values"),
    "an impossible number": ("impossible.0.bmi.values", ["12"], "not declared values of 'bmi'"),
    "an impossible range": ("impossible.0.sex", {"min": 1}, "a range on 'sex'"),
    "an impossible range reversed": (
        "impossible.0.age",
        {"min": 9, "max": 1},
        "min must not exceed",
    ),
    "an impossible missing value": ("impossible.0.age", {"missing": True}, "never missing"),
    "an impossible nothing": ("impossible.0.age", {}, "give values, min, max"),
    "a separator of two": ("csv", {"separator": "||"}, "csv.separator"),
    "an unknown encoding": ("csv", {"encoding": "martian"}, "not a known text encoding"),
    "an encoding of bytes": ("csv", {"encoding": "hex"}, "not a known text encoding"),
    "a draft": ("draft", "unconfirmed", "this draft holds values read from private rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_schema_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    path, value, expected = BAD[case]
    assert expected in refusal(changed(path, value), tmp_path)


TEXTS = {
    "nothing": ("", "is empty; a schema is YAML"),
    "a list": ("- a\n- b\n", "holds a list; a schema is YAML"),
    "a key twice": ("name: a\nname: b\n", "the key 'name' stands twice"),
    "a column twice": ("columns:\n  a: 1\n  a: 2\n", "the key 'a' stands twice"),
    "no YAML": ("name: [1, 2\n", "not valid YAML"),
    "a tag": ("name: !!python/object:os.system {}\n", "not valid YAML"),
    "no such day": ("name: 2020-13-45\n", "not valid YAML"),
    "a NUL byte": ("name: a\0b\n", "not valid YAML"),
    "a key that is a list": ("{[1]: 2}\n", "not valid YAML"),
    "a deep nest": ("[" * 5000, "nested too deeply"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_text_that_is_no_schema_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    text, expected = TEXTS[case]
    assert expected in refusal(text, tmp_path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load_schema(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: é".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8 text: byte 7"):
        load_schema(tmp_path / "latin.yaml")


@given(schema=schemas())
def test_a_schema_written_down_reads_back_equal(schema: Schema, tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text(schema.to_yaml(), encoding="utf-8")
    assert load_schema(path) == schema


def test_the_good_schema_reads_back_equal(tmp_path: Path) -> None:
    schema = Schema.model_validate(GOOD)
    (tmp_path / "schema.yaml").write_text(schema.to_yaml())
    assert load_schema(tmp_path / "schema.yaml") == schema


def test_open_columns_are_completed_by_what_was_measured() -> None:
    schema = Schema.model_validate(
        changed("columns.sex", {"kind": "categorical", "categories": None, "other": "rest"})
        | {"targets": [], "impossible": []}
    )
    assert schema.incomplete == ("sex", "bmi")
    complete = schema.completed(
        {
            "sex": Categorical(kind="categorical", categories=("F", "rest"), other="rest"),
            "bmi": Numeric(kind="float", bounds=(10, 60), bins=(10, 20, 60), special=("N",)),
        }
    )
    assert complete.incomplete == ()
    assert list(complete.columns) == list(schema.columns)
    assert complete.columns["age"] == schema.columns["age"]


@pytest.mark.parametrize("special", ["9,9", "-,5", "1.5"])
def test_a_special_number_is_no_text_where_decimals_follow_a_comma(special: str) -> None:
    x = {"kind": "float", "bounds": [0, 1], "special": [special]}
    said = {"name": "t", "columns": {"x": x}}
    Schema.model_validate(said)
    with pytest.raises(ValueError, match="is a number with decimals; write it as one"):
        Schema.model_validate(said | {"csv": {"decimal": ","}})
