"""Which marginals the synthetic rows should get right, and how much each matters.

All pairs and triples of columns. Those that join a subgroup with a target weigh more, so that
P(target | subgroup, feature) survives: a mechanism that treats all alike keeps a small group's size
and moves its outcomes (plain MST moves P(income > 50K | Black) from .12 to .23). So do those that join
columns which the schema says to keep together. Not much more: a selection's noise grows with the largest
weight, and weights of 3 to 1 cost accuracy everywhere.

Weights are small integers: with integer scores the sensitivity of a selection is exact.

Privacy claim: none; sees column names and sizes only.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from itertools import chain, combinations

from generators.marginals.counting.coded import Clique, Domain

Workload = Mapping[Clique, int]
"""Clique, in the domain's order → weight."""


PLAIN = 4
HEAVY = 5
"""Weights of a clique, and of one that joins what belongs together."""
MANY, MOST = 5_000, 30_000
"""Of more triples than MANY only some are candidates, and of more than MOST of these only few: every round of
AIM looks at all that are."""


def workload(
    domain: Domain,
    targets: Collection[str] = (),
    subgroups: Collection[str] = (),
    keep: Collection[Clique] = (),
) -> Workload:
    """All pairs and triples of the domain's columns, weighed.

    Of more than MANY triples only those with a target or a subgroup, and those in ``keep``. Where these are
    more than MOST, only those that weigh more and those in ``keep``; and without targets or without subgroups,
    where hardly any weighs more, every so many of the others.
    """
    roles = {*targets, *subgroups}
    together = {pair for pair in combinations(domain, 2) if _joins(pair, targets, subgroups)}
    together |= {pair for clique in keep for pair in combinations(clique, 2)}
    few = math.comb(len(domain), 3) <= MANY
    found = [t for t in combinations(domain, 3) if few or roles & set(t) or t in keep]
    if len(found) > MOST:
        heavy = {t for t in found if t in keep or not together.isdisjoint(combinations(t, 2))}
        rest = [] if targets and subgroups else [t for t in found if t not in heavy]
        found = [*sorted(heavy), *rest[:: -(-len(rest) // MOST) or 1]]
    return {
        clique: PLAIN if together.isdisjoint(combinations(clique, 2)) else HEAVY
        for clique in chain(combinations(domain, 2), found)
    }


def _joins(pair: tuple[str, ...], targets: Collection[str], subgroups: Collection[str]) -> bool:
    a, b = pair
    return (a in subgroups and b in targets) or (b in subgroups and a in targets)
