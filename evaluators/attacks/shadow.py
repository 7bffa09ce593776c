"""An attacker who practises: shadow releases with known members teach what a leak looks like.

To fit the generator anew for every shadow would cost hours, and the attacker need not know it. So a shadow
release is a simple synthesizer that leaks more or less: it copies rows of one half of the practice people and
takes each column from somebody else with probability ``SWAPS``. What is learned is how to weigh the signals, in
units of their spread among people who are out (as in LiRA), so that it carries over to a release of another
size.

Shokri et al. 2017; Stadler et al. 2022. Privacy claim: none; nothing is fitted on train people.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from evaluators.attacks.points import Points, Space
from evaluators.attacks.sight import Near
from evaluators.attacks.signals import Signals, signals

SWAPS = (0.0, 0.1, 0.3, 0.5)
SHADOWS = 8
MOST = 8.0
"""Signals beyond so many standard deviations count as so many."""


def learned(
    space: Space, pool: Points, units: np.ndarray, known: Near, rng: np.random.Generator
) -> np.ndarray:
    """Weights of the signals, in their order, from SHADOWS releases of random halves of the pool.

    ``known``: what is near the pool in the sample of the population.
    """
    X, y, attacked = [], [], space.project(pool)
    for shadow in range(SHADOWS):
        inside = (rng.permutation(int(units.max()) + 1) % 2 == 0)[units]
        members = pool.take(np.flatnonzero(inside))
        release = space.project(leaky(space, members, SWAPS[shadow % len(SWAPS)], rng))
        found = signals(attacked, Near.of(attacked, release), known, rng)
        X.append(standard(found, {name: values[~inside] for name, values in found.items()}))
        y.append(inside)
    # equal columns are common where a table is small; the ridge penalty takes care of them
    model = LogisticRegression(max_iter=1000).fit(np.concatenate(X), np.concatenate(y))
    return np.asarray(model.coef_[0])


def leaky(space: Space, rows: Points, swap: float, rng: np.random.Generator) -> Points:
    """As many rows as there are: copies, each column from another row with probability ``swap``."""
    n = len(rows)
    source = rng.integers(n, size=n)
    place, codes = rows.place[source], rows.codes[source]
    for column in range(codes.shape[1]):
        moved = np.flatnonzero(rng.random(n) < swap)
        other = rng.integers(n, size=len(moved))
        block = space.features(column)
        place[moved, block] = rows.place[other, block]
        codes[moved, column] = rows.codes[other, column]
    return Points(place, codes)


def standard(found: Signals, strangers: Signals) -> np.ndarray:
    """Signals [n, signals] in units of their spread among strangers, about the strangers' median."""
    columns = []
    for name, values in found.items():
        low, centre, high = np.quantile(strangers[name], [0.25, 0.5, 0.75])
        spread = (high - low) / 1.35 or float(strangers[name].std()) or 1.0
        columns.append(np.clip((values - centre) / spread, -MOST, MOST))
    return np.column_stack(columns)
