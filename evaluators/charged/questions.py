"""What is asked of the people held out: one table of counts for each target and each way to part people.

Every person stands in at most one cell of a table, so one unit moves one count by one: each table is a discrete
Gaussian of sensitivity 1. All slices that the schema declares are asked for, also those without people.

Privacy claim: all questions together are ρ-zCDP for one unit of the holdout, of which the first row is used.
What is asked, and how ρ is divided, follows from the schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.charged.distance import Ask, Distances, distances
from evaluators.charged.lenses import Lens
from evaluators.charged.people import AT_ONCE, People
from evaluators.tables import Dimension, Tables
from privacy.noise import discrete_gaussian, gaussian_sigma

ORDER_WEIGHTS = (1.0, 2.0, 1.0)
"""How ρ is divided between everyone, the subgroups and the pairs of subgroups."""

WHO, DISTANCE = 0.25, 0.5
"""Weights of counting who is there, and of the k-marginal distance, beside 1 for each target."""

MAX_PAIRS = 1000
"""Pairs of subgroups that part people into more slices are not asked for."""


@dataclass(frozen=True, eq=False)
class Counted:
    """Noisy counts [slices, cells] of one dimension, and the noise in each."""

    counts: np.ndarray
    sigma: float


@dataclass(frozen=True, eq=False)
class Answers:
    """Everything that was asked, by the dimension's name and, for tables of a target, its number."""

    who: dict[str, Counted]
    seen: dict[tuple[int, str], Counted]
    apart: dict[str, Distances]


def asked(tables: Tables) -> tuple[Dimension, ...]:
    """The dimensions that are asked for."""
    return tuple(d for d in tables.dimensions if d.order < 2 or len(d.slices) <= MAX_PAIRS)


def measure(
    tables: Tables, people: People, drawn: People, lenses: Sequence[Lens], rho: float, ask: Ask
) -> Answers:
    """Ask ``people`` all questions; ``drawn``: the synthetic ones that some are about."""
    dimensions = asked(tables)
    shares = _shares(dimensions, len(lenses), rho)
    who, seen, apart = {}, {}, {}
    for dimension in dimensions:
        part = shares[dimension.name]
        member = people.members[dimension.name]
        nobody = np.zeros(len(member), dtype=np.int32)
        who[dimension.name] = _count(ask, "who", dimension, member, nobody, 1, part * WHO)
        for number, look in enumerate(lenses):
            seen[number, dimension.name] = _count(
                ask,
                look.target.name,
                dimension,
                member,
                people.cells[number][dimension.order],
                look.sizes[dimension.order],
                part,
            )
        if dimension.order < 2:
            apart[dimension.name] = distances(
                ask, tables, people, drawn, dimension, part * DISTANCE
            )
    return Answers(who, seen, apart)


def _shares(dimensions: Sequence[Dimension], lenses: int, rho: float) -> dict[str, float]:
    """The ρ of one target's table in each dimension."""
    weight = {}
    for dimension in dimensions:
        alike = sum(d.order == dimension.order for d in dimensions)
        weight[dimension.name] = ORDER_WEIGHTS[dimension.order] / alike
    total = sum(
        w * (lenses + WHO + (DISTANCE if d.order < 2 else 0))
        for d, w in zip(dimensions, weight.values(), strict=True)
    )
    return {name: rho * w / total for name, w in weight.items()}


def _count(
    ask: Ask,
    what: str,
    dimension: Dimension,
    member: np.ndarray,
    cell: np.ndarray,
    size: int,
    rho: float,
) -> Counted:
    shape = (len(dimension.slices), size)

    def draw() -> list[int]:
        table = counted(member, cell, shape)
        noisy: list[int] = discrete_gaussian(table.ravel(), rho).tolist()
        return noisy

    answer = ask(["count", what, dimension.name, *shape, rho], draw)
    return Counted(np.reshape(answer, shape), gaussian_sigma(rho))


def counted(member: np.ndarray, cell: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How many rows of each slice stand in each cell, [slices, cells]; those with cell −1 in none."""
    total = np.zeros(shape[0] * shape[1], dtype=np.int64)
    for start in range(0, len(cell), AT_ONCE):
        own, place = cell[start : start + AT_ONCE], member[start : start + AT_ONCE]
        known = own >= 0
        flat = place[known].astype(np.int64) * shape[1] + own[known]
        total += np.bincount(flat, minlength=len(total))
    return total.reshape(shape)
