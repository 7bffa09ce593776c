"""Rows that break a relation of the schema.

Privacy claim: none; what it says of real rows stays in the house.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.numbers import without_specials
from privacy.schema.relations import Determined, Equal, MissingTogether, Order, Relation, Total
from privacy.schema.schema import Schema

Mask = np.ndarray
DUST = 1e-9


def breaks(frame: pd.DataFrame, schema: Schema, relation: Relation) -> tuple[Mask, Mask]:
    """Rows of a canonical frame to which the relation applies, and those that break it, bool [n]."""
    numbers = {
        n: without_specials(frame[n], c)
        for n in relation.names
        if isinstance(c := schema.columns[n], Numeric | Datetime)
    }
    if isinstance(relation, Order):
        return _order(relation, numbers)
    if isinstance(relation, Total):
        parts = np.stack([numbers[n] for n in relation.parts], axis=1)
        return _differ(numbers[relation.total], parts.sum(axis=1), parts)
    if isinstance(relation, Equal):
        applies, broken = _differ(*(numbers[n] for n in relation.equal))
        for name, values in relation.when.items():
            applies &= frame[name].isin(list(values)).to_numpy(dtype=bool)
        return applies, applies & broken
    if isinstance(relation, Determined):
        return _determined(frame, schema, relation, numbers)
    assert isinstance(relation, MissingTogether)
    absent = frame[list(relation.names)].isna()
    any_ = absent.any(axis=1).to_numpy()
    return np.ones(len(frame), dtype=bool), any_ & ~absent.all(axis=1).to_numpy()


def broken_rows(frame: pd.DataFrame, schema: Schema) -> Mask:
    """Rows that break any relation, bool [n]."""
    bad = np.zeros(len(frame), dtype=bool)
    for relation in schema.relations:
        bad |= breaks(frame, schema, relation)[1]
    return bad


def _order(relation: Order, numbers: dict[str, np.ndarray]) -> tuple[Mask, Mask]:
    n = len(numbers[relation.order[0]])
    applies, broken = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for a, b in combinations(relation.order, 2):
        apart = numbers[b] - numbers[a]
        both = np.isfinite(apart)
        applies |= both
        with np.errstate(invalid="ignore"):
            broken |= apart <= 0 if relation.strict else apart < 0
            if relation.gap is not None:
                slack = DUST * np.maximum(1.0, np.abs(numbers[b]) + np.abs(numbers[a]))
                broken |= apart < (relation.gap.min or 0.0) - slack
                if relation.gap.max is not None:
                    broken |= apart > relation.gap.max + slack
    return applies, applies & broken


def _differ(x: np.ndarray, y: np.ndarray, of: np.ndarray | None = None) -> tuple[Mask, Mask]:
    """Where both are numbers, and where they differ by more than sums of floats may."""
    applies = np.isfinite(x) & np.isfinite(y)
    size = np.abs(x) + (np.abs(y) if of is None else np.abs(of).sum(axis=1))
    with np.errstate(invalid="ignore"):
        return applies, applies & (np.abs(x - y) > DUST * np.maximum(1.0, size))


def _determined(
    frame: pd.DataFrame, schema: Schema, relation: Determined, numbers: dict[str, np.ndarray]
) -> tuple[Mask, Mask]:
    by, found = frame[relation.by], frame[relation.determined]
    listed = by.isin(list(relation.listed)).to_numpy(dtype=bool)
    if isinstance(schema.columns[relation.determined], Categorical):
        applies = listed & found.notna().to_numpy()
        texts = by.map({k: str(v) for k, v in relation.listed.items()})
        return applies, applies & (found != texts).to_numpy(dtype=bool)
    given = by.map(dict(relation.listed)).to_numpy(dtype=float)
    applies = listed & np.isfinite(numbers[relation.determined])
    return applies, applies & (numbers[relation.determined] != given)
