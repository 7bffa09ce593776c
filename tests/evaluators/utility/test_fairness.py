"""Subgroup figures against pandas, scikit-learn and fairlearn; gaps; shares and base rates."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, true_positive_rate
from sklearn.metrics import roc_auc_score

from evaluators.features import columns_of
from evaluators.fidelity.representation import representation
from evaluators.score import Scorecard
from evaluators.tables import Tables, evidence
from evaluators.utility.fairness import fairness
from evaluators.utility.learners import LEARNERS
from evaluators.utility.predictions import Prediction, Sample, predict
from privacy.schema.schema import Target
from tests.evaluators.clinic import SCHEMA, people

BACK = SCHEMA.targets[0]
TRAIN, HOLDOUT, SYNTHETIC = people(1500, 1), people(1500, 2), people(1500, 3)
TABLES = Tables(TRAIN, HOLDOUT, SYNTHETIC, SCHEMA)


def learned(tables: Tables, target: Target, model: str) -> Prediction:
    return predict(Sample.of(tables, target, columns_of), model, LEARNERS[target.task][model])


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    return learned(TABLES, BACK, "logistic")


@pytest.fixture(scope="module")
def card(prediction: Prediction) -> Scorecard:
    return Scorecard(tuple(fairness(TABLES, [prediction])))


@pytest.fixture(scope="module")
def shares() -> Scorecard:
    return Scorecard(tuple(representation(TABLES)))


def test_figures_of_groups_are_scikit_learns(prediction: Prediction, card: Scorecard) -> None:
    y = prediction.y
    for sex in ("F", "M"):
        mask = (HOLDOUT["sex"] == sex).to_numpy()
        score = card.one(metric="fairness.auroc", slice=f"sex={sex}")
        assert score.value == pytest.approx(
            roc_auc_score(y[mask], prediction.synthetic.values[mask])
        )
        chosen = prediction.real.values[mask] > prediction.real.cut
        rate = card.one(metric="fairness.selection_rate", slice=f"sex={sex}").baseline
        assert rate == pytest.approx(chosen.mean())


def test_gaps_are_fairlearns(prediction: Prediction, card: Scorecard) -> None:
    large = HOLDOUT["site"].isin(["A", "B"]).to_numpy()  # site C has fewer than 100 people
    gaps = []
    for said in (prediction.synthetic, prediction.real):
        frame = MetricFrame(
            metrics=true_positive_rate,
            y_true=prediction.y[large],
            y_pred=(said.values > said.cut)[large],
            sensitive_features=HOLDOUT.loc[large, "site"],
        )
        gaps.append(frame.difference())
    score = card.one(metric="fairness.tpr.excess_gap", slice="site")
    assert score.value == pytest.approx(gaps[0] - gaps[1])
    assert score.baseline == pytest.approx(gaps[1])
    assert score.low is not None
    assert score.high is not None
    assert score.low < score.high
    assert "max-T" in score.detail
    alone = [float(x) for x in score.detail.split("alone [")[1].rstrip("]").split(", ")]
    assert score.high - score.low > alone[1] - alone[0]


def test_pairs_are_where_two_subgroups_meet(prediction: Prediction, card: Scorecard) -> None:
    mask = ((HOLDOUT["sex"] == "F") & (HOLDOUT["site"] == "B")).to_numpy()
    score = card.one(metric="fairness.auroc", slice="sex=F & site=B")
    assert score.order == 2
    assert score.n == mask.sum()
    assert score.positives == prediction.y[mask].sum()
    assert score.value == pytest.approx(
        roc_auc_score(prediction.y[mask], prediction.synthetic.values[mask])
    )


def test_a_small_group_has_no_value(card: Scorecard) -> None:
    small = card.one(metric="fairness.auroc.difference", slice="sex=F & site=C")
    assert small.status == "insufficient evidence"
    assert small.value is None
    assert "fewer than 100" in small.reason
    gap = card.one(metric="fairness.auroc.excess_gap", slice="sex × site")
    assert "sex=F & site=C" in gap.detail


def test_training_on_the_real_rows_adds_no_gap() -> None:
    tables = Tables(TRAIN, HOLDOUT, TRAIN, SCHEMA)
    same = learned(tables, BACK, "logistic")
    for score in Scorecard(tuple(fairness(tables, [same]))):
        if score.status == "ok" and score.metric.endswith((".excess_gap", ".difference")):
            assert (score.value, score.low, score.high) == (0, 0, 0)


def test_survival_and_regression_have_figures_by_group() -> None:
    for target, model, metric in (
        (SCHEMA.targets[1], "cox", "c_index"),
        (SCHEMA.targets[2], "ridge", "mae"),
    ):
        prediction = learned(TABLES, target, model)
        found = Scorecard(tuple(fairness(TABLES, [prediction])))
        assert found.one(metric=f"fairness.{metric}", slice="sex=F").status == "ok"
        assert found.one(metric=f"fairness.{metric}.excess_gap", slice="sex").value is not None


def test_base_rates_are_means(shares: Scorecard) -> None:
    for sex in ("F", "M"):
        for rows, real in (("holdout", HOLDOUT), ("train", TRAIN)):
            rate = [(t[t["sex"] == sex]["back"] == "yes").mean() for t in (SYNTHETIC, real)]
            score = shares.one(
                metric="base_rate.difference", slice=f"sex={sex}", target="back", rows=rows
            )
            assert score.value == pytest.approx(rate[0] - rate[1])
            assert score.baseline == pytest.approx(rate[1])
    overall = shares.one(metric="base_rate.difference", slice="all", target="died", rows="holdout")
    assert overall.low is not None
    assert overall.high is not None
    assert overall.low < overall.value < overall.high  # type: ignore[operator]
    mean = shares.one(metric="target_mean.difference", slice="all", rows="holdout")
    difference = SYNTHETIC["cost"].mean() - HOLDOUT["cost"].mean()
    assert mean.value == pytest.approx(difference / TRAIN["cost"].std(ddof=0))


def test_shares(shares: Scorecard) -> None:
    score = shares.one(metric="representation_ratio", slice="site=C", rows="holdout")
    share = [(t["site"] == "C").mean() for t in (SYNTHETIC, HOLDOUT)]
    assert score.value == pytest.approx(share[0] / share[1])
    assert score.baseline == pytest.approx(share[1])
    assert not shares.filter(slice="site=D")


def test_a_lost_group_is_lost_and_a_rare_one_may_be_chance() -> None:
    without = SYNTHETIC[SYNTHETIC["site"] != "C"].reset_index(drop=True)
    found = Scorecard(tuple(representation(Tables(TRAIN, HOLDOUT, without, SCHEMA))))
    assert found.one(metric="lost_group", slice="site=C").value == 1
    assert found.one(metric="lost_group", slice="site=A").value == 0
    site = SCHEMA.columns["site"].model_copy(update={"categories": ("A", "B", "C", "D")})
    schema = SCHEMA.completed({"site": site})
    for rare in (0, 3):
        few = HOLDOUT.copy()
        few.loc[: rare - 1, "site"] = "D"
        found = Scorecard(tuple(representation(Tables(TRAIN, few, SYNTHETIC, schema))))
        # nobody and hardly anybody look alike: an approval must not tell them apart
        assert found.one(metric="lost_group", slice="site=D").status == "insufficient evidence"


def test_people_are_counted_not_rows() -> None:
    twice = HOLDOUT.iloc[np.repeat(np.arange(90), 3)].reset_index(drop=True)
    tables = Tables(TRAIN, twice, SYNTHETIC, SCHEMA)
    assert tables.people("holdout", np.ones(270, dtype=bool)) == 90
    score = Scorecard(tuple(representation(tables))).one(
        metric="base_rate.difference", slice="all", target="back", rows="holdout"
    )
    assert score.n == 90
    assert score.status == "insufficient evidence"


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ((99,), "insufficient evidence"),
        ((100,), "ok"),
        ((500, 19, 481), "insufficient evidence"),
        ((500, 481, 19), "insufficient evidence"),
        ((500, 20, 480), "ok"),
    ],
)
def test_evidence(counts: tuple[int, ...], status: str) -> None:
    assert evidence(*counts)[0] == status
