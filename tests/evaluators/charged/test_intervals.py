"""Intervals against other libraries where there is no noise, and by their coverage where there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from evaluators.charged.intervals import (
    Estimate,
    concordance,
    difference,
    gap,
    mean,
    pairs_level,
    quotient,
    ratio,
    share,
)

BINS = 6
EVENT = np.repeat([False, True], BINS)
PLACE = np.tile(np.arange(BINS), 2)
COMPARABLE = EVENT[:, None] & ~EVENT[None, :]
ABOVE = (PLACE[:, None] > PLACE[None, :]) + 0.5 * (PLACE[:, None] == PLACE[None, :])
CHOSEN = PLACE >= BINS // 2
WORTH = PLACE / BINS - EVENT
POPULATION = np.array([6, 5, 4, 3, 2, 1, 0.3, 0.6, 1, 1.4, 1.7, 2.0])
POPULATION = POPULATION / POPULATION.sum()
TRUTH = {
    "rate": POPULATION[EVENT].sum(),
    "tpr": POPULATION[EVENT & CHOSEN].sum() / POPULATION[EVENT].sum(),
    "mean": POPULATION @ WORTH,
    "auroc": POPULATION
    @ (COMPARABLE * ABOVE)
    @ POPULATION
    / (POPULATION @ COMPARABLE @ POPULATION),
}


def figures(counts: np.ndarray, sigma: float) -> dict[str, Estimate]:
    return {
        "rate": share(counts, EVENT, sigma),
        "tpr": share(counts[EVENT], CHOSEN[EVENT], sigma),
        "mean": mean(counts, WORTH, sigma),
        "auroc": concordance(counts, COMPARABLE, ABOVE, sigma),
    }


@given(st.integers(1, 300), st.integers(0, 300))
def test_a_share_without_noise_has_wilsons_interval(n: int, hits: int) -> None:
    hits = min(hits, n)
    found = share([n - hits, hits], [0, 1], 0.0)
    wilson = binomtest(hits, n).proportion_ci(method="wilson")
    assert found.value == pytest.approx(hits / n)
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-9)


def test_a_concordance_without_noise_is_scikit_learns_auroc() -> None:
    counts = np.random.default_rng(0).integers(1, 40, 2 * BINS)
    y, score = np.repeat(EVENT, counts), np.repeat(PLACE, counts)
    found = concordance(counts, COMPARABLE, ABOVE, 0.0)
    assert found.value == pytest.approx(roc_auc_score(y, score))
    assert found.low < found.value < found.high


@pytest.mark.parametrize(("people", "sigma"), [(1000, 0.0), (1000, 5.0), (4000, 15.0)])
def test_intervals_cover_the_population_as_often_as_they_say(people: int, sigma: float) -> None:
    rng, runs = np.random.default_rng(1), 600
    covered = dict.fromkeys(TRUTH, 0)
    for _ in range(runs):
        counts = rng.multinomial(people, POPULATION) + np.round(rng.normal(0, sigma, 2 * BINS))
        for name, found in figures(counts, sigma).items():
            covered[name] += found.low <= TRUTH[name] <= found.high
    # 600 runs at 95 %: ± 2.7 points is three standard errors
    assert all(0.923 <= hits / runs <= 0.98 for hits in covered.values()), covered


def test_the_gap_of_two_groups_is_covered_at_least_as_often() -> None:
    rng, runs, covered = np.random.default_rng(2), 400, 0
    for _ in range(runs):
        groups = []
        for rate in (0.3, 0.38, 0.35):
            counts = rng.multinomial(1500, [1 - rate, rate]) + np.round(rng.normal(0, 8, 2))
            groups.append(share(counts, [0, 1], 8.0, pairs_level(3)))
        found = gap(groups)
        covered += found.low <= 0.08 <= found.high
    assert covered / runs >= 0.95


@given(
    st.lists(st.integers(-200, 5000), min_size=2 * BINS, max_size=2 * BINS),
    st.floats(0, 500),
)
def test_whatever_the_counts_an_interval_is_an_interval(counts: list[int], sigma: float) -> None:
    for name, found in figures(np.array(counts), sigma).items():
        floor, top = (WORTH.min(), WORTH.max()) if name == "mean" else (0.0, 1.0)
        assert floor - 1e-9 <= found.low <= found.high <= top + 1e-9
        if found.value is not None:
            assert found.low <= found.value <= found.high


def test_counts_that_drown_say_nothing() -> None:
    for found in figures(np.array([3, -20, 11, 5, -9, 2, 8, -4, 1, 0, 6, -7]), 30.0).values():
        assert found.value is None
    assert figures(np.zeros(2 * BINS), 5.0)["rate"] == Estimate(None, 0.0, 1.0)


def test_arithmetic_of_estimates() -> None:
    a, b = Estimate(0.5, 0.4, 0.6), Estimate(0.2, 0.1, 0.3)
    apart = difference(a, b)
    assert apart.value == pytest.approx(0.3)
    assert apart.low == pytest.approx(0.3 - np.hypot(0.1, 0.1))
    assert ratio(a, b).value == pytest.approx(2.5)
    assert ratio(a, Estimate(None, 0, 1)).value is None
    assert gap([a, Estimate(None, 0, 1)]).value is None
    assert gap([a, b]).low > 0
    assert quotient(30.0, 100.0, 0.0, 0.0, 0.0) == Estimate(0.3, 0.3, 0.3)
