"""What an attacker of rows looks at: the release and a sample of the population, near each person.

Membership and reconstruction attack the same people in the same space, so the nearest rows are looked up once.

Privacy claim: none; points of real people, internal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluators.attacks.people import People, people
from evaluators.attacks.points import Points, Space
from evaluators.images.neighbours import nearest
from evaluators.tables import Tables

MAX_SYNTHETIC = 50_000
"""The attacker looks through at most so many synthetic rows."""

NEIGHBOURS = 20
"""So many nearest rows are looked up."""


@dataclass(frozen=True, eq=False)
class Near:
    """Distances to, and row numbers of, the nearest ``among`` some points, the nearest first
    [points, neighbours]."""

    among: Points
    distance: np.ndarray
    rows: np.ndarray

    @staticmethod
    def of(points: Points, among: Points) -> Near:
        return Near(among, *nearest(points.place, among.place, NEIGHBOURS))

    def __getitem__(self, points: slice) -> Near:
        return Near(self.among, self.distance[points], self.rows[points])


@dataclass(frozen=True, eq=False)
class Sight:
    """``targets``: members, strangers and then the pool, and what is near them in the ``release`` and in the
    ``known`` sample. ``pool``: points that are not projected.
    """

    space: Space
    people: People
    targets: Points
    pool: Points
    release: Near
    known: Near


def sight(tables: Tables) -> Sight | str:
    """What is seen, or the reason why there is nobody to attack."""
    found = tables.once(people)
    if isinstance(found, str):
        return found
    space = tables.once(Space.of)
    synthetic = np.arange(len(tables.synthetic))
    if len(synthetic) > MAX_SYNTHETIC:
        rng = tables.rng("attacker's synthetic rows")
        synthetic = np.sort(rng.choice(synthetic, size=MAX_SYNTHETIC, replace=False))
    release = space.project(space.points("synthetic", synthetic))
    known = space.project(space.points("holdout", found.known))
    pool = space.points("holdout", found.pool)
    parts = [space.points("train", found.members), space.points("holdout", found.strangers), pool]
    targets = space.project(Points.joined(parts))
    near = (Near.of(targets, among) for among in (release, known))
    return Sight(space, found, targets, pool, *near)
