"""What is measured before anything is selected: the outcome in each group that the schema declares.

P(event | group) is what people read of a release, so each subgroup is counted with each target over the codes
that it is read by: bands and not bins of age, event or none and not every category. A sum over the cells of a
group has the noise of all of them; in a table of groups there is nothing to add up. The time to an event is not
counted here: it has many cells, and what a group's rate needs of the budget is known while what its curve needs
is for the selection to find.

The error of a rate is σ over the size of its group, up to a factor. So that the largest over all tables is
least, a table's share of ρ goes by the square of one over its smallest group, as a share of all people: public
sizes where the schema has them, equal groups otherwise. A group under a tenth counts as a tenth, or a handful
of people, whose rate no budget would keep, would take everybody else's.

Privacy claim: none; sees the schema only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from generators.marginals.compression import Codes
from generators.marginals.counting import Clique, Domain
from privacy.records.codec import RecordCodec
from privacy.schema.codec import MISSING
from privacy.schema.schema import Classification, Subgroup, Survival, Target

LEAST = 0.1
"""The smallest share of people whose rate shares of the budget go by."""


@dataclass(frozen=True)
class Rates:
    """A table of groups by outcomes.

    ``clique``: subgroup and target in the domain's order; ``groups``: for each, the group of every code.
    ``weight``: its share of what is spent on all tables, over the sum of weights.
    """

    clique: Clique
    groups: tuple[Codes, ...]
    weight: float


def declared(codec: RecordCodec) -> list[Rates]:
    """Each subgroup of the schema with each target, the smallest groups first.

    Weights do not depend on bins, so that they are known before these are measured.
    """
    columns = list(codec.domain)
    found = []
    for subgroup in codec.schema.subgroups:
        group, labels = codec.groups(subgroup)
        for target in codec.schema.targets:
            column, outcome = _outcome(codec, target)
            if column != subgroup.column:
                pair = sorted(
                    [(subgroup.column, group), (column, outcome)], key=lambda a: columns.index(a[0])
                )
                clique, groups = zip(*pair, strict=True)
                found.append(Rates(clique, groups, _weight(_smallest(subgroup, labels))))
    return sorted(found, key=lambda r: -r.weight)


def by_code(domain: Domain, targets: Collection[str], subgroups: Collection[str]) -> list[Rates]:
    """The same of columns whose codes are the groups and outcomes."""
    found = []
    for subgroup in subgroups:
        for target in targets:
            if target != subgroup:
                clique = tuple(c for c in domain if c in (subgroup, target))
                groups = tuple(np.arange(domain[c]) for c in clique)
                found.append(Rates(clique, groups, _weight(1 / domain[subgroup])))
    return sorted(found, key=lambda r: -r.weight)


def _outcome(codec: RecordCodec, target: Target) -> tuple[str, Codes]:
    """The column that a target's rate is read off, and the outcome of each code.

    An event and its absence; what is missing is neither. All classes where there are several, all codes of a
    number.
    """
    if isinstance(target, Classification):
        column, event = target.column, target.positive
    elif isinstance(target, Survival):
        column, event = target.event, target.event_values
    else:
        return target.column, np.arange(codec.domain[target.column])
    code = codec.own.columns[column]
    known = np.isin(np.array(code.values, dtype=str), event).astype(np.intp)
    outcome = np.append(known, [2] * code.has_missing)
    return column, np.unique(outcome, return_inverse=True)[1]


def _smallest(subgroup: Subgroup, labels: tuple[str, ...]) -> float:
    """The share of all people in the smallest group, as far as it is public."""
    named = [label for label in labels if label != MISSING]
    sizes = subgroup.public_sizes or {}
    if set(named) <= set(sizes):
        return min(sizes.values()) / max(1, sum(sizes.values()))
    return 1 / len(named)


def _weight(smallest: float) -> float:
    return 1 / max(LEAST, smallest) ** 2
