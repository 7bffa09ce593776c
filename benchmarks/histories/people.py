"""The people of a data set with visits, parted by unit: those a release learns from, and those it is tested on.

Frames are canonical, hold the unit's column, and have each person's rows together, in order, the first as many
as the schema counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from histories.clinic import clinic
from histories.concepts import Tables
from histories.long_form import as_texts, texts
from histories.made import made

from privacy.histories.tables import places
from privacy.people.order import in_order
from privacy.reading.conform import conform
from privacy.reading.folded import folded
from privacy.reading.read import read_any
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.schema import Schema, load_schema
from privacy.stored.rows import Rows

SCHEMAS = Path(__file__).parents[2] / "configs" / "schemas"
TRAIN = 0.8
FILES = {
    "framingham": ("framingham", "survival/framingham.csv.gz"),
    "diabetes130": ("diabetes130-histories", "diabetes130/diabetic_data.csv.gz"),
}
MADE = {"made-10000": 10_000, "made-100000": 100_000}
TABLES = {"tables-10000": 10_000, "tables-100000": 100_000}
"""The same people as five tables, with what was recorded at each visit in place of what was known by then."""
SMALL = {"clinic-1500": 1500}
"""Made anew for each seed, with so many people to learn from and FRESH to be tested on; a release is told no
bins, as by a first draft of a schema."""
FRESH = 4000
NAMES = (*FILES, *MADE, *TABLES, *SMALL)


@dataclass(frozen=True, eq=False)
class People:
    """``train``, ``test``: frames with the unit's column. ``said``: what a release is told, where that is less
    than ``schema``, by which it is judged."""

    schema: Schema
    train: pd.DataFrame
    test: pd.DataFrame
    said: Schema | None = None

    def rows(self) -> Rows:
        """The train rows as a generator takes them."""
        frame = self.train[list(self.schema.informative)]
        return Rows(frame, units_of(self.train, self.schema))


def parted(folder: Path | None, name: str, seed: int) -> People:
    """One split of a data set of ``NAMES``; made-up ones need no folder, and but for SMALL stay the same."""
    if name in SMALL:
        schema = load_schema(Path(__file__).parent / "clinic.yaml")
        learnt, fresh = (clinic(n, k) for n, k in ((SMALL[name], 2 * seed), (FRESH, 2 * seed + 1)))
        train, test = (
            _arranged(_canonical(table, name, schema), schema) for table in (learnt, fresh)
        )
        return People(schema, train, test, without_bins(schema))
    if name in TABLES:
        schema = load_schema(SCHEMAS / "omop.yaml")
        table = _together(made(TABLES[name], 0), schema)
    elif name in MADE:
        schema = load_schema(SCHEMAS / "omop-visits.yaml")
        table = texts(made(MADE[name], 0))
    else:
        if folder is None:
            raise ValueError(f"{name}: name the folder of the data sets")
        of, file = FILES[name]
        schema = load_schema(SCHEMAS / f"{of}.yaml")
        table = read_any(folder / file, schema.csv, tuple(schema.columns))
        table = table.select(list(schema.columns))
    return split(_canonical(table, name, schema), schema, np.random.default_rng(seed))


def _together(tables: Tables, schema: Schema) -> pa.Table:
    """The five tables as rows of visits, as a release reads their files."""
    files = {
        name: pa.table({n: as_texts(c) for n, c in table.items()}) for name, table in tables.items()
    }
    rows, unfolded = folded(files, {name: Path(f"{name}.csv") for name in files}, schema)
    if unfolded:
        raise ValueError(str(unfolded[0]))
    return rows


def without_bins(schema: Schema) -> Schema:
    """As a first draft leaves them out: of numbers and dates, and of gaps; counts of rows keep theirs."""
    assert schema.visits is not None
    columns = {
        name: column.model_copy(update={"bins": None})
        for name, column in schema.columns.items()
        if isinstance(column, Numeric | Datetime) and name not in schema.visits.numbered
    }
    gaps = {n: g.model_copy(update={"bins": None}) for n, g in schema.visits.gaps.items()}
    visits = schema.visits.model_copy(update={"gaps": gaps})
    return schema.model_copy(update={"columns": {**schema.columns, **columns}, "visits": visits})


def _canonical(table: pa.Table, name: str, schema: Schema) -> pd.DataFrame:
    frame, findings = conform(table, schema)
    if refused := [str(f) for f in findings if f.action == "refused"]:
        raise ValueError(f"{name}: {refused[0]}")
    return frame


def _arranged(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Rows of a unit together, in order."""
    assert schema.unit is not None
    frame = frame.iloc[in_order(frame, schema, frame[schema.unit].to_numpy())]
    return frame[[schema.unit, *schema.informative]].reset_index(drop=True)


def split(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> People:
    """Units at random to either side."""
    frame = _arranged(frame, schema)
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
