"""Histories that the schema rules out are counted by person and told by kind, each planted in three people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evaluators.histories.broken import broken
from evaluators.score import Score
from evaluators.tables import Tables
from privacy.schema.schema import Schema
from tests.evaluators.histories.visits import MOST, SCHEMA, people

TRAIN, HOLDOUT, FRESH = people(200, 1), people(200, 2), people(200, 3)
LONG = FRESH.groupby("person")["person"].transform("size") == 3
THREE = FRESH["person"].isin(FRESH.loc[LONG, "person"].unique()[:3])
LAST = THREE & (FRESH["visit"] == 3)

Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def judged(synthetic: pd.DataFrame, schema: Schema = SCHEMA) -> tuple[Score, Score]:
    ours, real = broken(Tables(TRAIN, HOLDOUT, synthetic, schema))
    return ours, real


def put(name: str, value: object) -> Spoil:
    def of(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        frame.loc[LAST, name] = value
        return frame

    return of


def test_people_whole_as_declared_break_nothing() -> None:
    ours, real = judged(FRESH)
    assert (ours.value, ours.visibility, ours.rows) == (0, "public", "none")
    assert ours.detail == "200 synthetic people keep all that the schema says"
    assert (real.value, real.visibility, real.n) == (0, "internal", 400)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (
            lambda f: f.assign(sex=f["sex"].where(~LAST, f["sex"].map({"F": "M", "M": "F"}))),
            "sex changes",
        ),
        (put("visit", 5), "visit does not count from 1"),
        (
            lambda f: put("stage", "I")(f.assign(stage=f["stage"].where(~THREE, "III"))),
            "stage falls",
        ),
        (
            lambda f: f.assign(age=f["age"].where(~LAST, f["age"] + 3)),
            "age and day do not go together",
        ),
        (put("died", None), "died changes"),
    ],
)
def test_each_kind_is_counted_by_person(spoil: Spoil, told: str) -> None:
    ours, _ = judged(spoil(FRESH))
    assert ours.value == 3 / 200
    assert ours.detail == f"{told} (3 of 200 people)"


def test_too_many_rows() -> None:
    last = FRESH[FRESH["person"] == FRESH["person"].iloc[0]].tail(1)
    more = [
        last.assign(day=last["day"] + np.timedelta64(i, "D"), visit=last["visit"] + i)
        for i in range(1, MOST + 1)
    ]
    ours, _ = judged(pd.concat([FRESH, *more], ignore_index=True))
    assert ours.value == 1 / 200
    assert ours.detail.startswith(f"more than {MOST} rows")


def test_gaps_keep_their_bounds_and_numbers_rise() -> None:
    declared = SCHEMA.model_dump()
    declared["visits"] |= {
        "gaps": {
            "day": {"kind": "integer", "bounds": [20, 200], "bins": 5},
            "weight": {"kind": "float", "bounds": [0.5, 2], "bins": 5},
        },
        "rises": ["weight"],
    }
    schema = Schema.model_validate(declared)
    rising = FRESH.assign(weight=40 + FRESH["visit"].astype(float))
    assert judged(rising, schema)[0].value == 0
    level = rising.assign(weight=rising["weight"].where(~LAST, 42.0))
    assert judged(level, schema)[0].detail == (
        "weight moves by less than 0.5 or more than 2 (3 of 200 people); "
        "weight does not rise (3 of 200 people)"
    )
    hurried = rising.assign(
        day=rising["day"].where(~LAST, rising["day"].shift() + np.timedelta64(1, "D"))
    )
    assert (
        "day moves by less than 20 or more than 200 (3 of 200 people)"
        in judged(hurried, schema)[0].detail
    )


def test_real_people_who_break_it_are_a_share_of_their_own() -> None:
    odd = HOLDOUT.assign(visit=HOLDOUT["visit"] + 1)
    ours, real = broken(Tables(TRAIN, odd, FRESH, SCHEMA))
    assert (ours.value, real.value) == (0, 0.5 if not LONG.empty else None)
    assert real.detail.startswith("visit does not count from 1")


def test_a_table_without_names_has_one_row_a_person() -> None:
    ours, _ = judged(FRESH.drop(columns="person"))
    assert ours.detail.startswith("visit does not count from 1")


def test_a_row_after_one_that_ends_a_history_is_counted() -> None:
    visits = SCHEMA.model_dump()["visits"] | {"ends": {"ward": ["c"]}}
    schema = Schema.model_validate(SCHEMA.model_dump() | {"visits": visits})
    before_last = FRESH["person"].eq(FRESH["person"].shift(-1))
    whole = FRESH.assign(ward=FRESH["ward"].where(~before_last, "a"))
    assert judged(whole, schema)[0].value == 0
    ours, real = judged(whole.assign(ward=whole["ward"].where(~(THREE & before_last), "c")), schema)
    assert ours.value == 3 / 200
    assert ours.detail == "a row follows ward c (3 of 200 people)"
    assert real.value is not None
    assert real.value > 0.3
