"""The operating characteristic: what is planted is there and nothing else; what was judged is judged once."""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import operating_characteristic as oc
from harms import columns, groups, material, page
from harms.registry import HARMS

from evaluators.evaluate import FAMILIES
from privacy.records.impossible import impossible_rows

SCHEMA = {
    "name": "stays",
    "description": "made up",
    "source": "none",
    "columns": {
        "age": {"kind": "integer", "bounds": [18, 99], "bins": 9},
        "sex": {"kind": "categorical", "categories": ["F", "M"]},
        "days": {"kind": "integer", "bounds": [0, 400], "bins": 20, "special": ["none"]},
        "total": {"kind": "integer", "bounds": [0, 800], "bins": 20},
        "dose": {
            "kind": "float",
            "bounds": [0, 100],
            "bins": 10,
            "decimals": 1,
            "missing": "keep",
            "missing_values": [""],
        },
        "ward": {"kind": "categorical", "categories": ["a", "b", "c", "d", "e"]},
        "floor": {"kind": "categorical", "categories": ["1", "2"]},
        "cause": {
            "kind": "categorical",
            "categories": ["heart", "other"],
            "missing": "keep",
            "missing_values": [""],
        },
        "died": {"kind": "categorical", "categories": ["no", "yes"]},
    },
    "targets": [
        {"task": "classification", "column": "died", "positive": ["yes"], "without": ["cause"]}
    ],
    "subgroups": [{"column": "sex"}, {"column": "age", "bands": [18, 50, 75, 99]}],
    "impossible": [
        {"died": {"values": ["yes"]}, "cause": {"missing": True}},
        {"died": {"values": ["no"]}, "cause": {"values": ["heart", "other"]}},
        {"sex": {"values": ["F"]}, "ward": {"values": ["d"]}},
    ],
}
ROWS = 3000
DATA = "stays"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """stays.csv and stays.yaml: older people die more often, days are part of a total, wards have floors."""
    at, rng = tmp_path_factory.mktemp("stays"), np.random.default_rng(0)
    age, sex = rng.integers(18, 100, ROWS), rng.choice(["F", "M"], ROWS)
    days = rng.integers(0, 300, ROWS)
    ward = np.where(
        sex == "M",
        rng.choice(list("abcde"), ROWS, p=[0.6, 0.3, 0.04, 0.05, 0.01]),
        rng.choice(list("abc"), ROWS, p=[0.6, 0.36, 0.04]),
    )
    died = rng.uniform(0, 100, ROWS) < age
    pd.DataFrame(
        {
            "age": age,
            "sex": sex,
            "days": np.where(rng.random(ROWS) < 0.2, "none", days.astype(str)),
            "total": days + rng.integers(0, 100, ROWS),
            "dose": np.where(rng.random(ROWS) < 0.3, 5.0, rng.uniform(0, 100, ROWS).round(1)),
            "ward": ward,
            "floor": np.where(np.isin(ward, ["a", "b"]), "1", "2"),
            "cause": np.where(died, rng.choice(["heart", "other"], ROWS), ""),
            "died": np.where(died, "yes", "no"),
        }
    ).to_csv(at / "stays.csv", index=False)
    (at / "stays.yaml").write_text(yaml.safe_dump(SCHEMA), encoding="utf-8")
    return at


ABOUT = material.DataSet(DATA, ("stays.csv",), {}, order=("days", "total"), determined="floor")


@pytest.fixture(scope="module")
def setting(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(material, "SCHEMAS", folder)
        schema, people = material.everyone(folder, ABOUT)
    return material.part(ABOUT, schema, people, None, 0)


def planted(setting, harm, grade):
    rng = np.random.default_rng(1)
    return HARMS[harm].make(setting, rng, HARMS[harm].grades[grade])


def lines(frame):
    return Counter(map(tuple, frame.astype(str).to_numpy()))


def changed(frame, setting, *names):
    """The share of rows in which any of the columns is not as in the fresh people's."""
    a, b = (f[list(names)].astype(str).to_numpy() for f in (frame, setting.fresh))
    return (a != b).any(axis=1).mean()


PLANTED = [(h, g) for h, x in HARMS.items() if x.kind != "honest" for g in x.grades]
QUICK = [(h, g) for h, g in PLANTED if h != "overfitted"]


def test_parts_are_of_different_people(setting):
    assert [len(getattr(setting, p)) for p in ("train", "holdout", "fresh")] == [1200, 600, 1200]
    parts = lines(pd.concat([setting.train, setting.holdout, setting.fresh]))
    assert parts.total() == ROWS
    assert max(parts.values()) < 3


@pytest.mark.parametrize(("harm", "grade"), QUICK)
def test_what_is_planted_is_possible_and_the_same_each_time(setting, harm, grade):
    assert HARMS[harm].applies(setting, HARMS[harm].grades[grade])
    before = {p: getattr(setting, p).copy() for p in ("train", "holdout", "fresh")}
    frame = planted(setting, harm, grade)
    pd.testing.assert_frame_equal(frame, planted(setting, harm, grade))
    assert not impossible_rows(frame, setting.schema).any()
    assert (frame.dtypes == setting.fresh.dtypes).all()
    for part, rows in before.items():
        pd.testing.assert_frame_equal(getattr(setting, part), rows)


@pytest.mark.parametrize(("grade", "share"), [("1 %", 0.01), ("10 %", 0.1), ("all", 1.0)])
def test_copies_are_train_rows_and_the_rest_fresh_ones(setting, grade, share):
    found = lines(planted(setting, "copies", grade))
    assert (found & lines(setting.train)).total() == pytest.approx(share * 1200, abs=2)
    assert (found & lines(setting.fresh)).total() == pytest.approx((1 - share) * 1200, abs=2)


def test_a_bootstrap_repeats_train_rows(setting):
    frame = planted(setting, "bootstrap", "all")
    assert set(lines(frame)) <= set(lines(setting.train))
    assert len(lines(frame)) / 1200 == pytest.approx(1 - np.exp(-1), abs=0.03)


def test_noisy_copies_are_near_and_not_the_same(setting):
    frame, train = planted(setting, "noisy-copies", "1 %"), setting.train
    assert (lines(frame) & lines(train)).total() < 0.2 * len(train)
    assert (frame["total"].astype(int) - train["total"].astype(int)).abs().max() <= 2
    assert (frame["ward"] != train["ward"]).mean() < 0.15


def test_a_lost_group_is_lost_and_no_other(setting):
    name = groups.smallest(setting)
    mine = groups.assessable(setting)[name]
    left = {
        g: groups.groups(planted(setting, "group-lost", g), setting.schema) for g in ("half", "all")
    }
    assert left["half"][name].sum() == mine.sum() - round(mine.sum() / 2)
    assert name not in left["all"]
    assert set(left["half"]) - {name} <= set(left["all"])


@pytest.mark.parametrize(("grade", "by"), [("by .05", 0.05), ("by .10", 0.1), ("by .20", 0.2)])
def test_a_rate_moves_in_one_group_by_so_much(setting, grade, by):
    frame, mine, target = (
        planted(setting, "outcome-moved", grade),
        groups.assessable(setting)[groups.smallest(setting)],
        setting.schema.targets[0],
    )
    event, was = groups.outcome(frame, target), groups.outcome(setting.fresh, target)
    assert abs(event[mine].mean() - was[mine].mean()) == pytest.approx(by, abs=1 / mine.sum())
    pd.testing.assert_frame_equal(frame[~mine], setting.fresh[~mine])
    assert set(lines(frame)) <= set(lines(setting.fresh))


def test_a_collapsed_rate_is_everybodys(setting):
    far, target = groups.furthest(setting), setting.schema.targets[0]
    assert far is not None
    mine = groups.assessable(setting)[far]
    everybody = groups.outcome(setting.fresh, target).mean()
    rate = groups.outcome(planted(setting, "outcome-collapsed", "all"), target)[mine].mean()
    assert rate == pytest.approx(everybody, abs=1 / mine.sum())


def test_shuffled_outcomes_keep_the_rate_of_the_group(setting):
    frame, mine, target = (
        planted(setting, "outcome-shuffled", "all"),
        groups.assessable(setting)[groups.smallest(setting)],
        setting.schema.targets[0],
    )
    event, was = groups.outcome(frame, target), groups.outcome(setting.fresh, target)
    assert event[mine].sum() == was[mine].sum()
    assert (event != was)[mine].mean() > 0.2
    assert changed(frame, setting, "age", "sex", "days", "total", "dose", "ward", "floor") == 0


def test_independent_columns_keep_their_shares_and_nothing_else(setting):
    frame, fresh = planted(setting, "independent", "all"), setting.fresh
    for name in fresh:
        assert Counter(frame[name].astype(str)) == Counter(fresh[name].astype(str))
    age, was = (
        [f.loc[f["died"] == d, "age"].astype(int).mean() for d in ("yes", "no")]
        for f in (frame, fresh)
    )
    assert abs(age[0] - age[1]) < 3 < 20 < was[0] - was[1]


def test_smeared_numbers_stay_between_their_quartiles(setting):
    frame, fresh = planted(setting, "smeared", "1 column"), setting.fresh
    assert changed(frame, setting, *(n for n in fresh if n != "dose")) == 0
    known = fresh["dose"].notna()
    edges = fresh["dose"].quantile([0, 0.25, 0.5, 0.75, 1]).to_numpy()
    new, old = (
        np.clip(np.searchsorted(edges, f["dose"][known].to_numpy(), side="right"), 1, 4)
        for f in (frame, fresh)
    )
    assert np.abs(new - old).max() <= 1  # a value may be rounded onto the edge
    assert (new == old).mean() > 0.99
    assert (frame["dose"] == 5.0).sum() < 0.05 * (fresh["dose"] == 5.0).sum()


def test_a_spike_is_spread_and_other_numbers_are_not(setting):
    assert columns.spiked(setting.fresh, setting.schema) == ["dose"]
    frame, fresh = planted(setting, "unspiked", "all"), setting.fresh
    spike = fresh["dose"] == 5.0
    assert spike.mean() > 0.25
    assert (frame["dose"] == 5.0).mean() < 0.02
    pd.testing.assert_frame_equal(frame[~spike], fresh[~spike])


def test_rare_categories_are_merged_into_the_commonest(setting):
    frame, fresh = planted(setting, "merged", "5 %"), setting.fresh
    assert set(frame["ward"]) == {"a", "b"}
    pd.testing.assert_series_equal(
        frame["ward"], fresh["ward"].replace(dict.fromkeys("cde", "a")), check_names=False
    )


@pytest.mark.parametrize(("grade", "share"), [("1 %", 0.01), ("10 %", 0.1)])
def test_an_order_is_broken_in_so_many_rows(setting, grade, share):
    frame = planted(setting, "disordered", grade)
    low = pd.to_numeric(frame["days"], errors="coerce")
    assert (low > frame["total"].astype(float)).mean() == pytest.approx(share, abs=0.001)
    assert changed(frame, setting, *(n for n in frame if n != "days")) == 0


def test_a_determined_column_no_longer_is(setting):
    frame = planted(setting, "undetermined", "10 %")
    broken = (frame["floor"] == "1") != frame["ward"].isin(["a", "b"])
    assert 0 < broken.mean() <= 0.1


@given(n=st.integers(1, 25), share=st.floats(0.01, 0.99))
def test_clopper_pearson_holds_the_truth_often_enough(n, share):
    from scipy.stats import binom

    inside = [k for k in range(n + 1) if (e := page.clopper_pearson(k, n))[0] <= share <= e[1]]
    assert binom.pmf(inside, n, share).sum() >= 0.95 - 1e-9


def test_clopper_pearson_as_published():
    assert page.clopper_pearson(0, 10) == pytest.approx((0, 0.3085), abs=1e-4)
    assert page.clopper_pearson(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)


@pytest.fixture
def ready(folder, tmp_path, monkeypatch):
    """Arguments for two cells of the made-up stays."""
    for module in (material, oc):
        monkeypatch.setattr(module, "SCHEMAS", folder)
    monkeypatch.setitem(material.DATA_SETS, DATA, ABOUT)
    quick = {"declared", "impossible", "representation"}  # enough to see a group that is lost
    monkeypatch.setattr(oc, "NOT_MEASURED", tuple(FAMILIES - quick))
    results = tmp_path / "lines.jsonl"
    given = [str(folder), "--cache", str(tmp_path / "cache"), "--data", DATA, "--sizes", "all"]
    return [*given, "--harms", "fresh", "group-lost", "--results", str(results)], results


def run(arguments, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["operating_characteristic.py", *arguments])
    oc.main()


def test_cells_are_judged_once_and_decided_anew_from_the_cache(ready, tmp_path, monkeypatch):
    arguments, results = ready
    for part in ("0/2", "1/2"):
        run([*arguments, "--part", part], monkeypatch)
    first = oc.read(results)
    assert {(x["harm"], x["grade"]) for x in first} == {
        ("fresh", "all"),
        ("fresh", "half"),
        ("group-lost", "half"),
        ("group-lost", "all"),
    }
    lost = next(x for x in first if (x["harm"], x["grade"]) == ("group-lost", "all"))
    assert (lost["decision"], lost["first"], lost["right_first"]) == ("veto", "no-lost-group", True)

    monkeypatch.setattr(oc, "judged", None)  # whatever is judged again fails
    run(arguments, monkeypatch)
    run([*arguments, "--regate"], monkeypatch)
    assert oc.read(results) == first

    asked = {"name": "lenient", "rules": [{"name": "assessed", "metric": "declared.target"}]}
    asked["rules"][0] |= {"slices": ["all"], "at_least": 1}
    (tmp_path / "lenient.yaml").write_text(yaml.safe_dump(asked), encoding="utf-8")
    run([*arguments, "--regate", "--policy", str(tmp_path / "lenient.yaml")], monkeypatch)
    assert {x["decision"] for x in oc.read(results)} == {"approved"}
    rows = json.loads(results.with_suffix(".json").read_text("utf-8"))["rows"]
    assert sum(r["approved"] for r in rows) == sum(r["tables"] for r in rows) == 4


def test_the_page_shows_shares_with_their_intervals(tmp_path):
    row = {"code": "now", "kind": "leak", "harm": "copies", "data": "flchain", "size": "1000"}
    counted = {
        "tables": 10,
        "approved": 0,
        "unclaimed": 0,
        "veto": 10,
        "undecided": 0,
        "right_first": 5,
    }
    rows = [
        row | counted | {"grade": "10 %", "first": {"no-copies": 5, "base-rates": 5}},
        row | counted | {"grade": "1 %", "veto": 2, "undecided": 8, "right_first": 0, "first": {}},
    ]
    page.write(tmp_path / "page.html", "default", rows, rows[:1])
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "approved 0 of 10 [0.00, 0.31]" in text
    assert "right reason first 5 of 10 [0.19, 0.81]" in text
    assert "from 10 %" in text
    assert "before: 0 approved, 10 vetoed, of 10" in text
    assert "<script" not in text
