"""Weights of steps: whatever a unit's rows, it moves no count by more than one, and nobody else's at all."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.histories.tables import one_each, places, start_frame, step_frame, weights, whole
from privacy.schema.schema import Schema

SCHEMA = Schema.model_validate(
    {
        "name": "t",
        "unit": "who",
        "max_rows_per_unit": 6,
        "columns": {
            "who": {"kind": "identifier"},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "x": {"kind": "integer", "bounds": [0, 3], "bins": 4},
            "state": {"kind": "ordinal", "categories": ["well", "ill", "dead"]},
        },
        "visits": {"constant": ["sex"]},
    }
)
REMEMBERING = SCHEMA.model_copy(
    update={
        "visits": SCHEMA.visits.model_copy(
            update={"remembers": {"x": "mean", "state": "ever"}, "ends": {"state": ("dead",)}}
        )
    }
)
sizes = st.lists(st.integers(1, 6), min_size=1, max_size=8)


def people(sizes, seed=0):
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(len(sizes)), sizes)
    sex = np.array(["F", "M"], dtype=object)[rng.integers(0, 2, len(sizes))][units]
    x = pd.Series(rng.integers(0, 4, len(units)), dtype="Int64")
    state = np.array(["well", "ill", "dead"], dtype=object)[rng.integers(0, 3, len(units))]
    return pd.DataFrame({"sex": sex, "x": x, "state": state}), units


@given(sizes)
def test_the_steps_of_a_unit_weigh_one_together(sizes):
    _, units = people(sizes)
    later, parts = units[places(units) > 1], whole(SCHEMA)
    dealt = weights(later, parts)
    assert dealt.dtype == np.int64
    assert (dealt > 0).all()
    assert {int(dealt[later == u].sum()) for u in set(later)} <= {parts}


@pytest.mark.parametrize("most", [2, 3, 12, 16, 40, 1000])
def test_parts_are_dealt_evenly_whatever_the_bound(most):
    schema = SCHEMA.model_copy(update={"max_rows_per_unit": most})
    units = np.repeat(np.arange(3), [1, most // 2, most - 1])
    dealt = weights(units, whole(schema))
    for u in range(3):
        mine = dealt[units == u]
        assert mine.sum() == whole(schema)
        assert mine.max() - mine.min() <= (most > 16)


@settings(max_examples=40)
@given(sizes, st.integers(0, 7), st.integers(0, 99), st.sampled_from([SCHEMA, REMEMBERING]))
def test_one_unit_less_moves_every_marginal_by_its_parts_and_no_other_row(
    sizes, gone, seed, schema
):
    """Exact: of every pair of columns of both tables, counts with and without one unit."""
    frame, units = people(sizes, seed)
    gone %= len(sizes)
    left = units != gone
    fewer, others = frame[left].reset_index(drop=True), pd.factorize(units[left])[0]
    parts = whole(schema)
    starts, fewer_starts = (start_frame(f, u, schema) for f, u in ((frame, units), (fewer, others)))
    assert starts.drop(index=gone).reset_index(drop=True).equals(fewer_starts)
    steps, fewer_steps = (step_frame(f, u, schema) for f, u in ((frame, units), (fewer, others)))
    mine = units[places(units) > 1] == gone
    assert steps[~mine].reset_index(drop=True).equals(fewer_steps)
    weight = weights(units[places(units) > 1], parts)
    assert (weight[~mine] == weights(others[places(others) > 1], parts)).all()
    columns = list(steps.columns)
    for a, b in itertools.combinations(columns, 2):
        moved = steps[mine].assign(w=weight[mine]).groupby([a, b])["w"].sum()
        assert moved.sum() <= parts
        assert np.sqrt((moved**2).sum()) <= parts


def test_a_step_holds_the_row_before_and_the_start_of_its_own_unit():
    frame = pd.DataFrame(
        {
            "sex": list("FMFMM"),
            "x": pd.Series([0, 1, 2, 3, 1], dtype="Int64"),
            "state": ["well"] * 5,
        }
    )  # the second row of the first unit says M: the first row counts
    units = np.array([0, 0, 1, 1, 1])
    steps = step_frame(frame, units, SCHEMA)
    assert steps["sex"].tolist() == ["F", "F", "F"]
    assert steps["previous x"].tolist() == [0, 2, 3]
    assert steps["x"].tolist() == [1, 3, 1]
    assert steps["row number"].tolist() == ["2", "2", "3"]
    assert steps["rows in all"].tolist() == ["2", "3", "3"]
    assert steps["last row"].tolist() == ["1", "0", "1"]
    starts = start_frame(frame, units, SCHEMA)
    assert starts["rows in all"].tolist() == [2, 3]
    assert starts["sex"].tolist() == ["F", "F"]


def test_a_row_of_each_unit_is_any_of_them():
    units = np.repeat(np.arange(50), 4)
    seen = np.zeros(4, dtype=bool)
    for _ in range(20):
        at = one_each(units)
        assert (units[at] == np.arange(50)).all()
        seen[np.unique(places(units)[at]) - 1] = True
    assert seen.all()  # missed by chance once in 10^114
