"""Believable records: what is smeared shows, what is kept does not; a run that stands is not repeated."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import records
from rows import made_up, people
from rows.figures import as_numbers, numeric, of_column, summed_up
from rows.telling import auroc, features

from privacy.reading.conform import conform
from privacy.schema.schema import Schema

ROWS = 2000


@pytest.fixture(scope="module")
def stays() -> pd.DataFrame:
    frame, findings = conform(made_up.texts(np.random.default_rng(0)), made_up.SCHEMA)
    assert [str(f) for f in findings] == []  # nothing refused, nothing clamped
    return frame


def test_made_up_stays_are_as_described(stays):
    cost, nights = (stays[n].to_numpy(dtype=float) for n in ("cost", "nights"))
    assert abs((cost == 0).mean() - 0.79) < 0.02
    assert abs((nights == 0).mean() - 0.69) < 0.02
    assert np.quantile(nights, 0.99) > 100
    assert (cost == cost.round(2)).all()
    assert (cost != cost.round(1)).mean() > 0.15
    assert (stays["height"] % 5 == 0).all()
    for name in ("haemoglobin", "crp"):
        halves = 2 * stays[name].to_numpy(dtype=float)
        assert 0.55 < (halves == halves.round()).mean() < 0.65
    firsts = (stays["admitted"].dt.day == 1).mean()
    assert 0.25 < firsts < 0.32


def test_a_column_is_like_itself(stays):
    for name in ("cost", "height", "admitted", "haemoglobin"):
        figures = of_column(stays[name], stays[name])
        assert figures.pop("ks") == 1
        assert set(figures.values()) == {0}


def test_spikes_decimals_and_heaps_that_are_smeared_show(stays):
    rng = np.random.default_rng(0)
    smeared = of_column(stays["cost"], pd.Series(rng.uniform(1, 2, ROWS)))
    assert smeared["spikes"] == pytest.approx(-(stays["cost"] == 0).mean())
    assert smeared["decimals"] > 0.99
    heights = stays["height"] + pd.Series(rng.integers(0, 5, len(stays)), dtype="Int64")
    assert of_column(stays["height"], heights)["heaps"] == pytest.approx(-0.8, abs=0.02)
    days = pd.Series(np.datetime64("2015-01-01", "s") + rng.integers(0, 900, ROWS) * 86_400)
    assert of_column(stays["admitted"], days)["heaps"] < -0.2


def test_means_and_tails_are_in_interquartile_ranges():
    real = pd.Series(np.arange(1001.0))
    figures = of_column(real, real + 50)
    assert figures["mean"] == figures["q90"] == figures["q99"] == pytest.approx(0.1)
    assert figures["ks"] == pytest.approx(1 - 50 / 1001)
    half = of_column(real, real.where(real < 500))
    assert half["missing"] == pytest.approx(501 / 1001)
    assert half["mean"] == pytest.approx(-250.5 / 500)


def test_nothing_but_missing_values_is_as_far_as_can_be():
    assert of_column(pd.Series([1.0, 2.0]), pd.Series([np.nan, np.nan])) == {"missing": 1, "ks": 0}


def test_special_numbers_are_numbers_and_texts_are_not():
    values = as_numbers(pd.Series([3, 99999, "N", None], dtype=object))
    np.testing.assert_array_equal(values, [3, 99999, np.nan, np.nan])
    days = as_numbers(pd.Series(["1970-01-03", None], dtype="datetime64[s]"))
    np.testing.assert_array_equal(days, [2, np.nan])


def test_columns_are_summed_up_in_absolute_value():
    found = summed_up({"a": {"ks": 0.9, "mean": -0.3}, "b": {"ks": 0.7, "mean": 0.1, "heaps": -1}})
    assert found["ks"] == {"mean": 0.8, "worst": 0.7}
    assert found["mean"] == {"mean": 0.2, "worst": 0.3}
    assert found["heaps"] == {"mean": 1.0, "worst": 1}


SCHEMA = Schema.model_validate(
    {
        "name": "visits",
        "unit": "who",
        "max_rows_per_unit": 2,
        "columns": {
            "who": {"kind": "identifier"},
            "x": {"kind": "float", "bounds": [0, 1], "bins": 4},
            "code": {"kind": "categorical", "categories": None, "other": "?", "missing": "keep"},
        },
    }
)


def visits(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    code = rng.choice([*map(str, range(400)), None], ROWS)
    who = rng.integers(0, ROWS // 3, ROWS).astype(str)
    return pd.DataFrame({"who": who, "x": rng.random(ROWS), "code": code})


def test_people_are_parted_whole_and_bounded():
    frame = visits(0).assign(x=lambda f: f["who"].astype(float) / ROWS)
    parted = people.split(frame, SCHEMA, np.random.default_rng(1))
    sides = [set(rows.frame["x"]) for rows in (parted.train, parted.fresh)]
    assert not sides[0] & sides[1]
    assert len(sides[0]) == int(0.8 * frame["who"].nunique())
    for rows in (parted.train, parted.fresh):
        assert np.bincount(rows.units).max() == 2
        assert (rows.frame.groupby(rows.units)["x"].nunique() == 1).all()
        assert list(rows.frame) == ["x", "code"]


def test_who_is_of_one_kind_is_not_told_apart_and_who_is_not_is():
    a, b = visits(0), visits(1)
    groups = np.arange(ROWS), ROWS + np.arange(ROWS)
    assert abs(auroc(SCHEMA, a, b, groups, 0) - 0.5) < 0.03
    assert auroc(SCHEMA, a, b.assign(x=b["x"].round(1)), groups, 0) > 0.8
    assert auroc(SCHEMA, a, b.assign(code="7"), groups, 0) > 0.95


def test_rows_beside_their_own_copies_are_not_told_apart():
    """Copies in other folds would make the classifier wrong rather than undecided."""
    a, group = visits(0), np.arange(ROWS)
    assert auroc(SCHEMA, a, a, (group, group), 0) == 0.5


def test_more_categories_than_the_learner_takes_keep_the_commonest():
    a = visits(0).assign(code=lambda f: f["code"].where(f.index % 3 > 0, "7"))
    made = features(SCHEMA, a, a)["code"]
    assert made.cat.categories.size == 255
    assert made.isna().sum() == 2 * a["code"].isna().sum()
    assert (made[: len(a)][(a["code"] == "7").to_numpy()] == 0).all()


def test_a_run_is_one_line_and_is_not_repeated(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(made_up, "ROWS", 800)
    results = tmp_path / "records.jsonl"
    asked = ["records.py", str(tmp_path), "--data", "zero-inflated", "--epsilon", "3"]
    monkeypatch.setattr(sys, "argv", [*asked, "--code", "here", "--results", str(results)])
    records.main()
    (line,) = map(json.loads, results.read_text("utf-8").splitlines())
    assert (line["train"], line["fresh"]) == (640, 160)
    assert list(line["tables"]) == ["release", "bins alone", "fresh people"]
    assert abs(line["tables"]["fresh people"]["auroc"] - 0.5) < 0.15
    assert set(line["tables"]["release"]["columns"]) == set(numeric(made_up.SCHEMA))
    before = results.read_bytes()
    records.main()
    assert results.read_bytes() == before
    monkeypatch.setattr(sys, "argv", ["records.py", "--table", "--results", str(results)])
    capsys.readouterr()
    records.main()
    table = capsys.readouterr().out.splitlines()
    assert len({row.count("|") for row in table}) == 1
    assert table[2].startswith("| zero-inflated | 3 | here |")
