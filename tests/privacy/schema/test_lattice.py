"""Multiples that people round to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.schema.columns import Datetime, Numeric
from privacy.schema.lattice import DAYS, Lattice, decimals_of, ladder, lies_on, shares, snap

DAY = {"kind": "datetime", "bounds": ["1990-01-01", "2020-01-01"]}


@given(st.integers(-(10**7), 10**7), st.sampled_from([0, 1, 2, 4]))
def test_a_written_number_lies_on_its_last_digit(k, decimals):
    value = np.array([float(f"{k / 10**decimals:.{decimals}f}")])
    column = Numeric(kind="float", bounds=(-1e8, 1e8), decimals=decimals)
    on = [s for s in ladder(column) if lies_on(s, value)[0]]
    assert on[0] == pytest.approx(10.0**-decimals)
    assert all(value[0] / s == pytest.approx(round(value[0] / s)) for s in on)


@pytest.mark.parametrize(
    "column",
    [
        Numeric(kind="integer", bounds=(0, 10_000)),
        Numeric(kind="float", bounds=(0, 70)),
        Datetime.model_validate(DAY | {"resolution": "second"}),
        Datetime.model_validate(DAY),
    ],
)
def test_multiples_of_a_step_lie_on_it_or_on_coarser_ones(column):
    steps = ladder(column)
    mixed = shares(steps)
    assert mixed.sum(axis=0) == pytest.approx(1)
    assert mixed[:, 0] @ np.ones(len(steps)) == pytest.approx(1)
    for j in range(len(steps)):
        assert (mixed[:j, j] == 0).all()


def test_half_of_all_tens_are_no_twenties():
    assert shares([1.0, 5.0, 10.0, 20.0])[:, 2] == pytest.approx([0, 0, 0.5, 0.5])


@given(
    st.integers(-40_000, 40_000), st.integers(0, 800), st.integers(1, 800), st.sampled_from(DAYS)
)
def test_a_first_day_is_found_inside_the_cell_where_there_is_one(low, inside, more, step):
    stop = low + inside + more
    found = int(snap(step, *(np.array([v]) for v in (low + inside, low, stop)), Lattice())[0])
    if lies_on(step, np.arange(low, stop)).any():
        assert low <= found < stop
        assert lies_on(step, np.array([found]))[0]
    else:
        assert found == low - 1


@given(
    st.integers(-500, 500), st.integers(0, 90), st.integers(1, 90), st.sampled_from([0.5, 5, 10])
)
def test_a_multiple_is_found_inside_the_cell_where_there_is_one(low, inside, more, step):
    lattice, stop = Lattice(10), low + inside + more
    found = snap(step, *(np.array([v]) for v in (low + inside, low, stop)), lattice)
    if lies_on(step, lattice.values(np.arange(low, stop))).any():
        assert low <= found[0] < stop
        assert lies_on(step, lattice.values(found))[0]
    else:
        assert found[0] == low - 1


def test_digits_of_steps():
    assert [decimals_of(s) for s in (1, 0.5, 0.001, "month")] == [0, 1, 3, 0]
