"""What (ε, δ) allows: the formulas against integration, and against mechanisms whose curve is known."""

from __future__ import annotations

import numpy as np
import pytest
from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from evaluators.attacks.claims import allowed, most_advantage, most_auroc, most_tpr
from evaluators.score import Score

FPR = np.linspace(0, 1, 100_001)
guarantees = st.tuples(st.floats(0, 6), st.floats(0, 0.5))


@given(guarantees)
def test_auroc_and_advantage_belong_to_the_curve(guarantee: tuple[float, float]) -> None:
    tpr = most_tpr(FPR, *guarantee)
    assert most_auroc(*guarantee) == pytest.approx(np.trapezoid(tpr, FPR), abs=2e-5)
    assert most_advantage(*guarantee) == pytest.approx((tpr - FPR).max(), abs=2e-3)


@given(guarantees)
def test_the_curve_is_concave_and_no_worse_than_a_guess(guarantee: tuple[float, float]) -> None:
    tpr = most_tpr(FPR, *guarantee)
    assert (tpr >= FPR - 1e-12).all()
    assert (np.diff(tpr, 2) < 1e-9).all()


def test_perfect_privacy_allows_a_guess_and_none_allows_everything() -> None:
    assert most_tpr(0.01, 0, 0) == pytest.approx(0.01)
    assert (most_auroc(0, 0), most_advantage(0, 0)) == (0.5, 0)
    assert most_auroc(0, 1) == most_advantage(0, 1) == most_tpr(0, 0, 1) == 1


def test_randomised_response_reaches_the_bound() -> None:
    """It answers truly with probability e^ε / (1 + e^ε): its curve has one corner, on the bound."""
    right = np.exp(1) / (1 + np.exp(1))
    assert most_tpr(1 - right, 1, 0) == pytest.approx(right)
    assert most_auroc(1, 0) == pytest.approx(right)
    assert most_advantage(1, 0) == pytest.approx(2 * right - 1)


@pytest.mark.parametrize("delta", [1e-6, 1e-2])
def test_the_gaussian_mechanism_stays_below_and_touches(delta: float) -> None:
    """Its exact curve lies under the bound of every (ε, δ) that dp-accounting says it has."""
    sigma = 1.3
    epsilon = from_gaussian_mechanism(sigma).get_epsilon_for_delta(delta)
    exact = norm.cdf(norm.ppf(FPR) + 1 / sigma)
    gap = most_tpr(FPR, epsilon, delta) - exact
    assert gap.min() > -1e-4
    assert gap[1:-1].min() < 1e-2


@pytest.mark.parametrize(
    ("metric", "baseline", "most"),
    [
        ("attack.membership.shadow", 0.5, most_auroc(1, 0)),
        ("attack.membership.shadow.tpr_at_1_percent_fpr", 0.012, 0.01 * np.e),
        ("attack.attribute", 0.8, 1 - 0.2 / np.e),
        ("attack.reconstruction", 0.0, 0.0),
        ("attack.attribute.leak", 0.0, most_advantage(1, 0)),
        ("attack.singling_out", 0.1, None),
        ("dcr.median", 0.1, None),
    ],
)
def test_each_attack_has_its_ceiling(metric: str, baseline: float, most: float | None) -> None:
    score = Score(metric=metric, value=0.5, baseline=baseline)
    assert allowed(score, 1, 0) == (most if most is None else pytest.approx(most))
