"""The gap of a column to its anchor: its values in real rows, and who is coded by one alone.

Privacy claim: none by itself; what gaps look like is measured under a charge (``privacy.domain``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.records.rows import has_value, repaired
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.network import Floats
from privacy.schema.numbers import without_specials
from privacy.schema.placing import Relative, plan
from privacy.schema.schema import Schema


def gap_values(frame: pd.DataFrame, schema: Schema, name: str) -> pd.Series:
    """The gap of that name in every row of a canonical frame that has both columns."""
    how = plan(schema)
    frame = repaired(frame.reset_index(drop=True), schema, how)
    column, tied = next((n, r) for n, r in how.relative.items() if r.gap == name)
    both = has_value(frame[column], schema.columns[column])
    both &= has_value(frame[tied.anchor], schema.columns[tied.anchor])
    found = gap_between(frame[both], schema, tied, column)
    return as_series(found, how.gaps[name]).rename(name)


def change_values(frame: pd.DataFrame, schema: Schema, of: str, name: str) -> pd.Series:
    """How far a number is from the one before, in every row that has both; inside the public range."""
    before = next(b for b, n in schema.alike.items() if n == of)
    column, change = schema.columns[of], schema.changes[name]
    assert isinstance(column, Numeric)
    apart = without_specials(frame[of], column) - without_specials(frame[before], column)
    apart = np.clip(apart[np.isfinite(apart)], *change.bounds)
    if change.decimals is not None:
        apart = np.round(apart, change.decimals)
    return as_series(apart, change).rename(name)


def gap_between(frame: pd.DataFrame, schema: Schema, tied: Relative, name: str) -> Floats:
    """How far a column is from its anchor, inside the public range."""
    apart = []
    for n in (name, tied.anchor):
        column = schema.columns[n]
        assert isinstance(column, Numeric | Datetime)
        apart.append(without_specials(frame[n], column))
    gap = plan_gap(schema, tied)
    found = tied.sign * (apart[0] - apart[1])
    if gap.decimals is not None:
        found = np.round(found, gap.decimals)
    return np.asarray(np.clip(found, *gap.bounds))


def plan_gap(schema: Schema, tied: Relative) -> Numeric:
    """The gap of a relative column."""
    return plan(schema).gaps[tied.gap]


def as_series(numbers: np.ndarray, column: Numeric | Datetime) -> pd.Series:
    """Numbers as a canonical series."""
    if column.kind == "integer":
        return pd.Series(np.rint(numbers).astype(np.int64), dtype="Int64")
    return pd.Series(numbers, dtype=float)


def may_be_absent(schema: Schema, name: str) -> bool:
    """Whether a row may have no number there."""
    column = schema.columns[name]
    return column.missing == "keep" or bool(isinstance(column, Numeric) and column.special)


def only_following(schema: Schema) -> set[str]:
    """Columns whose own numbers no generator ever draws: what they follow from is always there."""
    how = plan(schema)
    of: dict[str, tuple[str, ...]] = {n: (r.anchor,) for n, r in how.relative.items()}
    of |= {one.follows: tuple(one.of) for one in how.sums}
    return {n for n, others in of.items() if not any(may_be_absent(schema, o) for o in others)}
