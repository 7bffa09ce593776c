"""Ranks of learners and columns against scipy, and several draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau
from sklearn.metrics import roc_auc_score

from evaluators.score import Scorecard
from evaluators.tables import Tables
from evaluators.utility.draws import draws
from evaluators.utility.predictions import Prediction, predict_all
from evaluators.utility.rank import kendall, rank, spearman
from privacy.schema.schema import Schema
from tests.evaluators.clinic import SCHEMA, people

ONE = Schema.model_validate(SCHEMA.model_dump() | {"targets": [SCHEMA.targets[0].model_dump()]})


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_kendall_is_scipys_without_ties(one: list[int], other: list[int]) -> None:
    found = kendall(np.array(one)[:, None], np.array(other)[:, None])
    assert found[0] == pytest.approx(kendalltau(one, other).statistic)


def test_spearman_of_a_constant_is_undefined() -> None:
    assert np.isnan(spearman(np.zeros(3), np.arange(3.0))[0])
    assert spearman(np.arange(3.0), np.arange(3.0) ** 2)[0] == pytest.approx(1)


def test_what_matters_is_found_on_synthetic_rows_unless_they_are_noise() -> None:
    fresh = people(1500, 3)
    rng = np.random.default_rng(0)
    noise = fresh.apply(lambda c: c.iloc[rng.permutation(len(c))].reset_index(drop=True))
    rho = []
    for synthetic in (fresh, noise):
        card = Scorecard(tuple(rank(Tables(people(1500, 1), people(1500, 2), synthetic, ONE))))
        score = card.one(metric="utility.rank.features", model="logistic")
        assert score.value is not None
        rho.append(score.value)
        models = card.one(metric="utility.rank.models", target="back")
        assert models.status == "ok"
        assert "best on" in models.detail
        regret = card.one(metric="utility.rank.regret")
        assert regret.value is not None
        assert regret.value >= 0
    assert rho[0] > 0.5
    assert rho[1] < rho[0]


def test_the_mean_over_targets() -> None:
    two = Schema.model_validate(
        SCHEMA.model_dump() | {"targets": [SCHEMA.targets[i].model_dump() for i in (0, 2)]}
    )
    card = Scorecard(tuple(rank(Tables(people(600, 1), people(600, 2), people(600, 3), two))))
    each = [s.value for s in card.filter(lambda s: bool(s.target), metric="utility.rank.models")]
    mean = card.one(metric="utility.rank.models", target="")
    assert mean.value == pytest.approx(np.mean(each))  # type: ignore[arg-type]


def test_draws_are_the_mean_of_the_tables_and_their_range() -> None:
    train, holdout = people(600, 1), people(600, 2)
    frames = [people(600, seed) for seed in (3, 4, 5)]
    together = Tables(train, holdout, frames[0], ONE, 0, tuple(frames[1:]))
    card = Scorecard(tuple(draws(together, predict_all(together))))
    assert not draws(Tables(train, holdout, frames[0], ONE), [])
    alone = []
    for frame in frames:
        tables = Tables(train, holdout, frame, ONE)
        alone.append(
            [p for p in predict_all(tables) if isinstance(p, Prediction) and p.model == "logistic"]
        )
    values = [roc_auc_score(p.y, p.synthetic.values) for (p,) in alone]
    score = card.one(metric="utility.draws.auroc", model="logistic")
    assert score.value == pytest.approx(np.mean(values))
    assert (score.low, score.high) == pytest.approx((min(values), max(values)))
    assert "3 synthetic tables" in score.detail
