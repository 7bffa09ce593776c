"""Rows that are read in batches are those that are read together, bit for bit, and so is what is refused."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy.errors import DataError
from privacy.people.identity import PLAIN
from privacy.people.sketch import Sketch
from privacy.people.split import Split
from privacy.reading import read
from privacy.reading.formats import delimited
from privacy.reading.source import read_source
from privacy.schema.schema import Schema
from privacy.stored import column, growing, reading, rows, turns
from privacy.stored.reading import Told
from privacy.table import PrivateTable

SECRET = b"s" * 32
COLUMNS = {
    "age": {"kind": "integer", "bounds": [0, 99], "bins": 5, "missing": "keep"},
    "weight": {"kind": "float", "bounds": [0, 200], "bins": 5, "decimals": 1},
    "dose": {"kind": "float", "bounds": [0, 1], "bins": 5},
    "lab": {"kind": "float", "bounds": [0, 9], "bins": 3, "special": ["low"], "missing": "keep"},
    "seen": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 4},
    "at": {
        "kind": "datetime",
        "bounds": ["2020-01-01T00:00:00", "2020-01-02T00:00:00"],
        "resolution": "second",
        "bins": 4,
    },
    "ward": {"kind": "categorical", "categories": ["a", "b", "else"], "other": "else"},
}
ALONE = Schema.model_validate({"name": "t", "columns": COLUMNS})
NAMED = Schema.model_validate(
    {
        "name": "t",
        "unit": "person",
        "max_rows_per_unit": 2,
        "columns": {"person": {"kind": "identifier"}} | COLUMNS,
    }
)
VISITS = st.sampled_from(
    [
        {},
        {"order": "seen"},
        {"order": "at"},
        {"order": "weight"},
        {"order": "ward"},
        {"order": "visit"},
        {"order": "age", "numbered": ["age"]},
    ]
)


def following(visits, most):
    """Rows of a person that follow one another."""
    columns = {"person": {"kind": "identifier"}, "visit": {"kind": "identifier"}} | COLUMNS
    more = {"unit": "person", "max_rows_per_unit": most, "visits": visits}
    return Schema.model_validate({"name": "t", "columns": columns} | more)


def permit(holdout=0.3):
    """What opens a table here: it is not the ledger that is tried."""
    identity = SimpleNamespace(against=lambda schema: None, form=PLAIN)
    return SimpleNamespace(
        dataset="t",
        partition="train",
        split=Split(b"k" * 32, holdout),
        entry=SimpleNamespace(identity=identity),
    )


def people(n, seed, few=False):
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 100, n).astype(str)
    age[rng.random(n) < 0.1] = ""
    lab = rng.integers(0, 9, n).astype(str)
    lab[rng.random(n) < 0.2] = "low"
    names = rng.integers(0, max(2, n // 3), n)
    frame = pd.DataFrame(
        {
            "person": [
                f"{p}.0" if odd else str(p) for p, odd in zip(names, age < "5", strict=True)
            ],
            "age": age,
            "weight": rng.integers(0, 2000, n) / 10,
            "dose": rng.random(n),
            "lab": lab,
            "seen": np.datetime64("2020-01-01") + rng.integers(0, 300, n),
            "at": np.datetime64("2020-01-01T00:00:00") + rng.integers(0, 80_000, n),
            "ward": rng.choice(["a", "b", "c"], n),
        }
    )
    return pd.concat([frame, frame.sample(n // 3, random_state=seed)]) if few else frame


def small(patch, at_once):
    """Everything is read and kept a few rows at a time."""
    patch.setattr(delimited, "BLOCK", 1 << 9)
    patch.setattr(read, "AT_ONCE", at_once)
    patch.setattr(rows, "AT_ONCE", at_once)
    patch.setattr(reading, "AT_ONCE", at_once)
    patch.setattr(column, "MANY", 60)
    patch.setattr(growing, "AT_ONCE", at_once)
    patch.setattr(turns, "AT_ONCE", at_once)
    patch.setattr(turns, "STRETCH", 2 * at_once)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([ALONE, NAMED]),
    st.integers(1, 120),
    st.integers(0, 5),
    st.integers(1, 40),
    st.booleans(),
    st.booleans(),
)
def test_in_batches_they_are_those_in_memory(tmp_path, schema, n, seed, at_once, csv, in_files):
    frame = people(n, seed, few=True)[list(schema.columns)]
    assert_read_alike(tmp_path, schema, written(tmp_path, frame, csv), at_once, in_files)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    VISITS,
    st.integers(2, 4),
    st.integers(1, 120),
    st.integers(0, 5),
    st.integers(1, 40),
    st.booleans(),
)
def test_histories_in_batches_are_those_in_memory(
    tmp_path, visits, most, n, seed, at_once, in_files
):
    schema = following(visits, most)
    frame = people(n, seed, few=True)
    frame["visit"] = np.random.default_rng(seed).integers(0, 30, len(frame)).astype(str)
    frame = frame[list(schema.columns)]
    assert_read_alike(tmp_path, schema, written(tmp_path, frame, True), at_once, in_files)


def written(folder, frame, csv):
    path = folder / ("t.csv" if csv else "t.parquet")
    if csv:
        frame.to_csv(path, index=False)
    else:
        pq.write_table(pa.Table.from_pandas(frame.astype(str), preserve_index=False), path)
    return path


def assert_read_alike(folder, schema, path, at_once, in_files):
    """Whatever is read and kept together, and where: rows, units and order are those in memory."""
    room = folder / "room"
    room.mkdir(exist_ok=True)
    for partition in ("train", "holdout"):
        table = PrivateTable(schema, (path,), partition)
        held = table._held(permit(), PLAIN)
        with pytest.MonkeyPatch.context() as patch:
            small(patch, at_once)
            patch.setattr("privacy.table.LARGE", 0 if in_files else 1 << 30)
            allowed = permit()
            allowed.partition = partition
            stored = table.open(allowed, room)
            batches = list(stored.batches())
        assert (stored.room is None) != in_files
        pd.testing.assert_frame_equal(stored.frame, held.frame)
        pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), held.frame)
        np.testing.assert_array_equal(stored.units, held.units)
        for name in held.frame:
            pd.testing.assert_series_equal(stored.column(name), held.frame[name])
        assert list(room.iterdir()) == []


@pytest.mark.parametrize("schema", [ALONE, NAMED])
def test_a_sketch_in_parts_is_that_of_the_whole(tmp_path, monkeypatch, schema):
    people(300, 1, few=True)[list(schema.columns)].to_csv(tmp_path / "t.csv", index=False)
    paths = (tmp_path / "t.csv",)
    whole = Sketch.of(read_source(paths, schema), schema, PLAIN, SECRET)
    small(monkeypatch, 30)
    monkeypatch.setattr("privacy.people.sketch.SAMPLE", 100)
    again = Sketch.of(read_source(paths, schema), schema, PLAIN, SECRET)
    monkeypatch.setattr("privacy.people.sketch.TOGETHER", 16)
    told = Told(paths, schema, permit().split, SECRET, tmp_path)
    parts = Sketch.of_parts(told.parts, schema, told.keys(), SECRET)
    assert parts.to_plain() == again.to_plain()
    assert parts.keys.to_plain() == whole.keys.to_plain()


WRONG = {
    "a number": ("weight", "heavy"),
    "a bound": ("age", "120"),
    "a day": ("seen", "yesterday"),
    "nothing": ("weight", ""),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_refused_is_said_in_the_same_words(tmp_path, monkeypatch, what, ending):
    frame = people(200, 2).astype(str)
    name, value = WRONG[what]
    frame.loc[[150, 170], name] = value
    frame.loc[190, "at"] = "noon"
    path = tmp_path / f"t.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
    table = PrivateTable(NAMED, (path,))
    with pytest.raises(DataError) as held:
        table._held(permit(), PLAIN)
    small(monkeypatch, 30)
    with pytest.raises(DataError) as stored:
        table.open(permit())
    assert stored.value.private == held.value.private
    assert "row 151" in stored.value.private
    assert "(2 rows)" in stored.value.private


def test_people_among_take_all_rows_of_a_unit():
    units = np.repeat(np.arange(50), 3)
    taken = rows.people_among(units, 60, np.random.default_rng(0))
    assert len(taken) == 60
    assert set(np.bincount(units[taken], minlength=50)) == {0, 3}
    np.testing.assert_array_equal(
        rows.people_among(units, 150, np.random.default_rng(0)), np.arange(150)
    )


CHANGED = {
    "fewer": lambda frame: frame.iloc[:-1],
    "more": lambda frame: pd.concat([frame, frame.iloc[:1]]),
    "others": lambda frame: frame.assign(person=frame["person"] + "x"),
}


@pytest.mark.parametrize("how", CHANGED)
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, how):
    """Of units with too many rows the names are read once more."""
    path, frame, real = tmp_path / "t.csv", people(60, 3, few=True), reading.before_and_first
    frame.to_csv(path, index=False)

    def changed(marks):
        CHANGED[how](frame).to_csv(path, index=False)
        return real(marks)

    monkeypatch.setattr(reading, "before_and_first", changed)
    with pytest.raises(DataError) as refused:
        PrivateTable(NAMED, (path,)).open(permit())
    assert "changed while it was read" in refused.value.private


def test_a_zero_without_a_sign_stays_one_beside_one_with(tmp_path):
    path = tmp_path / "t.csv"
    kinds = {"weight": {"kind": "float", "bounds": [-1, 1], "decimals": 1, "bins": 2}}
    schema = Schema.model_validate({"name": "t", "columns": kinds})
    path.write_text("weight\n-0.01\n0.0\n0\n")
    found = PrivateTable(schema, (path,)).open(permit(holdout=1e-9)).frame["weight"]
    assert not np.signbit(found).any()
