"""Our weighted metrics against scikit-learn and lifelines, and against rows repeated by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines.utils import concordance_index
from sklearn import metrics as sk

from evaluators.resampling import bootstrap_weights, interval, intervals, simultaneous, unit_numbers
from evaluators.utility import metrics


def sample(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes of both classes, scores with ties, decisions, small whole weights."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.4).astype(float)
    y[:2] = 0, 1
    p = np.round(rng.random(n) * 0.5 + 0.4 * y, 1)
    weights = rng.integers(0, 4, (5, n)).astype(np.float32)
    weights[0] = 1
    weights[:, :2] = 1
    return y, p, (p > 0.5).astype(float), weights


ORACLES: dict[str, tuple[Callable[..., np.ndarray], Callable[..., float]]] = {
    "auroc": (metrics.auroc, lambda y, p, d: sk.roc_auc_score(y, p)),
    "auprc": (metrics.auprc, lambda y, p, d: sk.average_precision_score(y, p)),
    "brier": (metrics.brier, lambda y, p, d: sk.brier_score_loss(y, p)),
    "calibration": (metrics.calibration_gap, lambda y, p, d: p.mean() - y.mean()),
    "mae": (metrics.mae, lambda y, p, d: sk.mean_absolute_error(y, p)),
    "r2": (metrics.r2, lambda y, p, d: sk.r2_score(y, p)),
    "f1": (metrics.f1, lambda y, p, d: sk.f1_score(y, d)),
    "tpr": (metrics.tpr, lambda y, p, d: sk.recall_score(y, d)),
    "fpr": (metrics.fpr, lambda y, p, d: d[y == 0].mean()),
    "selection": (metrics.selection_rate, lambda y, p, d: d.mean()),
}
DECIDED = {"f1", "tpr", "fpr", "selection"}


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("seed", range(5))
def test_weights_are_repeated_rows(name: str, seed: int) -> None:
    ours, oracle = ORACLES[name]
    y, p, d, weights = sample(seed)
    found = ours(weights, y, d if name in DECIDED else p)
    for w, value in zip(weights.astype(int), found, strict=True):
        rows = np.repeat(np.arange(len(y)), w)
        assert value == pytest.approx(oracle(y[rows], p[rows], d[rows]), abs=1e-6)


@given(st.integers(0, 10_000), st.integers(1, 3), st.sampled_from([1, 7, 1024]))
def test_c_index_is_lifelines(seed: int, decimals: int, block: int) -> None:
    """Ties in time, in risk and between deaths and censorings included."""
    rng = np.random.default_rng(seed)
    n = 40
    time = np.round(rng.random(n), decimals)
    event = (rng.random(n) < 0.6).astype(float)
    risk = np.round(1 - time + rng.normal(size=n), 1)
    time[:2], event[0] = (0.0, 2.0), 1
    weights = np.stack([np.ones(n), rng.integers(0, 3, n)]).astype(np.float32)
    weights[1, :2] = 1
    found = metrics.c_index(weights, time, event, risk, block)
    assert found[0] == pytest.approx(concordance_index(time, -risk, event), abs=1e-6)
    rows = np.repeat(np.arange(n), weights[1].astype(int))
    pairs = [
        (weights[1, i] * weights[1, j], (risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
        for i in range(n)
        for j in range(n)
        if event[i] and (time[j] > time[i] or (time[j] == time[i] and not event[j]))
    ]
    total = sum(w for w, _ in pairs)
    assert len(rows)
    assert found[1] == pytest.approx(sum(w * c for w, c in pairs) / total, abs=1e-6)


CLASS_ORACLES: dict[str, Callable[..., float]] = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "macro_f1": lambda y, d: sk.f1_score(y, d, average="macro"),
}


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
@pytest.mark.parametrize("name", CLASS_ORACLES)
@pytest.mark.parametrize("seed", range(5))
def test_class_metrics_are_sklearns(name: str, seed: int) -> None:
    """Also where a class has no row in a replicate, is never predicted, or only predicted."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, 30).astype(float)
    d = np.where(rng.random(30) < 0.6, y, rng.integers(2, 6, 30))
    weights = rng.integers(0, 2, (6, 30)).astype(np.float32)
    weights[0] = 1
    for w, value in zip(weights, metrics.CLASS[name](weights, y, d), strict=True):
        rows = w > 0
        assert value == pytest.approx(CLASS_ORACLES[name](y[rows], d[rows]), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_tpr_at_a_false_positive_rate_is_on_sklearns_curve(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = (rng.random(300) < 0.5).astype(float)
    p = np.round(rng.normal(size=300) + y, 2)
    weights = rng.integers(0, 3, (4, 300)).astype(np.float32)
    for w, value in zip(weights, metrics.tpr_at(weights, y, p, 0.05), strict=True):
        fpr, tpr, _ = sk.roc_curve(y, p, sample_weight=w, drop_intermediate=False)
        assert value == pytest.approx(tpr[fpr <= 0.05].max(), abs=1e-6)


@pytest.mark.parametrize("block", [1, 130, 100_000])
def test_metrics_are_the_same_together_and_in_blocks_of_replicates(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    y, p, d, weights = sample(0)
    asked = {
        name: (metric, (y, d if name in DECIDED else p)) for name, (metric, _) in ORACLES.items()
    }
    alone = {name: metric(weights, *of) for name, (metric, of) in asked.items()}
    monkeypatch.setattr(metrics, "BLOCK", block)
    found = metrics.together(weights, asked)
    assert list(found) == list(asked)
    for name, values in found.items():
        assert values == pytest.approx(alone[name], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_calibration_error_by_hand(seed: int) -> None:
    """Rows repeated by hand, the bins being those of the unweighted rows."""
    y, p, _, weights = sample(seed, 200)
    edges = np.quantile(p, np.linspace(0, 1, 11)[1:-1])
    for w, value in zip(weights.astype(int), metrics.ece(weights, y, p), strict=True):
        rows = np.repeat(np.arange(len(y)), w)
        inside = np.digitize(p[rows], edges)
        total = sum(
            abs(p[rows][inside == b].mean() - y[rows][inside == b].mean()) * (inside == b).mean()
            for b in np.unique(inside)
        )
        assert value == pytest.approx(total)
    one = np.ones((1, len(y)))
    assert metrics.ece(one, y, np.full(len(y), y.mean()))[0] == pytest.approx(0)


def test_simultaneous_intervals_hold_together_and_are_no_wider_than_bonferroni() -> None:
    """Twenty means of nothing: all intervals hold 0 in 95 of 100 data sets, alone far fewer."""
    together = alone = 0
    repeats, figures = 200, 20
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(100, figures)) * np.arange(1, figures + 1)
        weights = bootstrap_weights(np.arange(100), rng)
        means = list((weights @ x / 100).T)
        bounds = simultaneous(means)
        together += all(low <= 0 <= high for low, high in bounds)  # type: ignore[operator]
        alone += all(low <= 0 <= high for low, high in map(interval, means))  # type: ignore[operator]
    assert together / repeats == pytest.approx(0.95, abs=0.05)
    assert alone / repeats < 0.6
    low, high = simultaneous([means[0]])[0]
    assert (low, high) == pytest.approx(interval(means[0]), abs=0.1)


def test_figures_that_are_one_need_no_correction_and_unknown_ones_have_none() -> None:
    values = np.random.default_rng(0).normal(size=401)
    single = simultaneous([values])
    twice = simultaneous([values, values, np.full(401, np.nan)])
    assert twice == [*single, *single, (None, None)]
    assert simultaneous([np.array([1.0, np.nan])]) == [(None, None)]
    assert simultaneous([np.zeros(401)]) == [(0.0, 0.0)]


def test_undefined_is_nan() -> None:
    one = np.ones((1, 3), dtype=np.float32)
    positive = np.ones(3)
    assert np.isnan(metrics.auroc(one, positive, np.arange(3.0)))
    assert np.isnan(metrics.fpr(one, positive, positive))
    assert np.isnan(metrics.c_index(one, np.arange(3.0), np.zeros(3), np.arange(3.0)))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(0, 100))
def test_a_unit_is_drawn_whole(units: list[int], seed: int) -> None:
    unit = unit_numbers(np.array(units), len(units))
    weights = bootstrap_weights(unit, np.random.default_rng(seed), replicates=8)
    assert (weights[0] == 1).all()
    for replicate in weights[1:]:
        per_unit = [np.unique(replicate[unit == u]) for u in range(unit.max() + 1)]
        assert all(len(w) == 1 for w in per_unit)
        assert sum(float(w[0]) for w in per_unit) == unit.max() + 1


def test_the_interval_of_a_mean_is_the_textbook_one() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    weights = bootstrap_weights(np.arange(2000), rng, replicates=2000)
    low, high = interval(weights @ x / 2000)
    assert low is not None
    assert high is not None
    assert high - low == pytest.approx(2 * 1.96 * x.std() / np.sqrt(2000), rel=0.1)


def test_intervals_of_many_are_those_of_each() -> None:
    many = list(np.random.default_rng(0).normal(size=(5, 401)))
    assert intervals(many) == [interval(one) for one in many]
    unknown = [*many, np.full(401, np.nan)]
    assert intervals(unknown) == [*intervals(many), (None, None)]
    assert intervals([]) == []
    assert intervals([np.ones(1)]) == [(None, None)]


def test_no_interval_without_replicates() -> None:
    assert interval(np.array([1.0])) == (None, None)
    assert interval(np.array([1.0, np.nan, np.nan, 2.0])) == (None, None)
