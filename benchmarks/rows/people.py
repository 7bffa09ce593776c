"""The people of a data set, parted by unit: those a release learns from, and fresh ones nobody has seen.

Frames are canonical under a ready schema, with at most as many rows of each unit as the schema counts, as a
release has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from harms.material import DATA_SETS, SCHEMAS, DataSet, named
from rows import made_up

from evaluators.resampling import unit_numbers
from privacy.reading.conform import conform
from privacy.reading.read import concatenated, read_any
from privacy.schema.schema import Schema, load_schema
from privacy.stored.rows import Rows

TRAIN = 0.8
"""The share of the people to learn from, as a release has it unless its config says otherwise."""

READY = {
    **{name: DATA_SETS[name] for name in ("adult", "flchain", "support2", "diabetes130")},
    "framingham": DataSet("framingham", ("survival/framingham.csv.gz",), {}),
}
MADE_UP = "zero-inflated"
NAMES = (*READY, MADE_UP)


@dataclass(frozen=True, eq=False)
class People:
    """``schema`` may have bins and categories that are still to be measured."""

    schema: Schema
    train: Rows
    fresh: Rows


def parted(folder: Path, name: str, seed: int) -> People:
    """One split of a data set of ``NAMES``; whom a made-up one consists of goes by the seed too."""
    rng = np.random.default_rng(seed)
    if name == MADE_UP:
        schema, texts = made_up.SCHEMA, made_up.texts(rng)
    else:
        about = READY[name]
        schema = load_schema(SCHEMAS / f"{about.schema}.yaml")
        paths = [folder / file for file in about.files]
        tables = [
            named(read_any(p, schema.csv, tuple(schema.columns)), about, schema) for p in paths
        ]
        texts = concatenated(paths, tables)
    frame, findings = conform(texts, schema)
    if refused := [str(f) for f in findings if f.action == "refused"]:
        raise ValueError(f"{name}: {refused[0]}")
    return split(frame, schema, rng)


def split(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> People:
    """Units at random to either side, each with as many of its rows as count."""
    units = unit_numbers(frame[schema.unit].to_numpy() if schema.unit else None, len(frame))
    place = pd.Series(rng.random(len(frame))).groupby(units).rank().to_numpy()
    learns = np.isin(units, rng.permutation(units.max() + 1)[: int(TRAIN * (units.max() + 1))])
    train, fresh = (
        _rows(frame, units, schema, side & (place <= schema.max_rows_per_unit))
        for side in (learns, ~learns)
    )
    return People(schema, train, fresh)


def _rows(frame: pd.DataFrame, units: np.ndarray, schema: Schema, kept: np.ndarray) -> Rows:
    mine = frame.loc[kept, list(schema.informative)].reset_index(drop=True)
    return Rows(mine, pd.factorize(units[kept])[0])
