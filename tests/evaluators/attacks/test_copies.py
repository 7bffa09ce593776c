"""Copies: an exact test, held against binomials, planted copies and fresh people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from evaluators.attacks.claims import allowed
from evaluators.attacks.copies import ALPHA_EXACT, EXACT, NEAR, SHARE, copied, copies
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from tests.evaluators import clinic
from tests.evaluators.attacks.releases import FRESH, HOLDOUT, TRAIN, N, mixed, noisy, tables

FEWER = HOLDOUT[:1000]
"""Half as many held out as trained on."""


def found(synthetic: pd.DataFrame, holdout: pd.DataFrame = FEWER) -> Scorecard:
    made = Tables(TRAIN, holdout, synthetic, clinic.SCHEMA)
    return Scorecard((*copied(made), *copies(made)))


def low(score: Score) -> float:
    assert score.low is not None
    return score.low


def test_the_train_rows_are_all_found() -> None:
    card = found(TRAIN)
    assert card.one(metric=SHARE).value == 1
    for metric in (EXACT, NEAR):
        assert card.one(metric=f"{metric}.leak").value == 1
        assert card.one(metric=metric).baseline == pytest.approx(2 / 3)
        assert low(card.one(metric=f"{metric}.leak")) > 0.98


def test_fresh_people_are_nobodys_copies() -> None:
    card = found(FRESH)
    assert card.one(metric=SHARE).value == 0
    for metric in (EXACT, NEAR):
        assert low(card.one(metric=f"{metric}.leak")) <= 0


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_a_few_copies_among_fresh_rows_are_found(share: float) -> None:
    card = found(mixed(share))
    assert card.one(metric=f"{EXACT}.leak").value == pytest.approx(share)
    assert low(card.one(metric=f"{EXACT}.leak")) > 0
    assert low(card.one(metric=f"{NEAR}.leak")) > 0


def test_a_few_copies_among_many_more_fresh_rows_are_found() -> None:
    many = pd.concat([TRAIN[:20], clinic.people(60_000, 9)], ignore_index=True)
    assert low(found(many).one(metric=f"{EXACT}.leak")) > 0


def test_noisy_copies_are_found_by_nearness() -> None:
    card = found(noisy(0.1))
    assert low(card.one(metric=f"{NEAR}.leak")) > 0.05
    assert low(card.one(metric=f"{EXACT}.leak")) <= 0


def test_the_interval_is_that_of_an_exact_binomial_test() -> None:
    copies_of_both = pd.concat([TRAIN[:20], HOLDOUT[:4], FRESH[24:]], ignore_index=True)
    score = found(copies_of_both).one(metric=EXACT)
    exact = binomtest(20, 24, 2 / 3).proportion_ci(1 - 2 * ALPHA_EXACT, "exact")
    assert (score.low, score.high) == pytest.approx((exact.low, exact.high))
    leak = found(copies_of_both).one(metric=f"{EXACT}.leak")
    assert leak.value == pytest.approx(20 / N - 4 / len(FEWER))


def test_a_release_that_copies_both_sides_alike_is_no_leak() -> None:
    """Whoever has seen train people and people held out alike leaks nothing of who was trained on."""
    both = pd.concat([TRAIN, FEWER], ignore_index=True)
    for metric in (EXACT, NEAR):
        leak = found(both).one(metric=f"{metric}.leak")
        assert low(leak) <= 0 <= leak.high  # type: ignore[operator]


def test_of_equals_neither_side_is_preferred() -> None:
    """Where all people are alike, whom a row comes near is a toss, not a matter of their order."""
    same = [
        f.assign(**{n: TRAIN[n].iloc[0] for n in clinic.SCHEMA.modelled}) for f in (TRAIN, FEWER)
    ]
    made = Tables(*same, same[0], clinic.SCHEMA)
    for score in copies(made):
        assert score.status != "ok" or low(score) <= (score.baseline or 0) + 1e-9


@pytest.mark.long
def test_false_alarms_are_as_rare_as_said() -> None:
    """Fresh releases over people of few columns, where records are often met: 200 tables, ≤ 1 % twice over."""
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(200):
        people = clinic.people(900, int(rng.integers(1 << 30)))
        people["marker"], people["cost"], people["days"] = np.nan, 50.0, 100
        people["seen"], people["dose"] = people["seen"].iloc[0], "N"
        made = Tables(
            *(people[a:b].reset_index(drop=True) for a, b in ((0, 400), (400, 600), (600, 900))),
            clinic.SCHEMA,
        )
        alarms += any(
            low(s) > 0 for s in copies(made) if s.status == "ok" and s.metric.endswith(".leak")
        )
    assert alarms <= 12  # of 200 at 1.5 % each: more than 12 once in 100,000


def test_what_is_claimed_bounds_who_is_met() -> None:
    score = found(TRAIN).one(metric=EXACT)
    assert allowed(score, 0.0, 0.0) == pytest.approx(2 / 3)
    assert allowed(score, 1.0, 0.0) == pytest.approx(2 * np.e / (2 * np.e + 1))


def test_too_few_people_say_nothing() -> None:
    made = tables(FRESH, TRAIN[:50])
    assert {s.status for s in copies(made)} == {"insufficient evidence"}
    assert copied(Tables(TRAIN, HOLDOUT, FRESH[:0], clinic.SCHEMA))[0].status != "ok"
