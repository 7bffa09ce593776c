"""Train on real, test on a group's synthetic rows: scikit-learn's figures, a planted harm, false alarms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from evaluators.features import columns_of
from evaluators.score import Scorecard
from evaluators.tables import Tables
from evaluators.utility.learners import LEARNERS
from evaluators.utility.predictions import Failure, Prediction, Sample, predict
from evaluators.utility.truth import truth
from privacy.schema.schema import Target
from tests.evaluators.clinic import SCHEMA, people

BACK, DIED, COST = SCHEMA.targets
TRAIN, HOLDOUT, FRESH = people(1500, 1), people(2500, 2), people(2500, 3)
"""Site C has about 150 of the people held out, and as many of the fresh ones."""

REAL_TABLES = Tables(TRAIN, HOLDOUT, FRESH, SCHEMA)
MODELS = {"classification": "logistic", "survival": "cox", "regression": "ridge"}
LIMIT = -0.1


def learned(tables: Tables, target: Target, model: str = "") -> Prediction:
    name = model or MODELS[target.task]
    return predict(Sample.of(tables, target, columns_of), name, LEARNERS[target.task][name])


def judged(tables: Tables, *predictions: Prediction | Failure) -> Scorecard:
    return Scorecard(tuple(truth(tables, list(predictions))))


def shuffled(frame: pd.DataFrame, site: str, columns: list[str]) -> pd.DataFrame:
    """Within a site everybody has somebody else's outcome, so that its rate stays."""
    changed, rng = frame.copy(), np.random.default_rng(0)
    rows = np.flatnonzero(frame["site"] == site)
    changed.loc[rows, columns] = frame.loc[rng.permutation(rows), columns].to_numpy()
    return changed.astype(frame.dtypes)


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    return learned(REAL_TABLES, BACK)


def test_figures_are_scikit_learns(prediction: Prediction) -> None:
    card = judged(REAL_TABLES, prediction)
    there = prediction.elsewhere
    for where, pick in {
        "all": lambda f: np.ones(len(f), dtype=bool),
        "sex=F": lambda f: (f["sex"] == "F").to_numpy(),
        "sex=M & site=B": lambda f: ((f["sex"] == "M") & (f["site"] == "B")).to_numpy(),
    }.items():
        real, synthetic = pick(HOLDOUT), pick(FRESH)
        score = card.one(metric="truth.auroc.difference", slice=where)
        on_real = roc_auc_score(prediction.y[real], prediction.real.values[real])
        assert score.baseline == pytest.approx(on_real)
        on_synthetic = roc_auc_score(there.y[synthetic], there.real.values[synthetic])
        assert score.value == pytest.approx(on_synthetic - on_real)
        assert (score.n, score.positives) == (real.sum(), prediction.y[real].sum())
        assert score.low < score.value < score.high


def test_every_task_has_its_figure() -> None:
    for target, metric in ((DIED, "c_index"), (COST, "r2")):
        prediction = learned(REAL_TABLES, target)
        score = judged(REAL_TABLES, prediction).one(
            metric=f"truth.{metric}.difference", slice="site=A"
        )
        assert score.status == "ok"
        if metric == "r2":
            there, mine = prediction.elsewhere, (FRESH["site"] == "A").to_numpy()
            assert score.value + score.baseline == pytest.approx(
                r2_score(there.y[mine], there.real.values[mine])
            )


@pytest.mark.parametrize(
    ("target", "columns", "site"),
    [(BACK, ["back"], "C"), (DIED, ["died", "days"], "B"), (COST, ["cost"], "C")],
)
def test_outcomes_shuffled_within_a_group_are_found(
    target: Target, columns: list[str], site: str
) -> None:
    """150 people suffice, but for a C-index of .65 on real people, of which no more than .15 can be lost."""
    tables = replace(REAL_TABLES, synthetic=shuffled(FRESH, site, columns))
    card = judged(tables, learned(tables, target))
    harmed = card.one(slice=f"site={site}")
    assert harmed.status == "ok"
    assert harmed.high < LIMIT
    for spared in {"A", "B", "C"} - {site}:
        score = card.one(slice=f"site={spared}")
        assert score.low < 0 < score.high


def test_the_learner_that_is_best_on_real_rows_is_asked(prediction: Prediction) -> None:
    rng = np.random.default_rng(0)
    blind = replace(
        prediction,
        model="blind",
        real=replace(prediction.real, values=rng.random(len(prediction.y))),
    )
    assert {s.model for s in judged(REAL_TABLES, blind, prediction)} == {"logistic"}


def test_too_few_synthetic_rows_or_events_are_no_evidence(prediction: Prediction) -> None:
    few = FRESH[(FRESH["site"] != "C") | (np.arange(len(FRESH)) % 2 == 0)].reset_index(drop=True)
    tables = replace(REAL_TABLES, synthetic=few)
    score = judged(tables, learned(tables, BACK)).one(slice="site=C")
    assert (score.status, score.value) == ("insufficient evidence", None)
    assert "synthetic rows, fewer than 100" in score.reason
    none = FRESH.copy()
    none.loc[none["site"] == "C", "back"] = "no"
    tables = replace(REAL_TABLES, synthetic=none)
    score = judged(tables, learned(tables, BACK)).one(slice="site=C")
    assert score.reason == "0 synthetic rows with the event, fewer than 20"


def test_a_learner_that_failed_is_told() -> None:
    (score,) = judged(REAL_TABLES, Failure(BACK, "logistic", "ValueError"))
    assert (score.metric, score.status) == ("truth.auroc.difference", "failed")


@pytest.mark.long
def test_fresh_people_raise_no_alarm() -> None:
    """0 lies in the interval of a small group in about 95 of 100 cases, and none is wholly below the limit."""
    inside, vetoed, runs = 0, 0, 150
    for run in range(runs):
        tables = Tables(TRAIN, people(2500, 1000 + run), people(2500, 5000 + run), SCHEMA, run)
        score = judged(tables, learned(tables, BACK)).one(slice="site=C")
        inside += score.low <= 0 <= score.high
        vetoed += score.high < LIMIT
    assert inside >= 0.9 * runs
    assert vetoed == 0
