"""Counting agrees with numpy and pandas, and one more row moves a marginal by one."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.marginals.counting import coded as module
from generators.marginals.counting.coded import BLOCK
from generators.marginals.counting.counter import Counter


@st.composite
def tables(draw):
    sizes = draw(st.lists(st.integers(1, 20), min_size=1, max_size=4))
    domain = {f"c{i}": size for i, size in enumerate(sizes)}
    rows = draw(st.integers(0, 50))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return domain, {c: rng.integers(0, size, rows) for c, size in domain.items()}


@settings(max_examples=50, deadline=None)
@given(tables())
def test_counts_equal_histogramdd(table):
    domain, codes = table
    clique = tuple(domain)[:3]
    expected, _ = np.histogramdd(
        np.stack([codes[c] for c in clique], axis=1),
        bins=[np.arange(domain[c] + 1) for c in clique],
    )
    np.testing.assert_array_equal(Counter.of(domain, codes)(clique), expected)


def test_counts_equal_crosstab_over_several_blocks():
    rng = np.random.default_rng(0)
    codes = {"a": rng.integers(0, 3, 2 * BLOCK + 5), "b": rng.integers(0, 400, 2 * BLOCK + 5)}
    expected = pd.crosstab(codes["b"], codes["a"])
    np.testing.assert_array_equal(Counter.of({"a": 3, "b": 400}, codes)(("b", "a")), expected)


@settings(max_examples=50, deadline=None)
@given(tables(), st.integers(1, 3))
def test_a_unit_of_k_rows_moves_a_marginal_by_at_most_k(table, k):
    domain, codes = table
    more = {c: np.append(codes[c], np.zeros(k, dtype=int)) for c in domain}
    apart = Counter.of(domain, more)(tuple(domain)) - Counter.of(domain, codes)(tuple(domain))
    assert np.abs(apart).sum() == k
    assert np.sqrt((apart**2).sum()) <= k


@settings(max_examples=50, deadline=None)
@given(tables())
def test_recoded_rows_count_as_summed_cells(table):
    domain, codes = table
    column = next(iter(domain))
    halves = {c: np.arange(size) // (2 if c == column else 1) for c, size in domain.items()}
    smaller = {c: int(halves[c].max()) + 1 for c in domain}
    recoded = Counter.of(domain, codes).recode(smaller, halves)
    expected = np.add.reduceat(
        Counter.of(domain, codes)((column,)), np.arange(0, domain[column], 2)
    )
    np.testing.assert_array_equal(recoded((column,)), expected)


@pytest.mark.parametrize("bad", [-1, 3])
def test_a_code_outside_the_domain_is_refused_by_column(bad):
    with pytest.raises(ValueError, match="column a: a code lies outside"):
        Counter.of({"a": 3}, {"a": np.array([0, bad])})


def test_codes_are_kept_small():
    counter = Counter.of({"a": 256, "b": 257}, {"a": np.zeros(5), "b": np.zeros(5)})
    assert counter.rows.codes["a"].dtype == np.uint8
    assert counter.rows.codes["b"].dtype == np.uint16


@settings(max_examples=30, deadline=None)
@given(tables(), st.integers(1, 9), st.booleans())
def test_codes_in_parts_and_in_files_are_those_in_memory(table, at_once, in_files):
    domain, codes = table
    rows = len(next(iter(codes.values())))
    parts = (
        {c: v[start : start + at_once] for c, v in codes.items()}
        for start in range(0, rows, at_once)
    )
    groups = {c: np.arange(size) // 2 for c, size in domain.items()}
    halved = {c: int(g.max()) + 1 for c, g in groups.items()}
    whole, clique = Counter.of(domain, codes), tuple(domain)[:3]
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(module, "PART", at_once)
        patch.setattr(module, "BLOCK", at_once)
        room = Path(folder) if in_files else None
        gathered = Counter.gathered(domain, parts, room)
        recoded = gathered.recode(halved, groups)
        assert recoded.rows.room == room
        assert list(Path(folder).iterdir()) == []
        np.testing.assert_array_equal(gathered(clique), whole(clique))
        np.testing.assert_array_equal(recoded(clique), gathered.tally(clique, groups))
    expected = Counter.of(halved, {c: groups[c][v] for c, v in codes.items()})
    np.testing.assert_array_equal(recoded(clique), expected(clique))
