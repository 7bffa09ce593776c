"""Survival: curves and Brier scores against scikit-survival and lifelines, hazards against truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import CoxPHFitter, KaplanMeierFitter
from sksurv.metrics import integrated_brier_score
from sksurv.util import Surv

from evaluators.score import Scorecard
from evaluators.tables import Tables
from evaluators.utility.curves import FOLLOWED, GRID, km_distance
from evaluators.utility.kaplan_meier import Brier, survival_curves, uncensored
from evaluators.utility.survival import (
    Cox,
    Everyone,
    Hazards,
    boosted_hazards,
    cox,
    mlp_hazards,
    person_periods,
)
from tests.evaluators.clinic import SCHEMA, people

LEARNERS = {"cox": cox, "boosting": boosted_hazards, "mlp": mlp_hazards}


def follow_up(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two features, the first of which doubles the hazard; (time, event), a third censored."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.integers(0, 2, n), rng.random(n)]).astype(np.float32)
    time = rng.exponential(np.where(X[:, 0] > 0, 0.5, 1.0))
    lost = rng.uniform(0, 3, n)
    return X, np.column_stack([np.minimum(time, lost), (time <= lost).astype(float)])


class Certain:
    """A network's answer in float32: whoever has 1 in the first column dies in the first interval."""

    def predict_proba(self, pairs: np.ndarray) -> np.ndarray:
        dies = (pairs[:, 0] > 0).astype(np.float32)
        return np.column_stack([1 - dies, dies])


def test_a_classifier_that_is_certain_leaves_finite_curves() -> None:
    certain, X = Hazards(Certain(), np.array([1.0, 2.0])), np.eye(2, dtype=np.float32)
    assert np.isfinite(certain(X)).all()
    curves = certain.curves(X, np.array([0.0, 0.5, 1.0, 2.0]))
    assert curves[0] == pytest.approx([1, 1e-6, 0, 0], abs=1e-6)
    assert curves[1] == pytest.approx([1, 1, 1, 1])


@given(st.integers(0, 1000), st.integers(0, 2))
def test_curves_are_lifelines(seed: int, decimals: int) -> None:
    """Ties between events and censorings, and times of zero, included."""
    _, y = follow_up(40, seed)
    y[:, 0] = np.round(y[:, 0], decimals)
    weights = np.random.default_rng(seed).integers(0, 3, (2, 40)).astype(float)
    weights[0], weights[1, 0] = 1, 1
    times = np.array([0.0, 0.3, 0.5, 1.0, 2.0])
    found = survival_curves(weights, y[:, 0], y[:, 1], times)
    for w, curve in zip(weights, found, strict=True):
        kept = w > 0
        model = KaplanMeierFitter().fit(y[kept, 0], y[kept, 1], weights=w[kept])
        assert curve == pytest.approx(model.predict(times).to_numpy(), abs=1e-9)


@given(st.integers(0, 1000), st.integers(1, 2))
def test_the_brier_score_is_scikit_survivals(seed: int, decimals: int) -> None:
    _, train = follow_up(80, seed)
    _, test = follow_up(60, seed + 1)
    train[:, 0], test[:, 0] = np.round(train[:, 0], decimals), np.round(test[:, 0], decimals)
    test[:, 0] = np.minimum(test[:, 0], train[:, 0].max())  # it knows no weight beyond
    brier = Brier.of(train, test)
    times = brier.times * 0.9987  # off the rounded times, where the last bit of a sum would decide
    times = times[(times >= test[:, 0].min()) & (times < test[:, 0].max())]
    brier = Brier(times, brier.knots, brier.observed)
    curves = np.exp(-np.outer(np.random.default_rng(seed).random(60), times))
    oracle = integrated_brier_score(
        *(Surv.from_arrays(part[:, 1] > 0, part[:, 0]) for part in (train, test)), curves, times
    )
    assert brier.errors(test, curves).mean() == pytest.approx(oracle)


def test_nobody_is_censored() -> None:
    knots, observed = uncensored(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    assert (observed == 1).all()
    assert len(knots) == 2


def test_cox_curves_are_lifelines() -> None:
    X, y = follow_up(300, 0)
    model = cox(X, y, 0)
    assert isinstance(model, Cox)
    times = np.array([0.1, 0.5, 1.0])
    data = np.column_stack([X, y]).astype(float)
    frame = pd.DataFrame(data, columns=["a", "b", "time", "event"])
    fitted = CoxPHFitter(penalizer=0.01).fit(frame, "time", "event")
    expected = fitted.predict_survival_function(frame[["a", "b"]], times=times).to_numpy().T
    # lifelines interpolates between event times, we step
    assert model.curves(X, times) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("name", LEARNERS)
def test_curves_come_near_the_truth(name: str) -> None:
    X, y = follow_up(4000, 1)
    model = LEARNERS[name](X, y, 0)
    Z, times = np.array([[0, 0.5], [1, 0.5]], dtype=np.float32), np.array([0.25, 0.5, 1.0])
    truth = np.exp(-np.outer([1.0, 2.0], times))
    assert model.curves(Z, times) == pytest.approx(truth, abs=0.08)
    assert model(Z)[1] > model(Z)[0]
    grid = model.curves(Z, np.linspace(0, 5, 50))
    assert (np.diff(grid, axis=1) <= 1e-12).all()
    assert (grid >= 0).all()
    assert (grid <= 1).all()


def test_person_periods_by_hand() -> None:
    rows, intervals, happened = person_periods(np.array([2, 0, 1]), np.array([True, False, False]))
    assert rows.tolist() == [0, 0, 2]
    assert intervals.tolist() == [0, 1, 0]
    assert happened.tolist() == [0, 1, 0]


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("kind", ["no event", "no time", "one row", "one time"])
def test_odd_follow_up_gives_a_model(name: str, kind: str) -> None:
    X, y = follow_up(60, 2)
    if kind == "no event":
        y[:, 1] = 0
    elif kind == "no time":
        y[:, 0] = 0
    elif kind == "one row":
        X, y = X[:1], y[:1]
    else:
        y[:, 0] = 3
    model = LEARNERS[name](X, y, 0)
    curves = model.curves(X, np.array([0.0, 1.0, 4.0]))
    assert np.isfinite(curves).all()
    assert np.isfinite(model(X)).all()
    if kind == "no event":
        assert isinstance(model, Everyone)
        assert (curves == 1).all()


def test_the_distance_of_curves_by_brute_force() -> None:
    train, holdout, synthetic = (people(600, seed) for seed in (1, 2, 3))
    synthetic["days"] = (synthetic["days"] // 2).astype("Int64")
    card = Scorecard(tuple(km_distance(Tables(train, holdout, synthetic, SCHEMA))))
    end = np.quantile(holdout["days"].to_numpy(float), 1 - FOLLOWED)
    times = (np.arange(GRID) + 0.5) * end / GRID
    for name, part in (("all", slice(None)), ("sex=F", "F")):
        curves = []
        for frame in (synthetic, holdout, train):
            chosen = frame if name == "all" else frame[frame["sex"] == part]
            model = KaplanMeierFitter().fit(chosen["days"].astype(float), chosen["died"] == "1")
            curves.append(model.predict(times).to_numpy())
        score = card.one(metric="utility.km_distance", slice=name)
        assert score.value == pytest.approx(np.abs(curves[0] - curves[1]).mean())
        assert score.baseline == pytest.approx(np.abs(curves[2] - curves[1]).mean())
        assert score.low is not None
        assert score.low > score.baseline  # half as long a life is no chance
