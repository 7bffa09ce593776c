"""Rows put together as histories: whose they are, one after the other.

Rows are put in the order that the schema names, however the file has them. At most ``MOST`` people of a
table are looked at, drawn by the seed. Beside the three tables stands ``SHUFFLED``: the train people with as
many rows each as they have, dealt to them at random. It shows what a figure would be if rows were strangers.

Privacy claim: none; row numbers of real people, internal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from evaluators.resampling import unit_numbers
from evaluators.tables import ROLES, Dimension, Tables
from privacy.people.order import in_order
from privacy.schema.schema import Schema

MOST = 10_000
SHUFFLED = "shuffled"
EVERY = (*ROLES, SHUFFLED)


@dataclass(frozen=True, eq=False)
class Lived:
    """``rows`` [n]: row numbers of a frame, person by person and in time; ``person`` [n]: 0 … people − 1."""

    rows: np.ndarray
    person: np.ndarray

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many rows each person has."""
        return np.bincount(self.person)

    @property
    def people(self) -> int:
        return len(self.sizes)

    @cached_property
    def starts(self) -> np.ndarray:
        """The place of each person's first row."""
        return np.asarray(np.cumsum(self.sizes) - self.sizes)

    @cached_property
    def ends(self) -> np.ndarray:
        """The place of each person's last row."""
        return np.cumsum(self.sizes) - 1

    @cached_property
    def number(self) -> np.ndarray:
        """For each row how many of the person's come before it."""
        return np.asarray(np.arange(len(self.person)) - self.starts[self.person])

    def apart(self, rows: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Places of two rows of a person that are so many rows apart, the earlier and the later."""
        later = np.flatnonzero(self.number >= rows)
        return later - rows, later


def arranged(frame: pd.DataFrame, schema: Schema, units: np.ndarray) -> Lived:
    """All rows of a frame; ``units``: each row's unit."""
    order = schema.visits.order if schema.visits is not None else None
    if order is not None and order not in frame:
        rows = np.argsort(pd.factorize(units)[0], kind="stable")
    else:
        rows = in_order(frame, schema, units)
    return Lived(rows, pd.factorize(units[rows])[0])


def alone(frame: pd.DataFrame, schema: Schema) -> Lived:
    """All rows of a frame by its own unit column; each row a person where it has none."""
    named = schema.unit is not None and schema.unit in frame
    units = frame[schema.unit].to_numpy() if named else None
    return arranged(frame, schema, unit_numbers(units, len(frame)))


def lived(tables: Tables, role: str) -> Lived:
    """The people of a table, or the train people with shuffled rows; made once."""
    return tables.once(_lived, role)


def _lived(tables: Tables, role: str) -> Lived:
    if role == SHUFFLED:
        real = lived(tables, "train")
        return Lived(tables.rng("shuffled histories").permutation(real.rows), real.person)
    found = arranged(tables.frame(role), tables.schema, tables.units[role])
    if found.people <= MOST:
        return found
    chosen = np.zeros(found.people, dtype=bool)
    chosen[tables.rng(f"histories {role}").choice(found.people, MOST, replace=False)] = True
    kept = chosen[found.person]
    return Lived(found.rows[kept], pd.factorize(found.person[kept])[0])


def frame_of(tables: Tables, role: str) -> pd.DataFrame:
    """The table that a role's rows are numbered in."""
    return tables.frame("train" if role == SHUFFLED else role)


def slice_of(tables: Tables, role: str, dimension: Dimension) -> np.ndarray:
    """The slice number of each person: that of the first row."""
    found = lived(tables, role)
    return np.asarray(tables.members[role, dimension.name][found.rows[found.starts]])
