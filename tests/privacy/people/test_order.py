"""Rows of a unit in their order, and how many of them count."""

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent

from privacy.accounting.guarantee import Guarantee
from privacy.ledger.ledger import Ledger
from privacy.people.order import in_order
from privacy.schema.schema import Schema
from privacy.table import PrivateTable

COLUMNS = {
    "who": {"kind": "identifier"},
    "stay": {"kind": "identifier"},
    "day": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 12},
    "cycle": {"kind": "ordinal", "categories": ["one", "two", "three"]},
    "x": {"kind": "integer", "bounds": [0, 99], "bins": 10},
}


def schema(order, most=3):
    return Schema.model_validate(
        {
            "name": "t",
            "unit": "who",
            "max_rows_per_unit": most,
            "columns": COLUMNS,
            "visits": {"order": order},
        }
    )


FRAME = pd.DataFrame(
    {
        "who": list("baabba"),
        "stay": ["12", "9", "100", "3", "007", "20"],
        "day": pd.to_datetime([f"2020-{m}-01" for m in ("05", "03", "01", "05", "02", "02")]),
        "cycle": ["three", "one", "two", "one", "two", "three"],
        "x": [0, 1, 2, 3, 4, 5],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("order", "turn"),
    [
        (None, [0, 3, 4, 1, 2, 5]),
        ("day", [4, 0, 3, 2, 5, 1]),
        ("stay", [3, 4, 0, 1, 5, 2]),  # 9 before 20 before 100
        ("cycle", [3, 4, 0, 1, 2, 5]),
        ("x", [0, 3, 4, 1, 2, 5]),
    ],
)
def test_rows_stand_unit_by_unit_in_the_order_that_is_named(order, turn):
    assert in_order(FRAME, schema(order), FRAME["who"].to_numpy()).tolist() == turn


def test_rows_without_a_number_to_go_by_come_last():
    frame = FRAME.assign(stay=["12", None, "100", "3", None, "20"])
    assert in_order(frame, schema("stay"), frame["who"].to_numpy()).tolist() == [3, 0, 4, 5, 2, 1]


@pytest.fixture
def opened(tmp_path):
    def rows(frame, most):
        path = tmp_path / "t.csv"
        frame.to_csv(path, index=False)
        ledger = Ledger(str(tmp_path / f"{most}.db"))
        asked = schema("day", most)
        ledger.register("t", Guarantee(1, 1e-6), 0.4, asked, public_key=bytes(32))
        words = {"run": "r", "attempt": "a", "purpose": "test", "event": NoOpDpEvent()}
        return [
            PrivateTable(asked, (path,), side).open(ledger.charge("t", side, **words))
            for side in ("train", "holdout")
        ]

    return rows


def people(n=40):
    rng = np.random.default_rng(0)
    size = rng.integers(1, 8, n)
    who = np.repeat([f"p{i:02}" for i in range(n)], size)
    day = np.datetime64("2020-01-01") + rng.integers(0, 366, len(who))
    frame = pd.DataFrame({"who": who, "stay": np.arange(len(who)), "day": day, "cycle": "one"})
    return frame.assign(x=rng.integers(0, 100, len(who))).sample(frac=1, random_state=1)


def test_the_first_rows_of_each_unit_count_whatever_the_file_s_order(opened):
    frame = people()
    for side in opened(frame, 3):
        days = side.frame["day"].groupby(side.units)
        assert (days.diff().dropna() >= pd.Timedelta(0)).all()
        assert days.size().max() == 3
        assert (np.diff(side.units) >= 0).all()
    first = frame.sort_values(["who", "day"], kind="stable").groupby("who").head(3)
    both = pd.concat([side.frame for side in opened(frame, 3)])
    assert sorted(both["x"]) == sorted(first["x"])


def test_one_unit_more_changes_nothing_of_the_others(opened):
    frame = people()
    fewer = frame[frame["who"] != "p07"]
    for whole, without in zip(opened(frame, 4), opened(fewer, 4), strict=True):
        left = [tuple(r) for r in without.frame.itertuples(index=False)]
        rows = [tuple(r) for r in whole.frame.itertuples(index=False)]
        assert [r for r in rows if r in left] == left
        assert len(rows) - len(left) in (0, 4, (frame["who"] == "p07").sum())
