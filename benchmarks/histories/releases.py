"""Tables in the place of real people: a release with visits, one without, and what needs no privacy to be bad.

- linked: AIM on the schema as it is, so that a synthetic person has a history;
- strangers: AIM on the same schema without its visits, as releases were before: every row is drawn by itself
  and is its own person. To be compared at all, its rows are dealt to people who have as many rows as the real
  ones have, in order of their time, which gives it the true distribution of rows a person for free;
- shuffled: real rows, each dealt to somebody else's place of the same number.

Frames hold the unit's column, rows of a unit together.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from harms.releases import fitted
from histories.people import People, places, units_of

from privacy.people.order import in_order
from privacy.schema.columns import Identifier
from privacy.schema.schema import Schema

LINKED, STRANGERS, SHUFFLED = "linked", "strangers", "shuffled"
PRIVATE = (LINKED, STRANGERS)
WHO = (*PRIVATE, SHUFFLED)


@dataclass(frozen=True, eq=False)
class Release:
    """A table with as many rows as train has, and what it took: processor seconds, peak MB of the process."""

    frame: pd.DataFrame
    fit_seconds: float
    draw_seconds: float
    peak_mb: float


def released(people: People, who: str, epsilon: float, seed: int) -> Release:
    """A table of ``WHO``; noise cannot be seeded, what is drawn can."""
    rng, begun = np.random.default_rng(seed), time.process_time()
    if who == SHUFFLED:
        frame, fit = shuffled(people.train, people.schema, rng), 0.0
    else:
        schema, rows = people.said or people.schema, people.rows()
        if who == STRANGERS:
            schema = schema.model_copy(update={"visits": None})
        model = fitted(rows, schema, "aim", epsilon)
        fit = time.process_time() - begun
        frame = model.sample(len(rows.frame), rng)
        if who == STRANGERS:
            frame = dealt(frame, people.schema, np.bincount(rows.units), rng)
    return Release(
        frame=frame[[people.schema.unit, *people.schema.informative]],
        fit_seconds=round(fit, 1),
        draw_seconds=round(time.process_time() - begun - fit, 1),
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    )


def dealt(
    frame: pd.DataFrame, schema: Schema, sizes: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Rows of nobody dealt to people who have ``sizes`` rows, each person's in the order of the schema."""
    assert schema.unit is not None
    units = np.repeat(np.arange(len(sizes)), rng.permutation(sizes))[: len(frame)]
    frame = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
    frame = frame.assign(**{schema.unit: units.astype(str)})
    order = schema.visits.order if schema.visits is not None else None
    if order is None or isinstance(schema.columns[order], Identifier):
        return frame
    return frame.iloc[in_order(frame, schema, units)].reset_index(drop=True)


def shuffled(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> pd.DataFrame:
    """Every row in the place of another that is as manieth of its person; who has how many rows stays."""
    assert schema.unit is not None
    place = places(units_of(frame, schema))
    given = np.arange(len(frame))
    for number in np.unique(place):
        there = np.flatnonzero(place == number)
        given[there] = rng.permutation(there)
    return frame.iloc[given].reset_index(drop=True).assign(**{schema.unit: frame[schema.unit]})
