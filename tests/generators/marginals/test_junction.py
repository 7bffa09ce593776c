"""Junction trees cover their cliques, keep intersections connected and match mbi's sizes."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mbi import Domain
from mbi.junction_tree import hypothetical_model_size

from generators.marginals.counting import cells
from generators.marginals.junction import fitting, junction_tree, model_megabytes

DOMAIN = {"a": 2, "b": 3, "c": 5, "d": 7, "e": 4, "f": 2}
PAIRS_AND_TRIPLES = [c for k in (2, 3) for c in combinations(DOMAIN, k)]
SHAPES = {
    "nothing": [],
    "chain": [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "f")],
    "loop": [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")],
    "star": [("a", x) for x in "bcdef"],
    "islands": [("a", "b"), ("c", "d", "e")],
    "nested": [("a", "b", "c"), ("a", "b"), ("c",)],
    "complete": list(combinations(DOMAIN, 2)),
}


def holds(tree, cliques):
    for clique in cliques:
        assert set(clique) <= set(tree.cliques[tree.home(clique)])
    assert {c for clique in tree.cliques for c in clique} == set(DOMAIN)
    for i in range(1, len(tree.cliques)):
        parent, separator = tree.parents[i], tree.separators[i]
        assert parent < i
        assert tree.cliques[i][: len(separator)] == separator
        assert set(separator) == set(tree.cliques[i]) & set(tree.cliques[parent])
        earlier = {c for clique in tree.cliques[:i] for c in clique}
        assert set(tree.cliques[i]) & earlier == set(separator)  # running intersection


@pytest.mark.parametrize("cliques", SHAPES.values(), ids=SHAPES)
def test_named_shapes(cliques):
    holds(junction_tree(DOMAIN, cliques), cliques)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PAIRS_AND_TRIPLES), max_size=8))
def test_random_cliques(cliques):
    tree = junction_tree(DOMAIN, cliques, root=("b", "f"))
    holds(tree, cliques)
    size = sum(cells(DOMAIN, c) for c in tree.cliques) * 8 / 2**20
    assert model_megabytes(DOMAIN, cliques) == pytest.approx(size)


@pytest.mark.parametrize("shape", ["chain", "star", "islands", "nested", "complete"])
def test_size_is_that_of_mbi(shape):
    domain = Domain(tuple(DOMAIN), tuple(DOMAIN.values()))
    cliques = SHAPES[shape]
    assert model_megabytes(DOMAIN, cliques) == pytest.approx(
        hypothetical_model_size(domain, cliques)
    )


def test_the_root_holds_what_was_asked_first():
    tree = junction_tree(DOMAIN, SHAPES["chain"], root=("d", "c"))
    assert set(tree.cliques[0]) == {"c", "d"}


@given(st.data())
def test_fitting_candidates_are_those_whose_model_is_small_enough(data):
    sizes = data.draw(st.lists(st.integers(2, 9), min_size=3, max_size=6))
    domain = {f"c{i}": size for i, size in enumerate(sizes)}
    pairs = list(combinations(domain, 2))
    known = data.draw(st.lists(st.sampled_from(pairs), max_size=5))
    candidates = pairs + list(combinations(domain, 3))
    megabytes = data.draw(st.floats(0, 0.01))
    assert fitting(domain, known, candidates, megabytes) == [
        r for r in candidates if model_megabytes(domain, [*known, r]) <= megabytes
    ]
