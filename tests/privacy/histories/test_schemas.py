"""The two tables of a schema with visits, and what ties a row to the one before."""

import numpy as np
import pandas as pd
import pytest

from privacy.histories.schemas import completed_by, place_labels, start_schema, step_schema
from privacy.histories.tables import told
from privacy.records.codec import RecordCodec
from privacy.schema.columns import Numeric
from privacy.schema.placing import plan
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


REMEMBERING = Schema.model_validate(
    PLAIN
    | {
        "columns": PLAIN["columns"]
        | {
            "crp": {"kind": "float", "bounds": [0, 300], "bins": 6, "decimals": 1, "missing": "keep"},
            "flare": {"kind": "categorical", "categories": ["no", "yes"]},
        },
        "visits": PLAIN["visits"]
        | {
            "remembers": {"weight": "mean", "crp": "last", "flare": "ever"},
            "ends": {"flare": ["yes"]},
        },
    }
)  # fmt: skip


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


def test_a_mean_or_last_value_is_given_in_place_of_the_row_before_and_ever_beside_it():
    steps = step_schema(REMEMBERING)
    assert not {"previous weight", "previous crp"} & set(steps.columns)
    known = {"mean weight so far": "weight", "last known crp": "crp", "flare ever": "flare"}
    assert set(known) <= set(steps.given)
    assert known.items() <= steps.mirrors.items()
    together = set(steps.keep_together)
    assert {("mean weight so far", "weight"), ("last known crp", "crp")} <= together
    assert ("previous flare", "flare ever", "flare") in together
    assert all(steps.columns[m].bins == steps.columns[n].bins for m, n in list(known.items())[:2])


def test_more_than_three_categories_are_remembered_by_pairs():
    more = {"flare": {"kind": "ordinal", "categories": ["no", "mild", "bad", "yes"]}}
    plain = REMEMBERING.model_dump()
    steps = step_schema(Schema.model_validate(plain | {"columns": plain["columns"] | more}))
    pairs = [t for t in steps.keep_together if "flare ever" in t]
    assert sorted(pairs) == [("flare ever", "flare"), ("previous flare", "flare ever")]
    assert ("previous flare", "flare") in steps.keep_together


def test_numbers_move_from_the_mean_that_is_given():
    done = completed_by(REMEMBERING, complete(step_schema(REMEMBERING)))
    assert "weight - mean weight so far" in step_schema(done).moves
    measured = Numeric(kind="float", bounds=(-120, 120), bins=(-120, -5, 5, 120), decimals=1)
    steps = complete(step_schema(done)).completed({"weight - mean weight so far": measured})
    assert completed_by(done, steps).visits.gaps["weight"] == measured
    assert step_schema(completed_by(done, steps)).moves["weight - mean weight so far"] == measured


def test_nothing_is_known_so_far_where_a_number_was_a_special_value():
    plain = REMEMBERING.model_dump()
    weight = {"weight": plain["columns"]["weight"] | {"special": ["no scales"]}}
    steps = step_schema(Schema.model_validate(plain | {"columns": plain["columns"] | weight}))
    assert steps.columns["mean weight so far"].missing == "keep"
    assert steps.columns["weight"].missing == "refuse"


def test_no_row_follows_one_that_ends_a_history():
    """By structural zeros: such a first row has no other after it, such a later row is the last."""
    plain = Schema.model_validate(REMEMBERING.model_dump() | {"relations": []})
    starts = RecordCodec(start_schema(plain)).zeros[("flare", "rows in all")]
    assert starts.tolist() == [[False] * 5, [False, *[True] * 4]]
    assert ("rows in all", "flare") in step_schema(REMEMBERING).keep_together
    zeros = RecordCodec(complete(step_schema(REMEMBERING))).zeros
    assert zeros[("last row", "flare")].tolist() == [[False, True], [False, False]]
    assert zeros[("previous flare",)].tolist() == [False, True]
    assert zeros[("flare ever",)].tolist() == [False, True]


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
    steps = step_schema(SCHEMA.model_copy(update={"max_rows_per_unit": most}))
    labels = place_labels(most)
    every = told(np.arange(2, most + 1), np.full(most - 1, most), steps)
    assert list(dict.fromkeys(every["row number"])) == list(labels)
    assert every["last row"].tolist() == ["0"] * (most - 2) + ["1"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"order": "nothing"}, "'nothing' is not a declared column"),
        ({"order": "sex", "constant": ["sex"]}, "cannot be constant"),
        ({"constant": ["stage"]}, "'stage' is said to be two things"),
        ({"numbered": ["weight"]}, "must be integer"),
        ({"order": None}, "ages of age need an order"),
        ({"gaps": {"sex": {"kind": "integer", "bounds": [0, 1]}}}, "no difference"),
        ({"remembers": {"nothing": "last"}}, "'nothing' is not a declared column"),
        ({"remembers": {"stage": "ever"}}, "'stage' is said to be two things"),
        ({"remembers": {"day": "last"}}, "'day' is said to be two things"),
        ({"remembers": {"stage": "mean"}, "never_falls": []}, "'stage' is ordinal and has no mean"),
        ({"remembers": {"weight": "ever"}}, "'weight' must declare its categories"),
        ({"ends": {"sex": ["F"]}}, "'sex' is constant"),
        ({"ends": {"weight": ["80"]}}, "'weight' must be categorical"),
        ({"ends": {"stage": ["IV"]}}, "'stage' has no category 'IV'"),
        ({"ends": {"stage": ["I", "II", "III"]}}, "no row ever follows"),
    ],
)
def test_what_cannot_hold_is_refused_in_words(changes, words):
    with pytest.raises(ValueError, match=words):
        with_visits(**changes)


def test_where_rows_end_a_history_the_bound_stands_apart():
    assert place_labels(5) == ("2", "3", "4-5")
    assert place_labels(5, apart=True) == ("2", "3", "4", "5")
    assert place_labels(4, apart=True) == place_labels(4)
    assert step_schema(REMEMBERING).columns["rows in all"].categories == ("2", "3", "4", "5")


def test_without_a_unit_or_with_one_row_there_are_no_visits():
    for without in ({"unit": None, "max_rows_per_unit": 1}, {"max_rows_per_unit": 1}):
        with pytest.raises(ValueError, match="visits"):
            Schema.model_validate(PLAIN | without)


def test_a_column_that_leaves_takes_what_is_said_of_it_along():
    left = SCHEMA.without(["stage", "age"])
    assert left.visits.never_falls == ()
    assert left.visits.ages == {}
    assert SCHEMA.without(["day"]).visits is None


def test_memories_and_ends_leave_with_their_column():
    left = REMEMBERING.without(["flare", "crp"])
    assert left.visits.remembers == {"weight": "mean"}
    assert left.visits.ends == {}


def test_which_of_many_categories_is_the_highest_is_said_by_their_order():
    ward = {"ward": {"kind": "categorical", "categories": ["a", "b", "c"]}}
    visits = PLAIN["visits"] | {"remembers": {"ward": "ever"}}
    plain = PLAIN | {"columns": PLAIN["columns"] | ward, "visits": visits}
    with pytest.raises(ValueError, match="no highest category; declare it ordinal"):
        Schema.model_validate(plain)
    ward["ward"]["kind"] = "ordinal"
    assert Schema.model_validate(plain | {"columns": PLAIN["columns"] | ward})


def test_rows_are_read_back_from_a_start_and_from_what_is_given():
    steps = complete(step_schema(SCHEMA))
    codec, rng = RecordCodec(steps), np.random.default_rng(0)
    n = 200
    day = pd.Series(pd.Timestamp("2020-03-01") + pd.to_timedelta(rng.integers(0, 200, n), "D"))
    known = told(np.full(n, 2), np.full(n, 3), steps) | {
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


@pytest.mark.parametrize("tie", [{}, {"gap": {"min": 0, "max": 79}}, {"drawn": "own"}])
def test_the_time_from_row_to_row_is_drawn_whatever_else_a_day_is_tied_to(tie):
    """A death within weeks of the last visit says less of its day than the visit before does."""
    tied = {"relations": [{"order": ["day", "died"], **tie}]}
    plain = PLAIN | tied | {"visits": {"order": "day", "constant": ["sex", "died"]}}
    relative = plan(step_schema(Schema.model_validate(plain))).relative
    assert relative["day"].anchor == "previous day"
