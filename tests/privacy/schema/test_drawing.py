"""Numbers drawn inside their bins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.schema.columns import Shape
from privacy.schema.drawing import Pieces, decay, rates_of, with_ends
from privacy.schema.lattice import Lattice

steps = st.sampled_from([(), ((1.0, 0.5), (5.0, 0.5)), ((10.0, 1.0),)])


@st.composite
def cases(draw):
    edges = sorted(draw(st.sets(st.integers(-50, 400), min_size=2, max_size=8)))
    cells = sorted(draw(st.sets(st.integers(edges[0], edges[-1]), max_size=12)))
    cells = sorted({edges[0], *cells, edges[-1]})
    weights = [draw(st.sampled_from([0, 0.5, 3, 100])) for _ in cells[1:]]
    shape = Shape(edges=tuple(cells), weights=tuple(weights), steps=draw(steps))
    return np.array(edges), shape


@given(cases(), st.integers(0, 2**32))
def test_every_number_lies_in_its_bin(case, seed):
    edges, shape = case
    bins = np.repeat(np.arange(len(edges) - 1), 30)
    drawn = Pieces.of(edges, Lattice(), shape).draw(bins, np.random.default_rng(seed))
    assert (drawn >= edges[bins]).all()
    assert (drawn < edges[bins + 1]).all()


@given(cases())
def test_shares_of_a_bin_add_up(case):
    edges, shape = case
    pieces = Pieces.of(edges, Lattice(), shape)
    of = np.searchsorted(edges, pieces.low, side="right") - 1
    assert np.bincount(of, weights=pieces.share) == pytest.approx(1)
    assert (np.diff(pieces.first) >= 1).all()


def test_weights_are_kept():
    shape = Shape(edges=(0, 1, 50, 100), weights=(70, 0, 30))
    pieces = Pieces.of(np.array([0, 100]), Lattice(), shape)
    drawn = pieces.draw(np.zeros(20_000, dtype=int), np.random.default_rng(0))
    assert (drawn == 0).mean() == pytest.approx(0.7, abs=0.02)
    assert ((drawn > 0) & (drawn < 50)).mean() == 0


def test_a_tail_begins_at_its_neighbours_density():
    """A density e^(−λx) of mass m over a width w begins at mλ / (1 − e^(−λw))."""
    width, weight = np.array([10.0, 1000.0]), np.array([100.0, 100.0])
    rate = rates_of(width, weight)[1]
    assert weight[1] * rate / -np.expm1(-rate * width[1]) == pytest.approx(weight[0] / width[0])


def test_a_cell_between_empty_ones_is_flat_and_one_after_a_spike_decays():
    assert rates_of(np.array([10.0, 40.0, 30.0]), np.array([0.0, 900.0, 0.0]))[1] == 0
    assert rates_of(np.array([10.0, 1.0, 40.0]), np.array([0.0, 900.0, 90.0]))[2] > 0


@given(st.floats(1.01, 50))
def test_decay_solves_its_equation(ratio):
    z = decay(ratio)
    assert z / -np.expm1(-z) == pytest.approx(ratio, rel=1e-3)


def test_an_empty_bin_leans_towards_what_there_is():
    shape = Shape(edges=(0, 10, 1000), weights=(1, 0))
    pieces = Pieces.of(np.array([0, 10, 1000]), Lattice(), shape)
    drawn = pieces.draw(np.ones(5_000, dtype=int), np.random.default_rng(0))
    assert np.median(drawn) < 250


def test_the_ends_of_a_shape_hold_what_their_bins_hold_beside_other_cells() -> None:
    """A tail that noise left empty is drawn again where a bin holds more people than its other cells."""
    shape = Shape(edges=(18, 54, 69, 85, 101), weights=(0, 900, 900, 200))
    edges, lattice = np.array([18, 56, 60, 85, 101]), Lattice()
    people = np.array([300.0, 200.0, 1300.0, 200.0])
    found = with_ends(shape, edges, lattice, people)
    assert found.edges == shape.edges
    # of 300 people below 56 some are of the cell from 54 on, the rest has no other place
    assert 150 < found.weights[0] < 300
    assert found.weights[1:] == shape.weights[1:]
    drawn = Pieces.of(edges, lattice, found).draw(
        np.zeros(2000, dtype=int), np.random.default_rng(0)
    )
    assert 0.4 < (drawn < 54).mean() < 1
    before = Pieces.of(edges, lattice, shape).draw(
        np.zeros(2000, dtype=int), np.random.default_rng(0)
    )
    assert (before < 54).mean() == 0


def test_ends_that_are_explained_stay() -> None:
    shape = Shape(edges=(18, 54, 69, 85, 101), weights=(250, 900, 900, 200))
    edges, lattice = np.array([18, 54, 60, 85, 101]), Lattice()
    # the first cell is a bin of its own, the last bin's people are in its cell
    assert with_ends(shape, edges, lattice, np.array([999.0, 1, 1000, 200])) == shape
    bins = np.array([18, 56, 60, 85, 101])
    assert with_ends(shape, bins, lattice, np.array([300.0, 250.0, 1500.0, 200.0])) == shape
    assert with_ends(shape, bins, lattice, np.zeros(4)) == shape
    one = Shape(edges=(0, 10), weights=(5,))
    assert with_ends(one, np.array([0, 5, 10]), lattice, np.array([1.0, 9.0])) == one
