"""Junction trees cover their cliques, keep intersections connected and match mbi's sizes."""

from itertools import combinations
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mbi import Domain
from mbi.junction_tree import hypothetical_model_size

from generators.marginals.counting.coded import cells
from generators.marginals.junction import Fitting, junction_tree, model_megabytes

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


def plainly(domain, cliques):
    """The tables of a greedy elimination, written as it is told: smallest table next, first of equals."""
    left = {c: {c} for c in domain}
    for clique in cliques:
        for c in clique:
            left[c] |= set(clique)
    tables = []
    while left:
        gone = min(left, key=lambda c: prod(domain[d] for d in left[c]))
        table = left.pop(gone)
        if not any(table <= other for other in tables):
            tables.append(table)
        for c in table - {gone}:
            left[c] = (left[c] | table) - {gone}
    return tables


def size(domain, cliques):
    return sum(prod(domain[c] for c in table) for table in plainly(domain, cliques))


@st.composite
def graphs(draw):
    """Some columns, measured cliques inside two parts of them and perhaps across, and a number of cells."""
    sizes = draw(st.lists(st.integers(1, 9), min_size=6, max_size=9))
    domain = {f"c{i}": size for i, size in enumerate(sizes)}
    half = len(domain) // 2
    inside = [*combinations([*domain][:half], 2), *combinations([*domain][half:], 3)]
    known = draw(st.lists(st.sampled_from(inside), max_size=7))
    known += draw(st.lists(st.sampled_from([*combinations(domain, 2)]), max_size=3))
    return domain, known, draw(st.integers(0, 1500))


@given(graphs())
def test_what_fits_is_what_a_plain_elimination_leaves_room_for(graph):
    domain, known, room = graph
    candidates = [c for k in (1, 2, 3) for c in combinations(domain, k)]
    fits = Fitting.of(domain, known, (room + 0.5) * 8 / 2**20)
    assert [r for r in candidates if fits(r)] == [
        r for r in candidates if size(domain, [*known, r]) <= room
    ]


@given(graphs())
def test_the_tree_is_of_the_tables_of_a_plain_elimination(graph):
    domain, known, _ = graph
    tree = junction_tree(domain, known)
    tables = plainly(domain, known)
    assert sorted(map(sorted, tree.cliques)) == sorted(map(sorted, tables))
    for i in range(1, len(tables)):
        # the next clique overlaps with the tree at least as much as any other would
        overlaps = [[len({*a} & {*b}) for a in tree.cliques[:i]] for b in tree.cliques[i:]]
        assert len(tree.separators[i]) == max(map(max, overlaps))


def test_two_hundred_columns():
    """A chain: what joins its ends makes a ring, whose tables are larger."""
    domain = {f"c{i:03}": 4 for i in range(200)}
    names = [*domain]
    known = [tuple(names[i : i + 3]) for i in range(198)]
    fits = Fitting.of(domain, known, 0.1)
    candidates = [(names[0], other) for other in names[1::12]]
    found = [fits(r) for r in candidates]
    assert found == [size(domain, [*known, r]) <= 0.1 * 2**17 for r in candidates]
    assert 0 < sum(found) < len(found)
