"""What has room does not hang on what was asked before, and what is left out never has any."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from generators.marginals.junction import Fitting
from generators.marginals.selecting.room import Room
from tests.generators.marginals.test_junction import graphs


@given(graphs(), st.randoms(use_true_random=False))
def test_the_rule_is_the_same_in_whatever_order_it_is_asked(graph, chance):
    domain, known, cells = graph
    cliques = [c for k in (2, 3) for c in combinations(domain, k)] * 2  # each in two views
    kin, megabytes = np.arange(len(cliques)) % (len(cliques) // 2), (cells + 0.5) * 8 / 2**20
    room, states, chosen = Room(cliques, kin), [], []
    for _ in range(3):
        taken = [*known, *(cliques[i] for i in chosen)]
        states.append(Fitting.of(domain, taken, megabytes))
        room.states.append(states[-1])
        places = [*range(len(cliques))]
        chance.shuffle(places)
        said = {i: room(i) for i in places[: len(places) // 2]}
        for i, fits in said.items():
            assert fits == all(small(cliques[i]) for small in states) == room(i)
        chosen += [i for i, fits in said.items() if fits][:1]
    alike = room.left.reshape(2, -1)
    assert (alike[0] == alike[1]).all(), "in every view"
    assert not any(all(s(cliques[i]) for s in states) for i in np.flatnonzero(~room.left))
