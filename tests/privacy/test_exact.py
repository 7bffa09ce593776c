"""Every price that a library names, held against sums and integrals of our own.

Both directions are asked for: a price that is below the exact one is a broken promise, and one far above it
would say that something else is computed than we believe.
"""

import itertools
import math

import numpy as np
import pytest
from dp_accounting import (
    GaussianDpEvent,
    PoissonSampledDpEvent,
    SelfComposedDpEvent,
    ZCDpEvent,
)
from dp_accounting.dp_event import RepeatAndSelectDpEvent
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import chisquare, norm

from privacy.accounting.accountants import bounded_range_delta, bounded_range_loss
from privacy.accounting.composition import spent
from privacy.accounting.events import BoundedRangeDpEvent, DiscreteGaussianDpEvent
from privacy.noise import (
    discrete_gaussian,
    gaussian_rho,
    gaussian_sigma,
    noisy_max,
    selection_range,
)

ORDERS = (1.01, 1.5, 2, 4, 16, 64)
DRAWS = 20_000


def mass(sigma, reach):
    """P(N_Z(0, σ²) = x) for x from −reach to reach."""
    x = np.arange(-reach, reach + 1)
    m = np.exp(-(x**2) / (2 * sigma**2))
    return m / m.sum()


def renyi(p, q, order):
    """D_α(p ‖ q) of each row."""
    return logsumexp(order * np.log(p) + (1 - order) * np.log(q), axis=-1) / (order - 1)


def hockey_stick(p, q, epsilon):
    """The δ at which p is within e^ε of q, for each row."""
    return np.maximum(0, p - math.exp(epsilon) * q).sum(-1)


def softmax(scores, scale):
    odds = np.exp((scores - scores.max(-1, keepdims=True)) / scale)
    return odds / odds.sum(-1, keepdims=True)


def neighbours(choices, change, top):
    """Scores of that many choices, and the same moved by at most ``change`` each, in every pattern.

    Each as [pairs, choices].
    """
    moves = np.array(list(itertools.product((-change, 0, change), repeat=choices)))
    scores = np.array(list(itertools.product(range(0, top + 1, change), repeat=choices)))
    scores = scores[scores.min(-1) == 0]  # odds depend on differences only
    return np.repeat(scores, len(moves), 0), (scores[:, None] + moves).reshape(-1, choices)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 7.0])
@pytest.mark.parametrize("shift", [1, 3])
def test_a_discrete_gaussian_is_zcdp_by_its_own_sum(sigma, shift):
    reach = int(30 * sigma) + 130 * shift
    x = np.arange(-reach, reach + 1)
    z = np.log(np.exp(-(x**2) / (2 * sigma**2)).sum())
    for order in ORDERS:
        # log Σ p^α q^(1−α) with q moved by the shift
        terms = -(order * x**2 + (1 - order) * (x - shift) ** 2) / (2 * sigma**2) - z
        divergence = logsumexp(terms) / (order - 1)
        assert divergence <= gaussian_rho(sigma, shift) * order * (1 + 1e-9)
        if sigma == 7.0:
            assert divergence >= 0.99 * gaussian_rho(sigma, shift) * order


@pytest.mark.parametrize("sigma", [0.6, 2.5])
def test_noise_is_drawn_from_the_distribution_that_is_priced(sigma):
    noise = discrete_gaussian(np.zeros(DRAWS, dtype=int), gaussian_rho(sigma) * (1 + 1e-11))
    reach = math.ceil(2.5 * sigma)
    seen = np.bincount(np.clip(noise, -reach, reach) + reach, minlength=2 * reach + 1)
    wide = mass(sigma, 60)
    expected = np.array(
        [wide[: 61 - reach].sum(), *wide[61 - reach : 60 + reach], wide[60 + reach :].sum()]
    )
    assert chisquare(seen, expected * DRAWS).pvalue > 1e-9


def test_a_choice_is_the_exponential_mechanism_also_among_ties():
    scores, rho, change = np.array([4, 0, 4, 7, 9]), 0.3, 2
    odds = softmax(scores, gaussian_sigma(rho, change))
    seen = np.bincount([noisy_max(scores, rho, change) for _ in range(2500)], minlength=5)
    assert chisquare(seen, odds * 2500).pvalue > 1e-9


@pytest.mark.parametrize("rho", [0.005, 0.3, 2.0])
@pytest.mark.parametrize("change", [1, 2])
def test_a_choice_is_bounded_in_range_and_zcdp_for_every_pattern_of_moves(rho, change):
    scale = gaussian_sigma(rho, change)
    p, q = (softmax(scores, scale) for scores in neighbours(3, change, 4 * change))
    assert np.ptp(np.log(p / q), axis=-1).max() <= math.sqrt(8 * rho)  # arXiv 1909.13830
    worst = max(renyi(p, q, order).max() / order for order in ORDERS)
    assert 0.4 * rho < worst <= rho


@pytest.mark.parametrize("sigma", [1.0, 6.0])
@pytest.mark.parametrize("delta", [1e-4, 1e-9])
def test_zcdp_costs_no_less_than_the_gaussian_whose_zcdp_it_is(sigma, delta):
    """RDP over our orders, against the analytic curve (Balle and Wang 2018)."""

    def exact(epsilon):
        a, b = 1 / (2 * sigma), epsilon * sigma
        return norm.cdf(a - b) - math.exp(epsilon) * norm.cdf(-a - b)

    least = brentq(lambda e: exact(e) - delta, 1e-4, 60)
    found = spent([ZCDpEvent(1 / (2 * sigma**2))], delta)
    assert found.accountant.startswith("RDP")
    assert least <= found.epsilon <= 1.2 * least


def sampled_delta(q, sigma, epsilon):
    """δ(ε) of one sampled Gaussian step, in the worse direction; both in closed form."""
    e = math.exp(epsilon)
    # with the unit, x has density (1 − q) N(0) + q N(1); its ratio to N(0) grows with x
    above = 0.5 + sigma**2 * math.log((e - 1 + q) / q)
    with_unit = (
        (1 - q) * norm.sf(above / sigma)
        + q * norm.sf((above - 1) / sigma)
        - e * norm.sf(above / sigma)
    )
    if 1 / e <= 1 - q:
        return with_unit
    below = 0.5 + sigma**2 * math.log((1 / e - 1 + q) / q)
    mixed = (1 - q) * norm.cdf(below / sigma) + q * norm.cdf((below - 1) / sigma)
    return max(with_unit, norm.cdf(below / sigma) - e * mixed)


@pytest.mark.parametrize(("q", "sigma"), [(0.01, 0.7), (0.2, 1.0), (0.5, 4.0)])
def test_one_sampled_step_costs_what_its_integral_says(q, sigma):
    for delta in (1e-3, 1e-6):
        found = spent([PoissonSampledDpEvent(q, GaussianDpEvent(sigma))], delta).epsilon
        assert sampled_delta(q, sigma, found) <= delta * (1 + 1e-6)
        assert sampled_delta(q, sigma, 0.98 * found) > delta


def loss_masses(q, sigma, with_unit, step):
    """The losses of a sampled step on a grid, [grid numbers], each rounded down."""
    x = np.arange(-14 * sigma, 14 * sigma + 1, step / 20)
    centre = (x[1:] + x[:-1]) / 2
    ratio = np.logaddexp(math.log1p(-q), math.log(q) + (2 * centre - 1) / (2 * sigma**2))
    nobody = np.diff(norm.cdf(x / sigma))
    p = (
        (1 - q) * nobody + q * np.diff(norm.cdf((x - 1) / sigma)) if with_unit else nobody
    )  # drawn from this, and its loss against the other
    return np.floor((ratio if with_unit else -ratio) / step).astype(int), p


@pytest.mark.parametrize(("q", "sigma", "steps"), [(0.2, 1.0, 4), (0.05, 0.8, 8)])
def test_sampled_steps_compose_as_their_losses_add_up(q, sigma, steps):
    """Losses on a grid, convolved by hand; rounding down and up brackets the truth."""
    step, delta = 2e-3, 1e-5
    event = SelfComposedDpEvent(PoissonSampledDpEvent(q, GaussianDpEvent(sigma)), steps)
    found = spent([event], delta).epsilon
    least, most = [], []
    for with_unit in (True, False):
        loss, p = loss_masses(q, sigma, with_unit, step)
        histogram = np.bincount(loss - loss.min(), weights=p)
        n = steps * (len(histogram) - 1) + 1
        size = 1 << (n - 1).bit_length()
        total = np.fft.irfft(np.fft.rfft(histogram, size) ** steps, size)[:n]
        at = (np.arange(n) + steps * loss.min()) * step
        cells = steps * step  # what rounding can have taken off a sum

        def curve(epsilon, moved, total=total, at=at):
            return float(np.sum(total * np.maximum(0, -np.expm1(epsilon - at - moved))))

        least.append(curve(found, 0.0))
        most.append(curve(0.97 * found, cells))
    assert max(least) <= delta
    assert max(most) > delta


def best_of(p, mean):
    """The best of a geometric number of draws: the last of a finite order is the best."""
    below = np.cumsum(p, axis=-1)
    at_most = below / mean / (1 - (1 - 1 / mean) * below)
    return np.diff(at_most, prepend=0.0)


def test_the_best_of_a_random_number_of_runs_costs_no_more_than_is_charged():
    """Exact: a choice of few values, repeated, for every pair of neighbours (arXiv 2110.03620)."""
    rho, mean, delta = 0.08, 6.0, 1e-3
    scale = gaussian_sigma(rho, 1)
    charged = spent([RepeatAndSelectDpEvent(ZCDpEvent(rho), mean, 1.0)], delta).epsilon
    p, q = (softmax(scores, scale) for scores in neighbours(3, 1, 5))
    best_p, best_q = best_of(p, mean), best_of(q, mean)
    orders = (1.5, 2, 4, 8)
    once = max(renyi(p, q, o).max() / o for o in orders)
    repeated = max(renyi(best_p, best_q, o).max() / o for o in orders)
    assert hockey_stick(best_p, best_q, charged).max() <= delta
    assert once <= rho < repeated  # so that the price of one run would be too low


@pytest.mark.parametrize(("sigma", "epsilon"), [(0.5, 2.0), (1.0, 1.0), (4.0, 0.2)])
def test_a_discrete_gaussian_has_the_hockey_stick_that_its_mass_gives(sigma, epsilon):
    reach = int(14 * sigma) + 3
    p = np.append(mass(sigma, reach), 0.0)
    exact = hockey_stick(p, np.roll(p, 1), epsilon)
    found = spent([DiscreteGaussianDpEvent(sigma)], exact * (1 + 1e-6) + 2e-12)
    # a whole number of losses: the curve is straight between them
    assert 0.97 * epsilon <= found.epsilon <= epsilon * 1.03


@pytest.mark.parametrize("rho", [0.005, 0.3, 2.0])
def test_the_curve_of_a_bounded_range_dominates_every_choice(rho):
    epsilon, scale = selection_range(rho), gaussian_sigma(rho, 2)
    at = np.linspace(-1.2, 1.2, 9) * epsilon
    curve = np.array([bounded_range_delta(epsilon, x) for x in at])
    p, q = (softmax(scores, scale) for scores in neighbours(3, 2, 6))
    exact = np.array([hockey_stick(p, q, x).max() for x in at])
    assert (exact <= curve + 1e-12).all()
    assert (curve - exact <= 0.2 * curve.max()).all()  # three choices are near the worst


def two_outcomes(epsilon, t):
    """With and without the unit: log ratios t and t − ε."""
    q = (math.exp(-t) - math.exp(-epsilon)) / -math.expm1(-epsilon)
    return np.array([q * math.exp(t), 1 - q * math.exp(t)]), np.array([q, 1 - q])


@pytest.mark.parametrize("epsilon", [0.03, 0.7, 4.0])
def test_the_curve_of_a_bounded_range_is_reached_by_two_outcomes(epsilon):
    for x in np.linspace(-0.99, 0.99, 7) * epsilon:
        found = max(
            hockey_stick(*two_outcomes(epsilon, t), x) for t in np.linspace(0, epsilon, 2001)
        )
        assert found == pytest.approx(bounded_range_delta(epsilon, x), rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("interval", [1e-3, 1e-4])
@pytest.mark.parametrize("epsilon", [1e-5, 4e-4, 1e-3, 0.0337, 0.3, 3.0])
def test_the_loss_of_a_bounded_range_has_its_curve(epsilon, interval):
    loss = bounded_range_loss(epsilon, interval)
    for x in np.linspace(-1.1, 1.1, 23) * epsilon:
        exact, knot = bounded_range_delta(epsilon, x), round(x / interval) * interval
        assert loss.get_delta_for_epsilon(x) >= exact - 1e-14
        assert loss.get_delta_for_epsilon(knot) == pytest.approx(
            bounded_range_delta(epsilon, knot), rel=1e-9, abs=1e-14
        )


def test_a_choice_that_follows_another_is_covered_by_their_composition():
    """Every two-outcome mechanism, and after each outcome whichever is worst there."""
    epsilon, grid = 0.6, np.linspace(0, 0.6, 13)
    pairs = [two_outcomes(epsilon, t) for t in grid]
    event = SelfComposedDpEvent(BoundedRangeDpEvent(epsilon), 2)
    for delta in (0.2, 0.05, 0.01, 1e-3):
        found, worst = spent([event], delta).epsilon, 0.0
        for p, q in pairs:
            # outcomes' divergences add up, so the worst may be taken for each by itself
            worst = max(
                worst,
                sum(
                    max(np.maximum(0, a * p2 - math.exp(found) * b * q2).sum() for p2, q2 in pairs)
                    for a, b in zip(p, q, strict=True)
                ),
            )
        assert worst <= delta
        assert worst >= 0.6 * delta


def test_a_bounded_range_is_zcdp_where_losses_cannot_be_composed():
    beside = ZCDpEvent(0.01)
    found = spent([SelfComposedDpEvent(BoundedRangeDpEvent(0.2), 10), beside], 1e-6)
    assert found.accountant.startswith("RDP")
    assert found.epsilon == pytest.approx(spent([ZCDpEvent(0.05), beside], 1e-6).epsilon)
    alone = spent([SelfComposedDpEvent(BoundedRangeDpEvent(0.2), 10)], 1e-6)
    assert alone.accountant.startswith("PLD")
    assert alone.epsilon < spent([ZCDpEvent(0.05)], 1e-6).epsilon


def test_a_schedule_costs_what_its_losses_convolved_by_hand_do():
    """Counts and choices together, on a grid of our own; rounding down and up brackets the truth."""
    sigma, epsilon, times, step = 6.0, 0.15, 5, 1e-3
    event = [
        SelfComposedDpEvent(DiscreteGaussianDpEvent(sigma), times),
        SelfComposedDpEvent(BoundedRangeDpEvent(epsilon), times),
    ]
    found = spent(event, 1e-6).epsilon
    y = np.arange(-90, 91)
    counts = np.floor((2 * y + 1) / (2 * sigma**2) / step).astype(int), mass(sigma, 90)
    edges = np.linspace(-epsilon, epsilon, 3001)  # density e^(x/2) / (4 sinh(ε/2)) on [−ε, ε]
    held = np.diff(np.exp(edges / 2)) / (2 * math.sinh(epsilon / 2))
    choices = np.floor(edges[:-1] / step).astype(int), held
    total, low = np.ones(1), 0
    for loss, p in [counts, choices] * times:
        total = np.convolve(total, np.bincount(loss - loss.min(), weights=p))
        low += loss.min()
    at = (np.arange(len(total)) + low) * step
    assert np.sum(total * np.maximum(0, -np.expm1(found - at))) <= 1e-6
    above = at + 2 * times * step
    assert np.sum(total * np.maximum(0, -np.expm1(0.97 * found - above))) > 1e-6
