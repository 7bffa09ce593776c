"""The people of a data set with visits, parted by unit: those a release learns from, and those it is tested on.

Frames are canonical, hold the unit's column, and have each person's rows together, in order, the first as many
as the schema counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from histories.long_form import texts
from histories.made import made

from privacy.histories.tables import places
from privacy.people.order import in_order
from privacy.reading.conform import conform
from privacy.reading.read import read_any
from privacy.schema.schema import Schema, load_schema
from privacy.table import Rows

SCHEMAS = Path(__file__).parents[2] / "configs" / "schemas"
TRAIN = 0.8
FILES = {
    "framingham": ("framingham", "survival/framingham.csv.gz"),
    "diabetes130": ("diabetes130-histories", "diabetes130/diabetic_data.csv.gz"),
}
MADE = {"made-10000": 10_000, "made-100000": 100_000}
NAMES = (*FILES, *MADE)


@dataclass(frozen=True, eq=False)
class People:
    """``train``, ``test``: frames with the unit's column."""

    schema: Schema
    train: pd.DataFrame
    test: pd.DataFrame

    def rows(self) -> Rows:
        """The train rows as a generator takes them."""
        frame = self.train[list(self.schema.informative)]
        return Rows(frame, units_of(self.train, self.schema))


def parted(folder: Path | None, name: str, seed: int) -> People:
    """One split of a data set of ``NAMES``; a made-up one is the same under every seed, and needs no folder."""
    if name in MADE:
        schema = load_schema(SCHEMAS / "omop-visits.yaml")
        table = texts(made(MADE[name], 0))
    else:
        if folder is None:
            raise ValueError(f"{name}: name the folder of the data sets")
        of, file = FILES[name]
        schema = load_schema(SCHEMAS / f"{of}.yaml")
        table = read_any(folder / file, schema.csv, tuple(schema.columns))
        table = table.select(list(schema.columns))
    frame, findings = conform(table, schema)
    if refused := [str(f) for f in findings if f.action == "refused"]:
        raise ValueError(f"{name}: {refused[0]}")
    return split(frame, schema, np.random.default_rng(seed))


def split(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> People:
    """Units at random to either side."""
    assert schema.unit is not None
    frame = frame.iloc[in_order(frame, schema, frame[schema.unit].to_numpy())]
    frame = frame[[schema.unit, *schema.informative]].reset_index(drop=True)
    units = units_of(frame, schema)
    kept = places(units) <= schema.max_rows_per_unit
    number = int(units[-1]) + 1
    learns = np.isin(units, rng.permutation(number)[: int(TRAIN * number)])
    train, test = (frame[kept & side].reset_index(drop=True) for side in (learns, ~learns))
    return People(schema, train, test)


def units_of(frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """A number for each row's unit, 0, 1, 2 … where rows of a unit stand together."""
    assert schema.unit is not None
    return np.asarray(pd.factorize(frame[schema.unit])[0])
