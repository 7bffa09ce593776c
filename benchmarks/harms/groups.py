"""Harm to groups: people lost, and outcomes that are no longer theirs.

Rates are moved by drawing other people of the same group in place of some, so that every row is a person's own
and nothing but the group's rate is wrong. The group is the smallest with LEAST of the rows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.schema.impossible import impossible_rows
from privacy.schema.schema import Classification, Schema, Survival, Target

LEAST = 0.08
"""Of the rows a group needs to be the one that harm is done to."""

MINORITY = 0.5
"""Of the rows a group has at most that takes on everybody's rate."""

HIGHEST = 0.95
"""A rate that would be moved beyond it is moved down."""


def groups(frame: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
    """Every declared group that has rows, and which they are."""
    found = {}
    for subgroup in schema.subgroups:
        values = frame[subgroup.column]
        if subgroup.bands is not None:
            edges = [*subgroup.bands[:-1], subgroup.bands[-1] + 1]  # the last band is closed
            values = pd.cut(values.astype(float), edges, right=False)
        for value in values.dropna().unique():
            found[f"{subgroup.name}={value}"] = (values == value).to_numpy(dtype=bool)
    return found


def outcome(frame: pd.DataFrame, target: Target) -> np.ndarray:
    """Whether each row has the event of a target that has one."""
    if isinstance(target, Survival):
        return frame[target.event].isin(target.event_values).to_numpy()
    if not isinstance(target, Classification):
        raise ValueError(f"{target.name}: a {target.task} target has no event")
    return frame[target.column].isin(target.positive).to_numpy()


def chosen(frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """The rows of the smallest group that is large enough."""
    large = [m for m in groups(frame, schema).values() if m.mean() >= LEAST]
    return min(large, key=lambda mask: int(mask.sum()))


def lost(
    fresh: pd.DataFrame, schema: Schema, rng: np.random.Generator, share: float
) -> pd.DataFrame:
    """Other people in place of a share of the group's."""
    mine = chosen(fresh, schema)
    gone = _some(np.flatnonzero(mine), share, rng)
    return _replaced(fresh, gone, rng.choice(np.flatnonzero(~mine), len(gone)))


def moved(fresh: pd.DataFrame, schema: Schema, rng: np.random.Generator, by: float) -> pd.DataFrame:
    """The group's rate of the first target's event is higher by ``by``, or lower where it is high."""
    mine, event = chosen(fresh, schema), outcome(fresh, schema.targets[0])
    rate = event[mine].mean()
    return _at_rate(fresh, mine, event, rate + by if rate + by <= HIGHEST else rate - by, rng)


def collapsed(fresh: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> pd.DataFrame:
    """The large minority whose rate is furthest from everybody's has everybody's."""
    event = outcome(fresh, schema.targets[0])
    return _at_rate(fresh, furthest(fresh, schema), event, float(event.mean()), rng)


def furthest(fresh: pd.DataFrame, schema: Schema) -> np.ndarray:
    """The rows of the large minority whose rate is furthest from everybody's."""
    event = outcome(fresh, schema.targets[0])
    large = [m for m in groups(fresh, schema).values() if LEAST <= m.mean() <= MINORITY]
    return max(large, key=lambda mask: abs(event[mask].mean() - event.mean()))


def apart(fresh: pd.DataFrame, schema: Schema) -> float:
    """How far its rate is from everybody's."""
    event = outcome(fresh, schema.targets[0])
    return abs(float(event[furthest(fresh, schema)].mean() - event.mean()))


def shuffled(
    fresh: pd.DataFrame, schema: Schema, rng: np.random.Generator, share: float
) -> pd.DataFrame:
    """In a share of the group the outcome, and what is known with it, is another's of the group."""
    target = schema.targets[0]
    columns = [*target.columns, *target.without]
    rows = _some(np.flatnonzero(chosen(fresh, schema)), share, rng)
    changed = fresh.copy()
    changed.loc[rows, columns] = fresh.loc[rng.permutation(rows), columns].to_numpy()
    return possible(changed.astype(fresh.dtypes), fresh, schema)


def possible(changed: pd.DataFrame, before: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Rows that have become impossible as they were before: it is not them that is to be found."""
    bad = impossible_rows(changed, schema)
    return pd.concat([changed[~bad], before[bad]]).sort_index()


def _at_rate(
    fresh: pd.DataFrame, mine: np.ndarray, event: np.ndarray, rate: float, rng: np.random.Generator
) -> pd.DataFrame:
    """People of the group drawn in place of others of it, until so many have the event."""
    more = round(rate * mine.sum()) - int(event[mine].sum())
    have, have_not = np.flatnonzero(mine & event), np.flatnonzero(mine & ~event)
    come, go = (have, have_not) if more > 0 else (have_not, have)
    return _replaced(fresh, rng.choice(go, abs(more), replace=False), rng.choice(come, abs(more)))


def _some(rows: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(rows, round(share * len(rows)), replace=False)


def _replaced(fresh: pd.DataFrame, rows: np.ndarray, by: np.ndarray) -> pd.DataFrame:
    place = np.arange(len(fresh))
    place[rows] = by
    return fresh.iloc[place].reset_index(drop=True)
