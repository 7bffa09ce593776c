"""Whether rows of one unit belong together: said wherever somebody might take them for a history."""

from __future__ import annotations

import pandas as pd
import pytest

from flows.label.histories import identifier_values, told_histories, units_in, unjudged, unlinked
from flows.label.small_groups import not_assessed
from privacy.schema.schema import Schema

SCHEMA = {
    "name": "visits",
    "unit": "patient",
    "max_rows_per_unit": 3,
    "columns": {
        "patient": {"kind": "identifier"},
        "bill": {"kind": "identifier"},
        "visit": {"kind": "integer", "bounds": [1, 3], "bins": 3},
        "day": {"kind": "datetime", "bounds": ["2020-01-01", "2021-01-01"], "bins": 4},
        "sex": {"kind": "categorical", "categories": ["F", "M"]},
        "age": {"kind": "integer", "bounds": [0, 99], "bins": 9},
        "stage": {"kind": "ordinal", "categories": ["I", "II"]},
    },
    "subgroups": [{"column": "sex"}],
}
VISITS = {
    "order": "day",
    "constant": ["sex"],
    "numbered": ["visit"],
    "never_falls": ["stage"],
    "ages": {"age": 365.25},
}


ROWS = pd.DataFrame({"patient": ["1", "1", "2", "3", "3", "3"], "sex": list("FFMFFF")})


def schema(**changes: object) -> Schema:
    return Schema.model_validate(SCHEMA | changes)


def test_rows_without_visits_are_said_to_be_strangers() -> None:
    plain = schema()
    told = told_histories(plain, ROWS)
    assert told is not None
    assert told == {"linked": False, "in_words": unlinked(plain)}
    assert "The rows of one patient are not linked" in told["in_words"]
    assert "no two rows are of one patient" in identifier_values(plain, "patient")
    assert "not looked at" in unjudged(plain)


def test_rows_with_visits_are_said_to_be_histories_of_a_kind() -> None:
    linked = schema(visits=VISITS)
    told = told_histories(linked, ROWS)
    assert told is not None
    assert told["linked"]
    for said in (
        "by day",
        "The same in all of them: sex.",
        "Counted 1, 2, 3, …: visit.",
        "Never falling: stage.",
        "Growing with time: age.",
        "3 synthetic patients have 1 to 3 rows each, half of them 2 or fewer.",
    ):
        assert said in told["in_words"]
    assert "Always rising" not in told["in_words"]
    assert unlinked(linked) == unjudged(linked) == ""
    assert "all rows of one share it" in identifier_values(linked, "patient")


def test_what_is_remembered_and_what_ends_a_history_is_said() -> None:
    visits = {"remembers": {"sex": "ever"}, "ends": {"stage": ["II"]}}
    told = told_histories(schema(visits=visits), ROWS)
    assert told is not None
    assert "Followed by no row: stage II." in told["in_words"]
    assert "Drawn by all rows before and not by the last alone: sex (ever)." in told["in_words"]


def test_an_order_by_the_file_is_said_to_be_one() -> None:
    told = told_histories(schema(visits={"constant": ["sex"]}), ROWS)
    assert told is not None
    assert "in order: as they stand. The same" in told["in_words"]


@pytest.mark.parametrize(
    "changes", [{"max_rows_per_unit": 1}, {"unit": None, "max_rows_per_unit": 1}]
)
def test_nothing_is_said_where_a_unit_has_one_row(changes: dict[str, object]) -> None:
    alone = schema(**changes)
    assert told_histories(alone, ROWS) is None
    assert unlinked(alone) == unjudged(alone) == ""
    assert identifier_values(alone, "patient") == "fresh numbers, which point to nobody"


def test_another_identifier_is_no_unit() -> None:
    assert (
        identifier_values(schema(visits=VISITS), "bill") == "fresh numbers, which point to nobody"
    )


def test_people_and_not_rows_are_counted_where_rows_are_linked() -> None:
    assert units_in(ROWS, schema()) == 6
    assert units_in(ROWS, schema(visits=VISITS)) == 3


def test_a_group_of_many_rows_and_few_patients_is_small() -> None:
    """300 patients held out: of a hundred patients, 2 men with 100 rows each."""
    frame = pd.DataFrame(
        {
            "patient": [str(i) for i in range(98)] + ["x"] * 100 + ["y"] * 100,
            "sex": ["F"] * 98 + ["M"] * 200,
            "visit": 1,
            "day": pd.Timestamp("2020-02-02"),
            "age": 40,
            "stage": "I",
        }
    )
    linked = schema(visits=VISITS, max_rows_per_unit=100)
    assert not_assessed(frame, linked, held_out=300)["groups"] == ["sex=M"]
    strangers = schema(max_rows_per_unit=100)
    assert not_assessed(frame, strangers, held_out=1000)["groups"] == []
