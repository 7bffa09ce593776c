"""Distances and coverage of point sets against their definitions and against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel

from evaluators.manifold import coverage, frechet, kid


def points(n: int, seed: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(shift, 1, (n, 4)) @ rng.normal(size=(4, 4)))


def test_frechet_is_the_formula() -> None:
    a, b = points(200, 1), points(150, 2, shift=0.5)
    A, B = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    apart = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    assert frechet(a, b) == pytest.approx(apart + np.trace(A + B - 2 * sqrtm(A @ B).real))
    assert frechet(a, a) == pytest.approx(0, abs=1e-6)


def test_kid_is_the_mean_over_pairs_of_different_points() -> None:
    a, b = points(30, 1), points(20, 2)
    kernels = [polynomial_kernel(x, y, degree=3, coef0=1) for x, y in ((a, a), (b, b), (a, b))]
    within = [K[~np.eye(len(K), dtype=bool)].mean() for K in kernels[:2]]
    assert kid(a, b) == pytest.approx(sum(within) - 2 * kernels[2].mean())


def test_kid_of_equal_distributions_is_zero_on_average() -> None:
    rng = np.random.default_rng(0)
    found = [kid(rng.normal(size=(40, 3)), rng.normal(size=(40, 3))) for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 20
    assert min(found) < 0


@pytest.mark.parametrize("k", [1, 4])
def test_coverage_is_brute_force(k: int) -> None:
    real, fake = points(25, 1), points(30, 2, shift=0.7)

    def distance(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.sqrt(((x - y) ** 2).sum()))

    def reach(x: np.ndarray) -> list[float]:
        return [
            sorted(distance(p, q) for j, q in enumerate(x) if j != i)[k - 1]
            for i, p in enumerate(x)
        ]

    of_real, of_fake = reach(real), reach(fake)
    inside = [[distance(r, f) <= of_real[i] for f in fake] for i, r in enumerate(real)]
    found = coverage(real, fake, k)
    assert found["precision"] == np.mean([any(row[j] for row in inside) for j in range(30)])
    assert found["coverage"] == np.mean([any(row) for row in inside])
    assert found["density"] == pytest.approx(np.sum(inside) / (k * 30))
    assert found["recall"] == np.mean(
        [any(distance(r, f) <= of_fake[j] for j, f in enumerate(fake)) for r in real]
    )


def test_a_collapse_loses_recall_and_keeps_precision() -> None:
    real = points(300, 1)
    narrow = real[:1] + 0.01 * points(300, 2)
    found = coverage(real, narrow)
    assert found["precision"] > 0.95
    assert found["recall"] < 0.05
    assert found["coverage"] < 0.1
