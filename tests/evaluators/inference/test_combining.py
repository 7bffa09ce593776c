"""Combining rules against their formulas by hand, and against a simulation of independent releases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from evaluators.inference.combining import fully_synthetic, independent_releases, same_model
from evaluators.inference.scores import overlap, rejections

Q, V = np.array([[1.0], [2.0], [6.0]]), np.array([[1.0], [2.0], [3.0]])  # b = 7, v̄ = 2


def test_the_formulas_by_hand() -> None:
    full = fully_synthetic(Q, V)
    assert full.estimate == pytest.approx(3)
    assert full.variance == pytest.approx(4 / 3 * 7 - 2)
    assert full.df == pytest.approx(2 * (1 - 2 / (4 / 3 * 7)) ** 2)
    several = independent_releases(Q, V, share=0.5)
    assert several.variance == pytest.approx(0.5 * 2 + 7 / 3)
    assert several.df == pytest.approx(2 * (1 + 1 / (7 / 3)) ** 2)
    assert same_model(Q, V, share=2).variance == pytest.approx(2 * (2 + 1 / 3))


def test_a_variance_is_never_negative() -> None:
    full = fully_synthetic(np.array([[1.0], [1.1]]), np.array([[1.0], [1.0]]), share=2)
    assert full.variance == pytest.approx(2)  # (k/n) v̄ in the place of a negative estimate
    same = independent_releases(np.ones((2, 1)), np.ones((2, 1)))
    assert same.variance == pytest.approx(1)
    assert np.isinf(same.df)


def test_one_table_shows_no_variance_between_tables() -> None:
    for rule in (fully_synthetic, independent_releases):
        with pytest.raises(ValueError, match="one table"):
            rule(Q[:1], V[:1])
    assert same_model(Q[:1], V[:1]).variance == pytest.approx(2)


def test_independent_releases_reject_five_percent_and_draws_of_one_noisy_fit_more() -> None:
    """A mean of normal rows; noise of the mechanism as large as the sampling of the rows."""
    rng = np.random.default_rng(0)
    repeats, m, v = 20_000, 5, 1.0
    real = rng.normal(0, 1, repeats)
    noise = rng.normal(0, 1, (m, repeats))
    rows = rng.normal(0, 1, (m, repeats))
    variances = np.full((m, repeats), v)
    rates = {}
    for name, error in (("independent", noise), ("draws", noise[:1])):
        combined = independent_releases(real + error + rows, variances)
        rates[name] = (np.abs(combined.estimate) > combined.half_width()).mean()
    single = (np.abs(real + noise[0] + rows[0]) > 1.96).mean()
    assert rates["independent"] == pytest.approx(0.05, abs=0.01)
    assert rates["draws"] > 0.12
    assert single == pytest.approx(2 * norm.sf(1.96 / np.sqrt(3)), abs=0.01)


def test_rejections_are_those_of_a_simulation() -> None:
    rng = np.random.default_rng(1)
    d, variance, half = 0.7, 2.0, 1.5
    drawn = np.abs(rng.normal(d, np.sqrt(variance), 400_000)) > half
    found = rejections(np.array([d]), np.array([variance]), np.array([half]))
    assert found[0] == pytest.approx(drawn.mean(), abs=0.003)


@given(st.floats(-5, 5), st.floats(0.1, 5), st.floats(-5, 5), st.floats(0.1, 5))
def test_overlap_is_symmetric_and_at_most_one(a: float, ha: float, b: float, hb: float) -> None:
    one, other = (
        overlap(*(np.array([x]) for x in xs))[0] for xs in ((a, ha, b, hb), (b, hb, a, ha))
    )
    assert one == pytest.approx(other)
    assert one <= 1 + 1e-9
    assert (one < 0) == (abs(a - b) > ha + hb) or abs(abs(a - b) - ha - hb) < 1e-9


def test_overlap_by_hand() -> None:
    a, b, half = np.array([0.0]), np.array([1.0]), np.array([1.0])
    assert overlap(a, half, a, half) == pytest.approx(1)
    assert overlap(a, half, b, half) == pytest.approx(0.5)
    assert overlap(a, half, b, half * 3) == pytest.approx((1 + 1 / 3) / 2)
