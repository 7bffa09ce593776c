"""Propensity: the expected pMSE by simulation, its parts against definitions, and planted harms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from evaluators.fidelity.giveaway import alone
from evaluators.fidelity.propensity import (
    Pool,
    by_boosting,
    by_logistic,
    logistic,
    pmse,
    propensity,
    whitened,
)
from evaluators.score import Scorecard
from evaluators.tables import Tables
from privacy.schema.schema import Schema
from tests.evaluators.clinic import SCHEMA, people


def pool(n: int, m: int, seed: int, shift: float = 0.0) -> Pool:
    """n and m rows of two numbers and of rare and common categories, one-hot."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(9, n + m, p=[0.5, 0.3, 0.1, 0.04, 0.03, 0.01, 0.01, 0.005, 0.005])
    X = np.column_stack([rng.normal(size=(n + m, 2)), np.eye(9)[codes]])
    X[n:, 0] += shift
    looks = {"logistic": whitened(X), "boosting": X}
    y = np.repeat([0.0, 1.0], [n, m])
    return Pool(y, np.concatenate([np.arange(n), np.arange(m)]), looks)


def test_whitening_changes_no_prediction() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4))
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(float)
    doubled = np.column_stack([X, X[:, :2] * 7 + 3, np.ones(300)])
    W = whitened(doubled)
    assert W.shape == (300, 4)
    assert np.cov(W, rowvar=False, bias=True) == pytest.approx(np.eye(4), abs=1e-8)
    plain = LogisticRegression(C=1e8, tol=1e-8, max_iter=1000).fit(X, y).predict_proba(X)[:, 1]
    assert logistic(W, y, W) == pytest.approx(plain, abs=2e-3)


@pytest.mark.parametrize(("n", "m"), [(300, 300), (200, 600)])
def test_two_samples_of_one_distribution_have_a_ratio_of_one(n: int, m: int) -> None:
    """The factor is c (1 − c); Snoke's (1 − c)² c would give 2 and 4 here. Intervals hold 1."""
    found = [by_logistic(pool(n, m, seed), np.random.default_rng(0)) for seed in range(60)]
    ratios = np.array([f.ratio for f in found])
    assert ratios.mean() == pytest.approx(1, abs=4 * ratios.std() / np.sqrt(60))
    assert ratios.std() < 0.6
    held = [f.ratio_low <= 1 <= f.ratio_high for f in found]  # type: ignore[operator]
    assert np.mean(held) > 0.85


def test_shuffled_labels_are_the_expectation_of_boosting() -> None:
    found = by_boosting(pool(600, 600, 1), np.random.default_rng(0))
    assert found.ratio == pytest.approx(1, abs=0.25)
    assert found.auroc == pytest.approx(0.5, abs=0.07)


def test_a_shift_shows_in_every_figure() -> None:
    shifted = pool(600, 600, 1, shift=1.0)
    for judge in (by_logistic, by_boosting):
        found = judge(shifted, np.random.default_rng(0))
        assert found.low is not None
        assert found.low > 0.65
        assert found.auroc == pytest.approx(0.76, abs=0.06)  # Φ(1 / √2)
        assert found.ratio > 2


def test_pmse_is_its_definition() -> None:
    assert pmse(np.array([0.2, 0.6]), 0.4) == pytest.approx(0.04)


def test_a_person_is_in_one_fold() -> None:
    """Copies of the same person on both sides of a fold would be remembered by their cost."""
    holdout = people(150, 1).loc[np.repeat(np.arange(150), 4)].reset_index(drop=True)
    schema = SCHEMA.model_copy(update={"max_rows_per_unit": 4})
    fresh = [people(600, seed) for seed in (2, 3)]
    card = Scorecard(tuple(propensity(Tables(fresh[0], holdout, fresh[1], schema))))
    score = card.one(metric="propensity.auroc", model="boosting")
    assert score.value is not None
    assert score.value < 0.62


def test_fresh_people_pass_and_shuffled_columns_are_told_from_people() -> None:
    train, holdout, synthetic = (people(1500, seed) for seed in (1, 2, 3))
    card = Scorecard(tuple(propensity(Tables(train, holdout, synthetic, SCHEMA))))
    for score in card:
        best = 0.5 if score.metric.endswith("auroc") else 1
        assert score.value == pytest.approx(best, rel=0.35)
        assert score.baseline == pytest.approx(best, rel=0.35)
    rng = np.random.default_rng(0)
    shuffled = synthetic.apply(lambda c: c.iloc[rng.permutation(1500)].reset_index(drop=True))
    card = Scorecard(tuple(propensity(Tables(train, holdout, shuffled, SCHEMA))))
    boosting = card.one(metric="propensity.auroc", model="boosting")
    assert boosting.low is not None
    assert boosting.low > 0.7


def test_what_cannot_be_told_says_why() -> None:
    frame = people(400, 1)
    for synthetic, reason in ((frame.iloc[:0], "0 synthetic rows"), (frame.iloc[:9], "9 synth")):
        scores = propensity(Tables(frame, frame, synthetic, SCHEMA))
        assert len(scores) == 4
        assert all(s.reason.startswith(reason) for s in scores)
    only = Schema.model_validate(
        {"name": "t", "columns": {"a": {"kind": "categorical", "categories": ["x"]}}}
    )
    constant = people(400, 1)[["sex"]].rename(columns={"sex": "a"}).assign(a="x")
    scores = propensity(Tables(constant, constant, constant, only))
    assert {s.reason for s in scores} == {"no column varies"}


def test_decimals_that_real_rows_lack_give_a_column_away() -> None:
    """Two columns of two: each is named, though either alone tells all."""
    schema = Schema.model_validate(
        {
            "name": "t",
            "columns": {
                n: {"kind": "float", "bounds": [-9, 9], "bins": 5} for n in ("a", "b", "same")
            },
        }
    )

    def rows(seed: int) -> pd.DataFrame:
        drawn = np.random.default_rng(seed).normal(size=(1000, 3)).clip(-9, 9)
        return pd.DataFrame(np.round(drawn, 1), columns=["a", "b", "same"])

    train, holdout, fresh = rows(1), rows(2), rows(3)
    smeared = fresh.assign(
        a=fresh["a"] + np.linspace(-0.05, 0.05, 1000), b=fresh["b"] + np.linspace(0.05, -0.05, 1000)
    )
    card = Scorecard(tuple(propensity(Tables(train, holdout, smeared, schema))))
    named = {s.detail: s for s in card.filter(metric="propensity.gives_away")}
    assert set(named) == {"a", "b"}
    for score in named.values():
        assert score.value == pytest.approx(1, abs=0.02)
        assert score.baseline == pytest.approx(0.5, abs=0.05)
    whole = card.one(metric="propensity.auroc", model="boosting_originals")
    assert whole.value == pytest.approx(1, abs=0.01)
    calm = Scorecard(tuple(propensity(Tables(train, holdout, fresh, schema))))
    assert not len(calm.filter(metric="propensity.gives_away"))
    whole = calm.one(metric="propensity.auroc", model="boosting_originals")
    assert whole.value == pytest.approx(0.5, abs=0.05)


def test_a_share_in_a_cell_is_of_the_other_folds() -> None:
    cells, y, fold = np.array([0, 0, 0, 1]), np.array([1.0, 1.0, 0.0, 0.0]), np.array([0, 1, 1, 0])
    # the first row's cell holds, elsewhere, one synthetic row and one real, and 5 of the prior
    assert alone(cells, y, fold) == pytest.approx([3.5 / 7, 3.5 / 6, 3.5 / 6, 2.5 / 5])
