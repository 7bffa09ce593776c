"""Reconstruction: whose record does the release reproduce?

A record counts as reproduced where a synthetic row has its value in every column (exactly, or within the
bins), or is half as far away as the nearest person of a sample of the population. Any good release reproduces
common records, of people held out as of train people, so their rate stands beside; and records that only one
person has, or that lie far from everybody, are counted by themselves.

Rows: train and holdout. Visibility: internal.
"""

from __future__ import annotations

import numpy as np

from evaluators.attacks.people import rates, unmeasured
from evaluators.attacks.points import records
from evaluators.attacks.sight import Sight, sight
from evaluators.resampling import SMALL, bootstrap_weights
from evaluators.score import Score
from evaluators.tables import MIN_PEOPLE, Tables

PREFIX = "attack.reconstruction"
MAX_ROWS = 50_000
"""At most so many rows of a table are compared, drawn by the seed."""

NEAR = 0.5
"""A synthetic row gives a record away where it is this much nearer than a sample of people."""

FAR = 0.2
"""The share of people farthest from everybody that counts as outliers."""


def reconstruction(tables: Tables) -> list[Score]:
    """Two scores for each way to count: the share that is reproduced, and the excess over held out."""
    if tables.schema.image is not None:
        return []
    seen = tables.once(sight)
    if isinstance(seen, str):
        return [unmeasured(PREFIX, seen)]
    return _equal(tables) + _near(seen)


def _equal(tables: Tables) -> list[Score]:
    """Records of which a synthetic row is a copy, of all and of those that one real row has."""
    rows = {role: _drawn(tables, role) for role in tables.codes}
    roles = ("train", "holdout")
    unit = np.concatenate([tables.units[role][rows[role]] for role in roles])
    member = np.repeat([1.0, 0.0], [len(rows[role]) for role in roles])
    unit = np.unique(unit * 2 + member.astype(int), return_inverse=True)[1]
    weights = bootstrap_weights(unit, tables.rng("reconstruction bootstrap"), kind=SMALL)
    scores = []
    for what, bins in (("same value in every column", False), ("same bin in every column", True)):
        number = records(tables, rows, bins)
        real, synthetic = number[: len(member)], number[len(member) :]
        hits = np.isin(real, synthetic).astype(float)
        alone = np.bincount(real)[real] == 1
        scores += rates(PREFIX, weights, member, hits, detail=what)
        scores += _some(weights, member, hits, alone, f"{what}, records that one person has")
    return scores


def _near(seen: Sight) -> list[Score]:
    """Records that a synthetic row comes nearer to than people do, of all and of outliers."""
    found = seen.people
    to_release, to_known = (
        near.distance[: len(found.member), 0] for near in (seen.release, seen.known)
    )
    hits = (to_release < NEAR * to_known).astype(float)
    far = to_known >= np.quantile(to_known, 1 - FAR)
    what = "twice as near as a sample of people"
    return [
        *rates(PREFIX, found.weights, found.member, hits, detail=what),
        *_some(found.weights, found.member, hits, far, f"{what}, outliers"),
    ]


def _some(
    weights: np.ndarray, member: np.ndarray, hits: np.ndarray, mask: np.ndarray, detail: str
) -> list[Score]:
    """The rates of those in the mask, where there are enough of them on either side."""
    fewest = int(min((member[mask] == side).sum() for side in (0, 1)))
    if fewest >= MIN_PEOPLE:
        rows = np.flatnonzero(mask)
        some = np.take(weights, rows, axis=1)
        return rates(PREFIX, some, member[rows], hits[rows], detail=detail)
    reason = f"{fewest} such records, fewer than {MIN_PEOPLE}"
    return [unmeasured(PREFIX, reason, detail)]


def _drawn(tables: Tables, role: str) -> np.ndarray:
    n = len(tables.frame(role))
    if n <= MAX_ROWS:
        return np.arange(n)
    return np.sort(tables.rng(f"reconstruction {role}").choice(n, size=MAX_ROWS, replace=False))
