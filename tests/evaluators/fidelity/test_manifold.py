"""Distances and coverage of point sets against their definitions and against brute force."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel

from evaluators.fidelity.coverage import support
from evaluators.fidelity.manifold import authenticity, coverage, frechet, kid, supports
from evaluators.images.scores import METRICS, ends, replicates
from evaluators.resampling import bootstrap_weights
from evaluators.score import Scorecard
from evaluators.tables import Tables
from tests.evaluators.clinic import SCHEMA, people


def points(n: int, seed: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(shift, 1, (n, 4)) @ rng.normal(size=(4, 4)))


def plain(function: Callable[..., Any], a: np.ndarray, b: np.ndarray) -> float:
    """The figure with every point counted once."""
    if function is frechet:
        return frechet(a, b, np.ones(len(a)), np.ones(len(b)))
    return float(function(a, b, np.ones((1, len(a))), np.ones((1, len(b))))[0])


def test_frechet_is_the_formula() -> None:
    a, b = points(200, 1), points(150, 2, shift=0.5)
    A, B = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    apart = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    assert plain(frechet, a, b) == pytest.approx(apart + np.trace(A + B - 2 * sqrtm(A @ B).real))
    assert plain(frechet, a, a) == pytest.approx(0, abs=1e-6)


def test_kid_is_the_mean_over_pairs_of_different_points() -> None:
    a, b = points(30, 1), points(20, 2)
    kernels = [polynomial_kernel(x, y, degree=3, coef0=1) for x, y in ((a, a), (b, b), (a, b))]
    within = [K[~np.eye(len(K), dtype=bool)].mean() for K in kernels[:2]]
    assert plain(kid, a, b) == pytest.approx(sum(within) - 2 * kernels[2].mean())


def test_kid_of_equal_distributions_is_zero_on_average() -> None:
    rng = np.random.default_rng(0)
    found = [plain(kid, *rng.normal(size=(2, 40, 3))) for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 20
    assert min(found) < 0


def test_frechet_of_few_points_in_many_dimensions_is_the_formula_too() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 9, 20))
    A, B = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values = np.linalg.eigvals(A @ B).real.clip(0)
    apart = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    expected = apart + np.trace(A + B) - 2 * np.sqrt(values).sum()
    assert plain(frechet, a, b) == pytest.approx(expected, rel=1e-6)


def test_weights_are_copies() -> None:
    a, b = points(30, 1), points(20, 2)
    U, V = (bootstrap_weights(np.arange(len(x)), np.random.default_rng(0), 2) for x in (a, b))
    i, j = (np.repeat(np.arange(W.shape[1]), W[2].astype(int)) for W in (U, V))
    assert frechet(a, b, U[2], V[2]) == pytest.approx(plain(frechet, a[i], b[j]))
    within = []
    for x, drawn in ((a, i), (b, j)):
        K = polynomial_kernel(x, x, degree=3, coef0=1)[np.ix_(drawn, drawn)]
        within.append(K[drawn[:, None] != drawn].mean())  # no copy meets itself
    between = polynomial_kernel(a[i], b[j], degree=3, coef0=1).mean()
    assert kid(a, b, U, V)[2] == pytest.approx(sum(within) - 2 * between, rel=1e-5)


def test_what_a_point_adds_to_density_is_lost_without_it() -> None:
    """Also where the balls of its neighbours grow."""
    real, fake = points(25, 1), points(30, 2, shift=0.3)
    found = coverage(real, fake, 3)["density"]
    for i in range(25):
        without = coverage(np.delete(real, i, axis=0), fake, 3)["density"].value
        assert found.value - without == pytest.approx(found.of_real[i])


def test_a_point_adds_to_coverage_whom_it_alone_reaches() -> None:
    real = np.arange(12.0)[:, None]
    fake = np.array([[0.1], [0.2], *([[20.0]] * 5), [9.2]])
    found = coverage(real, fake, 1)["coverage"]
    assert found.value == 4 / 12  # 0 and 1 by the first two, 9 and 10 by the last
    assert found.of_fake.tolist() == [0] * 7 + [2 / 12]


def test_intervals_hold_the_average_figure() -> None:
    """Of 60 pairs of samples from known distributions, at least 54 intervals do, for every figure."""
    rng = np.random.default_rng(0)
    found: dict[str, list[tuple[float, float, float]]] = {m: [] for m in METRICS}
    for _ in range(60):
        real, fake = rng.normal(size=(150, 6)), rng.normal(0.3, 0.9, (150, 6))
        U, V = (bootstrap_weights(np.arange(150), rng, 100) for _ in range(2))
        for metric, figures in replicates(real, fake, U, V).items():
            low, high = ends(metric, figures)
            found[metric].append((low, figures[0], high))
    for metric, rows in found.items():
        lows, values, highs = np.array(rows).T
        assert ((lows <= values.mean()) & (values.mean() <= highs)).sum() >= 54, metric
        assert (highs - lows).mean() < 3 * 3.92 * values.std(), metric


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
    found = {name: c.value for name, c in coverage(real, fake, k).items()}
    assert found["precision"] == np.mean([any(row[j] for row in inside) for j in range(30)])
    assert found["coverage"] == np.mean([any(row) for row in inside])
    assert found["density"] == pytest.approx(np.sum(inside) / (k * 30))
    assert found["recall"] == np.mean(
        [any(distance(r, f) <= of_fake[j] for j, f in enumerate(fake)) for r in real]
    )


def test_a_collapse_loses_recall_and_keeps_precision() -> None:
    real = points(300, 1)
    narrow = real[:1] + 0.01 * points(300, 2)
    found = {name: c.value for name, c in coverage(real, narrow).items()}
    assert found["precision"] > 0.95
    assert found["recall"] < 0.05
    assert found["coverage"] < 0.1


@pytest.mark.parametrize("k", [1, 3])
def test_supports_are_brute_force(k: int) -> None:
    real, fake = points(40, 1), points(35, 2, shift=0.4)

    def distance(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.sqrt(((x - y) ** 2).sum()))

    centre, own = real.mean(axis=0), fake.mean(axis=0)
    levels = [i / 29 for i in range(30)]
    off_precision, off_recall = [], []
    nearest = [min(range(35), key=lambda j: distance(r, fake[j])) for r in real]
    matched = [distance(fake[j], own) for j in nearest]
    ball = [
        sorted(distance(r, q) for j, q in enumerate(real) if j != i)[k - 1]
        for i, r in enumerate(real)
    ]
    for level in levels:
        radius = np.quantile([distance(r, centre) for r in real], level)
        inside = [distance(f, centre) <= radius + 1e-12 for f in fake]
        off_precision.append(abs(np.mean(inside) - level))
        radius = np.quantile(matched, level)
        recalled = [
            distance(r, fake[nearest[i]]) <= ball[i] and matched[i] <= radius + 1e-12
            for i, r in enumerate(real)
        ]
        off_recall.append(abs(np.mean(recalled) - level))

    def integral(f: list[float]) -> float:
        return sum((a + b) / 2 / 29 for a, b in pairwise(f))

    found = supports(real, fake, k)
    assert found["alpha_precision"] == pytest.approx(1 - 2 * integral(off_precision))
    assert found["beta_recall"] == pytest.approx(1 - 2 * integral(off_recall))


def test_equal_distributions_have_every_support() -> None:
    rng = np.random.default_rng(5)
    for dimensions in (2, 20):
        a, b = rng.normal(size=(2, 1000, dimensions))
        found = supports(a, b)
        assert found["alpha_precision"] > 0.94
        assert found["beta_recall"] > 0.94
        assert supports(a, b, k=1)["beta_recall"] == pytest.approx(0.5, abs=0.05)


def test_a_collapse_to_the_middle_and_outliers_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(500, 3))
    middle = supports(real, 0.01 * rng.normal(size=(500, 3)))
    assert middle["alpha_precision"] == pytest.approx(0, abs=0.1)  # all inside even the small balls
    assert middle["beta_recall"] < 0.3
    far = supports(real, 50 + rng.normal(size=(500, 3)))
    assert far["alpha_precision"] == pytest.approx(0, abs=0.1)
    assert far["beta_recall"] == pytest.approx(0, abs=0.1)


def test_authenticity_is_brute_force_and_a_copy_has_none() -> None:
    train, fake = points(30, 1), points(25, 2)
    authentic = []
    for f in fake:
        away = np.sqrt(((train - f) ** 2).sum(axis=1))
        nearest = int(away.argmin())
        others = np.sqrt(((np.delete(train, nearest, 0) - train[nearest]) ** 2).sum(axis=1))
        authentic.append(away[nearest] > others.min())
    assert authenticity(train, fake) == np.mean(authentic)
    assert authenticity(train, train[::-1] + 1e-9) == 0
    assert authenticity(train, train + 1e3) == 1


def test_tables_are_judged_beside_real_rows() -> None:
    train, holdout, synthetic = (people(600, seed) for seed in (1, 2, 3))
    card = Scorecard(tuple(support(Tables(train, holdout, synthetic, SCHEMA))))
    assert len(card) == 5
    for score in card:
        assert score.baseline is not None
        assert score.value == pytest.approx(score.baseline, abs=0.12)
    copied = Scorecard(tuple(support(Tables(train, holdout, train, SCHEMA))))
    assert copied.one(metric="manifold.authenticity").value == 0
    collapsed = synthetic.iloc[[0] * 600].reset_index(drop=True)
    found = Scorecard(tuple(support(Tables(train, holdout, collapsed, SCHEMA))))
    coverage_ = found.one(metric="manifold.coverage").value
    assert coverage_ is not None
    assert coverage_ < 0.1


def test_too_few_rows_for_neighbours_say_why() -> None:
    frame = people(300, 1)
    for tables in (
        Tables(frame, frame, frame.iloc[:3], SCHEMA),
        Tables(frame, frame.iloc[:3], frame, SCHEMA),
        Tables(frame.iloc[:3], frame, frame, SCHEMA),
    ):
        scores = support(tables)
        assert {s.status for s in scores} == {"insufficient evidence"}
        assert all("3" in s.reason for s in scores)
