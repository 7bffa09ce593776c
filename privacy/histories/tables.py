"""The rows of a schema with visits as the two tables that are measured, and how much each row of steps weighs.

A unit weighs one in whole numbers: its ``WHOLE`` parts are dealt out over its steps, as evenly as whole numbers
go, so that it adds at most ``WHOLE`` to the counts of any marginal in L1, hence in L2, however many rows it has.

Privacy claim: none by itself. A unit's rows, weights and order follow from that unit alone. Which step stands for
a unit where what the schema leaves open is measured is drawn by chance, so that nobody's choice moves another's.
"""

from __future__ import annotations

import math
import secrets

import numpy as np
import pandas as pd

from privacy.histories.schemas import place_labels, root_schema, step_schema
from privacy.schema.schema import Schema
from privacy.schema.visits import LAST, PLACE, ROWS

EVENLY = 16
"""Up to so many rows a unit, its parts are dealt out without a remainder."""


def whole(schema: Schema) -> int:
    """How many parts a unit weighs."""
    most = schema.max_rows_per_unit
    return math.lcm(*range(1, most + 1)) if most <= EVENLY else 1 << 20


def weights(units: np.ndarray, parts: int) -> np.ndarray:
    """How many parts each row weighs, int64 [n]; a unit's rows weigh ``parts`` together.

    ``units``: each row's unit, rows of one unit together.
    """
    size = np.bincount(units)[units]
    place = places(units)
    return np.asarray(parts // size + (place <= parts % size), dtype=np.int64)


def places(units: np.ndarray) -> np.ndarray:
    """Which row of its unit each is, from 1; rows of one unit stand together."""
    return pd.Series(units).groupby(units).cumcount().to_numpy() + 1


def root_frame(frame: pd.DataFrame, units: np.ndarray, schema: Schema) -> pd.DataFrame:
    """One row a unit: its constant columns, as its first row has them, and how many rows it has."""
    first = places(units) == 1
    rows = pd.Series(np.bincount(units)[units[first]], dtype="Int64")
    found = frame[first].reset_index(drop=True).assign(**{ROWS: rows})
    return found[list(root_schema(schema).columns)]


def step_frame(frame: pd.DataFrame, units: np.ndarray, schema: Schema) -> pd.DataFrame:
    """For each row: what is given, and the row. Rows of one unit stand together, in order."""
    assert schema.visits is not None
    steps, place = step_schema(schema), places(units)
    first, size = place == 1, np.bincount(units)[units]
    at_first = np.flatnonzero(first)[np.cumsum(first) - 1]
    found: dict[str, object] = {}
    for name in steps.columns:
        if name in schema.visits.constant:
            found[name] = frame[name].iloc[at_first].reset_index(drop=True)
        elif name in steps.mirrors:
            before = frame[steps.mirrors[name]].reset_index(drop=True).shift(1)
            found[name] = before.mask(pd.Series(first))
        elif name in frame:
            found[name] = frame[name].reset_index(drop=True)
    found |= told(place, size, schema)
    return pd.DataFrame(found)[list(steps.columns)]


def told(place: np.ndarray, size: np.ndarray, schema: Schema) -> dict[str, pd.Series]:
    """What is told of a row's place among so many, by the labels of the table of steps."""
    labels = np.array(place_labels(schema.max_rows_per_unit), dtype=object)
    starts = [int(label.split("-")[0]) for label in labels]

    def label(numbers: np.ndarray) -> pd.Series:
        return pd.Series(labels[np.searchsorted(starts, numbers, side="right") - 1], dtype=object)

    last = pd.Series(np.where(place == size, "1", "0"), dtype=object)
    return {ROWS: label(size), PLACE: label(place), LAST: last}


def one_each(units: np.ndarray) -> np.ndarray:
    """A row of each unit, drawn by chance; positions."""
    chance = np.random.default_rng(secrets.randbits(128))
    size = np.bincount(units)
    starts = np.flatnonzero(places(units) == 1)
    return np.asarray(starts + (chance.random(len(starts)) * size[units[starts]]).astype(np.int64))
