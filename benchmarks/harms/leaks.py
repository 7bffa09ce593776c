"""Leaks of known size: rows of train people, as they are or nearly."""

from __future__ import annotations

import numpy as np
import pandas as pd
from harms.columns import plain, put
from harms.groups import possible

from privacy.schema.columns import Categorical, Numeric
from privacy.schema.schema import Schema

CHANGED = 0.5
"""Of the noisy copies have one category of somebody else."""


def copies(
    train: pd.DataFrame, fresh: pd.DataFrame, rng: np.random.Generator, share: float
) -> pd.DataFrame:
    """Fresh people, this share of them replaced by train rows."""
    n = round(share * len(fresh))
    place = rng.choice(len(fresh), n, replace=False)
    mixed = pd.concat(
        [fresh.drop(index=place), train.iloc[rng.choice(len(train), n, replace=False)]]
    )
    return mixed.sample(frac=1, random_state=rng, ignore_index=True)


def bootstrap(train: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Train rows drawn with replacement."""
    return train.iloc[rng.integers(len(train), size=len(train))].reset_index(drop=True)


def noisy_copies(
    train: pd.DataFrame, schema: Schema, rng: np.random.Generator, jitter: float
) -> pd.DataFrame:
    """Train rows; each number off by up to ``jitter`` of the column's interquartile range, or one step."""
    changed = train.copy()
    for name in schema.modelled:
        column = schema.columns[name]
        if isinstance(column, Numeric):
            mask, values = plain(train[name], column)
            step = 0.0 if column.kind == "float" and column.decimals is None else 1.0
            step *= 10.0 ** -(column.decimals or 0)
            width = max(jitter * float(np.subtract(*np.quantile(values, [0.75, 0.25]))), step)
            noise = rng.uniform(-width, width, len(values))
            changed[name] = put(train[name], mask, values + noise, column)
    names = [n for n in schema.modelled if isinstance(schema.columns[n], Categorical)]
    which = np.where(
        rng.random(len(train)) < CHANGED, rng.integers(len(names), size=len(train)), -1
    )
    for i, name in enumerate(names):
        rows = np.flatnonzero(which == i)
        changed.loc[rows, name] = train[name].to_numpy()[rng.integers(len(train), size=len(rows))]
    return possible(changed, train, schema)
