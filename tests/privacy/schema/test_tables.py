"""Tables that belong together: what a schema may say of them, and in which words it is refused."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.schema import Schema
from privacy.schema.tables import linked, merged, of_units, of_visits
from tests.made_tables import SCHEMA


def test_every_column_is_in_one_table_beside_the_keys() -> None:
    assert of_units(SCHEMA) == ("who", "sex")
    assert of_visits(SCHEMA) == ("who", "visit", "day")
    held = [n for t in SCHEMA.tables.values() for n in t.held]
    assert sorted([*held, "who", "sex", "visit", "day"]) == sorted(SCHEMA.columns)
    assert linked(SCHEMA, "values") == "visit"
    assert linked(SCHEMA, "deaths") == linked(SCHEMA, "visits") == "who"


def test_a_part_of_the_columns_has_no_tables() -> None:
    assert SCHEMA.without(["sbp"]).tables == {}
    assert Schema.model_validate(SCHEMA.model_dump()) == SCHEMA


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (("visits", "key"), None, "belong to visits; say visits's `key:`"),
        (("visits", "key"), "day", "must be a declared identifier beside the unit"),
        (("people", "key"), "visit", "its key is the unit, 'who'"),
        (("people", "of"), "visits", "belongs to no other"),
        (("drugs", "of"), "diagnoses", "of is people or visits, not 'diagnoses'"),
        (("drugs", "rows"), [], "has no `rows:`; all others have"),
        (("visits", "copies"), {"x": "sex"}, "copies are for tables with `rows:`"),
        (("drugs", "rows"), [{}], "there by `where:` or by `values:`"),
        (
            ("drugs", "rows"),
            [{"values": {"name": "who"}}],
            "'who' is not a declared column that is",
        ),
        (("drugs", "rows"), [{"values": {"name": "day"}}], "'day' is of the visit itself"),
        (
            ("drugs", "rows"),
            [{"values": {"name": "sex"}}],
            "'sex' cannot be in `visits: constant:`",
        ),
        (
            ("deaths", "rows"),
            [{"values": {"day": "dose"}}],
            "'dose' must be in `visits: constant:`",
        ),
        (("drugs", "rows"), [{"values": {"name": "sbp"}}], "'sbp' is held by two rows"),
        (("drugs", "rows"), [{"where": "drug"}], "so it is never missing"),
        (("drugs", "rows"), [{"where": "dose"}], "must have two categories"),
        (("drugs", "copies"), {"mg": "day"}, "its column 'mg' is said to be two things"),
        (("drugs", "copies"), {"sex": "dose"}, "'dose' is no column of what it belongs to"),
        (
            ("drugs", "rows"),
            [{"values": {"name": "drug"}}, {"values": {"name": "dose"}}],
            "the columns that name holds are neither all numbers",
        ),
        (
            ("values", "rows", 2, "fixed"),
            {"what": "A1c"},
            "all rows are known by the same columns",
        ),
        (
            ("diagnoses", "rows", 0, "values"),
            {"value": "drug"},
            "say so under `impossible:`, {diabetes: {values: ['0']}, drug: {values: ['x', 'y']}}",
        ),
        (
            ("diagnoses", "rows", 0, "values"),
            {"value": "dose"},
            "{diabetes: {values: ['0']}, dose: {min: 1}}",
        ),
    ],
)
def test_what_rows_cannot_be_put_into_is_refused(
    at: tuple[Any, ...], value: Any, says: str
) -> None:
    plain = deepcopy(SCHEMA.model_dump(mode="json"))
    inside = plain["tables"]
    for step in at[:-1]:
        inside = inside[step]
    inside[at[-1]] = value
    with pytest.raises(ValidationError) as error:
        Schema.model_validate(plain)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"visits": None}, "say `unit:` and `visits:`"),
        ({"tables": {"a/b": {}}}, "String should match pattern"),
        ({"tables": {"people": {}, "more": {}}}, "one of them, that of the units"),
        ({"tables": {"people": {}}}, "one of them, that of the visits"),
        ({"impossible": ()}, "'died_on' is known only where 'died' is; say so"),
    ],
)
def test_and_so_are_tables_without_visits_or_a_root(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as error:
        Schema.model_validate(SCHEMA.model_dump() | changes)
    assert says in str(error.value)


def test_what_the_schema_says_is_impossible_can_be_copied_from_the_refusal() -> None:
    plain = SCHEMA.model_dump(mode="json")
    plain["tables"]["diagnoses"]["rows"][0]["values"] = {"grade": "dose"}
    plain["tables"]["drugs"]["rows"] = [{"values": {"name": "drug"}}]
    with pytest.raises(ValidationError):
        Schema.model_validate(plain)
    plain["impossible"] += [{"diabetes": {"values": ["0"]}, "dose": {"min": 1}}]
    Schema.model_validate(plain)


def test_one_column_of_a_file_holds_what_several_of_the_schema_say() -> None:
    whole = Numeric(kind="integer", bounds=(60, 260), bins=4)
    tenths = Numeric(kind="float", bounds=(3, 15), decimals=1, bins=4)
    both = merged([whole, tenths])
    assert isinstance(both, Numeric)
    assert (both.kind, both.bounds, both.decimals) == ("float", (3, 260), 1)
    assert merged([whole, whole]).kind == "integer"
    names = merged([Categorical(kind="ordinal", categories=c) for c in (("a", "b"), ("b", "c"))])
    assert isinstance(names, Categorical)
    assert names.categories == ("a", "b", "c")
    day = Datetime(kind="datetime", bounds=("2020-01-01", "2021-01-01"))  # type: ignore[arg-type]
    later = day.model_copy(update={"bounds": (day.bounds[0], day.bounds[1].replace(year=2030))})
    assert merged([day, later]).bounds == later.bounds  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="neither all numbers"):
        merged([day, day.model_copy(update={"format": "%d.%m.%Y"})])
