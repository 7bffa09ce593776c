"""Fidelity on tables whose likeness is known, and the schema's own checks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.fidelity.sdmetrics import (
    diagnostic,
    impossible,
    lost_categories,
    plain,
    quality,
    sdv_columns,
)
from evaluators.score import Scorecard
from evaluators.tables import Tables
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from tests.evaluators.clinic import SCHEMA, people


@pytest.fixture(scope="module")
def real() -> pd.DataFrame:
    return people(600, 1)


def judged(synthetic: pd.DataFrame, real: pd.DataFrame) -> Tables:
    return Tables(people(600, 2), real, synthetic, SCHEMA)


def test_a_copy_of_the_holdout_is_perfect(real: pd.DataFrame) -> None:
    card = Scorecard(tuple(quality(judged(real, real)) + diagnostic(judged(real, real))))
    assert card.one(metric="quality").value == pytest.approx(1)
    assert card.one(metric="quality.column_pair_trends").value == pytest.approx(1)
    assert card.one(metric="diagnostic").value == pytest.approx(1)
    assert {(s.rows, s.visibility) for s in card} == {("holdout", "internal")}


def test_shuffled_columns_keep_shapes_and_lose_trends(real: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    shuffled = real.apply(lambda c: c.iloc[rng.permutation(len(c))].reset_index(drop=True))
    card = Scorecard(tuple(quality(judged(shuffled, real))))
    trends = card.one(metric="quality.column_pair_trends").value
    assert card.one(metric="quality.column_shapes").value == pytest.approx(1)
    assert trends is not None
    assert trends < 0.9
    worst = card.filter(metric="quality.pair").scores
    assert worst[0].value is not None
    assert worst == tuple(sorted(worst, key=lambda s: s.value or 0))


def test_the_worst_column_is_named_first(real: pd.DataFrame) -> None:
    synthetic = real.assign(sex="F")
    card = Scorecard(tuple(quality(judged(synthetic, real))))
    assert card.filter(metric="quality.column").scores[0].detail.startswith("sex ")


def test_special_values_are_a_column_of_their_own(real: pd.DataFrame) -> None:
    frame = plain(real, Codec(SCHEMA))
    assert set(frame) == set(sdv_columns(SCHEMA))
    assert frame["dose"].isna().equals(frame["dose (special)"] == "N")
    assert (frame["dose (special)"] == "N").equals(real["dose"] == "N")
    assert frame["marker"].isna().equals(real["marker"].isna())
    assert frame["seen"].dropna().between(14610, 18261).all()


def test_lost_categories_are_counted_and_named(real: pd.DataFrame) -> None:
    synthetic = real[(real["site"] != "C") & real["marker"].notna()].reset_index(drop=True)
    card = Scorecard(tuple(lost_categories(judged(synthetic, real))))
    by_column = {s.detail.split(":")[0]: s for s in card}
    assert by_column["site"].value == 1
    assert by_column["site"].detail == "site: C"
    assert by_column["marker"].detail == "marker: (missing)"
    assert by_column["sex"].value == 0


def test_a_long_list_of_lost_categories_is_cut(real: pd.DataFrame) -> None:
    names = [f"v{i}" for i in range(50)]
    schema = Schema.model_validate(
        {"name": "t", "columns": {"a": {"kind": "categorical", "categories": names}}}
    )
    every, one = pd.DataFrame({"a": names}), pd.DataFrame({"a": ["v0"]})
    (score,) = lost_categories(Tables(every, every, one, schema))
    assert score.value == 49
    assert score.detail.endswith("v20 and 29 more")


def test_impossible_rows_are_found_without_real_rows(real: pd.DataFrame) -> None:
    assert impossible(judged(real, real))[0].value == 0
    bad = real.copy()
    bad.loc[bad.index[:60], "dose"] = "N"
    bad.loc[bad.index[:60], "cost"] = 150.0
    score = impossible(judged(bad, real))[0]
    assert score.value == pytest.approx(0.1)
    assert (score.visibility, score.rows) == ("public", "none")
