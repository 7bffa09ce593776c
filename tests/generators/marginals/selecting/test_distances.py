"""Distances by products are those of marginals that are counted one by one."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.marginals.counting.counter import Counter
from generators.marginals.selecting import distances as module
from generators.marginals.selecting.distances import UNIT, Distances


def one_by_one(rows, others, scale, clique):
    guess = np.rint(others.tally(clique) * (UNIT * scale)).astype(int)
    return np.abs(UNIT * rows.tally(clique) - guess).sum()


@given(
    st.lists(st.integers(1, 20), min_size=3, max_size=6),
    st.integers(0, 40),
    st.integers(0, 40),
    st.floats(0.01, 3.0),
    st.integers(0, 2**32 - 1),
)
def test_products_and_single_counts_agree(sizes, n, m, scale, seed):
    rng = np.random.default_rng(seed)
    domain = {f"c{i}": size for i, size in enumerate(sizes)}
    rows, others = (
        Counter.of(domain, {c: rng.integers(0, s, k) for c, s in domain.items()}) for k in (n, m)
    )
    cliques = [c for k in (2, 3) for c in combinations(domain, k)]
    rng.shuffle(cliques)
    cliques = [tuple(c) for c in cliques]
    found = Distances.of(cliques)(rows, others, scale)
    assert found.dtype == np.int64
    assert found.tolist() == [one_by_one(rows, others, scale, c) for c in cliques]


@pytest.mark.parametrize("part", [11, 1 << 20])
def test_blocks_of_rows_add_up(monkeypatch, part):
    monkeypatch.setattr(module, "BLOCK", 7)
    monkeypatch.setattr(module, "PART", part)
    domain = {"a": 3, "b": 2, "c": 4}
    rng = np.random.default_rng(0)
    rows, others = (
        Counter.of(domain, {c: rng.integers(0, s, k) for c, s in domain.items()}) for k in (30, 45)
    )
    cliques = [("a", "b"), ("a", "b", "c")]
    found = Distances.of(cliques)(rows, others, 30 / 45)
    assert found.tolist() == [one_by_one(rows, others, 30 / 45, c) for c in cliques]


def test_one_row_moves_a_distance_by_no_more_than_a_row():
    domain = {"a": 3, "b": 2, "c": 4}
    rng = np.random.default_rng(1)
    codes = {c: rng.integers(0, s, 50) for c, s in domain.items()}
    others = Counter.of(domain, {c: rng.integers(0, s, 80) for c, s in domain.items()})
    cliques = [c for k in (2, 3) for c in combinations(domain, k)]
    apart = Distances.of(cliques)
    whole = apart(Counter.of(domain, codes), others, 0.6)
    for gone in range(50):
        fewer = Counter.of(domain, {c: np.delete(v, gone) for c, v in codes.items()})
        assert np.abs(apart(fewer, others, 0.6) - whole).max() <= UNIT
