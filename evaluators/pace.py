"""How far a judgement is: metrics weigh by what they cost, and the time that is left follows from the time that
went by.

Privacy claim: none; costs are public, and how long private rows took is told on a terminal only.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from privacy.schema.schema import Schema

COSTS = {
    "declared": 0.01,
    "representation": 0.4,
    "impossible": 0.06,
    "lost_categories": 0.1,
    "column": 0.8,
    "relation": 0.1,
    "quality": 0.7,
    "diagnostic": 0.08,
    "association": 0.1,
    "propensity": 5.5,
    "manifold": 2.3,
    "kmarginal.1": 0.1,
    "kmarginal.2": 0.4,
    "kmarginal.3": 2.2,
    "kmarginal.4": 2.4,
    "conditional": 0.1,
    "image": 0.01,
    "histories.broken": 0.01,
    "histories": 0.01,
    "quality.tables": 0.01,
    "copies": 0.3,
    "attack.copies": 2.0,
    "attack.membership": 3.0,
    "attack.patients": 0.01,
    "attack.attribute": 1.6,
    "attack.reconstruction": 0.5,
    "dcr": 0.5,
    "inference": 0.5,
    "utility.km_distance": 0.01,
    "utility.rank": 4.5,
    "histories.learning": 0.01,
    "learning": 8.5,
    "utility": 0.8,
    "utility.draws": 4.5,
    "fairness": 1.9,
    "truth": 0.3,
}
"""Processor seconds on Adult (benchmarks/results/judge_speed_adult.json); other metrics count as UNKNOWN."""

OF_NETWORKS = {"image": 200.0, "learning": 500.0, "attack.membership": 100.0}
"""Of image sets, roughly: the networks that are trained there are nearly all of the work."""

OF_HISTORIES = {
    "histories.broken": 0.2,
    "histories": 2.0,
    "quality.tables": 1.0,
    "attack.patients": 1.0,
    "histories.learning": 8.0,
}
"""Where rows are put together as histories, which Adult's are not."""

UNKNOWN = 10.0
OF_A_TARGET = ("learning", "utility", "fairness", "truth", "inference", "conditional")
"""These, and what they are part of, cost as often as there are targets."""

SOON = 0.03
"""With less done nobody is told how long the rest takes."""


def shares(names: Iterable[str], schema: Schema) -> dict[str, float]:
    """What share of the work is done when each of these metrics begins, in their order."""
    costs = {name: cost(name, schema) for name in names}
    whole = sum(costs.values())
    before = accumulate(costs.values(), initial=0.0)
    return {name: done / whole for name, done in zip(costs, before, strict=False)}


def cost(name: str, schema: Schema) -> float:
    """What a metric weighs."""
    costs = COSTS | (OF_NETWORKS if schema.image is not None else {})
    costs |= OF_HISTORIES if schema.visits is not None else {}
    often = max(1, len(schema.targets)) if name.split(".")[0] in OF_A_TARGET else 1
    return costs.get(name, UNKNOWN) * often


ADULT = 48_842, 15
"""Rows and columns of the table that COSTS were measured on."""

FEW, MANY = 0.25, 4.0
"""Part of the work does not shrink with the rows, and large tables are looked at in part."""

WITHIN = 2.5
"""The factor within which a judgement keeps to the sum of its costs, about."""


def judging(schema: Schema) -> tuple[float, float]:
    """Seconds that judging a release takes, at least and at most, with one processor and nothing else to do.

    By the public number of rows; where it is not declared, that of a small table to that of Adult.
    """
    rows, columns = ADULT
    wide = max(1.0, len(schema.modelled) / columns)
    known = schema.public_rows
    sizes = (FEW, 1.0) if known is None else [min(MANY, max(FEW, known / rows))] * 2
    low, high = (size * wide * sum(cost(name, schema) for name in COSTS) for size in sizes)
    return low / WITHIN, high * WITHIN


def left(share: float, seconds: float) -> str:
    """ ", about 40 s left": as long again for each share as for those that are done."""
    if share < SOON:
        return ""
    rest = seconds * (1 - share) / share
    return f", about {rest / 60:.0f} min left" if rest >= 90 else f", about {rest:.0f} s left"
