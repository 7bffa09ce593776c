"""k-marginal: its algebra, a brute-force version, the subsample reading, and NIST's own figures."""

from __future__ import annotations

import importlib.util
import os
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdmetrics.column_pairs import ContingencySimilarity

from evaluators.fidelity.kmarginal import (
    FRACTIONS,
    REPEATS,
    column_sets,
    equals_percent,
    k_marginal_scores,
    score_tables,
    subsample_scores,
)
from evaluators.score import Scorecard
from evaluators.tables import Tables
from tests.evaluators.clinic import SCHEMA, people

COLUMNS = ("a", "b", "c")
SIZES = {"a": 2, "b": 3, "c": 4}


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(1, 30))
    columns = {
        c: draw(st.lists(st.integers(0, SIZES[c] - 1), min_size=n, max_size=n)) for c in COLUMNS
    }
    return pd.DataFrame(columns)


def score(real: pd.DataFrame, other: pd.DataFrame, k: int) -> float:
    return float(score_tables(real, [other], list(combinations(COLUMNS, k)), SIZES)[0])


@given(tables(), tables(), st.integers(1, 3))
def test_symmetric_bounded_and_brute_force(a: pd.DataFrame, b: pd.DataFrame, k: int) -> None:
    found = score(a, b, k)
    assert found == pytest.approx(score(b, a, k))
    assert -1e-9 <= found <= 1000 + 1e-9
    distances = []
    for columns in combinations(COLUMNS, k):
        x, y = (t.groupby(list(columns)).size() / len(t) for t in (a, b))
        distances.append(x.subtract(y, fill_value=0).abs().sum())
    assert found == pytest.approx(1000 * (1 - np.mean(distances) / 2))


def test_a_pair_scores_as_sdmetrics_contingency_similarity() -> None:
    rng = np.random.default_rng(0)
    a, b = (
        pd.DataFrame({"a": rng.integers(0, 2, n), "b": rng.integers(0, 3, n)}) for n in (50, 80)
    )
    expected = ContingencySimilarity.compute(a.astype(str), b.astype(str))
    assert score_tables(a, [b], [("a", "b")], SIZES)[0] == pytest.approx(1000 * expected)


@given(tables(), st.integers(1, 3), st.integers(1, 3))
def test_identical_tables_score_1000(a: pd.DataFrame, k: int, times: int) -> None:
    assert score(a, pd.concat([a] * times), k) == pytest.approx(1000)


@given(tables(), st.integers(1, 3))
def test_disjoint_tables_score_0(a: pd.DataFrame, k: int) -> None:
    other = a + pd.Series(SIZES)
    sizes = {c: 2 * s for c, s in SIZES.items()}
    assert score_tables(a, [other], [tuple(COLUMNS[:k])], sizes)[0] == pytest.approx(0)


@given(tables())
def test_larger_sets_never_score_higher(a: pd.DataFrame) -> None:
    b = a.assign(b=0)
    pair = score_tables(a, [b], [("a", "b")], SIZES)[0]
    assert score_tables(a, [b], [COLUMNS], SIZES)[0] <= pair + 1e-9


def test_an_empty_table_is_refused() -> None:
    a = pd.DataFrame({"a": [0], "b": [0], "c": [0]})
    with pytest.raises(ValueError, match="without rows"):
        score_tables(a, [a.iloc[:0]], [("a", "b")], SIZES)


def test_column_sets_are_all_or_a_fixed_choice() -> None:
    def rng() -> np.random.Generator:
        return np.random.default_rng(3)

    assert len(column_sets(COLUMNS, 2, rng(), limit=3)) == 3
    assert column_sets(("a",), 2, rng(), limit=1) == [("a",)]
    many = [f"x{i}" for i in range(30)]
    chosen = column_sets(many, 2, rng(), limit=20)
    assert chosen == column_sets(many, 2, rng(), limit=20)
    assert len(set(chosen)) == 20


@given(st.lists(st.floats(0, 1000), min_size=36, max_size=36), st.floats(0, 1000), st.floats(0, 50))
def test_the_reading_grows_with_the_score(
    reference: list[float], value: float, more: float
) -> None:
    assert len(reference) == len(FRACTIONS) * REPEATS
    low, high = (equals_percent(v, np.array(reference)) for v in (value, min(1000, value + more)))
    assert 0 <= low <= high <= 100


def test_a_subsample_reads_as_itself() -> None:
    """A fresh 30 % subsample of 4,000 rows reads as 30 %, give or take 5."""
    rng = np.random.default_rng(0)
    real = pd.DataFrame({c: rng.integers(0, SIZES[c], 4000) for c in COLUMNS})
    real["b"] = (real["a"] + real["b"]) % 3
    sets = list(combinations(COLUMNS, 2))
    fresh = [real.iloc[rng.choice(4000, size=1200, replace=False)] for _ in range(20)]
    reference = subsample_scores(real, sets, SIZES, rng)
    readings = [equals_percent(f, reference) for f in score_tables(real, fresh, sets, SIZES)]
    assert np.mean(readings) == pytest.approx(30, abs=5)


def test_beginnings_of_a_random_order_score_as_fresh_subsamples() -> None:
    rng = np.random.default_rng(0)
    real = pd.DataFrame({c: rng.integers(0, SIZES[c], 500) for c in COLUMNS})
    sets = list(combinations(COLUMNS, 2))
    ours = np.mean([subsample_scores(real, sets, SIZES, rng) for _ in range(100)], axis=0)
    ours = ours.reshape(len(FRACTIONS), REPEATS).mean(axis=1)
    for place in (0, 2, 5, 11):
        size = round(FRACTIONS[place] * 500)
        fresh = [real.iloc[rng.choice(500, size=size, replace=False)] for _ in range(300)]
        found = score_tables(real, fresh, sets, SIZES)
        error = found.std() * np.sqrt(1 / 300 + 1 / (100 * REPEATS))
        assert ours[place] == pytest.approx(found.mean(), abs=4 * error)


def test_the_worst_sets_are_named_for_everyone_and_in_the_worst_groups() -> None:
    train, holdout, synthetic = people(3000, 1), people(3000, 2), people(3000, 3)
    women = synthetic.index[synthetic["sex"] == "F"]
    synthetic.loc[women, "back"] = synthetic.loc[women[::-1], "back"].to_numpy()
    synthetic.loc[women, "died"] = synthetic.loc[women, "back"].map({"yes": "0", "no": "1"})
    card = Scorecard(tuple(k_marginal_scores(Tables(train, holdout, synthetic, SCHEMA), 2)))
    worst = card.filter(metric="kmarginal.2.worst", slice="all").scores
    assert len(worst) == 10
    assert "back × died" in {s.detail for s in worst[:2]}
    assert worst[0].value is not None
    assert worst[0].baseline is not None
    assert worst[0].value < worst[0].baseline - 50
    groups = card.filter(metric="kmarginal.2.worst", order=1).scores
    assert groups[0].slice == "sex=F"
    assert groups[0].detail == "back × died"
    assert len({s.slice for s in groups}) <= 3


def test_one_to_four_columns() -> None:
    train, holdout = people(400, 1), people(400, 2)
    tables = Tables(train, holdout, people(400, 3), SCHEMA)
    found = [Scorecard(tuple(k_marginal_scores(tables, k))) for k in (1, 2, 3, 4)]
    values = [
        card.one(metric=f"kmarginal.{k}", slice="all", rows="holdout").value
        for k, card in enumerate(found, 1)
    ]
    assert values == sorted(values, reverse=True)  # type: ignore[type-var]


def test_scores_say_on_which_rows_and_for_whom() -> None:
    train, holdout, synthetic = (people(n, s) for n, s in ((900, 1), (600, 2), (900, 3)))
    card = Scorecard(tuple(k_marginal_scores(Tables(train, holdout, synthetic, SCHEMA), 2)))
    overall = card.one(metric="kmarginal.2", slice="all", rows="holdout")
    assert overall.baseline is not None
    assert overall.value == pytest.approx(overall.baseline, abs=15)
    assert card.one(metric="kmarginal.2", slice="all", rows="train").baseline is None
    small = card.one(metric="kmarginal.2", slice="site=C")
    assert small.status == "insufficient evidence"
    assert not card.filter(slice="site=D")
    reading = card.one(metric="kmarginal.2.subsample", slice="sex=F")
    assert reading.value == pytest.approx(50, abs=15)
    assert {s.visibility for s in card} == {"internal"}


def test_a_group_without_synthetic_rows_is_insufficient() -> None:
    train, holdout, synthetic = people(900, 1), people(600, 2), people(900, 3)
    synthetic = synthetic[synthetic["sex"] == "F"].reset_index(drop=True)
    card = Scorecard(tuple(k_marginal_scores(Tables(train, holdout, synthetic, SCHEMA), 2)))
    assert card.one(metric="kmarginal.2", slice="sex=M").status == "insufficient evidence"


def nist() -> Any:
    path = Path(__file__).parents[3] / "benchmarks" / "kmarginal_nist.py"
    spec = importlib.util.spec_from_file_location("kmarginal_nist", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nist_bins_are_closed_above_and_keep_not_applicable_apart() -> None:
    real = np.array([*range(1, 101), -np.inf], dtype=float)
    synthetic = np.array([0.0, 1.0, 50.0, 100.0, 120.0, -np.inf])
    of_real, of_synthetic = nist().percentile_bins(real, synthetic)
    assert np.isneginf(of_real[-1])
    assert np.isneginf(of_synthetic[-1])
    # 20, less one for N and one for each end, and one that only the real minimum fills
    assert len(np.unique(of_real[:-1])) == 18
    assert of_synthetic[0] == of_synthetic[1]
    assert of_synthetic[4] == of_real[99] + 1


if "UNDERSTUDY_DATA" in os.environ:
    DATA = Path(os.environ["UNDERSTUDY_DATA"]) / "sdnist"

    @pytest.mark.parametrize(("release", "published"), [("aim_e_10_all", 710), ("mwem_pgm", 827)])
    def test_nist_published_scores(release: str, published: int) -> None:
        module = nist()
        real = module.read(DATA / "national2019.csv.gz")
        synthetic = module.read(DATA / "releases" / f"{release}.csv.gz")[list(real)]
        a, b, sizes = module.codes(real, synthetic, 52864.7)
        sets = [("PUMA", *p) for p in combinations(sorted(set(real) - {"PUMA"}), 2)]
        assert int(score_tables(a, [b], sets, sizes)[0]) == published
