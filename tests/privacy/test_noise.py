"""Noise has the scale that its price says, and selection the odds that its price says."""

import math

import numpy as np
import pytest

from privacy.noise import discrete_gaussian, gaussian_rho, gaussian_sigma, noisy_max

DRAWS = 20_000


@pytest.mark.parametrize(("rho", "sensitivity"), [(0.5, 1), (0.005, 1), (0.02, 4)])
def test_noise_has_the_promised_variance(rho, sensitivity):
    noisy = discrete_gaussian(np.full(DRAWS, 7), rho, sensitivity)
    sigma = sensitivity / math.sqrt(2 * rho)
    # the variance of 20,000 draws has a relative standard error of 1 %: six of them are 1e-9;
    # half the sigma would be a quarter of the variance
    assert abs(noisy.var() / sigma**2 - 1) < 0.06
    assert abs(noisy.mean() - 7) < 6 * sigma / math.sqrt(DRAWS)


def test_noise_is_integer_keeps_the_shape_and_falls_on_empty_cells():
    noisy = discrete_gaussian(np.zeros((20, 30), dtype=np.uint8), 0.005)
    assert noisy.dtype == np.int64
    assert noisy.shape == (20, 30)
    assert (noisy != 0).mean() > 0.8


def test_sigma_and_rho_are_inverse_and_rounded_to_the_safe_side():
    for rho in (1e-8, 0.0149, 3.0):
        assert gaussian_rho(gaussian_sigma(rho, 3), 3) <= rho
        assert gaussian_rho(gaussian_sigma(rho, 3), 3) == pytest.approx(rho)


def test_selection_has_the_odds_of_the_exponential_mechanism():
    scores, rho, sensitivity = np.array([0, 10, 20]), 0.02, 4
    epsilon = math.sqrt(8 * rho)
    odds = np.exp(epsilon * scores / (2 * sensitivity))
    draws = 4000
    chosen = [noisy_max(scores, rho, sensitivity) for _ in range(draws)]
    share = np.bincount(chosen, minlength=3) / draws
    # a standard error is at most .008: six of them are 1e-8; twice or half the epsilon would move a
    # share by over .08
    assert np.abs(share - odds / odds.sum()).max() < 0.048


def test_selection_prefers_the_best_when_it_can_afford_to():
    assert noisy_max(np.array([3, 1, 100, 2]), rho=1e3, sensitivity=1) == 2


@pytest.mark.parametrize("draw", [discrete_gaussian, noisy_max])
def test_floats_are_refused(draw):
    with pytest.raises(TypeError, match="integers expected"):
        draw(np.array([0.5, 1.5]), 1.0, 1)


@pytest.mark.parametrize("draw", [discrete_gaussian, noisy_max])
def test_an_understated_price_is_refused(draw, monkeypatch):
    monkeypatch.setattr("privacy.noise.gaussian_sigma", lambda rho, sensitivity: 0.5)
    with pytest.raises(ValueError, match="the draw costs"):
        draw(np.array([1, 2]), 0.01, 1)
