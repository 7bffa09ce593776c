"""Targets with many classes: learners, recall by class, shares, lost classes and the rules on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from evaluators.features import columns_of, outcome
from evaluators.fidelity.representation import representation
from evaluators.gate import gate
from evaluators.policy import Policy
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from evaluators.utility.fairness import fairness
from evaluators.utility.learners import LEARNERS
from evaluators.utility.predictions import Failure, Prediction, Sample, predict, predict_all
from evaluators.utility.scores import utility
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema

CLASSES = ("low", "middle", "high", "unused")
SCHEMA = Schema.model_validate(
    {
        "name": "grades",
        "columns": {
            "x": {"kind": "float", "bounds": [-5, 5], "bins": 10},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "grade": {"kind": "ordinal", "categories": CLASSES, "missing": "keep"},
        },
        "targets": [{"task": "multiclass", "column": "grade"}],
        "subgroups": [{"column": "sex"}],
    }
)
TARGET = SCHEMA.targets[0]


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = np.clip(rng.normal(size=n), -5, 5)
    number = np.digitize(x + rng.normal(0, 0.3, n), [-0.5, 0.8])
    grade = np.array(CLASSES, dtype=object)[number]
    grade[rng.random(n) < 0.05] = None
    return pd.DataFrame({"x": x, "sex": rng.choice(["F", "M"], n), "grade": grade})


def tables(synthetic: pd.DataFrame) -> Tables:
    return Tables(people(800, 1), people(800, 2), synthetic, SCHEMA)


def sample(given: Tables) -> Sample:
    return Sample.of(given, TARGET, columns_of)


def scores_of(given: Tables) -> tuple[Scorecard, list[Prediction]]:
    found = predict_all(given)
    assert not [p for p in found if isinstance(p, Failure)]
    predictions = [p for p in found if isinstance(p, Prediction)]
    return Scorecard((*utility(given, found), *fairness(given, found))), predictions


def test_the_outcome_is_the_class_number_and_missing_is_unknown() -> None:
    frame = people(100, 1)
    y, known = outcome(frame, Codec(SCHEMA), TARGET)
    assert (known == frame["grade"].notna()).all()
    assert [CLASSES[int(k)] for k in y[known]] == frame.loc[known, "grade"].tolist()


@pytest.mark.parametrize("name", LEARNERS["multiclass"])
def test_learners_give_classes_and_repeat(name: str) -> None:
    given, learner = tables(people(800, 3)), LEARNERS["multiclass"][name]
    once, twice = (predict(sample(given), name, learner).synthetic.values for _ in range(2))
    assert (once == twice).all()
    assert set(once) <= {0, 1, 2}
    y, constant = sample(given).holdout.y, sample(given).majority.values
    assert (once == y).mean() > (constant == y).mean() + 0.2
    one = predict(sample(tables(people(400, 3).assign(grade="high"))), name, learner)
    assert (one.synthetic.values == 2).all()


def test_recall_by_class_is_sklearns_and_of_the_best_learner_only() -> None:
    card, predictions = scores_of(tables(people(800, 3)))
    best = max(predictions, key=lambda p: (p.real.values == p.y).mean())
    recall = card.filter(metric="fairness.recall")
    assert {s.model for s in recall} == {best.model}
    found = [card.one(metric="fairness.recall", slice=f"grade={c}").value for c in CLASSES[:3]]
    assert found == pytest.approx(recall_score(best.y, best.synthetic.values, average=None))
    unused = card.one(metric="fairness.recall.difference", slice="grade=unused")
    assert unused.status == "insufficient evidence"
    gap = card.one(metric="fairness.recall.excess_gap", slice="grade")
    assert "grade=unused" in gap.detail
    assert gap.value == pytest.approx(
        np.ptp(found) - np.ptp(recall_score(best.y, best.real.values, average=None))
    )


def test_fresh_people_differ_by_chance_alone() -> None:
    card, _ = scores_of(tables(people(800, 3)))
    for metric in ("utility.accuracy.difference", "fairness.accuracy.excess_gap"):
        for score in card.filter(lambda s: s.model != "majority", metric=metric):
            assert score.low is not None
            assert score.high is not None
            assert score.low <= 0 <= score.high
    assert card.one(metric="utility.accuracy", model="majority").value is not None


def share(label: str, **equal: object) -> dict[str, object]:
    return {"metric": "class_share.difference", "detail": f"grade={label}", **equal}


def test_shares_of_classes_and_a_lost_class() -> None:
    fresh = people(800, 3)
    given = tables(fresh[fresh["grade"] != "high"].reset_index(drop=True))
    card = Scorecard(tuple(representation(given)))
    score = card.one(**share("high", slice="all", rows="holdout"))
    real = (given.holdout["grade"].dropna() == "high").mean()
    assert score.value == pytest.approx(-real)
    assert score.baseline == pytest.approx(real)
    assert card.one(metric="lost_group", slice="grade=high").value == 1
    assert card.one(metric="lost_group", slice="grade=low").value == 0
    assert not card.filter(metric="lost_group", slice="grade=unused")
    assert card.one(**share("low", slice="sex=F", rows="train")).status == "ok"


def test_an_alternative_is_about_the_same_class() -> None:
    rule = {
        "name": "shares",
        "metric": "class_share.difference",
        "rows": "holdout",
        "slices": ["all"],
        "at_most": 0.05,
        "alternative": {"metric": "class_share.difference", "rows": "train", "at_most": 0.05},
    }
    policy = Policy.model_validate({"name": "t", "rules": [rule]})

    def decision(train_of_a: float) -> str:
        holdout = Score(metric="class_share.difference", value=0.2, detail="k=a", target="k")
        train = (("k=a", train_of_a), ("k=b", 0.0))
        twins = (
            Score(metric=holdout.metric, value=v, detail=d, target="k", rows="train")
            for d, v in train
        )
        return gate(Scorecard((holdout, *twins)), policy).decision

    assert decision(0.2) == "veto"
    assert decision(0.0) == "approved"
