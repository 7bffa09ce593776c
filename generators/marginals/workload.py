"""Which marginals the synthetic rows should get right, and how much each matters.

All pairs and triples of columns. Those that carry a target weigh more, and those that carry a
subgroup and a target most, so that P(target | subgroup, feature) survives: a mechanism that treats
all alike keeps a small group's size and moves its outcomes (plain MST moves P(income > 50K | Black)
from .12 to .23).

Weights are small integers: with integer scores the sensitivity of a selection is exact.

Privacy claim: none; sees column names and sizes only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

from generators.marginals.counting import Clique, Domain

Workload = Mapping[Clique, int]
"""Clique, in the domain's order → weight."""


@dataclass(frozen=True)
class Importance:
    """Weights of a clique by what it carries."""

    plain: int = 1
    target: int = 2
    subgroup_and_target: int = 3


def workload(
    domain: Domain,
    targets: Collection[str] = (),
    subgroups: Collection[str] = (),
    *,
    importance: Importance = Importance(),
) -> Workload:
    """All pairs and triples of the domain's columns, weighed."""

    def weight(clique: Clique) -> int:
        if set(clique) & set(targets):
            both = set(clique) & set(subgroups)
            return importance.subgroup_and_target if both else importance.target
        return importance.plain

    return {clique: weight(clique) for size in (2, 3) for clique in combinations(domain, size)}


def outcomes(domain: Domain, targets: Collection[str], subgroups: Collection[str]) -> list[Clique]:
    """The (subgroup, target) pairs, to be measured before anything is selected."""
    return [pair for pair in combinations(domain, 2) if _joins(pair, targets, subgroups)]


def _joins(pair: Clique, targets: Collection[str], subgroups: Collection[str]) -> bool:
    a, b = pair
    return (a in subgroups and b in targets) or (b in subgroups and a in targets)
