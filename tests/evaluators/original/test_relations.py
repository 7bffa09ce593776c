"""Relations: those that are there are found and counted, and none in independent columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.original.relations import found, relations
from evaluators.score import Score
from evaluators.tables import Tables
from privacy.schema.schema import Schema

SCHEMA = Schema.model_validate(
    {
        "name": "stays",
        "columns": {
            "admitted": {"kind": "datetime", "bounds": ["2010-01-01", "2020-12-31"], "bins": 5},
            "discharged": {"kind": "datetime", "bounds": ["2010-01-01", "2020-12-31"], "bins": 5},
            "stay": {"kind": "integer", "bounds": [0, 400], "bins": 5},
            "drugs": {"kind": "float", "bounds": [0, 500], "bins": 5, "decimals": 2},
            "tests": {"kind": "float", "bounds": [0, 500], "bins": 5, "decimals": 2},
            "cost": {"kind": "float", "bounds": [0, 999], "bins": 5, "decimals": 2},
            "town": {"kind": "categorical", "categories": [f"t{i}" for i in range(20)]},
            "county": {"kind": "categorical", "categories": ["x", "y", "z"]},
            "low": {"kind": "float", "bounds": [0, 300], "bins": 5, "missing": "keep"},
            "high": {"kind": "float", "bounds": [0, 300], "bins": 5, "missing": "keep"},
        },
    }
)


def stays(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    admitted = np.datetime64("2012-01-01", "s") + rng.integers(0, 700, n) * np.timedelta64(1, "D")
    stay, town = rng.integers(0, 300, n), rng.integers(0, 20, n)
    drugs, tests = (np.round(rng.uniform(1, 400, n), 2) for _ in range(2))
    low, gone = rng.uniform(40, 120, n), rng.random(n) < 0.1
    return pd.DataFrame(
        {
            "admitted": admitted,
            "discharged": admitted + stay * np.timedelta64(1, "D"),
            "stay": pd.Series(stay, dtype="Int64"),
            "drugs": drugs,
            "tests": tests,
            "cost": np.round(drugs + tests, 2),
            "town": [f"t{t}" for t in town],
            "county": np.array(["x", "y", "z"])[town % 3],
            "low": np.where(gone, np.nan, low),
            "high": np.where(gone, np.nan, low + rng.uniform(1, 60, n)),
        }
    )


def by_name(scores: list[Score]) -> dict[str, Score]:
    return {s.detail: s for s in scores}


def test_every_kind_is_found_and_fresh_people_keep_it() -> None:
    scores = by_name(relations(Tables(stays(2000, 1), stays(800, 2), stays(1000, 3), SCHEMA)))
    assert set(scores) == {
        "admitted <= discharged",
        "drugs < cost",
        "tests < cost",
        "low < high",
        "discharged = admitted + stay",
        "cost = drugs + tests",
        "town determines county",
        "low and high are missing together",
    }
    for score in scores.values():
        assert score.value == 0
        assert score.baseline == 0


def test_rows_that_break_it_are_counted() -> None:
    broken = stays(1000, 3)
    first = np.arange(1000) < 100
    swapped = broken.assign(
        admitted=broken["admitted"].where(~first, broken["discharged"] + np.timedelta64(9, "D")),
        cost=broken["cost"].where(~first, broken["cost"] + 0.01),
        county=broken["county"].where(~first, "x"),
        low=broken["low"].where(~first, np.nan),
    )
    scores = by_name(relations(Tables(stays(2000, 1), stays(800, 2), swapped, SCHEMA)))
    assert scores["admitted <= discharged"].value == pytest.approx(0.1)
    assert scores["cost = drugs + tests"].value == pytest.approx(0.1)
    wrong = (broken["county"][:100] != "x").sum() / 1000
    assert scores["town determines county"].value == pytest.approx(wrong)
    together = scores["low and high are missing together"]
    either = swapped["low"].isna() | swapped["high"].isna()
    one = swapped["low"].isna() != swapped["high"].isna()
    assert together.value == pytest.approx(one.sum() / either.sum())
    assert together.low is not None
    assert together.low > 0.2


@pytest.mark.parametrize("n", [120, 400, 3000])
@pytest.mark.parametrize("seed", range(4))
def test_none_is_found_among_independent_columns(n: int, seed: int) -> None:
    asked: dict[str, object] = {
        f"n{i}": {"kind": "integer", "bounds": [0, 1000], "bins": 5, "missing": "keep"}
        for i in range(12)
    }
    asked |= {f"f{i}": {"kind": "float", "bounds": [-99, 999], "bins": 5} for i in range(6)}
    asked |= {
        f"c{i}": {"kind": "categorical", "categories": [str(v) for v in range(40)]}
        for i in range(12)
    }
    schema = Schema.model_validate({"name": "t", "columns": asked})
    rng = np.random.default_rng(seed)

    def table(rows: int) -> pd.DataFrame:
        made: dict[str, object] = {}
        for i in range(12):  # some nearly constant, some with many values
            values = pd.Series(rng.poisson(0.05 * 2**i, rows), dtype="Int64")
            made[f"n{i}"] = values.where(rng.random(rows) > 0.02 * (i % 3))
            weight = 1 / np.arange(1, 41) ** (0.4 * i)
            made[f"c{i}"] = rng.choice(40, rows, p=weight / weight.sum()).astype(str)
        for i in range(6):
            made[f"f{i}"] = rng.normal(50 * i, 20, rows).clip(-99, 999)
        return pd.DataFrame(made)

    assert [r.says for r in found(Tables(table(n), table(n), table(n), schema))] == []


def test_an_order_that_follows_is_left_out() -> None:
    schema = Schema.model_validate(
        {
            "name": "t",
            "columns": {n: {"kind": "float", "bounds": [0, 9], "bins": 3} for n in ("a", "b", "c")},
        }
    )
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame(np.sort(rng.random((600, 3)), axis=1), columns=list("abc")) for _ in "123"
    ]
    assert {r.says for r in found(Tables(*frames, schema))} == {"a < b", "b < c"}


def test_too_few_rows_say_so() -> None:
    (score,) = relations(Tables(stays(50, 1), stays(800, 2), stays(100, 3), SCHEMA))
    assert score.reason == "50 people, fewer than 100"
