"""Real people of the ready data sets, parted by unit: a train and a held-out part, and people nobody has seen.

Frames are canonical under the schemas of configs/schemas, one row a unit where the schema bounds a unit's rows
by one, as a release has them. Of those who remain of a smaller size nobody is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from privacy.reading.conform import conform
from privacy.reading.read import concatenated, read_any
from privacy.schema.schema import Schema, load_schema

SCHEMAS = Path(__file__).parents[2] / "configs" / "schemas"
TRAIN, HOLDOUT = 0.4, 0.2
"""Shares of the people; another TRAIN are offered as synthetic."""

MOST = 15_000
"""Train people of the largest size."""


@dataclass(frozen=True)
class DataSet:
    """A schema, files under DATA_DIR, and columns of the file that the schema calls otherwise.

    ``order``: two columns of which the first never exceeds the second; ``determined``: a column that others
    determine (kappa + lambda its tenth, an industry its group). Neither is declared.
    """

    schema: str
    files: tuple[str, ...]
    renamed: Mapping[str, str]
    order: tuple[str, str] | None = None
    determined: str | None = None


DATA_SETS: Mapping[str, DataSet] = {
    "flchain": DataSet(
        "flchain",
        ("survival/flchain.csv.gz",),
        {"sample.yr": "sample_yr", "flc.grp": "flc_grp"},
    ),
    "support2": DataSet("support2", ("survival/support2.csv.gz",), {}, order=("slos", "d.time")),
    "adult": DataSet("adult", ("adult/adult.data.gz", "adult/adult.test.gz"), {}),
    "diabetes130": DataSet("diabetes130", ("diabetes130/diabetic_data.csv.gz",), {}),
    "ma2019": DataSet(
        "sdnist-ma2019",
        ("sdnist/ma2019.csv.gz",),
        {},
        order=("NOC", "NPF"),
        determined="INDP_CAT",
    ),
    "national2019": DataSet(
        "sdnist-national2019",
        ("sdnist/national2019.csv.gz",),
        {},
        order=("NOC", "NPF"),
        determined="INDP_CAT",
    ),
}


@dataclass(frozen=True, eq=False)
class Setting:
    """One split of one data set; ``schema`` may have bins that are still to be measured."""

    about: DataSet
    schema: Schema
    train: pd.DataFrame
    holdout: pd.DataFrame
    fresh: pd.DataFrame


def everyone(folder: Path, about: DataSet) -> tuple[Schema, pd.DataFrame]:
    """The canonical rows of all people, the unit's column among them."""
    schema = load_schema(SCHEMAS / f"{about.schema}.yaml")
    paths = [folder / name for name in about.files]
    tables = [named(read_any(p, schema.csv, tuple(schema.columns)), about, schema) for p in paths]
    frame, findings = conform(concatenated(paths, tables), schema)
    if refused := [str(f) for f in findings if f.action == "refused"]:
        raise ValueError(f"{about.schema}: {refused[0]}")
    if schema.unit is not None:
        if schema.max_rows_per_unit != 1:
            raise ValueError(f"{about.schema}: one row a unit is all that this benchmark parts")
        frame = frame.groupby(schema.unit, sort=False).sample(1, random_state=0)
    return schema, frame.reset_index(drop=True)


def named(table: pa.Table, about: DataSet, schema: Schema) -> pa.Table:
    """The schema's columns of a file, by their names in the schema."""
    names = [about.renamed.get(n, n) for n in table.column_names]
    return table.rename_columns(names).select(list(schema.columns))


def part(
    about: DataSet, schema: Schema, people: pd.DataFrame, size: int | None, split: int
) -> Setting:
    """Train, held-out and fresh people; ``size``: train people, all there are (MOST at most) where None."""
    n = min(size or MOST, int(TRAIN * len(people)))
    held = round(n * HOLDOUT / TRAIN)
    order = np.random.default_rng(split).permutation(len(people))[: 2 * n + held]
    parts = np.split(order, [n, n + held])
    train, holdout, fresh = (people.iloc[p].reset_index(drop=True) for p in parts)
    return Setting(about, schema, train, holdout, fresh)
