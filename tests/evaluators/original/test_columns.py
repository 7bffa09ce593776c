"""Columns on their original values, against scipy and counts by hand; chance by simulation; planted harms."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from evaluators.original.chance import (
    design_effect,
    kolmogorov,
    missing,
    of_kolmogorov,
    of_missing,
    of_variation,
    variation,
)
from evaluators.original.columns import columns
from evaluators.original.numbers import (
    cells,
    coarsened,
    decimals,
    heap,
    spread_of,
    tails,
    wasserstein,
)
from evaluators.score import Score
from evaluators.tables import Tables
from privacy.domain import map_undeclared
from privacy.schema.schema import Schema
from tests.evaluators.clinic import SCHEMA, people


def schema(**columns: Any) -> Schema:
    return Schema.model_validate({"name": "t", "columns": columns})


def one(found: list[Score], metric: str, column: str) -> Score:
    return next(s for s in found if s.metric == metric and re.split("[:; ]", s.detail)[0] == column)


def test_distances_are_scipys() -> None:
    rng = np.random.default_rng(0)
    for ours in (rng.normal(0.3, 2, 700), np.round(rng.normal(0, 1, 300), 1), np.zeros(200)):
        real = np.round(rng.normal(size=500), 1)
        c = cells(real, ours)
        assert kolmogorov(c.real, c.ours) == pytest.approx(ks_2samp(real, ours).statistic)
        assert wasserstein(c) == pytest.approx(wasserstein_distance(real, ours))
        quantile = [
            np.quantile(t, [0.01, 0.1, 0.9, 0.99], method="inverted_cdf") for t in (real, ours)
        ]
        assert tails(c) == pytest.approx(np.abs(quantile[0] - quantile[1]).max())


def test_coarse_cells_hold_all_rows_and_nearly_the_distance() -> None:
    rng = np.random.default_rng(0)
    fine = cells(rng.normal(size=4000), rng.normal(0.2, 1, 4000))
    coarse = coarsened(fine)
    assert len(coarse.values) <= 256
    assert (coarse.real.sum(), coarse.ours.sum()) == (4000, 4000)
    assert kolmogorov(coarse.real, coarse.ours) == pytest.approx(
        float(kolmogorov(fine.real, fine.ours)), abs=0.01
    )


def test_figures_of_a_table_are_counts_by_hand() -> None:
    """Lost: 30 of 100 people say c; half of the numbers at 0 moved; all thirds have more decimals."""
    asked = schema(
        code={"kind": "categorical", "categories": ["a", "b", "c"]},
        x={"kind": "float", "bounds": [0, 10], "bins": 5},
    )
    real = pd.DataFrame(
        {"code": ["a"] * 50 + ["b"] * 20 + ["c"] * 30, "x": [0.0] * 40 + [2.5] * 60}
    )
    ours = pd.DataFrame(
        {"code": ["a"] * 150 + ["b"] * 50, "x": [0.0] * 40 + [1 / 3] * 40 + [2.5] * 120}
    )
    found = columns(Tables(real, real, ours, asked))
    assert one(found, "column.tv", "code").value == pytest.approx(0.3)
    lost = one(found, "column.lost_share", "code")
    assert lost.value == pytest.approx(0.3)
    assert lost.baseline == 0
    assert "1 of 3 categories have no synthetic row, the commonest 'c' (30.00% of" in lost.detail
    spikes = one(found, "column.spikes", "x")
    assert spikes.value == pytest.approx(0.2)
    assert "0: 40.0% of real rows, 20.0% of synthetic" in spikes.detail
    assert one(found, "column.decimals", "x").value == pytest.approx(0.2)
    assert one(found, "column.ks", "x").value == pytest.approx(0.2)
    scale = spread_of(real["x"].to_numpy())
    assert scale == 2.5
    assert one(found, "column.wasserstein", "x").value == pytest.approx(0.2 / 3 / scale)


def test_original_codes_are_looked_at_where_they_became_other() -> None:
    """400 codes of which the noisy choice kept 5: the mapped tables agree, the originals do not."""
    rng = np.random.default_rng(0)
    names = [f"c{i}" for i in range(400)]
    original = [pd.DataFrame({"code": rng.choice(names, 4000)}) for _ in range(2)]
    kept = [*names[:5], "other"]
    asked = schema(code={"kind": "categorical", "categories": kept, "other": "other"})
    mapped = [f.where(f.isin(kept), "other") for f in original]
    synthetic = mapped[0].sample(frac=1.0, random_state=0)
    blind = columns(Tables(*mapped, synthetic, asked))
    assert one(blind, "column.lost_share", "code").value == 0
    by_role = dict(zip(("train", "holdout"), original, strict=True))
    found = columns(Tables(*mapped, synthetic, asked, originals=by_role))
    lost = one(found, "column.lost_share", "code")
    assert lost.value is not None
    assert lost.value > 0.97
    assert "395 of 400 categories have no synthetic row" in lost.detail
    assert "98% of the synthetic rows say 'other', 0% of the real ones" in lost.detail
    excess = next(s for s in found if s.metric == "column.tv_excess")
    assert excess.low is not None
    assert excess.low > 0.6
    assert excess.baseline == pytest.approx(0, abs=0.03)


def test_codes_of_a_hierarchy_are_held_against_what_stands_for_them() -> None:
    """Of each five codes two are named, two stand as their parent, and one has no named ancestor: lost."""
    rng = np.random.default_rng(0)
    names = ["A1.1", "A1.2", "A2.1", "A2.2", "B1.1"]
    original = [pd.DataFrame({"code": rng.choice(names, 4000)}) for _ in range(2)]
    asked = schema(
        code={
            "kind": "categorical",
            "categories": ["A1.1", "A1.2", "A2", "other"],
            "other": "other",
            "hierarchy": {"prefixes": [2, 1]},
        }
    )
    mapped = [map_undeclared(f, asked) for f in original]
    by_role = dict(zip(("train", "holdout"), original, strict=True))
    found = columns(Tables(*mapped, mapped[0].copy(), asked, originals=by_role))
    lost = one(found, "column.lost_share", "code")
    share = float((original[1]["code"] == "B1.1").mean())
    assert lost.value == pytest.approx(share)
    assert "1 of 4 categories have no synthetic row, the commonest 'B1.1'" in lost.detail
    parents = float(original[1]["code"].str.startswith("A2").mean())
    assert f"; {parents:.1%} of real rows hold a code that stands as its parent" in lost.detail


@pytest.mark.parametrize("n", [100, 1000])
def test_few_rows_lose_rare_categories_by_chance_alone(n: int) -> None:
    """Of 300 fresh releases of many rare codes 2.5 %, at most, lose more than chance explains."""
    rng = np.random.default_rng(7)
    beyond = 0
    for _ in range(300):
        real, ours = (np.bincount(zipf(rng, m), minlength=400) for m in (500, n))
        beyond += of_missing(real, ours, rng).beyond(float(missing(real, ours)))[1] > 0
    assert beyond <= 15
    ours[20:] = 0  # all but the twenty commonest are gone
    shown = of_missing(real, ours, rng).beyond(float(missing(real, ours)))[1] > 0.1
    assert shown == (n == 1000)  # with a hundred rows it cannot be told from chance


def zipf(rng: np.random.Generator, n: int) -> np.ndarray:
    weight = 1 / np.arange(1, 401)
    return rng.choice(400, n, p=weight / weight.sum())


DRAWS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "400 categories": zipf,
    "5 categories": lambda rng, n: rng.choice(5, n, p=[0.5, 0.3, 0.1, 0.08, 0.02]),
    "ages": lambda rng, n: rng.integers(20, 90, n),
    "normal": lambda rng, n: rng.normal(size=n),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("n", [200, 1000])
def test_fresh_samples_are_rarely_beyond_chance(name: str, n: int) -> None:
    """In 2.5 % of pairs at most, that is 3 of 120; as good as never in 7."""
    rng, beyond, centre = np.random.default_rng(1), 0, []
    distance, chance = (
        (variation, of_variation) if "categories" in name else (kolmogorov, of_kolmogorov)
    )
    for _ in range(120):
        c = cells(DRAWS[name](rng, n), DRAWS[name](rng, n))
        value, low, high = chance(c.real, c.ours, rng).beyond(float(distance(c.real, c.ours)))
        assert low < value < high
        beyond += low > 0
        centre.append(value)
    assert beyond <= 6
    assert np.mean(centre) == pytest.approx(0, abs=0.15 / np.sqrt(n))


def test_the_low_end_is_below_the_true_distance() -> None:
    """Two of five categories swapped: the true total variation is .2."""
    rng = np.random.default_rng(0)
    p, q = np.array([0.5, 0.3, 0.1, 0.08, 0.02]), np.array([0.3, 0.5, 0.1, 0.08, 0.02])
    lows = []
    for _ in range(100):
        a, b = rng.multinomial(2000, p), rng.multinomial(2000, q)
        lows.append(of_variation(a, b, rng).beyond(float(variation(a, b)))[1])
    assert np.mean(np.array(lows) <= 0.2) >= 0.97
    assert np.mean(lows) > 0.15


def test_the_design_effect_is_that_of_people_drawn() -> None:
    rng = np.random.default_rng(0)
    assert design_effect(rng.integers(0, 3, 50), np.arange(50)) == 1
    unit = np.repeat(np.arange(300), 4)
    assert design_effect(rng.integers(0, 3, 300)[unit], unit) == pytest.approx(4)
    assert design_effect(rng.integers(0, 3, 1200), unit) == pytest.approx(1, abs=0.2)


def test_people_of_several_rows_are_not_beyond_chance() -> None:
    """Four rows alike of each person: with rows taken for people every other column would be off."""
    asked = schema(
        person={"kind": "identifier"},
        code={"kind": "categorical", "categories": [f"c{i}" for i in range(20)]},
        x={"kind": "float", "bounds": [-9, 9], "bins": 5},
    ).model_copy(update={"unit": "person", "max_rows_per_unit": 4})

    def table(rng: np.random.Generator) -> pd.DataFrame:
        code, x = rng.integers(0, 20, 200), rng.normal(size=200)
        frame = pd.DataFrame({"code": [f"c{c}" for c in code], "x": x, "person": np.arange(200)})
        return frame.loc[np.repeat(frame.index, 4)].reset_index(drop=True).astype({"person": str})

    rng, off = np.random.default_rng(0), 0
    for _ in range(20):
        found = columns(Tables(table(rng), table(rng), table(rng), asked))
        off += sum((s.low or 0) > 0 for s in found if s.metric.endswith("_excess"))
    assert off <= 3


def test_smeared_spikes_and_heaps_show_and_fresh_people_pass() -> None:
    asked = schema(hours={"kind": "float", "bounds": [0, 100], "bins": 10})
    rng = np.random.default_rng(0)

    def fresh() -> pd.DataFrame:
        some = np.where(rng.random(2000) < 0.5, 40, 5 * rng.integers(4, 16, 2000))
        return pd.DataFrame(
            {"hours": np.where(rng.random(2000) < 0.1, some + 1, some).astype(float)}
        )

    train, holdout, good = fresh(), fresh(), fresh()
    smeared = pd.DataFrame({"hours": good["hours"] + rng.uniform(-2, 2, 2000)})
    calm = columns(Tables(train, holdout, good, asked))
    loud = columns(Tables(train, holdout, smeared, asked))
    for metric, least in (("spikes", 0.4), ("decimals", 0.9), ("multiples", 0.8)):
        low = one(loud, f"column.{metric}", "hours").low
        assert low is not None
        assert low > least
        value = one(calm, f"column.{metric}", "hours").value
        assert value is not None
        assert value < 0.06
    excess = one(loud, "column.ks_excess", "hours").low
    assert excess is not None
    assert excess > 0.1


def test_decimals_and_heaps() -> None:
    assert decimals(np.array([3.0, 0.1, 2.25, 1 / 3])).tolist() == [0, 1, 2, 9]
    rng = np.random.default_rng(0)
    assert heap(rng.integers(20, 90, 5000).astype(float)) is None
    assert heap(5.0 * rng.integers(1, 30, 5000)) == 5
    assert heap(np.round(rng.normal(5, 1, 5000), 1)) is None


def test_special_and_missing_values_are_categories() -> None:
    train, holdout, synthetic = (people(1000, seed) for seed in (1, 2, 3))
    none = synthetic.assign(dose=pd.Series([5] * 1000, dtype=object), marker=0.5)
    found = columns(Tables(train, holdout, none, SCHEMA))
    share = float((holdout["dose"] == "N").mean())
    assert one(found, "column.lost_share", "dose").value == pytest.approx(share)
    assert one(found, "column.tv", "dose").value == pytest.approx(share)
    missing = float(holdout["marker"].isna().mean())
    assert one(found, "column.lost_share", "marker").value == pytest.approx(missing)


def test_without_rows_or_people_it_says_why() -> None:
    frame = people(400, 1)
    for tables, reason in (
        (Tables(frame, frame, frame.iloc[:0], SCHEMA), "the synthetic table has no rows"),
        (Tables(frame, frame.iloc[:50], frame, SCHEMA), "50 people, fewer than 100"),
    ):
        assert {s.reason for s in columns(tables)} == {reason}


def test_a_stay_of_weeks_is_found_though_both_its_days_are_distributed_alike() -> None:
    day = {"kind": "datetime", "bounds": ["2020-01-01", "2025-01-01"], "bins": 5}
    stays = Schema.model_validate(
        {
            "name": "t",
            "columns": {"begin": day, "end": day},
            "relations": [{"order": ["begin", "end"]}],
        }
    )

    def made(seed: int, longest: int, n: int = 2000) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        begin = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1700, n), unit="D")
        return pd.DataFrame(
            {"begin": begin, "end": begin + pd.to_timedelta(rng.integers(0, longest, n), unit="D")}
        )

    train, holdout = made(0, 5), made(1, 5)
    for longest, least, most in ((5, 0.0, 0.03), (40, 0.7, 1.0)):
        found = columns(Tables(train, holdout, made(2, longest), stays))
        off = {s.detail: s.value for s in found if s.metric == "column.ks_excess"}
        assert off["begin"] < 0.05 > off["end"]
        assert least <= off["end - begin"] <= most
