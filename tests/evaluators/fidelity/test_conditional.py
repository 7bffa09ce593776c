"""Event rates by the values of every column, against groupby; planted harms are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.fidelity.conditional import COLUMN, VALUE, conditional
from evaluators.score import Scorecard
from evaluators.tables import Tables
from tests.evaluators.clinic import SCHEMA, people

TRAIN, HOLDOUT, SYNTHETIC = (people(3000, seed) for seed in (1, 2, 3))


def judged(synthetic: pd.DataFrame, holdout: pd.DataFrame = HOLDOUT) -> Scorecard:
    return Scorecard(tuple(conditional(Tables(TRAIN, holdout, synthetic, SCHEMA))))


def test_a_column_is_the_weighted_mean_of_its_values() -> None:
    (score,) = judged(SYNTHETIC).filter(lambda s: s.detail.startswith("site,"), target="back")
    rates = [(t["back"] == "yes").groupby(t["site"]).mean() for t in (HOLDOUT, SYNTHETIC, TRAIN)]
    share = HOLDOUT["site"].value_counts(normalize=True)
    for found, other in ((score.value, rates[1]), (score.baseline, rates[2])):
        assert found == pytest.approx(((other - rates[0]).abs() * share).sum())
    furthest = (rates[1] - rates[0]).abs().idxmax()
    assert score.detail == f"site, furthest at {furthest}"
    assert (score.n, score.positives) == (3000, (HOLDOUT["back"] == "yes").sum())


def test_targets_with_an_event_and_the_columns_that_may_predict_them() -> None:
    card = judged(SYNTHETIC)
    assert {s.target for s in card} == {t.name for t in SCHEMA.targets[:2]}
    columns = {s.detail.split(",")[0] for s in card.filter(metric=COLUMN, target="back")}
    assert columns == {"sex", "site", "age", "marker", "dose", "seen"}


def test_the_worst_value_is_named_with_an_interval() -> None:
    flipped = SYNTHETIC["back"].map({"yes": "no", "no": "yes"})
    synthetic = SYNTHETIC.assign(back=SYNTHETIC["back"].where(SYNTHETIC["dose"] != "N", flipped))
    worst = judged(synthetic).filter(metric=VALUE, target="back").scores
    by_name = {s.detail: s for s in worst}
    assert "dose=N" in by_name
    score = by_name["dose=N"]
    real = (HOLDOUT["back"] == "yes")[HOLDOUT["dose"] == "N"].mean()
    ours = (synthetic["back"] == "yes")[synthetic["dose"] == "N"].mean()
    assert score.value == pytest.approx(ours - real)
    assert score.baseline == pytest.approx(real)
    assert score.low is not None
    assert score.high is not None
    assert score.low < ours - real < score.high
    assert score.high < 0 or score.low > 0
    sizes = [abs(s.value or 0) for s in worst]
    assert sizes == sorted(sizes, reverse=True)


def test_few_people_give_no_evidence_and_units_count_once() -> None:
    small = judged(SYNTHETIC, HOLDOUT.iloc[:90])
    assert {s.status for s in small} == {"insufficient evidence"}
    assert "100 people" in small.scores[0].reason
    repeated = HOLDOUT.iloc[np.repeat(np.arange(90), 5)].reset_index(drop=True)
    assert {s.status for s in judged(SYNTHETIC, repeated)} == {"insufficient evidence"}
    empty = judged(SYNTHETIC.iloc[:0])
    assert {s.status for s in empty} == {"insufficient evidence"}
    assert not empty.filter(metric=VALUE)
