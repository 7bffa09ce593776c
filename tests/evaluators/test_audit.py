import numpy as np
import pytest
from dp_accounting import GaussianDpEvent

from evaluators.audit import epsilon_lower_bound, gdp_epsilon
from privacy.accounting import spent


@pytest.mark.parametrize("mu", [0.2, 1.0, 3.0])
def test_a_gaussian_mechanism_costs_what_the_accountant_says(mu):
    assert gdp_epsilon(mu, 1e-6) == pytest.approx(
        spent([GaussianDpEvent(1 / mu)], 1e-6).epsilon, rel=0.01
    )


def test_the_bound_holds_at_its_confidence():
    """200 audits of a mechanism with μ = 1.5 at 95 %: at most 25 may exceed it (p < 1e-5 when right)."""
    rng = np.random.default_rng(0)
    truth = gdp_epsilon(1.5, 1e-6)
    bounds = [
        epsilon_lower_bound(rng.normal(0, 1, 40), rng.normal(1.5, 1, 40), 1e-6, 0.95)
        for _ in range(200)
    ]
    assert sum(b > truth for b in bounds) <= 25
    assert np.median(bounds) > 0.4 * truth


def test_runs_that_cannot_be_told_apart_bound_nothing():
    assert epsilon_lower_bound([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], 1e-6) == 0.0
