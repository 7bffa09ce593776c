"""Histories of odd tables: every score is there and says why it has no figure, and nothing fails."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from evaluators.histories.broken import broken
from evaluators.histories.learning import from_histories, of_patients
from evaluators.histories.scores import histories
from evaluators.score import Scorecard
from evaluators.tables import Tables
from privacy.schema.schema import Schema
from tests.evaluators.histories.visits import SCHEMA, flattened, people

TRAIN, HOLDOUT, FRESH = people(250, 1), people(250, 2), people(250, 3)
NOTHING: dict[str, Any] = {"targets": [], "subgroups": []}


def judged(
    train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema
) -> Scorecard:
    tables = Tables(train, holdout, synthetic, schema)
    metrics = (broken, histories, of_patients, from_histories)
    return Scorecard(tuple(s for metric in metrics for s in metric(tables)))


def schema_with(visits: dict[str, Any], columns: tuple[str, ...], **more: Any) -> Schema:
    given = SCHEMA.model_dump() | NOTHING | more
    given["columns"] = {n: c for n, c in given["columns"].items() if n in ("person", *columns)}
    return Schema.model_validate(given | {"visits": visits})


@pytest.mark.parametrize("role", range(3))
def test_an_empty_table_gives_no_figure(role: int) -> None:
    frames = [TRAIN, HOLDOUT, FRESH]
    frames[role] = frames[role].iloc[:0]
    card = judged(*frames, SCHEMA)
    assert not card.filter(status="failed")
    assert {s.status for s in card.filter(metric="histories.rows")} == {"insufficient evidence"}
    attack = card.one(metric="attack.membership.patient.strongest")
    assert attack.status == "insufficient evidence"


def test_a_few_people_give_no_figure() -> None:
    card = judged(TRAIN.head(30), HOLDOUT.head(30), FRESH.head(30), SCHEMA)
    assert not card.filter(status="failed")
    of_all = card.filter(lambda s: s.metric.startswith("histories.") and "broken" not in s.metric)
    assert {s.status for s in of_all if s.model != "majority"} == {"insufficient evidence"}


def test_real_people_with_one_row_each() -> None:
    card = judged(flattened(TRAIN), flattened(HOLDOUT), flattened(FRESH), SCHEMA)
    assert not card.filter(status="failed")
    assert (card.one(metric="histories.rows_excess", slice="all").value or 0) == 0
    assert card.one(metric="histories.gaps_excess", slice="all").status == "insufficient evidence"


def test_rows_in_the_order_of_the_file() -> None:
    card = judged(
        TRAIN, HOLDOUT, FRESH, schema_with({"constant": ["sex"]}, ("sex", "ward", "pain"))
    )
    assert not card.filter(status="failed")
    assert card.one(metric="histories.transitions_excess", slice="all").status == "ok"
    gaps = card.one(metric="histories.gaps_excess")
    assert gaps.reason == "the schema names no time that rows are in order by"


def test_nothing_varies_or_nothing_stays() -> None:
    same = judged(
        TRAIN, HOLDOUT, FRESH, schema_with({"constant": ["sex", "died"]}, ("sex", "died"))
    )
    assert {s.metric for s in same.filter(status="ok")} == {
        "histories.broken",
        "histories.broken_by_real",
        "histories.rows",
        "histories.rows_excess",
    }
    steps = same.one(metric="histories.transitions_excess")
    assert steps.reason == "no column varies from row to row"
    alone = judged(TRAIN, HOLDOUT, FRESH, schema_with({}, ("ward",)))
    assert alone.one(metric="histories.transitions_excess").status == "ok"


def test_an_order_by_categories_has_no_times() -> None:
    card = judged(TRAIN, HOLDOUT, FRESH, schema_with({"order": "stage"}, ("stage", "ward")))
    assert not card.filter(status="failed")
    assert card.one(metric="histories.gaps_excess").status == "insufficient evidence"
    assert card.one(metric="histories.broken").value == 0


def test_a_column_that_is_missing_in_every_row() -> None:
    gone = [
        f.assign(pain=pd.Series(pd.NA, index=f.index, dtype="Int64"))
        for f in (TRAIN, HOLDOUT, FRESH)
    ]
    card = judged(*gone, SCHEMA)
    assert not card.filter(status="failed")
    assert not card.filter(lambda s: s.detail.startswith("pain,"))
