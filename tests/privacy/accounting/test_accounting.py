import functools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from dp_accounting import (
    ComposedDpEvent,
    GaussianDpEvent,
    NonPrivateDpEvent,
    PoissonSampledDpEvent,
    SelfComposedDpEvent,
    ZCDpEvent,
)
from dp_accounting.pld import PLDAccountant
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from privacy.accounting.calibration import calibrate, zcdp_budget
from privacy.accounting.composition import spent
from privacy.accounting.events import (
    ApproximateZCDpEvent,
    BoundedRangeDpEvent,
    DiscreteGaussianDpEvent,
    event_from_json,
    event_to_json,
)
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError

events = st.recursive(
    st.one_of(
        st.builds(ZCDpEvent, st.floats(1e-4, 1.0)),
        st.builds(GaussianDpEvent, st.floats(0.5, 50.0)),
        st.builds(BoundedRangeDpEvent, st.floats(1e-4, 1.0)),
        st.builds(ApproximateZCDpEvent, st.floats(1e-4, 1.0), st.floats(1e-9, 1e-7)),
    ),
    lambda inner: st.one_of(
        st.builds(ComposedDpEvent, st.lists(inner, max_size=3)),
        st.builds(
            SelfComposedDpEvent, st.builds(GaussianDpEvent, st.floats(5, 50)), st.integers(1, 4)
        ),
    ),
    max_leaves=4,
)


@given(events)
def test_an_event_survives_json(event):
    assert event_from_json(event_to_json(event)) == event


@settings(max_examples=20, deadline=None)
@given(events, events)
def test_composition_costs_at_least_each_part(a, b):
    both = spent([a, b], 1e-5).epsilon
    assert both >= spent([a], 1e-5).epsilon - 1e-9
    assert both >= spent([b], 1e-5).epsilon - 1e-9


def test_a_gaussian_costs_what_the_analytic_gaussian_mechanism_says():
    """Oracle: Balle and Wang 2018, theorem 8."""

    def delta(epsilon, sigma):
        a, b = 1 / (2 * sigma), epsilon * sigma
        return norm.cdf(a - b) - math.exp(epsilon) * norm.cdf(-a - b)

    for sigma in (0.8, 2.0, 5.0):
        exact = brentq(lambda e, s=sigma: delta(e, s) - 1e-5, 1e-3, 50)
        found = spent([GaussianDpEvent(sigma)], 1e-5)
        assert exact - 1e-9 <= found.epsilon <= exact * 1.01
        assert found.accountant.startswith("PLD")


@pytest.mark.parametrize(("epsilon", "delta"), [(0.1, 1e-6), (1, 1e-9), (1, 1e-5), (10, 1e-6)])
def test_the_zcdp_budget_is_no_worse_than_the_published_conversion(epsilon, delta):
    """Oracle: Canonne, Kamath and Steinke 2020, proposition 12, on a fine grid of orders."""
    alpha = 1 + np.logspace(-3, 4, 40_000)

    def published(rho):
        return np.min(
            rho * alpha + np.log1p(-1 / alpha) - (math.log(delta) + np.log(alpha)) / (alpha - 1)
        )

    rho = brentq(lambda r: published(r) - epsilon, 1e-8, 100)
    budget = zcdp_budget(Guarantee(epsilon, delta))
    assert spent([ZCDpEvent(budget)], delta).epsilon <= epsilon
    assert rho * 0.99 <= budget <= rho * 1.01


def test_the_delta_of_a_selection_comes_off_the_guarantee():
    assert (
        spent([ApproximateZCDpEvent(0.01, 4e-7)], 1e-6).epsilon
        == spent([ZCDpEvent(0.01)], 6e-7).epsilon
    )
    assert spent([ApproximateZCDpEvent(0.01, 1e-6)], 1e-6).epsilon == math.inf
    beside = GaussianDpEvent(9.0)  # a δ alone has no part in a loss distribution
    assert spent([ApproximateZCDpEvent(0.0, 4e-7), beside], 1e-6) == replace(
        spent([beside], 6e-7), delta=1e-6
    )


def test_what_no_accountant_understands_costs_everything():
    odd = PoissonSampledDpEvent(0.1, PoissonSampledDpEvent(0.1, GaussianDpEvent(1.0)))
    assert spent([odd], 1e-5).epsilon == math.inf
    assert spent([NonPrivateDpEvent()], 1e-5).epsilon == math.inf


def test_calibration_meets_the_guarantee_from_either_side():
    goal = Guarantee(2.0, 1e-6)
    sigma = calibrate(goal, GaussianDpEvent, 1.0, 100)
    assert 1.999 <= spent([GaussianDpEvent(sigma)], goal.delta).epsilon <= 2.0
    with pytest.raises(InputError, match="no setting"):
        calibrate(goal, GaussianDpEvent, 1.0, 1.5)


@pytest.mark.parametrize(
    ("epsilon", "delta"), [(0, 1e-6), (-1, 1e-6), (math.inf, 1e-6), (1, 0), (1, 0.5)]
)
def test_a_guarantee_that_guarantees_nothing_is_refused(epsilon, delta):
    with pytest.raises(InputError):
        Guarantee(epsilon, delta)


def test_unknown_events_are_refused():
    with pytest.raises(InputError, match="NoSuchEvent"):
        event_from_json({"type": "NoSuchEvent"})


def test_numbers_that_mean_nothing_cost_everything():
    assert spent([ZCDpEvent(math.nan)], 1e-5).epsilon == math.inf
    assert spent([GaussianDpEvent(math.nan)], 1e-5).epsilon == math.inf
    for rho, delta in [(-1, 0), (math.nan, 0), (0.1, -1e-6), (0.1, math.nan), (0.1, 1)]:
        with pytest.raises(ValueError, match=r"rho|delta"):
            ApproximateZCDpEvent(rho, delta)


def exact_delta(sigma, n, epsilon):
    """δ(ε) of n discrete Gaussian counts, shifted by one: their sum of losses, convolved by hand."""
    reach = int(12 * sigma) + 2
    y = np.arange(-reach, reach + 1)
    mass = np.exp(-(y**2) / (2 * sigma**2))
    mass /= mass.sum()
    total = functools.reduce(np.convolve, [mass] * n)
    loss = (2 * np.arange(-n * reach, n * reach + 1) + n) / (2 * sigma**2)
    return float(np.sum(total * np.maximum(0.0, 1 - np.exp(epsilon - loss))))


@pytest.mark.parametrize(("sigma", "n"), [(1.0, 1), (3.0, 2), (20.0, 3), (60.0, 1)])
def test_discrete_gaussian_counts_have_their_own_loss_distribution(sigma, n):
    found = spent([SelfComposedDpEvent(DiscreteGaussianDpEvent(sigma), n)], 1e-6)
    assert found.accountant.startswith("PLD")
    assert exact_delta(sigma, n, found.epsilon) <= 1e-6 * (1 + 1e-9)  # never less than it costs
    assert exact_delta(sigma, n, 0.98 * found.epsilon) > 1e-6  # and hardly more
    assert found.epsilon < spent([ZCDpEvent(n / (2 * sigma**2))], 1e-6).epsilon


def test_counts_and_sampled_steps_compose_in_one_loss_distribution():
    steps = SelfComposedDpEvent(PoissonSampledDpEvent(0.1, GaussianDpEvent(15.0)), 600)
    counts = DiscreteGaussianDpEvent(20.0)
    both = spent([counts, steps], 1e-9)
    assert both.accountant.startswith("PLD")
    assert max(spent([e], 1e-9).epsilon for e in (counts, steps)) < both.epsilon
    alike = spent([GaussianDpEvent(20.0), steps], 1e-9)
    assert both.epsilon == pytest.approx(alike.epsilon, rel=2e-3)


def test_what_has_no_loss_distribution_falls_back_to_rdp():
    steps = SelfComposedDpEvent(PoissonSampledDpEvent(0.1, GaussianDpEvent(15.0)), 600)
    mixed = spent([ZCDpEvent(1e-4), steps], 1e-9)
    assert mixed.accountant.startswith("RDP")
    assert mixed.epsilon > spent([steps], 1e-9).epsilon


def test_a_discrete_gaussian_event_survives_json():
    event = SelfComposedDpEvent(DiscreteGaussianDpEvent(7.5), 3)
    assert event_from_json(json.loads(json.dumps(event_to_json(event)))) == event


def test_equal_events_are_composed_at_once_and_cost_the_same():
    """A ledger of many equal cells asks for a few loss distributions."""
    gauss, choice = DiscreteGaussianDpEvent(20.0), BoundedRangeDpEvent(0.1)
    apart = [ComposedDpEvent([gauss, SelfComposedDpEvent(choice, 2)])] * 6 + [gauss]
    together = [SelfComposedDpEvent(gauss, 7), SelfComposedDpEvent(choice, 12)]
    assert spent(apart, 1e-6) == spent(together, 1e-6)
    assert spent([gauss] * 7, 1e-6).epsilon < spent([gauss] * 8, 1e-6).epsilon


def test_what_was_priced_is_not_priced_again(monkeypatch):
    """Neither by calibration nor by ledger and label after it; at another δ it is."""
    event = [PoissonSampledDpEvent(0.1, GaussianDpEvent(1.234))]
    first = spent(event, 1e-6)
    with monkeypatch.context() as patch:
        patch.setattr(PLDAccountant, "compose", None)
        assert spent(event, 1e-6) == first
        with pytest.raises(TypeError):
            spent(event, 1e-7)
