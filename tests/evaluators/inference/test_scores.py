"""Regressions against scikit-learn and lifelines; what inference says of good and of harmed tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from sklearn.linear_model import LinearRegression, LogisticRegression

from evaluators.inference.regressions import (
    LEVELS,
    chosen_columns,
    cox,
    least_squares,
    logistic,
    terms,
)
from evaluators.inference.scores import inference
from evaluators.score import Scorecard
from evaluators.tables import Tables
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from tests.evaluators.clinic import SCHEMA, people

BACK, DIED, COST = SCHEMA.targets
CODEC = Codec(SCHEMA)
TRAIN, HOLDOUT = people(4000, 1), people(4000, 2)


def sample(n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=n), rng.random(n) < 0.4]).astype(float)
    return X, X @ np.array([0.5, -1.0]) + 0.3


def test_coefficients_are_scikit_learns() -> None:
    X, signal = sample()
    rng = np.random.default_rng(1)
    number = signal + rng.normal(size=len(X))
    event = (rng.random(len(X)) < 1 / (1 + np.exp(-signal))).astype(float)
    unit = np.arange(len(X))
    assert least_squares(X, number, unit).coefficients == pytest.approx(
        LinearRegression().fit(X, number).coef_
    )
    oracle = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(X, event)
    assert logistic(X, event, unit).coefficients == pytest.approx(oracle.coef_[0], abs=1e-4)


def test_a_coefficient_without_end_has_a_variance_without_bound() -> None:
    """Ten people differ in two missing values that all others share, and none of them has the event; so does
    a column that follows from the others, of which nothing can be said at all."""
    rng = np.random.default_rng(0)
    n = 5000
    x = rng.random((n, 20))
    event = (rng.random(n) < 0.1 + 0.3 * x[:, 0]).astype(float)
    one, unit = (rng.random(n) < 0.1).astype(float), np.arange(n)
    both = np.column_stack([x, one])
    other = one.copy()
    other[:10], one[:10], event[:10] = 1, 0, 0
    found = logistic(np.column_stack([x, one, other]), event, unit)
    assert (found.variances[-2:] > 1e6).all()
    known = logistic(x, event, unit)
    assert found.variances[:20] == pytest.approx(known.variances, rel=0.1)
    follows = logistic(np.column_stack([both, both[:, -1]]), event, unit)
    assert (follows.variances < 1).all()


@pytest.mark.parametrize("rows_per_unit", [1, 3])
def test_variances_are_those_of_repeated_samples(rows_per_unit: int) -> None:
    """Brute force: the spread of the coefficient over fresh samples whose units repeat their noise."""
    found, variances = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        x, noise = rng.normal(size=200), rng.normal(size=200)
        unit = np.repeat(np.arange(200), rows_per_unit)
        fit = least_squares(x[unit][:, None], (x + noise)[unit], unit)
        found.append(fit.coefficients[0])
        variances.append(fit.variances[0])
    assert np.mean(variances) == pytest.approx(np.var(found), rel=0.2)


def test_cox_is_lifelines() -> None:
    X, signal = sample(500)
    time = np.random.default_rng(2).exponential(np.exp(-signal))
    fit = cox(X, np.column_stack([time, np.ones(500)]), np.arange(500))
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(time=time, event=1)
    oracle = CoxPHFitter().fit(frame, "time", "event", robust=True)
    assert fit.coefficients == pytest.approx(oracle.params_.to_numpy())
    assert np.sqrt(fit.variances) == pytest.approx(oracle.standard_errors_.to_numpy(), rel=0.01)


def test_columns_follow_from_the_schema_alone() -> None:
    columns = chosen_columns(CODEC, BACK)
    assert columns[:2] == ("sex", "site")
    assert not set(columns) & {"back", "died", "days", "cost", "person"}
    once, other = (terms(frame, CODEC, columns).names for frame in (TRAIN, HOLDOUT.iloc[:5]))
    assert once == other
    assert "dose special" in once
    assert "marker missing" in once


def test_wide_categories_are_taken_together() -> None:
    wide = {"kind": "categorical", "categories": [f"c{i}" for i in range(50)]}
    schema = Schema.model_validate({"name": "w", "columns": {"w": wide}})
    frame = pd.DataFrame({"w": [f"c{i % 50}" for i in range(100)]})
    found = terms(frame, Codec(schema), ("w",))
    assert len(found.names) == LEVELS + 1
    assert (found.X.sum(axis=1) == 1).all()
    assert "later" in found.names[-1]


@pytest.fixture(scope="module")
def fresh() -> Scorecard:
    more = (people(4000, 4), people(4000, 5))
    return Scorecard(tuple(inference(Tables(TRAIN, HOLDOUT, people(4000, 3), SCHEMA, 0, more))))


def test_fresh_people_agree_and_a_test_on_them_is_what_theory_says(fresh: Scorecard) -> None:
    """Fresh people are not made from train: the test's error is that of the difference of two samples,
    2Φ(−1.96/√3) at most where each counts once, and well under one of a harmed table."""
    for target in ("back", "died", "cost"):
        overlap = fresh.one(metric="inference.overlap", target=target)
        assert overlap.value is not None
        assert overlap.value > 0.4
        rate = fresh.one(metric="inference.type_one", target=target)
        assert rate.value is not None
        assert rate.value < 0.5
        assert "rejects a true null hypothesis" in rate.detail
        assert fresh.one(metric="inference.combined.type_one", target=target).value is not None


def test_every_coefficient_has_overlap_sign_and_difference(fresh: Scorecard) -> None:
    names = {
        kind: {s.detail for s in fresh.filter(metric=f"inference.coefficient.{kind}", status="ok")}
        for kind in ("overlap", "sign", "difference")
    }
    assert names["overlap"] == names["sign"] == names["difference"]
    assert "age, lowest to highest" in names["overlap"]


def test_the_train_rows_themselves_agree_and_harm_shows() -> None:
    same = Scorecard(tuple(inference(Tables(TRAIN, HOLDOUT, TRAIN, SCHEMA))))
    assert same.one(metric="inference.overlap", target="back").value == pytest.approx(1)
    rate = same.one(metric="inference.type_one", target="back")
    assert rate.value == pytest.approx(0.05, abs=1e-6)
    shuffled = TRAIN.assign(back=np.random.default_rng(0).permutation(TRAIN["back"]))
    harmed = Scorecard(tuple(inference(Tables(TRAIN, HOLDOUT, shuffled, SCHEMA))))
    overlap = harmed.one(metric="inference.overlap", target="back")
    assert overlap.value is not None
    assert overlap.baseline is not None
    assert overlap.value < overlap.baseline
    worse = harmed.one(metric="inference.type_one", target="back")
    assert worse.value is not None
    assert worse.value > 0.2


def test_what_separates_is_left_out_of_every_table() -> None:
    """Nobody at site A is back in the synthetic table: the others are compared without that site."""
    synthetic = people(4000, 3)
    synthetic["back"] = synthetic["back"].where(synthetic["site"] != "A", "no")
    card = Scorecard(tuple(inference(Tables(TRAIN, HOLDOUT, synthetic, SCHEMA))))
    left = card.one(metric="inference.coefficient.overlap", target="back", detail="site=A")
    assert left.status == "insufficient evidence"
    assert "synthetic" in left.reason
    assert card.one(metric="inference.overlap", target="back").status == "ok"
