"""What any attack can reach: against closed forms, against riskcal, and against the best attack there is."""

from __future__ import annotations

import math

import dp_accounting
import numpy as np
import pytest
from dp_accounting import DpEvent
from dp_accounting.dp_event import RepeatAndSelectDpEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from privacy.accounting.composition import profile, spent
from privacy.accounting.events import ApproximateZCDpEvent, ClaimedDpEvent, DiscreteGaussianDpEvent
from privacy.accounting.risk import Risk, most_advantage, most_tpr, risk

SAMPLED = dp_accounting.PoissonSampledDpEvent(0.01, dp_accounting.GaussianDpEvent(1.0))


def figures(found: Risk) -> tuple[float, ...]:
    return found.advantage, found.tpr, found.one_in_two, found.one_in_hundred


@given(st.floats(0.5, 20))
@settings(max_examples=20, deadline=None)
def test_the_gaussian_mechanism_has_its_closed_form(sigma: float) -> None:
    """μ-GDP, μ = 1/σ: total variation 2Φ(μ/2) − 1, and Φ(Φ⁻¹(α) + μ) true positives at α false ones."""
    mu = 1 / sigma
    exact = (
        2 * norm.cdf(mu / 2) - 1,
        norm.cdf(norm.ppf(0.01) + mu),
        norm.cdf(mu),
        norm.cdf(norm.ppf(0.01) + mu),
    )
    found = figures(risk([dp_accounting.GaussianDpEvent(sigma)]))
    assert found == pytest.approx(exact, rel=1e-4)
    assert all(f >= e for f, e in zip(found, exact, strict=True))


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0])
def test_a_claim_of_pure_privacy_is_that_of_randomised_response(epsilon: float) -> None:
    """Nobody tells the two truths of a randomised response apart better than by believing it."""
    right = math.exp(epsilon) / (1 + math.exp(epsilon))
    found = risk([ClaimedDpEvent(epsilon, 0.0, "somebody")])
    assert found.advantage == pytest.approx(2 * right - 1, abs=1e-9)
    assert found.tpr == pytest.approx(min(0.01 * math.exp(epsilon), 1), abs=1e-9)
    assert found.one_in_two == pytest.approx(1 - math.exp(-epsilon) / 2, abs=1e-9)
    assert "claimed" in found.accountant


@pytest.mark.parametrize(
    ("event", "advantage", "tpr", "one_in_two"),
    [
        (dp_accounting.LaplaceDpEvent(1.0), 0.393469340, 0.027182818, 0.816060279),
        (dp_accounting.SelfComposedDpEvent(SAMPLED, 1000), 0.161097784, 0.029150707, 0.658651208),
    ],
)
def test_riskcal_says_the_same(
    event: DpEvent, advantage: float, tpr: float, one_in_two: float
) -> None:
    """Figures of riskcal 1.5.1 on the same privacy loss distributions (arXiv 2407.02191)."""
    found = figures(risk([event]))
    assert found == pytest.approx((advantage, tpr, one_in_two, tpr), rel=2e-5)


@pytest.mark.parametrize(
    ("rho", "exact"),
    [(0.02, (0.099833305, 0.017970135, 0.598927649)), (0.5, (0.479098422, 0.12459521, 0.8929844))],
)
def test_from_rdp_alone_it_is_little_looser_than_zcdp_allows(
    rho: float, exact: tuple[float, float, float]
) -> None:
    """``exact``: riskcal's figures for ρ-zCDP, which hold for every order at once."""
    found = figures(risk([dp_accounting.ZCDpEvent(rho)]))[:3]
    assert all(e <= f <= 1.08 * e for f, e in zip(found, exact, strict=True))


@pytest.mark.parametrize("sigma", [0.7, 2.0])
def test_no_likelihood_ratio_attack_on_discrete_gaussian_counts_does_better(sigma: float) -> None:
    """The best test there is, on exact probabilities: a count of 7 or of 8 with integer noise."""
    support = np.arange(-60, 61)
    mass = np.exp(-(support**2) / (2 * sigma**2))
    out, member = mass / mass.sum(), np.roll(mass, 1) / mass.sum()
    order = np.argsort(-member / np.maximum(out, 1e-300))
    fpr, tpr = (np.concatenate([[0], np.cumsum(p[order])]) for p in (out, member))
    found = risk([DiscreteGaussianDpEvent(sigma)])
    best = (
        (tpr - fpr).max(),
        np.interp(0.01, fpr, tpr),  # between two thresholds: a coin
        np.interp(0.5, fpr, tpr),
        np.interp(0.01, fpr, tpr),
    )
    assert all(f >= b for f, b in zip(figures(found), best, strict=True))
    assert figures(found) == pytest.approx(best, rel=2e-3)


def test_guesses_of_a_secret_drawn_by_chance_stay_below() -> None:
    """A secret among 100 values, each count but one's own known, guessed by the largest likelihood."""
    rng = np.random.default_rng(0)
    sigma, n, trials = 0.8, 100, 20_000
    secret = rng.integers(n, size=trials)
    noisy = rng.normal(0, sigma, (trials, n))
    noisy[np.arange(trials), secret] += 1
    right = (noisy.argmax(axis=1) == secret).mean()
    allowed = risk([dp_accounting.GaussianDpEvent(sigma)]).one_in_hundred
    assert 0.04 < right < allowed


@pytest.mark.parametrize(
    "events",
    [
        lambda x: [dp_accounting.GaussianDpEvent(1 / x)],
        lambda x: [dp_accounting.ZCDpEvent(x)],
        lambda x: [ApproximateZCDpEvent(x, 1e-6), dp_accounting.ZCDpEvent(x)],
        lambda x: [ClaimedDpEvent(x, 1e-6, "somebody"), dp_accounting.ZCDpEvent(x)],
        lambda x: [RepeatAndSelectDpEvent(dp_accounting.ZCDpEvent(x), 4, 1)],
    ],
)
def test_more_loss_is_more_risk_and_never_more_than_one_epsilon_allows(events) -> None:
    found = [figures(risk(events(x))) for x in (0.1, 1.0)]
    assert all(a <= b for a, b in zip(*found, strict=True))
    delta = 1e-5
    epsilon = spent(events(0.1), delta).epsilon
    ceiling = [float(most_advantage(epsilon, delta))]
    ceiling += [float(most_tpr(p, epsilon, delta)) for p in (0.01, 0.5, 0.01)]
    assert all(f <= c * 1.01 for f, c in zip(found[0], ceiling, strict=True))


@pytest.mark.parametrize(
    "event", [dp_accounting.NonPrivateDpEvent(), dp_accounting.ZCDpEvent(float("inf"))]
)
def test_where_nothing_is_promised_everything_can_be_found_out(event: DpEvent) -> None:
    assert figures(risk([event])) == (1, 1, 1, 1)


def test_a_profile_holds_at_the_epsilon_that_was_spent() -> None:
    """One accountant, two questions: δ at ε and ε at δ."""
    events = [dp_accounting.SelfComposedDpEvent(SAMPLED, 500), dp_accounting.GaussianDpEvent(5.0)]
    curve = profile(events)
    epsilon = spent(events, 1e-5).epsilon
    assert np.interp(epsilon, curve.epsilon, np.log(curve.delta)) == pytest.approx(
        math.log(1e-5), abs=0.05
    )
