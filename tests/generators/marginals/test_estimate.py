"""The fit against mbi: its marginals for the same potentials, its loss for the same data."""

import jax
import numpy as np
import pytest

jax.config.update("jax_enable_x64", True)

import mbi  # noqa: E402
from mbi.estimation import MirrorDescent  # noqa: E402
from mbi.marginal_oracles import message_passing_shafer_shenoy  # noqa: E402

from generators.marginals.counting.coded import cells, shape  # noqa: E402
from generators.marginals.counting.counter import Counter  # noqa: E402
from generators.marginals.estimate import Observation, _Model, fit  # noqa: E402
from generators.marginals.junction import junction_tree  # noqa: E402

DOMAIN = {"a": 2, "b": 3, "c": 4, "d": 3}
LOOP = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")]
ISLANDS = [("a", "b"), ("c", "d")]
N = 5000


def rows(seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 2, N)
    b = (a + rng.integers(0, 2, N)) % 3
    c = (b + rng.integers(0, 3, N)) % 4
    return Counter.of(DOMAIN, {"a": a, "b": b, "c": c, "d": np.where(rng.random(N) < 0.6, a, 2)})


def noisy(cliques, sigma, seed):
    rng = np.random.default_rng(seed)
    count = rows(seed)
    return [
        Observation.plain(c, np.rint(count(c) + rng.normal(0, sigma, shape(DOMAIN, c))), sigma)
        for c in cliques
    ]


@pytest.mark.parametrize("cliques", [LOOP, ISLANDS, [("a", "b", "c"), ("d",)]])
def test_marginals_of_potentials_equal_mbi(cliques):
    rng = np.random.default_rng(1)
    u = {c: rng.normal(0, 3, shape(DOMAIN, c)) for c in cliques}
    model = _Model.of(DOMAIN, junction_tree(DOMAIN, cliques), u)
    ours = model.read(model.marginals(u)[0])
    domain = mbi.Domain(tuple(DOMAIN), tuple(DOMAIN.values()))
    theirs = message_passing_shafer_shenoy(
        mbi.CliqueVector(domain, cliques, {c: mbi.Factor(domain.project(c), u[c]) for c in cliques})
    )
    for c in cliques:
        np.testing.assert_allclose(ours[c], theirs[c].values, atol=1e-12)


def test_loss_is_as_low_as_mbi_reaches():
    observations = noisy(LOOP, 30.0, 2)
    ours = fit(DOMAIN, observations, N, iterations=2000, tolerance=1e-9)
    theirs = MirrorDescent().estimate(
        mbi.Domain(tuple(DOMAIN), tuple(DOMAIN.values())),
        [mbi.LinearMeasurement(o.counts.ravel(), o.clique, stddev=30.0) for o in observations],
        known_total=N,
        iters=4000,
    )
    loss = sum(
        0.5 * np.sum((np.asarray(theirs.project(o.clique).values) - o.counts) ** 2) / 30.0**2
        for o in observations
    )
    assert ours.loss <= loss * (1 + 1e-3)


def test_sums_of_cells_are_fitted_as_well_as_mbi_does():
    """Beside single cells of the same clique, and against another clique that says otherwise."""
    part = np.array([0, 0, 1, 1])[None, :] + 2 * np.array([0, 1, 1])[:, None]
    coarse = Observation(("b", "c"), np.array([900.0, 400, 2100, 1700]), np.full(4, 5.0**-2), part)
    fine = noisy([("b", "c"), ("c", "d")], 40.0, 4)
    ours = fit(DOMAIN, [*fine, coarse], N, iterations=2000, tolerance=1e-9)

    def sums(factor):
        return jax.numpy.bincount(part.ravel(), factor.datavector(), length=4)

    theirs = MirrorDescent().estimate(
        mbi.Domain(tuple(DOMAIN), tuple(DOMAIN.values())),
        [
            *(mbi.LinearMeasurement(o.counts.ravel(), o.clique, stddev=40.0) for o in fine),
            mbi.LinearMeasurement(coarse.counts, coarse.clique, stddev=5.0, query=sums),
        ],
        known_total=N,
        iters=4000,
    )

    def loss(table):
        own = sum(0.5 * np.sum((table(o.clique) - o.counts) ** 2) / 40.0**2 for o in fine)
        counts = np.bincount(part.ravel(), table(coarse.clique).ravel())
        return own + 0.5 * np.sum((counts - coarse.counts) ** 2) / 5.0**2

    assert ours.loss == pytest.approx(loss(lambda c: N * ours.project(c)))
    assert ours.loss <= loss(lambda c: np.asarray(theirs.project(c).values)) * (1 + 1e-3)


def test_tables_are_consistent_probabilities():
    model = fit(DOMAIN, noisy(LOOP, 200.0, 3), N, iterations=30)
    for i, table in enumerate(model.marginals):
        assert table.min() >= 0
        assert table.sum() == pytest.approx(1)
        parent, separator = model.tree.parents[i], model.tree.separators[i]
        above = model.tree.cliques[parent]
        others = tuple(k for k, c in enumerate(above) if c not in separator)
        mine = table.reshape((*shape(DOMAIN, separator), -1)).sum(axis=-1)
        np.testing.assert_allclose(mine, model.marginals[parent].sum(axis=others), atol=1e-12)


def test_exact_marginals_are_recovered():
    count = rows(4)
    observations = [Observation.plain(c, count(c), 0.1) for c in LOOP]
    model = fit(DOMAIN, observations, N, iterations=3000, tolerance=0.0)
    for c in LOOP:
        assert np.abs(model.project(c) * N - count(c)).sum() < 0.01 * N


def test_a_structural_zero_stays_empty():
    forbidden = {("b", "d"): np.where(np.eye(3, dtype=bool), -1e6, 0.0)}
    model = fit(DOMAIN, noisy(LOOP, 30.0, 5), N, iterations=100, start=forbidden)
    assert np.trace(model.project(("b", "d"))) == 0.0


def test_starting_from_potentials_goes_on_where_they_were():
    observations = noisy(LOOP, 30.0, 6)
    first = fit(DOMAIN, observations, N, iterations=200)
    second = fit(DOMAIN, observations, N, iterations=1, start=first.potentials)
    cold = fit(DOMAIN, observations, N, iterations=1)
    assert second.loss < 0.1 * cold.loss


def test_clique_axes_may_come_in_any_order():
    count = rows(7)
    turned = Observation.plain(("c", "a", "b"), count(("c", "a", "b")), 1.0)
    model = fit(DOMAIN, [turned], N, iterations=500)
    got = model.project(("b", "c", "a")) * N
    assert np.abs(got - count(("b", "c", "a"))).sum() < 0.02 * N
    assert got.size == cells(DOMAIN, ("a", "b", "c"))
