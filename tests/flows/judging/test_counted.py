"""Whoever has more rows than count: real people are cut as for a release, and fresh ones pass."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evaluators.histories.broken import broken
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from flows.frames.written import texts
from flows.judging.counted import BEYOND
from flows.judging.judgement import Case, Material, prepare
from tests.flows.made_histories import SCHEMA, made

K = 3
SCHEMA_OF_FEWER = SCHEMA.model_copy(update={"max_rows_per_unit": K})


def material(folder: Path, synthetic: pd.DataFrame) -> Material:
    (folder / "schema.yaml").write_text(SCHEMA_OF_FEWER.to_yaml())
    tables = {"real": made(300, 1), "holdout": made(200, 2), "synthetic": synthetic}
    for name, frame in tables.items():
        written = texts(frame, SCHEMA)
        written["patient"] = name + written["patient"]
        written.to_csv(folder / f"{name}.csv", index=False)
    real, holdout, other = ((folder / f"{name}.csv",) for name in tables)
    return prepare(Case(folder / "schema.yaml", real, other, holdout))


def whole(found: Material) -> Score:
    """The share of synthetic people whose history is none."""
    tables = Tables(found.train, found.holdout, found.synthetic[0], found.schema, seed=0)
    (score,) = (s for s in broken(tables) if s.metric == "histories.broken")
    return score


def sizes(frame: pd.DataFrame) -> pd.Series:
    return frame.groupby("patient").size()


def test_fresh_people_are_judged_by_the_rows_that_count(tmp_path: Path) -> None:
    """Two in five have four rows or five; nobody has more than three after the cut, and none is broken."""
    found = material(tmp_path, made(300, 3))
    for frame in (found.train, found.holdout, *found.synthetic):
        assert sizes(frame).max() == K
    (score,) = Scorecard(found.found).filter(metric=BEYOND)
    assert score.value == pytest.approx(0.4, abs=0.1)
    assert score.baseline == pytest.approx(0.4, abs=0.1)
    assert "left out of both" in found.reading
    assert whole(found).value == 0


def test_a_table_with_longer_histories_than_real_people_have_breaks_the_bound(
    tmp_path: Path,
) -> None:
    longer = made(600, 3)
    longer = longer[longer["patient"].map(sizes(longer)) > K]
    found = material(tmp_path, longer)
    assert sizes(found.train).max() == K
    assert sizes(found.synthetic[0]).min() > K
    assert "left out of real ones alone" in found.reading
    assert whole(found).value == 1
    assert f"more than {K} rows" in whole(found).detail


def test_a_table_that_keeps_the_bound_loses_nothing_where_real_people_do(tmp_path: Path) -> None:
    few = made(300, 3)
    few = few[few["visit"] <= K]
    found = material(tmp_path, few)
    (score,) = Scorecard(found.found).filter(metric=BEYOND)
    assert score.value == 0
    assert sizes(found.synthetic[0]).max() == K
