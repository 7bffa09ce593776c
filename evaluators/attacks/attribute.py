"""Attribute inference: what does the release tell of a person's one column, to who knows the others?

The attacker finds the synthetic row that is nearest in all other columns and takes its value. Most of what
they get right is knowledge about people in general, which a useful release must teach: people held out are
guessed as well. The leak is how much more often the guess is right for train people. An interval is of
one column: of twenty columns that leak nothing, one may well look as if it did.

Rows: train and holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evaluators.attacks.people import people, rates, unmeasured
from evaluators.attacks.points import Space
from evaluators.score import Score
from evaluators.tables import Tables
from privacy.schema.schema import Schema

PREFIX = "attack.attribute"
MOST = 2_000
"""At most so many train people, and so many held out, are guessed."""

MAX_SYNTHETIC = 50_000
OTHERS = 3
"""Besides targets and subgroups so many columns are guessed, drawn by the seed."""

BLOCK = 100
"""So many people are compared with all synthetic rows at once."""

SLACK = 1e-3
"""More than the rounding of squared distances in single precision."""

MOST_COMPARED = 5_000_000
"""At most so many values of a block are compared one by one."""


def attribute(tables: Tables) -> list[Score]:
    """Two scores a column: how often the guess is right, and how much more often than held out."""
    if tables.schema.image is not None:
        return []
    found = people(tables, MOST)
    if isinstance(found, str):
        return [unmeasured(PREFIX, found)]
    if len(tables.schema.modelled) < 2:
        return [
            unmeasured(PREFIX, "not measured: there is one column, and nothing to guess it from")
        ]
    rng = tables.rng("attribute")
    space = tables.once(Space.of)
    synthetic = np.arange(len(tables.synthetic))
    if len(synthetic) > MAX_SYNTHETIC:
        synthetic = np.sort(rng.choice(synthetic, size=MAX_SYNTHETIC, replace=False))
    release = space.points("synthetic", synthetic).place
    attacked = np.concatenate(
        [space.points("train", found.members).place, space.points("holdout", found.strangers).place]
    )
    names = _columns(tables.schema, rng)
    nearest = synthetic[nearest_without(space, attacked, release, names)]
    scores = []
    for name, rows in zip(names, nearest, strict=True):
        codes = {role: tables.codes[role][name].to_numpy() for role in tables.codes}
        true = np.concatenate([codes["train"][found.members], codes["holdout"][found.strangers]])
        hits = (codes["synthetic"][rows] == true).astype(float)
        scores += rates(PREFIX, found.weights, found.member, hits, detail=name)
    return scores


def _columns(schema: Schema, rng: np.random.Generator) -> list[str]:
    """Targets and subgroups, which are sensitive, and OTHERS more."""
    named = [c for t in schema.targets for c in t.columns] + [g.column for g in schema.subgroups]
    sensitive = list(dict.fromkeys(named))
    rest = [c for c in schema.modelled if c not in sensitive]
    return sensitive + [rest[i] for i in np.sort(rng.permutation(len(rest))[:OTHERS])]


def nearest_without(
    space: Space, points: np.ndarray, among: np.ndarray, names: Sequence[str]
) -> np.ndarray:
    """Without each of the columns in turn, the row of ``among`` that is nearest to each point; of equals, the
    first. [names, points]

    A column adds at most ``widest`` to a squared distance. So the nearest row without it is one of those that
    are with it no more than that further than the nearest, which one product of matrices finds for all columns.
    Where these are few they are looked at one by one, in double precision.
    """
    first = np.flatnonzero(~pd.DataFrame(among).duplicated().to_numpy())
    among = among[first]
    half = (among**2).sum(axis=1) / 2
    columns = [space.columns.index(name) for name in names]
    widest = max(_widest(space, column) for column in columns)
    theirs, found = _values(space, among), []
    for block in (points[i : i + BLOCK] for i in range(0, len(points), BLOCK)):
        away = half - block @ among.T
        close = away <= away.min(axis=1, keepdims=True) + (widest + SLACK) / 2
        if close.sum() * len(space.columns) <= MOST_COMPARED:
            found.append(_of_few(_values(space, block), theirs, close, columns))
        else:
            found.append(_of_all(space, block, among, columns))
    return np.asarray(first[np.concatenate(found, axis=1)])


Values = list[tuple[np.ndarray, np.ndarray]]
"""For each column the rows' ranks, 0 where it has categories, and which indicator they have, 0 for none."""


def _values(space: Space, place: np.ndarray) -> Values:
    found = []
    for number, name in enumerate(space.columns):
        block, ranked = place[:, space.features(number)], int(name in space.sorted)
        rank = block[:, 0].astype(float) * ranked
        indicators = block[:, ranked:] > 0
        found.append((rank, indicators @ np.arange(1, indicators.shape[1] + 1)))
    return found


def _widest(space: Space, column: int) -> float:
    """How far apart two values can be, squared; a number and a special one differ by ranks and an indicator."""
    features = space.features(column)
    mixed = space.columns[column] in space.sorted and features.stop - features.start > 1
    return 1.5 if mixed else 1.0


def _of_few(mine: Values, theirs: Values, close: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    point, row = np.nonzero(close)
    apart = np.zeros((len(mine), len(point)))
    for i, ((rank, kind), (its_rank, its_kind)) in enumerate(zip(mine, theirs, strict=True)):
        one, other = kind[point], its_kind[row]
        apart[i] = (rank[point] - its_rank[row]) ** 2
        apart[i] += (one != other) * np.where((one > 0) & (other > 0), 1.0, 0.5)
    each = np.arange(len(close))
    starts, found = np.searchsorted(point, each), []
    for column in columns:
        rest = np.delete(apart, column, axis=0).sum(axis=0)
        equals = np.flatnonzero(rest == np.minimum.reduceat(rest, starts)[point])
        found.append(row[equals[np.searchsorted(point[equals], each)]])
    return np.array(found)


def _of_all(
    space: Space, points: np.ndarray, among: np.ndarray, columns: Sequence[int]
) -> np.ndarray:
    found = []
    for column in columns:
        mine, theirs = (np.delete(side, space.features(column), axis=1) for side in (points, among))
        found.append(((theirs**2).sum(axis=1) / 2 - mine @ theirs.T).argmin(axis=1))
    return np.array(found)
