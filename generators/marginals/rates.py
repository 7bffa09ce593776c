"""What is measured before anything is selected: the outcome in each group that the schema declares.

P(event | group) is what people read of a release, so each subgroup is counted with each target over the codes
that it is read by: bands and not bins of age, event or none and not every category. A sum over the cells of a
group has the noise of all of them; in a table of groups there is nothing to add up. The time to an event is
counted in a few intervals, for most of a group's curve, and weighs less than the event: its fine bins are for
the selection to find.

The error of a rate is σ over the size of its group, up to a factor. So that the largest over all tables is
least, a table's share of ρ goes by the square of one over its smallest group, as a share of all people: public
sizes where the schema has them, equal groups otherwise. A group under a tenth counts as a tenth, or a handful
of people, whose rate no budget would keep, would take everybody else's.

Privacy claim: none; sees the schema only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain

import numpy as np

from generators.marginals.compression import Codes
from generators.marginals.counting.coded import Clique, Domain
from privacy.records.codec import RecordCodec
from privacy.schema.codec import MISSING, ColumnCode
from privacy.schema.schema import Classification, Subgroup, Survival, Target

LEAST = 0.1
"""The smallest share of people whose rate shares of the budget go by."""
INTERVALS = 5
TIME = 0.25
"""In how many intervals a time is counted, and how much that weighs beside the event."""


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
        weight = _weight(_smallest(subgroup, labels))
        for column, outcome, part in chain(*(_outcomes(codec, t) for t in codec.schema.targets)):
            if column != subgroup.column:
                axes = {subgroup.column: group, column: outcome}
                clique = tuple(sorted(axes, key=columns.index))
                found.append(Rates(clique, tuple(axes[c] for c in clique), part * weight))
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


def _outcomes(codec: RecordCodec, target: Target) -> list[tuple[str, Codes, float]]:
    """The columns that a target's rates are read off, the outcome of each code, and their parts of a weight."""
    if isinstance(target, Survival):
        return [
            (target.event, _event(codec.own.columns[target.event], target.event_values), 1.0),
            (target.time, _intervals(codec.own.columns[target.time]), TIME),
        ]
    if isinstance(target, Classification):
        return [(target.column, _event(codec.own.columns[target.column], target.positive), 1.0)]
    return [(target.column, np.arange(codec.domain[target.column]), 1.0)]


def _event(code: ColumnCode, values: Collection[str]) -> Codes:
    """An event or none; what is missing is neither."""
    happened = np.isin(np.array(code.values, dtype=str), [*values]).astype(np.intp)
    outcome = np.append(happened, [2] * code.has_missing)
    return np.unique(outcome, return_inverse=True)[1]


def _intervals(code: ColumnCode) -> Codes:
    """Runs of as many bins each, and every other code by itself."""
    intervals = min(INTERVALS, code.n_bins)
    runs = np.arange(code.n_bins) * intervals // code.n_bins
    return np.append(runs, intervals + np.arange(code.size - code.n_bins))


def _smallest(subgroup: Subgroup, labels: tuple[str, ...]) -> float:
    """The share of all people in the smallest group, as far as it is public."""
    named = [label for label in labels if label != MISSING]
    sizes = subgroup.public_sizes or {}
    if set(named) <= set(sizes):
        return min(sizes.values()) / max(1, sum(sizes.values()))
    return 1 / len(named)


def _weight(smallest: float) -> float:
    return 1 / max(LEAST, smallest) ** 2
