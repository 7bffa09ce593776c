"""The two tables of a schema with visits, and what ties a row to the one before."""

import numpy as np
import pandas as pd
import pytest

from privacy.histories.schemas import completed_by, place_labels, start_schema, step_schema
from privacy.histories.tables import told
from privacy.records.codec import RecordCodec
from privacy.schema.columns import Numeric
from privacy.schema.schema import Schema

PLAIN = {
    "name": "ward",
    "unit": "patient",
    "max_rows_per_unit": 5,
    "columns": {
        "patient": {"kind": "identifier"},
        "visit": {"kind": "integer", "bounds": [1, 5], "bins": 5},
        "day": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 12},
        "died": {
            "kind": "datetime",
            "bounds": ["2020-01-01", "2021-12-31"],
            "bins": 4,
            "missing": "keep",
        },
        "sex": {"kind": "categorical", "categories": ["F", "M"]},
        "age": {"kind": "integer", "bounds": [18, 99], "bins": [30, 50, 70]},
        "stage": {"kind": "ordinal", "categories": ["I", "II", "III"]},
        "weight": {"kind": "float", "bounds": [30, 150], "bins": 12, "decimals": 1},
    },
    "targets": [{"task": "classification", "column": "stage", "positive": ["III"]}],
    "subgroups": [{"column": "sex"}],
    "relations": [{"order": ["day", "died"]}],
    "visits": {
        "order": "day",
        "constant": ["sex", "died"],
        "numbered": ["visit"],
        "never_falls": ["stage"],
        "ages": {"age": 365.25},
    },
}
SCHEMA = Schema.model_validate(PLAIN)


def with_visits(**changes):
    return Schema.model_validate(PLAIN | {"visits": PLAIN["visits"] | changes})


def test_a_start_is_what_is_drawn_of_a_first_row_and_how_many_there_are():
    start = start_schema(SCHEMA)
    assert [*start.columns] == ["day", "died", "sex", "age", "stage", "weight", "rows in all"]
    assert start.columns["rows in all"].bounds == (1, 5)
    assert (start.unit, start.max_rows_per_unit, start.visits) == (None, 1, None)


def test_a_step_is_given_what_is_constant_the_place_and_the_row_before():
    steps = step_schema(SCHEMA)
    before = ("previous day", "previous stage", "previous weight")
    assert set(steps.given) == {"died", "sex", "rows in all", "row number", "last row", *before}
    assert [n for n in steps.columns if n not in steps.given] == ["day", "age", "stage", "weight"]
    assert steps.keep_together == (
        ("previous day", "day"), ("previous stage", "stage"), ("previous weight", "weight"),
    )  # fmt: skip


def test_a_stage_that_never_falls_is_a_structural_zero_of_before_and_after():
    codec = RecordCodec(complete(step_schema(SCHEMA)))
    never = codec.zeros[("previous stage", "stage")]
    assert never.tolist() == [[False, False, False], [True, False, False], [True, True, False]]
    risen = RecordCodec(complete(step_schema(with_visits(never_falls=[], rises=["stage"]))))
    assert risen.zeros[("previous stage", "stage")].all(axis=1).tolist() == [False, False, True]


def complete(steps):
    """With a gap as if it had been measured."""
    gap = steps.incomplete and steps.incomplete[0]
    found = Numeric(kind="integer", bounds=(0, 365), bins=(0, 30, 90, 365))
    return steps.completed({gap: found}) if gap else steps


def test_what_is_given_keeps_its_codes_and_the_day_follows_from_the_one_before():
    steps = complete(step_schema(SCHEMA))
    codec = RecordCodec(steps)
    assert codec.plan.relative["day"].anchor == "previous day"
    assert not set(codec.plan.relative) & set(steps.given)


def test_what_was_measured_of_both_tables_completes_the_schema():
    done = completed_by(SCHEMA, complete(step_schema(SCHEMA)))
    assert done.visits.gaps["day"].bins == (0, 30, 90, 365)
    assert not step_schema(done).incomplete
    assert Schema.model_validate(done.model_dump()) == done


@pytest.mark.parametrize("most", [2, 3, 5, 12, 100, 1000])
def test_every_place_has_one_label(most):
    labels = place_labels(most)
    every = told(np.arange(2, most + 1), np.full(most - 1, most), most)
    assert list(dict.fromkeys(every["row number"])) == list(labels)
    assert every["last row"].tolist() == ["0"] * (most - 2) + ["1"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"order": "nothing"}, "'nothing' is not a declared column"),
        ({"order": "sex", "constant": ["sex"]}, "cannot be constant"),
        ({"constant": ["stage"]}, "'stage' is said to be two things"),
        ({"numbered": ["weight"]}, "must be integer"),
        ({"order": None}, "ages need an order"),
        ({"gaps": {"sex": {"kind": "integer", "bounds": [0, 1]}}}, "no difference"),
    ],
)
def test_what_cannot_hold_is_refused_in_words(changes, words):
    with pytest.raises(ValueError, match=words):
        with_visits(**changes)


def test_without_a_unit_or_with_one_row_there_are_no_visits():
    for without in ({"unit": None, "max_rows_per_unit": 1}, {"max_rows_per_unit": 1}):
        with pytest.raises(ValueError, match="visits"):
            Schema.model_validate(PLAIN | without)


def test_a_column_that_leaves_takes_what_is_said_of_it_along():
    left = SCHEMA.without(["stage", "age"])
    assert left.visits.never_falls == ()
    assert left.visits.ages == {}
    assert SCHEMA.without(["day"]).visits is None


def test_rows_are_read_back_from_a_start_and_from_what_is_given():
    steps = complete(step_schema(SCHEMA))
    codec, rng = RecordCodec(steps), np.random.default_rng(0)
    n = 200
    day = pd.Series(pd.Timestamp("2020-03-01") + pd.to_timedelta(rng.integers(0, 200, n), "D"))
    known = told(np.full(n, 2), np.full(n, 3), 5) | {
        "died": (day + pd.Timedelta(days=60)).astype("datetime64[s]"),
        "sex": pd.Series(["F"] * n, dtype=object),
        "previous day": day.astype("datetime64[s]"),
        "previous stage": pd.Series(["II"] * n, dtype=object),
        "previous weight": pd.Series(np.full(n, 70.0)),
    }
    given = pd.DataFrame(known)[list(steps.given)]
    codes = {c: codec.encode_column(c, given) for c in given}
    drawn = {c: rng.integers(0, codec.domain[c], n) for c in codec.domain if c not in codes}
    frame, said = codec.draw(pd.DataFrame(codes | drawn), rng, given)
    assert frame[list(given)].equals(given)
    assert said.any()
    assert not said.all()
    kept = frame[said]
    assert ((kept["day"] >= kept["previous day"]) & (kept["day"] <= kept["died"])).all()
