"""The benchmark of histories: what it compares is what it says, and a line that stands is not repeated."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from histories import compare, people, releases
from histories.figures import figures
from histories.task import TASKS, Task, auroc, questions

from privacy.schema.schema import Schema

SIZE = 1500


@pytest.fixture(scope="module")
def few():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(people.MADE, "made-10000", SIZE)
        yield people.parted(None, "made-10000", 0)


def test_people_are_parted_whole_in_order_and_bounded(few):
    schema = few.schema
    sides = [set(frame[schema.unit]) for frame in (few.train, few.test)]
    assert not sides[0] & sides[1]
    assert [len(side) for side in sides] == [0.8 * SIZE, 0.2 * SIZE]
    for frame in (few.train, few.test):
        units = people.units_of(frame, schema)
        assert (np.diff(units) >= 0).all()  # rows of a person stand together
        assert np.bincount(units).max() == schema.max_rows_per_unit
        assert (frame.groupby(schema.unit)["visit_date"].diff().dropna().dt.days > 0).all()


def test_the_first_rows_of_a_history_count(few):
    """Whoever has more visits than count loses the last ones."""
    schema = few.schema.model_copy(update={"max_rows_per_unit": 2})
    whole = pd.concat([few.train, few.test])
    parted = people.split(whole, schema, np.random.default_rng(1))
    first = whole.groupby(schema.unit).head(2)
    kept = pd.concat([parted.train, parted.test])
    assert set(zip(kept["person_id"], kept["visit_date"], strict=True)) == set(
        zip(first["person_id"], first["visit_date"], strict=True)
    )


def counts(frame):
    """How many rows have each blood pressure."""
    return frame["sbp"].value_counts().to_dict()


def test_shuffled_rows_keep_their_place_and_nothing_else(few):
    train, schema = few.train, few.schema
    mixed = releases.shuffled(train, schema, np.random.default_rng(0))
    assert list(mixed[schema.unit]) == list(train[schema.unit])
    place = people.places(people.units_of(train, schema))
    for number in (1, 2, 5):
        assert counts(train[place == number]) == counts(mixed[place == number])
    assert (mixed.groupby(schema.unit)["sex"].nunique() > 1).mean() > 0.5


def test_rows_of_nobody_are_dealt_to_as_many_people_in_order(few):
    train, schema = few.train, few.schema
    sizes = np.bincount(people.units_of(train, schema))
    nobody = train.assign(person_id=np.arange(len(train)).astype(str))
    frame = releases.dealt(nobody, schema, sizes, np.random.default_rng(0))
    units = people.units_of(frame, schema)
    assert sorted(np.bincount(units)) == sorted(sizes)
    assert (frame.groupby(units)["visit_date"].diff().dropna().dt.days >= 0).all()
    assert counts(frame) == counts(train)


def test_real_people_are_near_and_shuffled_rows_far(few):
    near = figures(few, few.train, 0)
    far = figures(few, releases.released(few, releases.SHUFFLED, 0.0, 0).frame, 0)
    assert near["broken"] == 0
    assert far["broken"] > 0.8
    assert far["rows"] == near["rows"]
    for name in ("transitions", "following", "first and last"):
        assert far[name] > 3 * near[name]
    cloned = few.train.assign(sbp=few.train.groupby("person_id")["sbp"].transform("first"))
    assert figures(few, cloned, 0)["following"] > near["following"] + 0.01


SCHEMA = Schema.model_validate(
    {
        "name": "stays",
        "unit": "who",
        "max_rows_per_unit": 3,
        "columns": {
            "who": {"kind": "identifier"},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "x": {"kind": "integer", "bounds": [0, 9], "bins": 10},
            "again": {"kind": "categorical", "categories": ["0", "1"]},
            "dead": {"kind": "categorical", "categories": ["0", "1"]},
        },
        "visits": {"constant": ["sex", "dead"]},
    }
)
STAYS = pd.DataFrame(
    {
        "who": list("aaabbc"),
        "sex": list("FFFMMF"),
        "x": pd.array([0, 9, 3, 1, 2, 4], dtype="Int64"),
        "again": list("110010"),
        "dead": list("111000"),
    }
)


def test_a_question_of_people_shows_their_first_rows():
    X, y = questions(Task({"dead": ("1",)}, 2, ("sex",)), SCHEMA, STAYS)
    assert y.tolist() == [True, False, False]
    assert X[:, :2].tolist() == [[1, 0], [0, 1], [1, 0]]
    width = (X.shape[1] - 2) // 2
    there = X[:, [1 + width, 1 + 2 * width]]
    assert there.tolist() == [[1, 1], [1, 1], [1, 0]]
    assert (X[2, 2 + width :] == 0).all()
    changed = STAYS.assign(dead=["0"] * 6).assign(x=STAYS["x"].where(STAYS.index != 2, 8))
    np.testing.assert_array_equal(
        questions(Task({"dead": ("1",)}, 2, ("sex",)), SCHEMA, changed)[0], X
    )


def test_a_question_of_rows_shows_the_row_before_but_not_the_answer():
    task = Task({"again": ("1",)}, None, ("sex",))
    X, y = questions(task, SCHEMA, STAYS)
    assert y.tolist() == [True, True, False, False, True, False]
    assert X[:, -1].tolist() == [1, 2, 3, 1, 2, 1]
    other, _ = questions(task, SCHEMA, STAYS.assign(again=list("011100")))
    same = (other == X).all(axis=1)
    assert same.tolist() == [
        True,
        False,
        True,
        True,
        False,
        True,
    ]  # only where the row before had another


def test_who_is_taught_by_real_people_foresees_others(few):
    learnt = auroc(TASKS["made-10000"], few.schema, few.train, few.test, 0)
    assert learnt > 0.75
    alike = few.train.assign(died="0")
    assert auroc(TASKS["made-10000"], few.schema, alike, few.test, 0) is None


def test_a_table_is_one_line_and_is_not_repeated(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(people.MADE, "made-10000", 400)
    results = tmp_path / "histories.jsonl"
    asked = ["compare.py", "--data", "made-10000", "--who", "real", "shuffled", "--code", "here"]
    monkeypatch.setattr(sys, "argv", [*asked, "--results", str(results)])
    compare.main()
    before = results.read_bytes()
    lines = [json.loads(x) for x in before.splitlines()]
    assert [line["who"] for line in lines] == ["real", "shuffled"]
    compare.main()
    assert results.read_bytes() == before
    monkeypatch.setattr(sys, "argv", ["compare.py", "--table", "--results", str(results)])
    capsys.readouterr()
    compare.main()
    table = capsys.readouterr().out.splitlines()
    assert len({row.count("|") for row in table}) == 1
    assert table[3].startswith("| made-10000 | real |")


def test_every_epsilon_is_a_line_of_a_release_and_none_of_real_people():
    cells = list(compare.runs("framingham", 0, ["real", "linked"], [1.0, 3.0], "now"))
    assert cells == [
        ("framingham", 0, "real", None, ""),
        ("framingham", 0, "linked", 1.0, "now"),
        ("framingham", 0, "linked", 3.0, "now"),
    ]


def test_a_release_has_as_many_rows_of_linked_people():
    rng = np.random.default_rng(0)
    units = np.sort(np.concatenate([np.arange(400), rng.integers(0, 400, 300)]))
    units = units[people.places(units) <= 3]
    once = {n: rng.choice(list(v), 400)[units] for n, v in (("sex", "FM"), ("dead", "01"))}
    frame = pd.DataFrame({"who": units.astype(str), "x": rng.integers(0, 10, len(units)), **once})
    frame = frame.assign(again=(frame["x"] % 2).astype(str), x=frame["x"].astype("Int64"))
    frame = frame[list(SCHEMA.columns)]
    some = people.People(SCHEMA, frame, frame)
    made = [releases.released(some, who, 10.0, 0).frame for who in releases.PRIVATE]
    assert [abs(len(m) - len(frame)) < SCHEMA.max_rows_per_unit for m in made] == [True, True]
    assert all(list(m) == list(frame) for m in made)
    linked, strangers = (figures(some, m, 0)["broken"] for m in made)
    assert linked == 0
    assert strangers > 0.3


@pytest.fixture(scope="module")
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(people.SMALL, "clinic-1500", 600)
        yield people.parted(None, "clinic-1500", 1)


def test_the_small_clinic_is_as_its_schema_says(small):
    rows = pd.concat([small.train, small.test.assign(patient="t" + small.test["patient"])])
    of = rows.groupby("patient")
    assert small.train["patient"].nunique() == 600
    assert 3.8 < of.size().mean() < 4.2
    assert figures(small, small.train, 0)["broken"] == 0
    assert 0.17 < rows["crp"].isna().mean() < 0.23
    assert of["weight"].diff().std() < 2 < rows["weight"].std()
    flared = of["flare"].shift() == "yes"
    assert (rows["flare"][flared] == "yes").mean() > 1.5 * (rows["flare"][~flared] == "yes").mean()
    again = people.clinic(50, 3)
    assert again == people.clinic(50, 3)
    assert again != people.clinic(50, 4)


def test_a_release_of_the_small_clinic_is_told_no_bins(small):
    assert small.said is not None
    assert small.schema.incomplete == ()
    assert small.said.incomplete == ("day", "age", "weight", "sbp", "crp", "egfr")
    assert {g.bins for g in small.said.visits.gaps.values()} == {None}
    assert list(small.said.columns) == list(small.schema.columns)


def test_numbers_that_move_half_as_far_are_told(small):
    own = small.test["weight"].groupby(small.test["patient"]).transform("first")
    near = small.test.assign(weight=np.round(own + 0.5 * (small.test["weight"] - own), 1))
    assert figures(small, small.test, 0)["moves"] == 0
    assert figures(small, near, 0)["moves"] == pytest.approx(0.5, abs=0.02)
    assert figures(small, small.test.assign(weight=own), 0)["moves"] == 1
