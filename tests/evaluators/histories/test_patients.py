"""Histories as rows: what a table of people and one of steps hold, and what is learned and found from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.histories.learning import from_histories, of_patients
from evaluators.histories.patients import patient_frame, patient_schema
from evaluators.histories.steps import step_frame, step_schema
from evaluators.score import Scorecard
from evaluators.tables import Tables
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from tests.evaluators.histories.visits import SCHEMA, dealt, people

TRAIN, HOLDOUT, FRESH = people(700, 1), people(700, 2), people(700, 3)


def judged(synthetic: pd.DataFrame) -> Scorecard:
    return Scorecard(tuple(from_histories(Tables(TRAIN, HOLDOUT, synthetic, SCHEMA))))


@pytest.fixture(scope="module")
def fresh() -> Scorecard:
    return judged(FRESH)


def test_a_person_is_a_row_of_constants_ends_and_summaries() -> None:
    schema, frame = patient_schema(SCHEMA), patient_frame(FRESH, SCHEMA)
    assert list(frame) == list(schema.columns)
    assert list(frame)[:5] == ["sex", "died", "rows in all", "first day", "last day"]
    assert "first visit" not in frame
    assert len(frame) == 700
    one = FRESH[FRESH["person"] == FRESH["person"].iloc[-1]]
    row = frame.iloc[-1]
    assert row["rows in all"] == len(one)
    assert (row["first weight"], row["last weight"]) == (
        one["weight"].iloc[0],
        one["weight"].iloc[-1],
    )
    assert row["mean weight"] == pytest.approx(one["weight"].mean())
    assert row["largest weight"] == one["weight"].max()
    assert (row["first stage"], row["last stage"]) == (one["stage"].iloc[0], one["stage"].iloc[-1])
    assert [t.name for t in schema.targets] == ["died"]
    assert {(g.name, g.column) for g in schema.subgroups} == {("sex", "sex"), ("age", "first age")}
    Codec(schema).encode(frame)  # every value lies inside the schema


def test_missing_and_special_values_are_no_numbers() -> None:
    given = SCHEMA.model_dump()
    given["columns"]["pain"]["special"] = ["N"]
    schema = Schema.model_validate(given)
    never = FRESH["person"] == FRESH["person"].iloc[0]
    pain = FRESH["pain"].astype(object).where(~never, "N")
    frame = patient_frame(FRESH.assign(pain=pain), schema)
    assert frame["first pain"].iloc[0] == "N"
    assert pd.isna(frame["mean pain"].iloc[0])
    assert pd.isna(frame["largest pain"].iloc[0])
    Codec(patient_schema(schema)).encode(frame)


def test_what_gives_a_target_away_goes_with_all_that_is_made_of_it() -> None:
    given = SCHEMA.model_dump()
    given["targets"][1]["without"] = ["sex", "weight"]
    (target,) = patient_schema(Schema.model_validate(given)).targets
    assert target.without == ("sex", "first weight", "last weight", "mean weight", "largest weight")


def test_a_step_is_a_row_with_the_one_before() -> None:
    schema, frame = step_schema(SCHEMA), step_frame(FRESH, SCHEMA)
    assert len(frame) == len(FRESH)
    first = frame["number of the row"] == 1
    assert frame.loc[first, "weight in the row before"].isna().all()
    later = np.flatnonzero(~first)
    before = frame["weight"].to_numpy()[later - 1]
    assert (frame["weight in the row before"].to_numpy()[later] == before).all()
    assert "sex in the row before" not in frame
    assert [t.name for t in schema.targets] == ["flare"]
    Codec(schema).encode(frame)


def test_every_target_is_learned_from_what_it_is_about(fresh: Scorecard) -> None:
    main = fresh.filter(metric="histories.utility.auroc.difference", slice="all")
    assert {(s.target, s.model) for s in main} == {
        (t, m) for t in ("died", "flare") for m in ("logistic", "boosting")
    }
    for score in main:
        assert abs(score.value or 1) < 0.06
        what = "whole histories" if score.target == "died" else "a row and the one before"
        assert score.detail.startswith(f"from {what}")
        assert score.n == 700
    groups = fresh.filter(metric="histories.fairness.auroc.difference", target="died", order=1)
    assert {s.slice for s in groups} == {"sex=F", "sex=M", "age=18 to 54", "age=55 to 110"}
    assert fresh.filter(metric="histories.fairness.auroc.difference", order=2)
    assert not fresh.filter(lambda s: ".both." in s.metric or ".trts." in s.metric)


def test_histories_that_say_nothing_of_death_teach_nothing() -> None:
    order = np.random.default_rng(0).permutation(700)
    who = pd.factorize(FRESH["person"])[0]
    fate = FRESH.groupby(who)["died"].first().to_numpy()[order]
    card = judged(FRESH.assign(died=fate[who]))
    died = card.one(metric="histories.utility.auroc.difference", target="died", model="logistic")
    assert (died.high or 0) < -0.1
    flare = card.one(metric="histories.utility.auroc.difference", target="flare", model="logistic")
    assert (flare.low or -1) > -0.05


def test_people_are_found_where_their_histories_are_copied_and_nowhere_else() -> None:
    def strongest(synthetic: pd.DataFrame) -> tuple[float, float]:
        scores = of_patients(Tables(TRAIN, HOLDOUT, synthetic, SCHEMA))
        (one,) = (s for s in scores if s.metric == "attack.membership.patient.strongest")
        assert one.low is not None
        assert one.value is not None
        return one.low, one.value

    assert strongest(TRAIN)[0] > 0.9
    assert strongest(FRESH)[0] < 0.55
    assert strongest(dealt(TRAIN))[1] < 0.7  # every row is there, no history


def test_nothing_without_visits() -> None:
    plain = SCHEMA.model_copy(update={"visits": None})
    tables = Tables(TRAIN, HOLDOUT, FRESH, plain)
    assert from_histories(tables) == []
    assert of_patients(tables) == []
