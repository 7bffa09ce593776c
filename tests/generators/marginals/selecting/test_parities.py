"""Parities: they are those of plain counting, one row moves them by one, and AIM finds what only they show."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.marginals.aim import aim, schedule
from generators.marginals.counting.counter import Counter
from generators.marginals.measurement import Budget
from generators.marginals.model import synthesize
from generators.marginals.opening import opening
from generators.marginals.selecting import candidates, parities
from generators.marginals.selecting.candidates import Candidates
from generators.marginals.selecting.distances import UNIT
from generators.marginals.selecting.parities import Parities, cut
from generators.marginals.workload import workload


def table(sizes, n, seed, weighed=False):
    rng = np.random.default_rng(seed)
    domain = {f"c{i}": size for i, size in enumerate(sizes)}
    weights = rng.integers(1, 4, n) if weighed else None
    return Counter.of(domain, {c: rng.integers(0, s, n) for c, s in domain.items()}, weights)


def looked_at(counter, targets=("c0",)):
    people = {c: np.full(size, 10.0) for c, size in counter.domain.items()}
    return Parities.of(targets, people, {"c1": counter.domain["c1"]})


def plain(found, counter, parity):
    """Σ weight · (−1)^(columns in their lower half), row by row."""
    sign = np.ones(len(counter.rows.codes["c0"]), dtype=int)
    for column, half in zip(parity.clique, found.groups(parity), strict=True):
        sign *= 2 * half[counter.rows.codes[column]] - 1
    return int((sign * (1 if counter.rows.weights is None else counter.rows.weights)).sum())


tables = st.tuples(
    st.lists(st.integers(1, 6), min_size=4, max_size=7), st.integers(0, 30), st.booleans()
)


@settings(deadline=None, max_examples=25)
@given(
    tables, tables, st.integers(0, 2**32 - 1), st.floats(0.01, 3.0), st.sampled_from([5, 1 << 20])
)
def test_products_are_those_of_plain_counting(one, other, seed, scale, part):
    sizes, n, weighed = one
    rows, others = table(sizes, n, seed, weighed), table(sizes, other[1], seed + 1)
    found = looked_at(rows, ("c0", "c2"))
    expected = [
        abs(UNIT * plain(found, rows, p) - round(np.rint(plain(found, others, p) * (UNIT * scale))))
        for p in found.sets
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parities, "PART", part)
        gaps = found.gaps(rows, others, scale)
    assert gaps.dtype == np.int64
    assert gaps.tolist() == expected


@settings(deadline=None, max_examples=25)
@given(tables, st.integers(0, 2**32 - 1), st.floats(0.01, 3.0))
def test_one_row_moves_a_gap_by_its_weight_at_most(drawn, seed, scale):
    sizes, n, weighed = drawn
    rows, others = table(sizes, n + 1, seed, weighed), table(sizes, 20, seed + 1)
    weights = None if rows.rows.weights is None else rows.rows.weights[:-1]
    fewer = Counter.of(rows.domain, {c: v[:-1] for c, v in rows.rows.codes.items()}, weights)
    found = looked_at(rows)
    moved = np.abs(found.gaps(rows, others, scale) - found.gaps(fewer, others, scale))
    heaviest = 1 if rows.rows.weights is None else int(rows.rows.weights[-1])
    assert moved.max(initial=0) <= UNIT * heaviest


def test_every_set_of_a_target_with_three_or_four_others_is_there_once_a_view():
    rows = table([2, 3, 2, 4, 2, 1], 5, 0)
    found = looked_at(rows, ("c0", "c3", "none"))
    columns = ["c0", "c1", "c2", "c3", "c4"]  # c5 has a single code
    wanted = {c for k in (4, 5) for c in combinations(columns, k) if {"c0", "c3"} & {*c}}
    for view in range(parities.VIEWS):
        mine = [p.clique for p in found.sets if p.view == view]
        assert sorted(mine) == sorted(wanted)


def test_a_size_with_too_many_sets_is_left_out(monkeypatch):
    monkeypatch.setattr(parities, "MANY", 4)
    found = looked_at(table([2] * 5, 5, 0))
    assert {len(p.clique) for p in found.sets} == {4, 5}  # four sets of three others, one of four
    found = looked_at(table([2] * 6, 5, 0))
    assert found.sets == ()
    assert found.gaps(table([2] * 6, 5, 0), table([2] * 6, 5, 1), 1.0).size == 0


@given(
    st.lists(st.floats(-50, 1e6), min_size=2, max_size=30),
    st.integers(0, 7),
    st.integers(0, 9),
    st.data(),
)
def test_both_halves_of_a_column_hold_a_code(people, view, place, data):
    ordered = data.draw(st.integers(0, len(people)))
    upper = cut(np.array(people), ordered, view, place)
    assert 0 < upper.sum() < len(people)
    again = cut(np.array(people), ordered, view, place)
    np.testing.assert_array_equal(upper, again)


def test_numbers_are_cut_at_their_median_or_into_middle_and_ends():
    people = np.full(8, 100.0)
    assert cut(people, 8, 0, 0).tolist() == [False] * 4 + [True] * 4
    assert cut(people, 8, 1, 0).tolist() == [False] * 2 + [True] * 4 + [False] * 2
    heavy = np.array([500.0, 100, 100, 100, 100, 100])
    assert cut(heavy, 6, 0, 0).tolist() == [False] + [True] * 5


DOMAIN = {"a": 4, "b": 2, "c": 6, "d": 3, "e": 2, "label": 2}
N = 6000


@pytest.fixture(scope="module")
def parity():
    """A label that is the parity of halves of a, b and c, with one in ten turned over."""
    rng = np.random.default_rng(0)
    codes = {c: rng.integers(0, size, N) for c, size in DOMAIN.items()}
    odd = (codes["a"] < 2) ^ (codes["b"] == 0) ^ (codes["c"] < 3)
    return Counter.of(DOMAIN, codes | {"label": odd ^ (rng.random(N) < 0.1)})


def agreement(found):
    rows = synthesize(found.model, N, np.random.default_rng(1))
    odd = (rows["a"] < 2) ^ (rows["b"] == 0) ^ (rows["c"] < 3)
    return np.mean(rows["label"] == odd)


def run(count, rho, **options):
    return aim(count, workload(DOMAIN, ["label"]), rho, ordered={"a": 4, "c": 6}, **options)


def test_a_label_that_no_triple_says_anything_of_is_found(parity):
    steps = schedule(len(DOMAIN), [], 0.02)
    found = run(parity, 0.02, targets=["label"], steps=steps)
    assert agreement(found) > 0.8
    assert agreement(run(parity, 0.02)) < 0.6


def test_a_set_is_measured_over_halves_where_noise_would_drown_its_codes(parity):
    for rho, cells in ((0.02, 16), (20.0, 96)):
        found = run(parity, rho, targets=["label"])
        sizes = {m.counts.size for m in found.measurements if {*m.clique} == {*"abc", "label"}}
        assert cells in sizes


def test_chance_alone_makes_no_parity_worth_more_than_nothing():
    """Columns that are independent, and a model that says so."""
    count = table([4, 4, 4, 4, 4, 2], 20_000, 3)
    budget = Budget(1.0)
    start = opening(budget, count, one_way=0.5)
    among = Candidates.of(start, workload(count.domain), 0.1, 0.0, 20_000, ["c5"])
    drawn = table([4, 4, 4, 4, 4, 2], 20_000, 4)
    scores = among.scores(np.arange(len(among.cliques)), dict(drawn.rows.codes), 1.0)
    sets = np.array([len(r) > 3 for r in among.cliques])
    assert sets.sum() == 8 * (10 + 5)
    assert (scores[sets] <= 0).mean() > 0.99
    assert among.per_row == UNIT * 4


def test_halves_name_every_code_that_was_merged(parity):
    codes = dict(parity.rows.codes)
    codes["c"] = np.where(codes["c"] < 3, codes["c"], 5)  # two codes that nobody has
    count = Counter.of(DOMAIN, codes)
    start = opening(Budget(1.0), count, one_way=0.5, ordered={"a": 4, "c": 6})
    assert start.compression.domain["c"] < 6
    among = Candidates.of(start, workload(start.compression.domain), 1e3, 1.0, N, ["label"])
    found = [among.halves(i) for i in range(len(among.cliques))]
    assert all(f is None for f in found[: len(among.apart.cliques)])
    for rates in (f for f in found if f):
        for column, half in zip(rates.clique, rates.groups, strict=True):
            assert half.size == DOMAIN[column]
            merged = start.compression.groups[column]
            assert all(len({*half[merged == g].tolist()}) == 1 for g in merged)


def test_there_are_no_candidates_of_sets_without_a_target(parity):
    start = opening(Budget(1.0), parity, one_way=0.5)
    among = Candidates.of(start, workload(DOMAIN), 1.0, 1.0, N)
    assert max(map(len, among.cliques)) == 3
    assert candidates.Parities.of([], {}, {}).sets == ()
