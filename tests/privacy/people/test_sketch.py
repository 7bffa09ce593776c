"""People are known again under another name, and strangers are not taken for them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.people.identity import PLAIN
from privacy.people.sketch import ALL, Sketch, View
from privacy.reading.source import read_source
from privacy.schema.schema import Schema
from tests.made_tables import SCHEMA as TABLES
from tests.made_tables import written

SECRET = b"s" * 32


def cohort(n, seed, first=0):
    """Patients with a few ordinary columns, of one population for every seed."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 95, n)
    return pd.DataFrame(
        {
            "mrn": [f"H{i:07d}" for i in range(first, first + n)],
            "age": age,
            "sex": rng.choice(["F", "M"], n),
            "bmi": rng.normal(27, 5, n).round(1),
            "crp": rng.lognormal(1, 1, n).round(2),
            "seen": pd.to_datetime("2022-01-01") + pd.to_timedelta(rng.integers(0, 365, n), "D"),
            "died": (rng.random(n) < age / 300).astype(int),
        }
    )


KINDS = {
    "mrn": {"kind": "identifier"},
    "age": {"kind": "integer", "bounds": [0, 120], "bins": 12},
    "sex": {"kind": "categorical", "categories": ["F", "M"]},
    "bmi": {"kind": "float", "bounds": [0, 90], "bins": 9},
    "crp": {"kind": "float", "bounds": [0, 999], "bins": 9},
    "seen": {"kind": "datetime", "bounds": ["2022-01-01", "2023-01-01"], "bins": 12},
    "died": {"kind": "categorical", "categories": ["0", "1"]},
}


def sketch(folder, frame, unit=None, names=None):
    path = folder / "x.csv"
    frame.to_csv(path, index=False)
    kinds = {n: KINDS[(names or {}).get(n, n)] for n in frame.columns}
    schema = Schema.model_validate({"name": "x", "unit": unit, "columns": kinds})
    return Sketch.of(read_source((path,), schema), schema, PLAIN, SECRET)


ALONE = [c for c in KINDS if c != "mrn"]


def shuffled(frame):
    return frame.sample(frac=1, random_state=5)


SAME = {
    "another order": shuffled,
    "other columns first": lambda f: f[f.columns[::-1]],
    "a column less": lambda f: f.drop(columns="sex"),
    "half of the columns": lambda f: f[["bmi", "crp", "seen"]],
    "columns with other names": lambda f: f.rename(columns=str.upper),
    "next month's extract": lambda f: pd.concat([f, cohort(150, 9)[f.columns]]),
    "a tenth of it": lambda f: f.iloc[:150],
    "a few of them among many": lambda f: pd.concat([f.iloc[:300], cohort(1200, 9)[f.columns]]),
    "twice": lambda f: pd.concat([f, f]),
    "some of them twice": lambda f: pd.concat([f, f.iloc[:500]]),
    "other names and a column less": lambda f: f.drop(columns="age").rename(columns=str.upper),
    "two columns rounded": lambda f: f.assign(bmi=f["bmi"].round(), crp=f["crp"].round()),
    "two columns": lambda f: f[["age", "crp"]],
}


@pytest.mark.parametrize("way", SAME)
def test_rows_without_names_are_known_again(tmp_path, way):
    frame = cohort(1500, 1)[ALONE]
    other = SAME[way](frame)
    before = sketch(tmp_path, frame)
    after = sketch(tmp_path, other, names={n.upper(): n for n in KINDS})
    assert after.likeness(before)
    assert before.likeness(after)


@pytest.mark.parametrize("n", [50, 1500, 20_000])
@pytest.mark.parametrize(
    "columns", [ALONE, ["sex", "died"], ["age", "sex"], ["age", "seen", "sex"]]
)
def test_other_people_of_the_same_population_are_others(tmp_path, n, columns):
    mine, theirs = sketch(tmp_path, cohort(n, 1)[columns]), sketch(tmp_path, cohort(n, 2)[columns])
    assert not mine.likeness(theirs)
    assert not theirs.likeness(mine)


def test_units_are_known_by_their_names(tmp_path):
    mine = sketch(tmp_path, cohort(1000, 1), "mrn")
    later = cohort(1000, 2, first=900)
    assert mine.likeness(sketch(tmp_path, later, "mrn"))
    assert not mine.likeness(sketch(tmp_path, cohort(1000, 2, first=1000), "mrn"))
    lower = cohort(1000, 2).assign(mrn=lambda f: f["mrn"].str.lower())
    assert mine.likeness(sketch(tmp_path, lower, "mrn"))


def test_units_with_new_names_are_known_by_their_rows(tmp_path):
    mine = sketch(tmp_path, cohort(1000, 1), "mrn")
    renamed = cohort(1000, 1).assign(mrn=[f"new-{i}" for i in range(1000)])
    assert mine.likeness(sketch(tmp_path, shuffled(renamed), "mrn"))
    assert mine.likeness(sketch(tmp_path, cohort(1000, 1)[ALONE]))


def test_rows_are_known_again_with_days_in_another_format(tmp_path):
    frame = cohort(1500, 1)[["sex", "crp", "seen"]]
    before = sketch(tmp_path, frame)
    frame.assign(seen=frame["seen"].dt.strftime("%d/%m/%Y")).to_csv(tmp_path / "y.csv", index=False)
    kinds = {n: KINDS[n] for n in frame} | {"seen": KINDS["seen"] | {"format": "%d/%m/%Y"}}
    schema = Schema.model_validate({"name": "y", "columns": kinds})
    after = Sketch.of(read_source((tmp_path / "y.csv",), schema), schema, PLAIN, SECRET)
    assert before.likeness(after)
    assert before.rows.every.common(after.rows.every)[0] > 1400


@pytest.mark.parametrize("less", ["sex", "died", "ward", "band", "grade"])
def test_a_table_of_categories_is_known_again_without_one_of_them(tmp_path, less):
    def clinic(seed):
        rng = np.random.default_rng(seed)
        many = {"ward": 8, "band": 9, "grade": 6}
        return cohort(600, seed)[["sex", "died"]].assign(
            **{n: [f"{n}{i}" for i in rng.integers(0, k, 600)] for n, k in many.items()}
        )

    kinds = {
        n: {"kind": "categorical", "categories": None, "other": "-"}
        for n in ("ward", "band", "grade")
    }
    made = []
    for frame in (clinic(1), clinic(1).drop(columns=less), clinic(2), clinic(2).drop(columns=less)):
        frame.to_csv(tmp_path / "x.csv", index=False)
        columns = {n: (KINDS | kinds)[n] for n in frame}
        schema = Schema.model_validate({"name": "x", "columns": columns})
        made.append(Sketch.of(read_source((tmp_path / "x.csv",), schema), schema, PLAIN, SECRET))
    mine, fewer, theirs, theirs_fewer = made
    assert mine.likeness(fewer)
    assert not mine.likeness(theirs)
    assert not mine.likeness(theirs_fewer)


def test_columns_of_very_many_values_are_known_again_under_other_names(tmp_path, monkeypatch):
    """There are more of them than are looked at, and none is counted to the end: what is in them decides."""
    monkeypatch.setattr("privacy.people.sketch.MANY", 300)

    def sketched(frame):
        frame.to_csv(tmp_path / "x.csv", index=False)
        column = {"kind": "float", "bounds": [0, 1], "bins": 5}
        declared = {"name": "x", "columns": dict.fromkeys(frame, column)}
        schema = Schema.model_validate(declared)
        return Sketch.of(read_source((tmp_path / "x.csv",), schema), schema, PLAIN, SECRET)

    def values(seed):
        rng = np.random.default_rng(seed)
        return pd.DataFrame(
            rng.random((1500, 24)).round(4), columns=[f"c{i:02}" for i in range(24)]
        )

    names = {f"c{i:02}": f"v{99 - i}" for i in range(24)}
    mine = sketched(values(1))
    assert mine.likeness(sketched(values(1).drop(columns="c07").rename(columns=names)))
    assert not mine.likeness(sketched(values(2).rename(columns=names)))


WRITTEN_OTHERWISE = {
    "without zeros in front": lambda f: f.assign(mrn=f["mrn"].str.lstrip("0")),
    "in small letters": lambda f: f.assign(mrn=f["mrn"].str.lower()),
    "new pseudonyms": lambda f: f.assign(mrn=[f"new-{i}" for i in range(len(f))]),
}


@pytest.mark.parametrize("way", WRITTEN_OTHERWISE)
def test_people_who_come_under_other_keys_are_noticed(tmp_path, way):
    frame = cohort(1000, 1)
    frame["mrn"] = [f"{i:04d}" if way.startswith("without") else f"H{i}" for i in range(1000)]
    before = sketch(tmp_path, frame, "mrn")
    assert sketch(tmp_path, WRITTEN_OTHERWISE[way](frame), "mrn").under_other_keys(before)
    later = pd.concat([frame.iloc[100:], cohort(200, 2).assign(mrn=[f"N{i}" for i in range(200)])])
    assert not sketch(tmp_path, later, "mrn").under_other_keys(before)
    strangers = cohort(1000, 3).assign(mrn=[f"S{i}" for i in range(1000)])
    assert not sketch(tmp_path, strangers, "mrn").under_other_keys(before)


def test_a_table_of_few_cells_is_known_by_its_counts(tmp_path):
    frame = cohort(3000, 1)[["sex", "died"]]
    assert sketch(tmp_path, frame).likeness(sketch(tmp_path, shuffled(frame)))


sets = st.sets(st.integers(0, ALL), max_size=60)


@settings(deadline=None)
@given(sets, sets, st.integers(5, 40))
def test_what_views_share_is_right_as_far_as_both_are_whole(a, b, most):
    mine, theirs = (View.of(np.array(sorted(s), np.uint64), most) for s in (a, b))
    below = min(mine.below, theirs.below)
    agree, of = mine.common(theirs)
    assert agree == sum(x <= below for x in a & b)
    assert of == min(sum(x <= below for x in s) for s in (a, b))


def test_a_share_is_estimated_where_there_are_too_many_to_keep():
    rng = np.random.default_rng(0)
    everybody = rng.integers(0, ALL, 300_000, dtype=np.uint64)
    a, b = View.of(everybody[:200_000], 4096), View.of(everybody[100_000:], 4096)
    agree, of = a.common(b)
    assert 0.45 < agree / of < 0.55


def test_sketches_survive_json(tmp_path):
    for unit in ("mrn", None):
        made = sketch(tmp_path, cohort(100, 1), unit)
        again = Sketch.from_plain(made.to_plain())
        assert again.to_plain() == made.to_plain()
        assert again.likeness(made)


def test_a_sketch_says_nothing_without_the_secret(tmp_path):
    frame = cohort(200, 1)
    frame.to_csv(tmp_path / "x.csv", index=False)
    schema = Schema.model_validate({"name": "x", "unit": "mrn", "columns": KINDS})
    source = read_source((tmp_path / "x.csv",), schema)
    a, b = (Sketch.of(source, schema, PLAIN, key * 32) for key in (b"a", b"b"))
    assert not a.likeness(b)


def test_a_table_that_is_given_by_itself_with_the_visit_as_its_unit_is_of_the_same_people(tmp_path):
    whole = Sketch.of(read_source((written(tmp_path),), TABLES), TABLES, PLAIN, SECRET)
    drug = {"kind": "categorical", "categories": ["x", "y"]}
    columns = {"visit": {"kind": "identifier"}, "name": drug}
    said = {"name": "x", "unit": "visit", "surplus_columns": "drop", "columns": columns}
    schema = Schema.model_validate(said)
    alone = Sketch.of(read_source((tmp_path / "drugs.csv",), schema), schema, PLAIN, SECRET)
    assert whole.likeness(alone) == alone.likeness(whole) == "their names"
    assert Sketch.from_plain(whole.to_plain()).likeness(alone) == "their names"
    before = alone.to_plain()
    del before["visits"]  # as ledgers have it from before there were tables
    assert Sketch.from_plain(before).likeness(whole) == "their names"
    (tmp_path / "drugs.csv").write_text("visit,name\nv77,x\nv78,y\n")
    others = Sketch.of(read_source((tmp_path / "drugs.csv",), schema), schema, PLAIN, SECRET)
    assert whole.likeness(others) == others.likeness(whole) == ""
