"""SDMetrics on people and rows: what one table does not show, and that its two tables are the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.fidelity.sdmetrics import plain
from evaluators.histories import two_tables
from evaluators.histories.two_tables import ROWS, UNITS, constant, metadata, parted, quality_of_two
from evaluators.score import Scorecard
from evaluators.tables import Tables
from privacy.schema.schema import Schema
from tests.evaluators.histories.visits import SCHEMA, people

REAL = people(400, 2)


def judged(synthetic: pd.DataFrame, schema: Schema = SCHEMA) -> Tables:
    return Tables(people(400, 1), REAL, synthetic, schema)


def figures(synthetic: pd.DataFrame) -> dict[str, float | None]:
    card = Scorecard(tuple(quality_of_two(judged(synthetic))))
    assert {(s.rows, s.visibility) for s in card} == {("holdout", "internal")}
    return {s.metric: s.value for s in card if not s.detail}


def test_a_copy_of_the_holdout_is_perfect() -> None:
    shuffled = REAL.iloc[np.random.default_rng(0).permutation(len(REAL))].reset_index(drop=True)
    assert list(figures(shuffled).values()) == pytest.approx([1] * 5)


def test_rows_dealt_to_others_keep_all_but_what_ties_both_tables() -> None:
    """Whole rows without what is constant go to somebody else."""
    rng, of_row = np.random.default_rng(0), [n for n in REAL if n not in ("person", "sex", "died")]
    dealt = REAL[of_row].iloc[rng.permutation(len(REAL))].reset_index(drop=True)
    found, fresh = figures(REAL.assign(**dealt)), figures(people(400, 3))
    of = "quality.tables."
    assert found[f"{of}column_shapes"] == pytest.approx(1)
    assert found[f"{of}column_pair_trends"] == pytest.approx(1)
    assert found[f"{of}cardinality"] == pytest.approx(1)
    between, chance = found[f"{of}intertable_trends"], fresh[f"{of}intertable_trends"]
    assert between is not None
    assert chance is not None
    assert between < chance - 0.02


def test_too_few_rows_of_a_person_show_in_their_number_alone() -> None:
    first = REAL[~REAL["person"].duplicated()].reset_index(drop=True)
    found = figures(first)
    number = found["quality.tables.cardinality"]
    assert number is not None
    assert number < 0.5


def test_both_tables_are_the_rows() -> None:
    tables = judged(people(400, 3))
    both = parted(tables, "synthetic")
    assert set(both[UNITS].columns) == {"person", "sex", "died"}
    assert both[UNITS]["person"].is_unique
    joined = both[ROWS].merge(both[UNITS], on="person", validate="many_to_one")
    whole = plain(tables.synthetic, tables.codec)
    pd.testing.assert_frame_equal(joined[list(whole)], whole, check_dtype=False)
    said = metadata(SCHEMA)["tables"]
    assert {name: set(table) for name, table in both.items()} == {
        name: set(said[name]["columns"]) for name in both
    }


def test_special_values_go_with_their_column() -> None:
    written = SCHEMA.model_dump(mode="json", exclude_defaults=True)
    written["columns"]["birth"] = {
        "kind": "integer",
        "bounds": [1900, 2000],
        "bins": 10,
        "special": ["unknown"],
    }
    written["visits"]["constant"].append("birth")
    assert constant(Schema.model_validate(written)) == ["sex", "died", "birth", "birth (special)"]


def test_of_many_rows_whole_people_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_tables, "MAX_ROWS", 200)
    both = parted(judged(REAL), "holdout")
    assert 150 < len(both[ROWS]) <= 200
    real = REAL.groupby("person").size().value_counts(normalize=True)
    kept = both[ROWS].groupby("person").size()
    assert set(kept.index) == set(both[UNITS]["person"])
    assert set(kept) <= set(real.index)


def test_without_visits_there_is_nothing_and_without_rows_a_reason() -> None:
    assert quality_of_two(judged(REAL, SCHEMA.model_copy(update={"visits": None}))) == []
    (score,) = quality_of_two(judged(REAL.iloc[:0]))
    assert (score.metric, score.status) == ("quality.tables", "insufficient evidence")
    assert score.reason == "no synthetic row to compare"
