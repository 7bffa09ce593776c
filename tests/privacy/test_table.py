import functools
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.accounting.guarantee import Guarantee
from privacy.errors import DataError, PermitError
from privacy.ledger.ledger import Ledger
from privacy.people.split import Split
from privacy.schema.schema import Schema
from privacy.table import PrivateTable

KEY = bytes(range(32))

PEOPLE = Schema.model_validate(
    {
        "name": "visits",
        "unit": "person",
        "max_rows_per_unit": 2,
        "columns": {
            "person": {"kind": "identifier"},
            "visit": {"kind": "integer", "bounds": [0, 99], "bins": 10},
        },
    }
)


def write(path, rows):
    pd.DataFrame(rows, columns=["person", "visit"]).to_csv(path, index=False)
    return path


@functools.cache
def permit(tmp_path, dataset="visits", partition="train"):
    """The same for a folder that asks again: to open a table with it changes nothing."""
    ledger = Ledger(str(tmp_path / "ledger.db"))
    schema = {"visits": PEOPLE, "rows": ROWS}.get(dataset)
    ledger.register(dataset, Guarantee(1, 1e-6), 0.4, schema)
    return ledger.charge(
        dataset, partition, run="r", attempt="a", purpose="test", event=NoOpDpEvent()
    )


@pytest.fixture
def opened(tmp_path):
    def open_(rows, partition="train", schema=PEOPLE):
        path = write(tmp_path / "visits.csv", rows)
        table = PrivateTable(schema, (path,), partition)
        return table.open(permit(tmp_path, schema.name, partition))

    return open_


def test_nothing_is_read_before_the_permit_is_checked(tmp_path):
    table = PrivateTable(PEOPLE, (tmp_path / "absent.csv",), "train")
    for wrong in (permit(tmp_path, "others"), permit(tmp_path, partition="holdout")):
        with pytest.raises(PermitError):
            table.open(wrong)


def rows_of(opened, rows):
    """Each partition's visits by person, as the table gives them."""
    return {p: sorted(opened(rows, p).frame["visit"].tolist()) for p in ("train", "holdout")}


def test_a_unit_is_bounded_and_whole_in_one_partition(opened):
    rows = [(f"p{i}", i) for i in range(50) for _ in range(i % 5)]
    train, holdout = opened(rows), opened(rows, "holdout")
    for part in (train, holdout):
        assert pd.Series(part.units).value_counts().max() <= 2
        assert part.frame.groupby(part.units)["visit"].nunique().eq(1).all()
    assert not set(train.frame["visit"]) & set(holdout.frame["visit"])
    expected = sum(min(i % 5, 2) for i in range(50))
    assert len(train.frame) + len(holdout.frame) == expected


visits = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 99)), min_size=1, max_size=40
)


@pytest.fixture(scope="class")
def folder(tmp_path_factory):
    """One ledger, and so one split, for all examples of a property: of this scope as hypothesis asks."""
    return tmp_path_factory.mktemp("neighbours")


@settings(max_examples=60, deadline=None)
@given(visits, st.data())
def test_removing_one_unit_leaves_everybody_else_alone(folder, rows, data):
    """The claim of the module: at most k rows of one partition go, and no other row moves."""
    gone = data.draw(st.sampled_from(sorted({p for p, _ in rows})))
    rest = [r for r in rows if r[0] != gone]

    def parts(rows):
        out = {}
        for p in ("train", "holdout"):
            if rows:
                table = PrivateTable(PEOPLE, (write(folder / "v.csv", rows),), p)
                out[p] = table.open(permit(folder, partition=p)).frame["visit"].tolist()
            else:
                out[p] = []
        return out

    full, without = parts(rows), parts(rest)
    lost = 0
    for p in ("train", "holdout"):
        remaining = list(full[p])
        for visit in without[p]:
            assert visit in remaining, "a row of somebody else appeared"
            remaining.remove(visit)
        lost += len(remaining)
        assert (
            not remaining
            or full["train" if p == "holdout" else "holdout"]
            == without["train" if p == "holdout" else "holdout"]
        )
    assert lost <= 2


def test_the_coin_ignores_the_data(tmp_path, opened):
    a = opened([("p1", 1), ("p2", 2), ("p3", 3), ("p4", 4)])
    b = opened([("p1", 91), ("p2", 92), ("p3", 93), ("p4", 94)])
    assert (b.frame["visit"] - 90).tolist() == a.frame["visit"].tolist()


ROWS = Schema.model_validate(
    {
        "name": "rows",
        "columns": {
            "x": {"kind": "integer", "bounds": [0, 9999], "bins": 10},
            "y": {"kind": "categorical", "categories": ["a", "b"]},
        },
    }
)


def parts_of_rows(folder, rows):
    pd.DataFrame(rows, columns=["x", "y"]).to_csv(folder / "x.csv", index=False)
    parts = []
    for p in ("train", "holdout"):
        rows = PrivateTable(ROWS, (folder / "x.csv",), p).open(permit(folder, "rows", p))
        parts.append(list(rows.frame.itertuples(index=False, name=None)))
    return parts


def test_rows_without_units_are_split_at_the_declared_share(tmp_path):
    train, holdout = parts_of_rows(tmp_path, [(i, "a") for i in range(5000)])
    assert sorted(x for x, _ in train + holdout) == list(range(5000))
    assert abs(len(holdout) / 5000 - 0.4) < 0.05


def test_equal_rows_are_different_people(tmp_path):
    _, holdout = parts_of_rows(tmp_path, [(7, "a")] * 1000)
    assert 300 < len(holdout) < 500


few_rows = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab")), min_size=2, max_size=25)


@settings(max_examples=40, deadline=None)
@given(few_rows, st.data())
def test_removing_one_row_moves_no_other(folder, rows, data):
    """Over one ledger, so also from one release to the next: later rows keep their side."""
    gone = data.draw(st.integers(0, len(rows) - 1))
    full = [Counter(p) for p in parts_of_rows(folder, rows)]
    rest = [Counter(p) for p in parts_of_rows(folder, rows[:gone] + rows[gone + 1 :])]
    lost = [a - b for a, b in zip(full, rest, strict=True)]
    assert all(not b - a for a, b in zip(full, rest, strict=True))
    assert sum(sum(c.values()) for c in lost) == 1


def test_another_partition_has_no_rows_and_no_budget(tmp_path):
    with pytest.raises(PermitError, match="no partition"):
        permit(tmp_path, partition="trainx")


def test_another_key_is_another_split():
    names = pd.Series([f"p{i}" for i in range(200)])
    a, b = (Split(bytes([k]) * 32, 0.5).is_holdout(names) for k in (1, 2))
    assert 60 < np.sum(a != b) < 140


def test_what_does_not_fit_is_refused_without_showing_it(opened):
    with pytest.raises(DataError) as caught:
        opened([("p1", 1), ("p2", 12345)])
    assert "12345" in caught.value.private
    assert "12345" not in str(caught.value)
    assert "12345" not in repr(caught.value.args)
