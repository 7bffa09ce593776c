"""The rows of a schema with visits as the two tables that are measured, and how much each row of steps weighs.

A unit weighs one in whole numbers: its ``whole`` parts are dealt out over its steps, as evenly as whole numbers
go, so that it adds at most ``whole`` to the counts of any marginal in L1, hence in L2, however many rows it
has.

Privacy claim: none by itself. A unit's rows, weights and order follow from that unit alone. Which step stands
for a unit where what the schema leaves open is measured is drawn by chance, so that nobody's choice moves
another's.
"""

from __future__ import annotations

import math
import secrets

import numpy as np
import pandas as pd

from privacy.histories.memory import before_each
from privacy.histories.schemas import start_schema, step_schema
from privacy.schema.columns import Categorical
from privacy.schema.schema import Schema
from privacy.schema.visits import LAST, PLACE, ROWS

EVENLY = 16
"""Up to so many steps a unit, its parts are dealt out without a remainder."""


def whole(schema: Schema) -> int:
    """How many parts a unit weighs."""
    most = schema.max_rows_per_unit - 1
    return math.lcm(*range(1, most + 1)) if most <= EVENLY else 1 << 20


def weights(units: np.ndarray, parts: int) -> np.ndarray:
    """How many parts each step weighs, int64 [n]; a unit's steps weigh ``parts`` together.

    ``units``: each step's unit, steps of one unit together.
    """
    size, place = _size(units), places(units)
    return np.asarray(parts // size + (place <= parts % size), dtype=np.int64)


def places(units: np.ndarray) -> np.ndarray:
    """Which row of its unit each is, from 1; rows of one unit stand together."""
    return np.asarray(pd.Series(units).groupby(units).cumcount() + 1)


def _size(units: np.ndarray) -> np.ndarray:
    """How many rows the unit of each has."""
    number = pd.factorize(units)[0]
    return np.asarray(np.bincount(number)[number])


def start_frame(
    frame: pd.DataFrame, units: np.ndarray, schema: Schema, at: np.ndarray | None = None
) -> pd.DataFrame:
    """One row a unit: what is constant, as its first row has it, how many rows it has, and that first row.

    ``at``: other rows in place of the first, one of each unit.
    """
    assert schema.visits is not None
    first = np.flatnonzero(places(units) == 1)
    found = frame.iloc[first if at is None else at].reset_index(drop=True)
    constant = frame.iloc[first].reset_index(drop=True)[list(schema.visits.constant)]
    rows = pd.Series(_size(units)[first], dtype="Int64")
    found = found.assign(**constant, **{ROWS: rows})
    return pd.DataFrame(found[list(start_schema(schema).columns)])


def step_frame(frame: pd.DataFrame, units: np.ndarray, schema: Schema) -> pd.DataFrame:
    """For each row after its unit's first: what is given, and the row. Rows of one unit stand together, in
    order."""
    assert schema.visits is not None
    steps, place, size = step_schema(schema), places(units), _size(units)
    later = np.flatnonzero(place > 1)
    first = later - place[later] + 1
    found: dict[str, pd.Series] = told(place[later], size[later], steps)
    found |= before_each(frame, place, schema)
    for name in steps.columns:
        if name in schema.visits.constant:
            found[name] = frame[name].iloc[first].reset_index(drop=True)
        elif name not in found and name in steps.mirrors:
            found[name] = frame[steps.mirrors[name]].iloc[later - 1].reset_index(drop=True)
        elif name in frame:
            found[name] = frame[name].iloc[later].reset_index(drop=True)
    return pd.DataFrame(found)[list(steps.columns)]


def told(place: np.ndarray, size: np.ndarray, steps: Schema) -> dict[str, pd.Series]:
    """What is told of a row's place among so many, by the labels of the table of steps."""
    column = steps.columns[PLACE]
    assert isinstance(column, Categorical)
    labels = np.array(column.categories, dtype=object)
    starts = [int(label.split("-")[0]) for label in labels]

    def label(numbers: np.ndarray) -> pd.Series:
        return pd.Series(labels[np.searchsorted(starts, numbers, side="right") - 1], dtype=object)

    last = pd.Series(np.where(place == size, "1", "0"), dtype=object)
    return {ROWS: label(size), PLACE: label(place), LAST: last}


def one_each(units: np.ndarray) -> np.ndarray:
    """A row of each unit, drawn by chance; positions, unit by unit. Rows of one unit stand together."""
    chance = np.random.default_rng(secrets.randbits(128))
    starts, size = np.flatnonzero(places(units) == 1), _size(units)
    return np.asarray(starts + (chance.random(len(starts)) * size[starts]).astype(np.int64))
