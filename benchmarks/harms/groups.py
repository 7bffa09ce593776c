"""Harm to groups: people lost, and outcomes that are no longer theirs.

Rates are moved by drawing other people of the same group in place of some, so that every row is a person's own
and nothing but the group's rate is wrong. The group is the smallest that the people held out can say anything
about; what happens to smaller ones nobody claims to see.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from harms.material import Setting

from evaluators.tables import MIN_EVENTS, MIN_PEOPLE
from privacy.schema.impossible import impossible_rows
from privacy.schema.relations.broken import broken_rows
from privacy.schema.schema import Classification, Schema, Survival, Target

MINORITY = 0.5
"""Of the rows a group has at most that takes on everybody's rate."""

APART = 0.05
"""Its rate is so far from everybody's, at least, else that would be no harm."""

HIGHEST = 0.95
"""A rate that would be moved beyond it is moved down."""


def groups(frame: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
    """Every declared group that has rows, and which they are."""
    found = {}
    for subgroup in schema.subgroups:
        values = frame[subgroup.column]
        if subgroup.bands is not None:
            edges = [*subgroup.bands[:-1], subgroup.bands[-1] + 1]  # the last band is closed
            names = [f"{a:g} to {b - 1:g}" for a, b in pairwise(edges)]
            values = pd.cut(values.astype(float), edges, right=False, labels=names)
        for value in values.dropna().unique():
            found[f"{subgroup.name}={value}"] = (values == value).to_numpy(dtype=bool)
    return found


def has_event(target: Target) -> bool:
    """Whether people have an event or have it not, so that a group has a rate."""
    return isinstance(target, Classification | Survival)


def outcome(frame: pd.DataFrame, target: Target) -> np.ndarray:
    """Whether each row has the event of a target that has one."""
    if isinstance(target, Survival):
        return frame[target.event].isin(target.event_values).to_numpy()
    assert isinstance(target, Classification)
    return frame[target.column].isin(target.positive).to_numpy()


def assessable(s: Setting) -> dict[str, np.ndarray]:
    """The groups of whom enough people are held out to be judged, and their rows among the fresh people."""
    target, held = s.schema.targets[0], groups(s.holdout, s.schema)
    event = outcome(s.holdout, target) if has_event(target) else None
    return {
        name: mine
        for name, mine in groups(s.fresh, s.schema).items()
        if name in held
        and (people := int(held[name].sum())) >= MIN_PEOPLE
        and (event is None or MIN_EVENTS <= event[held[name]].sum() <= people - MIN_EVENTS)
    }


def smallest(s: Setting) -> str:
    """The smallest of them."""
    found = assessable(s)
    return min(found, key=lambda name: int(found[name].sum()))


def furthest(s: Setting) -> str | None:
    """The minority among them whose rate is furthest from everybody's, if it is far."""
    event = outcome(s.fresh, s.schema.targets[0])
    apart = {
        name: abs(event[mine].mean() - event.mean())
        for name, mine in assessable(s).items()
        if mine.mean() <= MINORITY
    }
    far = max(apart, key=lambda name: apart[name], default=None)
    return None if far is None or apart[far] < APART else far


def lost(s: Setting, rng: np.random.Generator, share: float) -> pd.DataFrame:
    """Other people in place of a share of the group's."""
    mine = assessable(s)[smallest(s)]
    gone = _some(np.flatnonzero(mine), share, rng)
    return _replaced(s.fresh, gone, rng.choice(np.flatnonzero(~mine), len(gone)))


def moved(s: Setting, rng: np.random.Generator, by: float) -> pd.DataFrame:
    """The group's rate of the first target's event is higher by ``by``, or lower where it is high."""
    mine = assessable(s)[smallest(s)]
    rate = float(outcome(s.fresh, s.schema.targets[0])[mine].mean())
    return _at_rate(s, mine, rate + by if rate + by <= HIGHEST else rate - by, rng)


def collapsed(s: Setting, rng: np.random.Generator) -> pd.DataFrame:
    """The minority whose rate is furthest from everybody's has everybody's."""
    far = furthest(s)
    assert far is not None
    mine = assessable(s)[far]
    return _at_rate(s, mine, float(outcome(s.fresh, s.schema.targets[0]).mean()), rng)


def shuffled(s: Setting, rng: np.random.Generator, share: float) -> pd.DataFrame:
    """In a share of the group the outcome, and what is known with it, is another's of the group."""
    target = s.schema.targets[0]
    columns = [*target.columns, *target.without]
    rows = _some(np.flatnonzero(assessable(s)[smallest(s)]), share, rng)
    changed = s.fresh.copy()
    changed.loc[rows, columns] = s.fresh.loc[rng.permutation(rows), columns].to_numpy()
    return possible(changed.astype(s.fresh.dtypes), s.fresh, s.schema)


def possible(changed: pd.DataFrame, before: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Rows that have become impossible as they were before: it is not them that is to be found."""
    bad = impossible_rows(changed, schema) | broken_rows(changed, schema)
    return pd.concat([changed[~bad], before[bad]]).sort_index()


def _at_rate(s: Setting, mine: np.ndarray, rate: float, rng: np.random.Generator) -> pd.DataFrame:
    """People of the group drawn in place of others of it, until so many have the event."""
    event = outcome(s.fresh, s.schema.targets[0])
    more = round(rate * mine.sum()) - int(event[mine].sum())
    have, have_not = np.flatnonzero(mine & event), np.flatnonzero(mine & ~event)
    come, go = (have, have_not) if more > 0 else (have_not, have)
    return _replaced(s.fresh, rng.choice(go, abs(more), replace=False), rng.choice(come, abs(more)))


def _some(rows: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(rows, round(share * len(rows)), replace=False)


def _replaced(fresh: pd.DataFrame, rows: np.ndarray, by: np.ndarray) -> pd.DataFrame:
    place = np.arange(len(fresh))
    place[rows] = by
    return fresh.iloc[place].reset_index(drop=True)
