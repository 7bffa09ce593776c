"""Attribute inference: what does the release tell of a person's one column, to who knows the others?

The attacker finds the synthetic row that is nearest in all other columns and takes its value. Most of what
they get right is knowledge about people in general, which a useful release must teach: people held out are
guessed as well. The leak is how much more often the guess is right for train people. An interval is of
one column: of twenty columns that leak nothing, one may well look as if it did.

Rows: train and holdout. Visibility: internal.
"""

from __future__ import annotations

import numpy as np

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

BLOCK = 500
"""So many people are compared with all synthetic rows at once."""


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
    space = Space.of(tables)
    synthetic = np.arange(len(tables.synthetic))
    if len(synthetic) > MAX_SYNTHETIC:
        synthetic = np.sort(rng.choice(synthetic, size=MAX_SYNTHETIC, replace=False))
    release = space.points("synthetic", synthetic).place
    attacked = np.concatenate(
        [space.points("train", found.members).place, space.points("holdout", found.strangers).place]
    )
    scores = []
    for name in _columns(tables.schema, rng):
        features = space.features(tables.schema.modelled.index(name))
        rows = synthetic[
            _nearest_row(*(np.delete(p, features, axis=1) for p in (attacked, release)))
        ]
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


def _nearest_row(points: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The row of ``among`` nearest to each point; of equals, the first."""
    half = (among**2).sum(axis=1) / 2
    blocks = [points[i : i + BLOCK] for i in range(0, len(points), BLOCK)]
    return np.concatenate([(half - block @ among.T).argmin(axis=1) for block in blocks])
