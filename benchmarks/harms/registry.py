"""What is planted, how much of it, and which figures should say so: one ``Harm`` a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from harms import columns, groups, leaks, releases
from harms.material import Setting

Kind = Literal["no harm", "leak", "people", "values", "honest"]

LEAK = frozenset({"attack", "copies", "dcr"})
PEOPLE = frozenset({"lost_group", "representation_ratio"})
OUTCOMES = frozenset({"base_rate", "target_mean", "class_share"})
LEARNED = OUTCOMES | {"utility", "fairness", "truth", "association", "conditional"}
VALUES = frozenset({"column", "lost_categories"})
RELATIONS = frozenset({"relation"})
TOLD_APART = frozenset({"propensity"})

FEW = 3_000
"""Train people at most that a generator is overfitted to."""


@dataclass(frozen=True)
class Harm:
    """``make``: (setting, rng, value of the grade) → a synthetic table; the same for the same state of rng.

    ``right_reason``: families of metrics (the first part of a name), one of which must be that of the first
    reason of a veto. ``applies``: at which grade it can be planted in which setting. ``claim``: the ε that is
    claimed for it, by grade. ``group``: who is harmed, where it is one group.
    """

    kind: Kind
    planted: str
    grades: Mapping[str, Any]
    make: Callable[[Setting, np.random.Generator, Any], pd.DataFrame]
    right_reason: frozenset[str] = frozenset()
    applies: Callable[[Setting, Any], bool] = lambda s, value: True
    claim: Callable[[Any], float | None] = lambda value: None
    group: Callable[[Setting], str | None] = lambda s: None


def _honest(name: str) -> Harm:
    return Harm(
        "honest",
        f"nothing: a release by {name}, δ = {releases.DELTA:g}",
        {f"ε = {e:g}": e for e in (0.5, 1.0, 3.0, 10.0)},
        lambda s, rng, e: releases.release(s.train, s.schema, rng, name, e),
        claim=lambda e: float(e),
    )


HARMS: Mapping[str, Harm] = {
    "fresh": Harm(
        "no harm",
        "nothing: people whom nobody has seen, as many as there are train people or half of them",
        {"all": 1.0, "half": 0.5},
        lambda s, rng, share: s.fresh.sample(frac=share, random_state=rng, ignore_index=True),
    ),
    "copies": Harm(
        "leak",
        "among fresh people a share of the rows are train rows, letter by letter",
        {"1 %": 0.01, "10 %": 0.1, "all": 1.0},
        lambda s, rng, share: leaks.copies(s.train, s.fresh, rng, share),
        LEAK,
    ),
    "bootstrap": Harm(
        "leak",
        "train rows drawn with replacement",
        {"all": None},
        lambda s, rng, _: leaks.bootstrap(s.train, rng),
        LEAK,
    ),
    "noisy-copies": Harm(
        "leak",
        "train rows, numbers off by a share of the interquartile range (or one step of the last digit), in "
        "half the rows one category from somebody else",
        {"1 %": 0.01, "10 %": 0.1},
        lambda s, rng, jitter: leaks.noisy_copies(s.train, s.schema, rng, jitter),
        LEAK,
    ),
    "overfitted": Harm(
        "leak",
        f"AIM at an ε that promises nothing, on at most {FEW:,} people",
        {"ε = 1000": 1000.0},
        lambda s, rng, e: releases.release(s.train, s.schema, rng, "aim", e),
        LEAK,
        applies=lambda s, _: len(s.train) <= FEW,
    ),
    "false-claim": Harm(
        "leak",
        "train rows for which ε = 1 is claimed: a copy, or drawn with replacement",
        {"copy": "copy", "bootstrap": "bootstrap"},
        lambda s, rng, how: (
            leaks.copies(s.train, s.fresh, rng, 1.0)
            if how == "copy"
            else leaks.bootstrap(s.train, rng)
        ),
        LEAK,
        claim=lambda _: 1.0,
    ),
    "group-lost": Harm(
        "people",
        "others in place of a share of the smallest group of whom enough are held out to be judged",
        {"half": 0.5, "all": 1.0},
        lambda s, rng, share: groups.lost(s, rng, share),
        PEOPLE,
        applies=lambda s, _: bool(groups.assessable(s)),
        group=groups.smallest,
    ),
    "outcome-moved": Harm(
        "people",
        "in that group the rate of the first target's event is moved",
        {"by .05": 0.05, "by .10": 0.1, "by .20": 0.2},
        lambda s, rng, by: groups.moved(s, rng, by),
        OUTCOMES,
        applies=lambda s, _: groups.has_event(s.schema.targets[0]) and bool(groups.assessable(s)),
        group=groups.smallest,
    ),
    "outcome-collapsed": Harm(
        "people",
        "of such groups the minority whose rate is furthest from everybody's, by .05 or more, has everybody's",
        {"all": None},
        lambda s, rng, _: groups.collapsed(s, rng),
        OUTCOMES,
        applies=lambda s, _: (
            groups.has_event(s.schema.targets[0]) and groups.furthest(s) is not None
        ),
        group=groups.furthest,
    ),
    "outcome-shuffled": Harm(
        "people",
        "in a share of that group the outcome, and what is known with it, is another's of the group",
        {"half": 0.5, "all": 1.0},
        lambda s, rng, share: groups.shuffled(s, rng, share),
        LEARNED,
        applies=lambda s, _: bool(groups.assessable(s)),
        group=groups.smallest,
    ),
    "independent": Harm(
        "values",
        "every value is another person's",
        {"all": None},
        lambda s, rng, _: columns.independent(s.fresh, s.schema, rng),
        LEARNED | RELATIONS | TOLD_APART,
    ),
    "smeared": Harm(
        "values",
        "numbers drawn uniformly between the quartiles they lie between, in one, three or all columns",
        {"1 column": 1, "3 columns": 3, "all": None},
        lambda s, rng, most: columns.smeared(s.fresh, s.schema, rng, most),
        VALUES,
        applies=lambda s, _: bool(columns.numeric(s.schema)),
    ),
    "unspiked": Harm(
        "values",
        "the commonest number of a column, where a tenth or more have it, is spread over its neighbours",
        {"1 column": 1, "all": None},
        lambda s, rng, most: columns.unspiked(s.fresh, s.schema, rng, most),
        VALUES,
        applies=lambda s, _: bool(columns.spiked(s.fresh, s.schema)),
    ),
    "merged": Harm(
        "values",
        "categories rarer than so much are the commonest one of their column",
        {"1 %": 0.01, "5 %": 0.05, "20 %": 0.2},
        lambda s, rng, below: columns.merged(s.fresh, s.schema, below),
        VALUES,
        applies=lambda s, below: not columns.merged(s.fresh, s.schema, below).equals(s.fresh),
    ),
    "disordered": Harm(
        "values",
        "a column that never exceeds another does so in a share of the rows",
        {"1 %": 0.01, "10 %": 0.1},
        lambda s, rng, share: columns.disordered(s.fresh, s.schema, rng, s.about.order, share),
        RELATIONS,
        applies=lambda s, _: s.about.order is not None,
    ),
    "undetermined": Harm(
        "values",
        "a column that others determine is another person's in a share of the rows",
        {"1 %": 0.01, "10 %": 0.1},
        lambda s, rng, share: columns.undetermined(
            s.fresh, s.schema, rng, s.about.determined, share
        ),
        RELATIONS,
        applies=lambda s, _: s.about.determined is not None,
    ),
    "aim": _honest("aim"),
    "mst": _honest("mst"),
    "ctgan": _honest("ctgan"),
}
