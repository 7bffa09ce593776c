"""A person's cell is the person's own: who else is held out does not move it, not by a rounding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.charged.lenses import CHOICE, RiskLens, lens
from evaluators.tables import Tables
from evaluators.utility.estimators import NotConvergedError
from evaluators.utility.learners import LEARNERS, MAX_CLASSES
from privacy.schema.schema import Classification, Schema
from tests.evaluators import shapes
from tests.evaluators.clinic import SCHEMA, people

FEATURES, ROWS = 11, 3000


@pytest.mark.parametrize("task", [*CHOICE, "survival"])
def test_a_prediction_does_not_depend_on_who_stands_beside(task: str) -> None:
    rng = np.random.default_rng(1)
    X = (rng.random((ROWS, FEATURES)) < 0.5).astype(np.float32)
    risk = X @ rng.normal(size=FEATURES)
    y = {
        "classification": (risk > 0).astype(float),
        "multiclass": np.digitize(risk, [-1, 1]).astype(float),
        "regression": risk,
        "survival": np.column_stack([rng.exponential(np.exp(-risk)) + 1, rng.random(ROWS) < 0.7]),
    }[task]
    predict = LEARNERS[task][CHOICE.get(task, "cox")](X, y, 0)
    Z = rng.random((301, FEATURES)).astype(np.float32)
    together = predict(Z)
    assert len(np.unique(together)) > 2
    for place in range(40):
        others = np.delete(np.arange(len(Z)), place)
        assert (predict(Z[others]) == together[others]).all()
        assert predict(Z[place : place + 1])[0] == together[place]


def not_converging(X: np.ndarray, y: np.ndarray, seed: int) -> None:
    raise NotConvergedError


def test_a_target_without_a_model_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found out after the charge; the other targets are asked for all the same."""
    synthetic, fresh = people(600, 2), people(600, 3)
    tables = Tables(synthetic, synthetic.head(0), synthetic, SCHEMA)
    made = [t.task for t in SCHEMA.targets if lens(tables, fresh, t) is not None]
    assert "survival" in made
    monkeypatch.setitem(LEARNERS, "survival", {"cox": not_converging})  # type: ignore[call-overload]
    left = [t.task for t in SCHEMA.targets if lens(tables, fresh, t) is not None]
    assert left == [task for task in made if task != "survival"]
    assert left


def test_a_target_of_many_classes_is_left_out() -> None:
    number = MAX_CLASSES + 10
    schema = Schema.model_validate(
        {
            "name": "many",
            "columns": {
                "x": {"kind": "integer", "bounds": [0, 9], "bins": 2},
                "y": {"kind": "categorical", "categories": [f"c{i}" for i in range(number)]},
            },
            "targets": [{"task": "multiclass", "column": "y"}],
        }
    )
    frame = pd.DataFrame({"x": np.arange(1200) % 10, "y": [f"c{i % number}" for i in range(1200)]})
    tables = Tables(frame, frame.head(0), frame, schema)
    assert lens(tables, frame, schema.targets[0]) is None


def test_an_image_is_looked_at_alone() -> None:
    """Batches of another size round the same image another way."""
    synthetic, held_out = shapes.people(90, 1), shapes.people(130, 2)
    target = Classification(task="classification", column="shape", positive=("square",))
    tables = Tables(synthetic, held_out.head(0), synthetic, shapes.SCHEMA)
    look = lens(tables, shapes.people(90, 3), target)
    assert isinstance(look, RiskLens)
    said = look.watch(held_out).said
    for without in (1, 2, 128, 129):
        assert (look.watch(held_out.iloc[without:]).said == said[without:]).all()
