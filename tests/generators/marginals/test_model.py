"""Rows follow the model, repeat by seed, and survive saving as plain arrays."""

import io
import json

import numpy as np
import pytest

from generators.marginals.compression import Compression
from generators.marginals.counting.counter import Counter
from generators.marginals.estimate import Observation, fit
from generators.marginals.model import GraphicalModel, sample, synthesize

DOMAIN = {"a": 2, "b": 5, "c": 300}
SMALL = {"a": 2, "b": 3, "c": 300}
GROUPS = {"a": np.arange(2), "b": np.array([0, 2, 1, 2, 2]), "c": np.arange(300)}
WITHIN = {"a": np.ones(2), "b": np.array([1, 0.5, 1, 0.25, 0.25]), "c": np.ones(300)}
N = 20_000


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, N)
    b = np.where(rng.random(N) < 0.9, a, 2)
    codes = {"a": a, "b": b, "c": (b * 100 + rng.integers(0, 100, N))}
    count = Counter.of(SMALL, codes)
    seen = [Observation.plain(r, count(r), 1.0) for r in [("a", "b"), ("b", "c")]]
    fitted = fit(SMALL, seen, N, iterations=300, root=("a", "b"))
    return GraphicalModel.of(fitted, Compression(SMALL, GROUPS, WITHIN), float(N))


def test_same_seed_same_rows_also_after_saving(model):
    meta, arrays = model.to_plain()
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    again = GraphicalModel.from_plain(
        json.loads(json.dumps(meta)), dict(np.load(file, allow_pickle=False))
    )
    first = synthesize(model, 1000, np.random.default_rng(7))
    second = synthesize(again, 1000, np.random.default_rng(7))
    other = synthesize(model, 1000, np.random.default_rng(8))
    for column in DOMAIN:
        np.testing.assert_array_equal(first[column], second[column])
    assert any((first[c] != other[c]).any() for c in DOMAIN)


@pytest.mark.parametrize("n", [0, 1, 999, N])
def test_any_number_of_rows_inside_the_domain(model, n):
    rows = synthesize(model, n, np.random.default_rng(1))
    for column, size in DOMAIN.items():
        assert rows[column].shape == (n,)
        assert n == 0 or rows[column].max() < size


def test_the_root_comes_out_within_a_row_of_the_model(model):
    rows = sample(SMALL, model.tree, model.marginals, N, np.random.default_rng(2))
    counts = Counter.of(SMALL, rows)(("a", "b"))
    assert np.abs(counts - model.marginals[0] * N).max() <= 1


def test_cells_of_a_child_clique_follow_the_model(model):
    rows = sample(SMALL, model.tree, model.marginals, N, np.random.default_rng(3))
    counts = Counter.of(SMALL, rows)(("b", "c"))
    assert np.abs(counts - model.marginals[1] * N).max() <= 2


def test_merged_codes_spread_by_what_was_known_of_them(model):
    rows = synthesize(model, N, np.random.default_rng(4))
    counts = np.bincount(rows["b"], minlength=5)
    assert abs(counts[1] - 2 * counts[3]) <= 3
    assert abs(counts[3] - counts[4]) <= 3


def test_empty_cells_stay_empty():
    tree = fit(
        {"a": 3}, [Observation.plain(("a",), np.array([5, 5, 0]), 1.0)], 10, iterations=1
    ).tree
    table = (np.array([0.3, 0.7, 0.0]),)
    rows = sample({"a": 3}, tree, table, 100_000, np.random.default_rng(5))
    assert rows["a"].max() == 1
