"""Whatever the rows, models and regressions give figures or a named reason: never an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.inference.scores import inference
from evaluators.score import Scorecard
from evaluators.tables import Tables
from evaluators.utility.curves import km_distance
from evaluators.utility.draws import draws
from evaluators.utility.fairness import MAX_GROUPS, fairness
from evaluators.utility.predictions import predict_all
from evaluators.utility.rank import rank
from evaluators.utility.scores import utility
from privacy.schema.codec import Codec
from privacy.schema.columns import Categorical
from privacy.schema.schema import Schema
from tests.evaluators.clinic import SCHEMA, people
from tests.privacy.schema.random_schemas import schemas

TRAIN, HOLDOUT = people(150, 1), people(150, 2)
pytestmark = pytest.mark.usefixtures("learned_once", "small_models")
GRADED = SCHEMA.model_dump() | {
    "targets": [t.model_dump() for t in SCHEMA.targets] + [{"task": "multiclass", "column": "site"}]
}
FOUR = Schema.model_validate(GRADED)


def everything(tables: Tables) -> Scorecard:
    predictions = predict_all(tables)
    scores = [*utility(tables, predictions), *fairness(tables, predictions)]
    scores += [*draws(tables, predictions), *rank(tables), *km_distance(tables)]
    return Scorecard((*scores, *inference(tables)))


def constant(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[[0] * len(frame)].reset_index(drop=True)


HARMS: dict[str, Any] = {
    "no rows": lambda f: f.iloc[:0],
    "one row": lambda f: f.iloc[:1],
    "all the same": constant,
    "one class": lambda f: f.assign(back="no"),
    "no events": lambda f: f.assign(died="0"),
    "only events": lambda f: f.assign(died="1"),
    "time zero": lambda f: f.assign(days=pd.Series(0, index=f.index, dtype="Int64")),
    "features missing": lambda f: f.assign(marker=np.nan, seen=pd.NaT),
}


@pytest.mark.parametrize("where", ["train", "holdout", "synthetic"])
@pytest.mark.parametrize("harm", HARMS)
def test_a_harmed_table_gives_reasons(harm: str, where: str) -> None:
    frames = {"train": TRAIN, "holdout": HOLDOUT, "synthetic": people(150, 3)}
    frames[where] = HARMS[harm](frames[where])
    card = everything(Tables(**frames, schema=FOUR))
    failed = card.filter(lambda s: s.status == "failed")
    assert {s.reason for s in failed} <= {"the model did not converge"}, [*failed][:3]
    assert all(s.reason for s in card if s.status != "ok")
    if harm == "no rows":
        assert f"no {where} row has an outcome" in {s.reason for s in card}


def test_as_many_categories_as_a_schema_allows_are_named() -> None:
    names = [f"c{i}" for i in range(10_000)]
    wide = {"kind": "categorical", "categories": names}
    columns = {
        "code": wide,
        "x": {"kind": "integer", "bounds": [0, 9], "bins": 10},
        "y": {"kind": "categorical", "categories": ["0", "1"]},
    }
    targets = [
        {"task": "classification", "column": "y", "positive": ["1"]},
        {"task": "multiclass", "column": "code"},
    ]
    schema = Schema.model_validate(
        {"name": "wide", "columns": columns, "targets": targets, "subgroups": [{"column": "code"}]}
    )

    def rows(seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        return pd.DataFrame(
            {
                "code": rng.choice(names, 200),
                "x": pd.Series(rng.integers(0, 10, 200), dtype="Int64"),
                "y": rng.choice(["0", "1"], 200),
            }
        )

    tables = Tables(rows(1), rows(2), rows(3), schema)
    predictions = predict_all(tables)
    card = Scorecard((*utility(tables, predictions), *fairness(tables, predictions)))
    assert card.filter(metric="utility.auroc", target="y", status="ok")
    reasons = {s.reason for s in card.filter(target="code", status="insufficient evidence")}
    assert any("too many to learn" in reason for reason in reasons)
    assert len(names) > MAX_GROUPS


@st.composite
def judged(draw: st.DrawFn) -> tuple[Schema, int, tuple[int, ...]]:
    """A random schema with a target of every task that it has a column for, and three row counts."""
    schema = draw(schemas())
    targets: list[dict[str, Any]] = []
    for name, column in schema.columns.items():
        if isinstance(column, Categorical) and column.draws_children:
            continue  # what is drawn predicts nothing, and is refused
        if column.kind in ("categorical", "ordinal"):
            positive = [draw(st.sampled_from(column.categories))]  # type: ignore[union-attr]
            task = draw(st.sampled_from(["classification", "multiclass"]))
            given = {"positive": positive} if task == "classification" else {}
            targets.append({"task": task, "column": name} | given)
        elif column.kind != "datetime":
            targets.append({"task": "regression", "column": name})
    kept = draw(st.lists(st.sampled_from(targets), min_size=1, max_size=1)) if targets else []
    counts = draw(st.tuples(*[st.sampled_from([0, 1, 30, 150])] * 3))
    return (
        schema.model_copy(
            update={
                "targets": Schema.model_validate(schema.model_dump() | {"targets": kept}).targets
            }
        ),
        draw(st.integers(0, 99)),
        counts,
    )


@settings(max_examples=20)
@given(judged())
def test_any_schema_any_rows(case: tuple[Schema, int, tuple[int, ...]]) -> None:
    schema, seed, counts = case
    codec, rng = Codec(schema), np.random.default_rng(seed)
    frames = [
        codec.decode(
            pd.DataFrame({n: rng.integers(0, c.size, k) for n, c in codec.columns.items()}), rng
        )
        for k in counts
    ]
    card = everything(Tables(*frames, schema))
    failed = card.filter(lambda s: s.status == "failed")
    assert {s.reason for s in failed} <= {"the model did not converge"}, [*failed][:3]
    assert all(s.reason for s in card if s.status != "ok")
    named = {s.target for s in card}
    assert {t.name for t in schema.targets} <= named
