"""Features, learners and predictions: public alone, no peeking, honest when a model fails."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.features import columns_of, design, feature_columns, outcome, width
from evaluators.score import Scorecard
from evaluators.tables import Tables
from evaluators.utility import learners
from evaluators.utility.estimators import NotConvergedError
from evaluators.utility.learners import LEARNERS
from evaluators.utility.predictions import Failure, Prediction, Sample, predict, predict_all
from evaluators.utility.scores import utility
from evaluators.utility.survival import cox, independent
from privacy.schema.codec import Codec
from privacy.schema.schema import Classification
from tests.evaluators.clinic import SCHEMA, people

CODEC = Codec(SCHEMA)
BACK, DIED, COST = SCHEMA.targets


def test_targets_and_what_gives_them_away_are_no_features() -> None:
    assert feature_columns(SCHEMA, BACK) == ("sex", "site", "age", "marker", "dose", "seen")
    narrow = Classification(
        task="classification", column="back", positive=("yes",), without=("marker",)
    )
    assert "marker" not in feature_columns(SCHEMA, narrow)


def test_features_depend_on_the_row_alone() -> None:
    frame = people(300, 1)
    columns = feature_columns(SCHEMA, BACK)
    whole = design(frame, CODEC, columns)
    assert whole.shape[1] == sum(width(CODEC, name) for name in columns)
    assert (design(frame.iloc[50:60], CODEC, columns) == whole[50:60]).all()
    assert np.isfinite(whole).all()
    assert (whole >= 0).all()
    assert (whole <= 1).all()


def test_special_and_missing_values_have_columns() -> None:
    frame = people(300, 1)
    dose = design(frame, CODEC, ("dose",))
    assert dose.shape == (300, 2)
    assert (dose[:, 1] == (frame["dose"] == "N")).all()
    assert (dose[dose[:, 1] == 1, 0] == 0).all()
    marker = design(frame, CODEC, ("marker",))
    assert (marker[:, 1] == frame["marker"].isna()).all()


def test_outcomes() -> None:
    frame = people(50, 1)
    y, known = outcome(frame, CODEC, BACK)
    assert known.all()
    assert (y == (frame["back"] == "yes")).all()
    survival, _ = outcome(frame, CODEC, DIED)
    assert (survival[:, 0] == frame["days"].to_numpy(float)).all()
    assert (survival[:, 1] == (frame["died"] == "1")).all()


@pytest.mark.parametrize("task", [t.task for t in SCHEMA.targets])
def test_every_learner_beats_a_constant_and_repeats(task: str) -> None:
    target = {t.task: t for t in SCHEMA.targets}[task]
    tables = Tables(people(800, 1), people(800, 2), people(800, 3), SCHEMA)
    for name, learner in LEARNERS[task].items():
        sample = Sample.of(tables, target, columns_of)
        once, twice = (predict(sample, name, learner) for _ in range(2))
        assert (once.synthetic.values == twice.synthetic.values).all()
        signal = once.event if once.event is not None else once.y
        for said in (once.synthetic, once.real, once.both):
            assert np.corrcoef(said.values, signal)[0, 1] > 0.25


def test_the_holdout_changes_no_model() -> None:
    """Predictions for a person do not depend on who else is in the holdout."""
    train, holdout, synthetic = people(400, 1), people(300, 2), people(400, 3)
    learner = LEARNERS["classification"]["logistic"]
    whole, part = (
        predict(
            Sample.of(Tables(train, rows, synthetic, SCHEMA), BACK, columns_of), "logistic", learner
        )
        for rows in (holdout, holdout.iloc[:30])
    )
    assert whole.synthetic.values[:30] == pytest.approx(part.synthetic.values)
    assert whole.synthetic.cut == part.synthetic.cut


@pytest.mark.parametrize("name", LEARNERS["classification"])
def test_one_class_to_learn_from_predicts_the_same_for_all(name: str) -> None:
    synthetic = people(400, 3).assign(back="no")
    tables = Tables(people(400, 1), people(400, 2), synthetic, SCHEMA)
    prediction = predict(
        Sample.of(tables, BACK, columns_of), name, LEARNERS["classification"][name]
    )
    assert np.ptp(prediction.synthetic.values) == 0
    card = Scorecard(tuple(utility(tables, [prediction])))
    score = card.one(metric="utility.auroc", model=name)
    assert score.value == 0.5
    assert "the same for everyone" in score.detail


def test_a_failed_learner_is_a_failed_score(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(X: np.ndarray, y: np.ndarray, seed: int) -> learners.Predict:
        raise NotConvergedError

    def breaks(X: np.ndarray, y: np.ndarray, seed: int) -> learners.Predict:
        raise RuntimeError("the value 123 of a patient")

    monkeypatch.setattr(
        "evaluators.utility.predictions.LEARNERS",
        {"classification": {"fails": fails, "breaks": breaks}, "survival": {}, "regression": {}},
    )
    tables = Tables(people(200, 1), people(200, 2), people(200, 3), SCHEMA)
    found = predict_all(tables)
    assert [f.reason for f in found if isinstance(f, Failure)] == [
        "the model did not converge",
        "RuntimeError",
    ]
    assert {s.status for s in utility(tables, found)} == {"failed"}


def test_cox_finds_the_hazard_and_survives_redundant_columns() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=500)
    time = rng.exponential(np.exp(-x))
    X = np.column_stack([x, 1 - x, np.ones(500), x > 0, x <= 0]).astype(np.float32)
    y = np.column_stack([time, np.ones(500)])
    risk = cox(X, y, 0)(X)
    assert np.corrcoef(risk, x)[0, 1] > 0.95
    assert len(independent(X)) == 2
    assert (cox(X * 0, y, 0)(X) == 0).all()


def test_unknown_outcomes_are_left_out() -> None:
    frame = people(100, 1)
    frame["back"] = pd.Series(frame["back"]).where(np.arange(100) % 2 == 0, None)
    y, known = outcome(frame, CODEC, BACK)
    assert known.sum() == 50
    assert len(y) == 100


def test_both_and_synthetic_tests_stand_beside_train_on_real() -> None:
    """Trained on both = trained on a table of both; tested on synthetic rows = on a holdout of them."""
    train, holdout, synthetic = people(600, 1), people(600, 2), people(600, 3)
    learner = LEARNERS["classification"]["logistic"]

    def scores(*frames: pd.DataFrame) -> Scorecard:
        tables = Tables(*frames, SCHEMA)
        prediction = predict(Sample.of(tables, BACK, columns_of), "logistic", learner)
        return Scorecard(tuple(utility(tables, [prediction])))

    card = scores(train, holdout, synthetic)
    joined = scores(train, holdout, pd.concat([train, synthetic], ignore_index=True))
    other = scores(train, synthetic, synthetic)
    for metric in ("auroc", "brier", "ece"):
        both = card.one(metric=f"utility.both.{metric}")
        expected = joined.one(metric=f"utility.{metric}", model="logistic")
        assert both.value == pytest.approx(expected.value, abs=1e-4)
        assert both.baseline == pytest.approx(expected.baseline)
        there = card.one(metric=f"utility.trts.{metric}")
        assert there.value == pytest.approx(
            other.one(metric=f"utility.{metric}", model="logistic").baseline
        )
        assert there.baseline == pytest.approx(both.baseline)
        assert there.baseline_name == "test on real"


def test_majority_and_difference_stand_beside_the_value() -> None:
    tables = Tables(people(400, 1), people(400, 2), people(400, 3), SCHEMA)
    found = [p for p in predict_all(tables) if isinstance(p, Prediction)]
    card = Scorecard(tuple(utility(tables, found)))
    for model in ("logistic", "boosting"):
        value = card.one(metric="utility.auroc", model=model, target="back")
        difference = card.one(metric="utility.auroc.difference", model=model, target="back")
        assert value.value is not None
        assert value.baseline is not None
        assert difference.value == pytest.approx(value.value - value.baseline)
        assert value.low is not None
        assert value.high is not None
        assert value.low < value.value < value.high
    assert card.one(metric="utility.auroc", model="majority").value == 0.5
    assert card.one(metric="utility.c_index", model="majority").value == 0.5
    r2 = card.one(metric="utility.r2", model="majority").value
    assert r2 is not None
    assert r2 == pytest.approx(0, abs=0.02)
