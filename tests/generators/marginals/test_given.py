"""Drawing some columns of a graphical model given others, held against sums over all cells."""

import numpy as np
import pytest

from generators.marginals.compression import Compression
from generators.marginals.estimate import Observation, fit
from generators.marginals.given import conditioned, sample_given
from generators.marginals.junction import JunctionTree
from generators.marginals.model import GraphicalModel

DOMAIN = {"a": 3, "b": 2, "c": 4, "d": 2, "e": 3, "f": 2}
CLIQUES = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "c"), ("d", "e")]
"""A circle of a, b, c with a tail; f stands alone."""
N = 40_000


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    shapes = [tuple(DOMAIN[c] for c in clique) for clique in [*CLIQUES, ("f",)]]
    tables = [rng.dirichlet(np.full(int(np.prod(s)), 0.7)).reshape(s) for s in shapes]
    seen = [
        Observation.plain(clique, np.rint(1000 * t).astype(np.int64), 5.0)
        for clique, t in zip([*CLIQUES, ("f",)], tables, strict=True)
    ]
    return fit(DOMAIN, seen, 1000.0, iterations=400)


def joint(model):
    """The probability of every cell: the product of the tree's conditional tables."""
    letters = {c: chr(ord("a") + i) for i, c in enumerate(DOMAIN)}
    factors, names = [], []
    for clique, separator, table in zip(
        model.tree.cliques, model.tree.separators, model.marginals, strict=True
    ):
        head = table.sum(axis=tuple(range(len(separator), len(clique))), keepdims=True)
        factors.append(np.divide(table, head, out=np.zeros_like(table), where=head > 0))
        names.append("".join(letters[c] for c in clique))
    return np.einsum(",".join(names) + "->" + "".join(letters.values()), *factors)


@pytest.mark.parametrize("known", ["a", "bd", "ce", "abcf", "f", "e"])
def test_what_is_drawn_has_the_distribution_given_what_is_known(model, known):
    """Total variation: 40,000 draws over at most 96 cells are off by .02 in the mean."""
    whole, rng = joint(model), np.random.default_rng(1)
    free = [c for c in DOMAIN if c not in known]
    at = {
        c: int(np.argmax(whole.sum(axis=tuple(i for i, k in enumerate(DOMAIN) if k != c))))
        for c in known
    }
    drawn = sample_given(
        DOMAIN, model.tree, model.marginals, {c: np.full(N, v) for c, v in at.items()}, rng
    )
    index = tuple(at.get(c, slice(None)) for c in DOMAIN)
    wanted = whole[index] / whole[index].sum()
    found = np.zeros(wanted.shape)
    np.add.at(found, tuple(drawn[c] for c in free), 1 / N)
    assert 0.5 * np.abs(found - wanted).sum() < 0.03


def test_each_row_is_drawn_given_its_own(model):
    rng, whole = np.random.default_rng(2), joint(model)
    d = rng.integers(0, 2, N)
    e = sample_given(DOMAIN, model.tree, model.marginals, {"d": d}, rng)["e"]
    pair = whole.sum(axis=(0, 1, 2, 5))
    for value in (0, 1):
        found = np.bincount(e[d == value], minlength=3) / (d == value).sum()
        assert np.abs(found - pair[value] / pair[value].sum()).max() < 0.02


def test_what_cannot_be_is_forgotten_and_the_rest_drawn():
    """Given a cell without probability, a clique draws from its own marginal."""
    tree = JunctionTree((("a", "d"),), ((),), (0,))
    tables, never = [np.array([[0.6, 0.0], [0.3, 0.1], [0.0, 0.0]])], {"a": np.full(5000, 2)}
    drawn = sample_given({"a": 3, "d": 2}, tree, tables, never, np.random.default_rng(0))
    assert abs(drawn["d"].mean() - 0.1) < 0.03


def test_the_same_numbers_draw_the_same_rows_whatever_the_block(model, monkeypatch):
    given = {"a": np.arange(900) % 3}
    once = sample_given(DOMAIN, model.tree, model.marginals, given, np.random.default_rng(3))
    again = sample_given(DOMAIN, model.tree, model.marginals, given, np.random.default_rng(3))
    assert all((once[c] == again[c]).all() for c in once)
    monkeypatch.setattr("generators.marginals.given.CELLS", 64)
    small = sample_given(DOMAIN, model.tree, model.marginals, given, np.random.default_rng(3))
    assert all(abs(small[c].mean() - once[c].mean()) < 0.2 for c in once)


@pytest.mark.parametrize(
    "allowed",
    [
        {"c": [0, 1, 0, 1]},
        {"a": [1, 0, 1], "e": [0, 1, 1], "f": [1, 0]},
        {"d": [0, 1], "b": [1, 0], "c": [0, 0, 1, 0]},
    ],
)
def test_a_conditioned_model_is_the_joint_distribution_cut_and_scaled(model, allowed):
    ones = {c: np.ones(n) for c, n in DOMAIN.items()}
    compression = Compression(DOMAIN, {c: np.arange(n) for c, n in DOMAIN.items()}, ones)
    whole = GraphicalModel(model.tree, tuple(model.marginals), compression, 500.0)
    cut = joint(model).copy()
    for place, column in enumerate(DOMAIN):
        mask = np.array(allowed.get(column, ones[column]), dtype=bool)
        cut = cut * mask.reshape([-1 if i == place else 1 for i in range(len(DOMAIN))])
    found = conditioned(whole, {c: np.array(m, dtype=bool) for c, m in allowed.items()})
    assert found.total == pytest.approx(500 * cut.sum())
    assert np.allclose(joint(found), cut / cut.sum())
    tree, tables = found.tree, found.marginals
    for i, (clique, separator) in enumerate(zip(tree.cliques, tree.separators, strict=True)):
        above = tree.cliques[tree.parents[i]] if i else ()
        assert tables[i].sum() == pytest.approx(1)
        if separator:  # both cliques say the same of what they share
            shared = [
                over(tables[k], c, separator) for k, c in ((i, clique), (tree.parents[i], above))
            ]
            assert np.allclose(*shared)


def over(table, clique, columns):
    """The marginal of some columns of a clique, in their order."""
    left = [c for c in clique if c in columns]
    sums = table.sum(axis=tuple(i for i, c in enumerate(clique) if c not in columns))
    return sums.transpose([left.index(c) for c in columns])


def test_codes_of_a_group_that_are_not_allowed_are_not_drawn(model):
    groups = {c: np.arange(n) for c, n in DOMAIN.items()} | {"a": np.array([0, 1, 2, 2])}
    within = {c: np.ones(n) for c, n in DOMAIN.items()} | {"a": np.array([1, 1, 0.25, 0.75])}
    whole = GraphicalModel(
        model.tree, tuple(model.marginals), Compression(DOMAIN, groups, within), 1.0
    )
    found = conditioned(whole, {"a": np.array([True, False, True, False])})
    weights = whole.alone("a") * [1, 0, 1, 0]
    assert np.allclose(found.alone("a"), weights / weights.sum())
    assert conditioned(whole, {"a": np.zeros(4, dtype=bool)}) is None
