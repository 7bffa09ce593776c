"""Figures of histories: fresh people differ by chance, rows of strangers by far, in the figures that are
about it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.histories.scores import histories
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from tests.evaluators.histories.visits import SCHEMA, dealt, flattened, people

TRAIN, HOLDOUT, FRESH = people(900, 1), people(700, 2), people(800, 3)
FIGURES = (
    "rows",
    "transitions",
    "following",
    "first_last",
    "visited",
    "gaps",
    "span",
    "autocorrelation",
)


def judged(synthetic: pd.DataFrame) -> Scorecard:
    return Scorecard(tuple(histories(Tables(TRAIN, HOLDOUT, synthetic, SCHEMA))))


def excess(card: Scorecard, figure: str, **where: object) -> Score:
    return card.one(metric=f"histories.{figure}_excess", **({"slice": "all"} | where))


@pytest.fixture(scope="module")
def fresh() -> Scorecard:
    return judged(FRESH)


def test_fresh_people_differ_by_no_more_than_chance(fresh: Scorecard) -> None:
    for figure in FIGURES:
        score = excess(fresh, figure)
        assert score.low is not None
        assert score.low < 0.01, figure
        assert abs(score.value or 0) < 0.06, figure
        assert abs(score.baseline or 0) < 0.06, figure
    assert {s.slice for s in fresh} == {"all", "sex=F", "sex=M", "age=18 to 54", "age=55 to 110"}
    strangers = fresh.one(metric="histories.strangers", slice="all")
    assert abs(strangers.value or 1) < 0.1


def test_rows_dealt_at_random_are_strangers() -> None:
    card = judged(dealt(FRESH))
    for figure in ("transitions", "following", "first_last", "visited", "gaps", "autocorrelation"):
        assert (excess(card, figure).low or 0) > 0.1, figure
    assert (excess(card, "rows").low or 0) <= 0
    low = card.one(metric="histories.strangers", slice="all").low
    assert low is not None
    assert low > 0.8


def test_one_column_that_forgets_is_named() -> None:
    card = judged(dealt(FRESH, ("ward",)))
    worst = max(card.filter(metric="histories.transition_excess"), key=lambda s: s.value or 0)
    assert worst.detail.startswith("ward;")
    assert (worst.low or 0) > 0.1
    others = card.filter(
        lambda s: not s.detail.startswith("ward"), metric="histories.transition_excess"
    )
    assert all((s.low or 0) < 0.02 for s in others)


def test_numbers_that_forget_are_less_alike() -> None:
    card = judged(dealt(FRESH, ("weight",)))
    score = excess(card, "autocorrelation")
    assert (score.low or 0) > 0.5
    assert score.detail.startswith("weight, ")
    alone = card.filter(
        lambda s: s.detail.startswith("pain"), metric="histories.autocorrelation_of_excess"
    )
    assert all((s.low or 0) < 0.02 for s in alone)


def test_every_row_a_person_of_its_own_is_told() -> None:
    card = judged(flattened(FRESH))
    rows = excess(card, "rows")
    assert (rows.low or 0) > 0.7
    assert rows.detail.startswith("every synthetic row is a person of its own; real people have")
    steps = excess(card, "transitions")
    assert steps.status == "insufficient evidence"
    assert steps.reason.startswith("0 synthetic people")
    assert (excess(card, "autocorrelation").low or 0) > 0.3


def test_time_that_goes_by_twice_as_fast_shows_in_gaps_and_span() -> None:
    first = FRESH.groupby("person")["day"].transform("first")
    card = judged(FRESH.assign(day=first + (FRESH["day"] - first) * 2))
    assert (excess(card, "gaps").low or 0) > 0.2
    assert (excess(card, "span").low or 0) > 0.2
    assert (excess(card, "transitions").low or 0) < 0.02


def test_the_order_of_the_file_does_not_matter(fresh: Scorecard) -> None:
    rng = np.random.default_rng(0)
    order = np.argsort(
        FRESH["person"].map({p: i for i, p in enumerate(FRESH["person"].unique())})
        + rng.random(len(FRESH)) * 0.9,
        kind="stable",
    )
    mixed = FRESH.iloc[order].reset_index(drop=True)
    assert judged(mixed).one(metric="histories.transitions", slice="all").value == pytest.approx(
        fresh.one(metric="histories.transitions", slice="all").value
    )


def test_a_group_of_few_people_is_not_judged_and_none_without_visits() -> None:
    few = HOLDOUT[HOLDOUT["sex"] == "F"].head(150)
    small = pd.concat([few, HOLDOUT[HOLDOUT["sex"] == "M"]], ignore_index=True)
    card = Scorecard(tuple(histories(Tables(TRAIN, small, FRESH, SCHEMA))))
    assert excess(card, "rows", slice="sex=F").status == "insufficient evidence"
    assert excess(card, "rows", slice="sex=M").status == "ok"
    plain = SCHEMA.model_copy(update={"visits": None})
    assert histories(Tables(TRAIN, HOLDOUT, FRESH, plain)) == []


def test_no_rows_are_no_figure() -> None:
    card = judged(FRESH.iloc[:0])
    assert {s.status for s in card} == {"insufficient evidence"}
