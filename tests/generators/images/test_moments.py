"""Moments: the basis never lengthens an image, the sums are right, and the noise is what is paid for."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from generators.images import cells, moments
from generators.images.means import _shrunk
from generators.images.moments import CENTRE, REACH, Basis, events, measure, noise

SHAPE = (6, 5, 3)


def images(n=200, seed=0):
    """Smooth images of two classes."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 2, n)
    basis = Basis(SHAPE, 2)
    u = 0.1 * rng.standard_normal((n, basis.size)) + 0.2 * (classes[:, None] - 0.5)
    return (basis.decode(u) * 255).round().astype(np.uint8), classes


def asked(answers):
    """Take the true sums and keep them, without noise."""

    def ask(question, draw):
        answers.append((question, draw()))
        return answers[-1][1]

    return ask


def noiseless(monkeypatch):
    for module in ("means", "moments"):
        monkeypatch.setattr(
            f"generators.images.{module}.noised",
            lambda total, sigma, form: total.ravel().tolist(),
        )


@settings(max_examples=50, deadline=None)
@given(x=arrays(np.uint8, (2, *SHAPE)), m=st.integers(1, 7))
def test_no_image_is_longer_than_one(x, m):
    u = Basis(SHAPE, m).encode(x)
    assert u.shape == (2, Basis(SHAPE, m).size)
    assert (np.linalg.norm(u, axis=1) <= 1).all()


def test_white_and_black_are_of_length_one():
    for x in (np.zeros((1, *SHAPE), np.uint8), np.full((1, *SHAPE), 255, np.uint8)):
        np.testing.assert_allclose(np.linalg.norm(Basis(SHAPE, 3).encode(x)), 1, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(x=arrays(np.uint8, (3, *SHAPE)))
def test_all_frequencies_give_the_image_back(x):
    basis = Basis(SHAPE, 6)
    np.testing.assert_allclose(basis.decode(basis.encode(x)), x / 255, atol=1e-6)


@pytest.mark.parametrize("most", [1, 16])
def test_without_noise_means_and_covariances_are_those_of_the_rows(most, monkeypatch):
    """Of each class as one, and of its cells together."""
    noiseless(monkeypatch)
    monkeypatch.setattr(cells, "MOST", most)
    monkeypatch.setattr(moments, "WIDE", 100.0)  # nothing is clipped
    x, classes = images()
    basis, counts = Basis(SHAPE, 2), np.bincount(classes).astype(float)
    found = measure(basis, x, np.arange(len(x)), classes, counts, 1.0, 1e9, asked([]))
    u = basis.encode(x)
    for c in (0, 1):
        mine = u[classes == c]
        mean = found.weights[c] @ found.means
        np.testing.assert_allclose(mean, mine.mean(0), atol=1e-6)
        within = found.factors @ found.factors.transpose(0, 2, 1)
        between = np.einsum("ki,kj->kij", found.means - mean, found.means - mean)
        covariance = np.einsum("k,kij->ij", found.weights[c], within + between)
        np.testing.assert_allclose(covariance, np.cov(mine.T, ddof=0), atol=1e-6)
    assert found.cells == 2 * most
    assert np.array_equal(found.weights > 0, np.repeat(np.eye(2), most, 1))


@settings(max_examples=20, deadline=None)
@given(copies=st.integers(1, 4), place=st.integers(0, 3), seed=st.integers(0, 99))
def test_one_unit_moves_each_sum_by_at_most_one(copies, place, seed):
    """Whatever its rows hold and however many it has; the worst case comes near."""
    rng = np.random.default_rng(seed)
    x, classes = images(40, seed)
    extra = rng.choice([0, 255], (copies, *SHAPE)).astype(np.uint8)
    if seed % 2:
        extra[:] = 255 * (seed % 4 == 1)
    basis, counts = Basis(SHAPE, 2), np.array([20.0, 20.0])
    with pytest.MonkeyPatch.context() as patch:
        noiseless(patch)
        sums = []
        measure(basis, x, np.arange(40), classes, counts, 0.3, 1.0, asked(sums))
        # a unit's rows may be of several classes
        where = np.full(copies, min(place, 1)) if seed % 2 else rng.integers(0, 2, copies)
        # what is looked around are the released answers, the same with and without
        more = []

        def replay(question, draw):
            more.append(draw())
            return sums[len(more) - 1][1]

        units = np.concatenate([np.arange(40), np.full(copies, 40)])
        both = np.concatenate([classes, where])
        measure(basis, np.concatenate([x, extra]), units, both, counts, 0.3, 1.0, replay)
    for before, after in zip((s[1] for s in sums), more, strict=True):
        moved = np.linalg.norm(np.subtract(after, before))
        assert moved <= 1 + 1e-9
    if seed % 2:
        assert np.linalg.norm(np.subtract(more[0], sums[0][1])) > 0.99


def test_noise_has_the_deviation_that_is_paid_for():
    x, classes = images(4)
    basis, rho, n_classes = Basis(SHAPE, 2), 0.01, 400
    answers = []
    empty = np.zeros(n_classes)
    measure(basis, x[:0], np.arange(0), classes[:0], empty, 0.3, rho, asked(answers))
    means, products = noise(rho)
    by_name = {question[0]: answer for question, answer in answers}
    rest = means / math.sqrt(1 - CENTRE - REACH)
    np.testing.assert_allclose(np.std(by_name["image means"]), rest, rtol=0.05)
    d = basis.size
    g = np.reshape(by_name["image products"], (n_classes, d, d))
    np.testing.assert_array_equal(g, g.transpose(0, 2, 1))
    np.testing.assert_allclose(np.std(np.diagonal(g, axis1=1, axis2=2)), products, rtol=0.05)
    above = g[:, *np.triu_indices(d, 1)]
    np.testing.assert_allclose(np.std(above), products / math.sqrt(2), rtol=0.05)


def test_what_rounding_makes_of_two_halves_is_not_seen():
    """Products are computed twice, above and below the diagonal, and differ in their last bits."""
    x, classes = images(900)
    answers, counts = [], np.array([150.0, 150.0])
    measure(Basis(SHAPE, 2), x, np.arange(900) // 3, classes, counts, 0.3, 1.0, asked(answers))
    d = Basis(SHAPE, 2).size
    g = np.reshape(answers[-1][1], (2, d, d))
    np.testing.assert_array_equal(g, g.transpose(0, 2, 1))


@settings(max_examples=30, deadline=None)
@given(rho=st.floats(1e-6, 10))
def test_events_add_up_to_rho(rho):
    total = sum(1 / (2 * e.noise_multiplier**2) for e in events(rho))
    assert total == pytest.approx(rho, rel=1e-12)


def test_what_noise_drowns_is_left_out():
    """With little budget the distributions are smooth and small, not wild."""
    x, classes = images(30)
    found = measure(
        Basis(SHAPE, 2), x, np.arange(30), classes, np.array([15.0, 15.0]), 0.3, 1e-5, asked([])
    )
    assert (np.linalg.norm(found.means, axis=1) <= 1 + 1e-9).all()
    assert np.abs(found.factors).max() < 100
    draws = found.draw(classes, torch.Generator().manual_seed(0))
    assert draws.shape == (30, 3, 6, 5)
    assert draws.abs().max() <= 1


def test_means_of_rare_classes_keep_what_stands_above_the_noise():
    """Closer than the noisy means and than one mean for all; classes differ in band 0 alone."""
    rng, basis = np.random.default_rng(0), Basis((8, 8, 1), 8)
    counts, sigma, errors = np.array([4000.0, 400, 200, 100, 50]), 1.5, []
    for _ in range(200):
        truth = np.zeros((5, basis.size))
        truth[:, basis.bands == 0] = 0.05 * rng.standard_normal((5, 1))
        noisy = truth + (sigma / counts)[:, None] * rng.standard_normal(truth.shape)
        kept = _shrunk(noisy, counts, sigma, basis.bands)
        pooled = (noisy * counts[:, None]).sum(0) / counts.sum()
        errors.append([((m - truth) ** 2).sum(1) for m in (kept, noisy, pooled)])
    ours, raw, one = np.mean(errors, axis=0)
    assert (ours[1:] < 0.5 * raw[1:]).all()
    assert (ours[:4] < 0.5 * one[:4]).all()
    assert ours[4] < one[4]
