"""Harm to single columns and to what holds between them, in rows that are fresh people's.

Columns of targets and subgroups are left alone, so that nothing else moves. A value that would make its row
impossible by the schema stays as it was: what is to be found is not what is declared.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from harms.groups import possible

from privacy.schema.columns import Categorical, Numeric
from privacy.schema.impossible import impossible_rows
from privacy.schema.relations.broken import broken_rows
from privacy.schema.schema import Schema

SWAPS = 10
"""How often each column that the schema binds to others swaps values between rows."""

SPIKE = 0.1
"""Of a column's numbers are one and the same value where it has a spike."""

FEWEST = 10
"""Distinct numbers of a column that can have one."""

JITTER = 0.05
"""Of the range from the 5th to the 95th percentile: how far a spike is spread."""


def independent(fresh: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> pd.DataFrame:
    """Every value is another person's, as far as the schema calls that possible; no column's values change.

    Columns that the schema binds together are shuffled together; then pairs of rows swap values of one of them
    wherever both stay possible.
    """
    changed = fresh.copy()
    for names in bound(schema):
        order = rng.permutation(len(fresh))
        changed[names] = fresh[names].iloc[order].set_axis(fresh.index)
        for name in (names if len(names) > 1 else []) * SWAPS:
            zeros = tuple(zero for zero in schema.impossible if name in zero)
            tied = tuple(r for r in schema.relations if name in r.names)
            order = rng.permutation(len(fresh))
            half = len(fresh) // 2
            one, other = order[:half], order[half : 2 * half]
            swapped = changed[name].copy()
            swapped.iloc[np.r_[one, other]] = changed[name].iloc[np.r_[other, one]].array
            about = schema.model_copy(update={"impossible": zeros, "relations": tied})
            after = changed.assign(**{name: swapped})
            bad = impossible_rows(after, about) | broken_rows(after, about)
            back = bad[one] | bad[other]
            rows = np.r_[one[back], other[back]]
            swapped.iloc[rows] = changed[name].iloc[rows].array
            changed[name] = swapped
    return changed


def bound(schema: Schema) -> list[list[str]]:
    """The modelled columns in sets of those that declared impossibilities and relations connect."""
    sets = [{n} for n in schema.modelled]
    for zero in [*schema.impossible, *(r.names for r in schema.relations)]:
        met = [s for s in sets if s & set(zero)]
        sets = [s for s in sets if not s & set(zero)] + [set().union(*met)]
    return [[n for n in schema.modelled if n in s] for s in sets]


def smeared(
    fresh: pd.DataFrame, schema: Schema, rng: np.random.Generator, most: int | None
) -> pd.DataFrame:
    """Numbers drawn uniformly between the quartiles they lie between; columns of many values first."""
    changed = fresh
    for name in sorted(numeric(schema), key=lambda n: -fresh[n].nunique())[:most]:
        column = schema.columns[name]
        assert isinstance(column, Numeric)
        mask, values = plain(fresh[name], column)
        edges = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
        part = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, 3)
        drawn = rng.uniform(edges[part], edges[part + 1])
        changed = possible(
            changed.assign(**{name: put(fresh[name], mask, drawn, column)}), changed, schema
        )
    return changed


def unspiked(
    fresh: pd.DataFrame, schema: Schema, rng: np.random.Generator, most: int | None
) -> pd.DataFrame:
    """The commonest value of a column spread over its neighbours; columns with the tallest spike first."""
    changed = fresh
    for name in spiked(fresh, schema)[:most]:
        column = schema.columns[name]
        assert isinstance(column, Numeric)
        mask, values = plain(fresh[name], column)
        common = pd.Series(values).mode()[0]
        step = 10.0 ** -(column.decimals or 0)
        width = max(JITTER * float(np.subtract(*np.quantile(values, [0.95, 0.05]))), 2 * step)
        spread = common + rng.uniform(-width, width, len(values))
        low, high = column.bounds
        spread = np.where(
            spread < low, 2 * low - spread, spread
        )  # back from the bounds, not on them
        spread = np.where(spread > high, 2 * high - spread, spread)
        drawn = np.where(values == common, spread, values)
        changed = possible(
            changed.assign(**{name: put(fresh[name], mask, drawn, column)}), changed, schema
        )
    return changed


def spiked(fresh: pd.DataFrame, schema: Schema) -> list[str]:
    """The columns with a spike, the tallest first."""
    tall = {}
    for name in numeric(schema):
        column = schema.columns[name]
        assert isinstance(column, Numeric)
        shares = pd.Series(plain(fresh[name], column)[1]).value_counts(normalize=True)
        if len(shares) >= FEWEST and shares.iloc[0] >= SPIKE:
            tall[name] = shares.iloc[0]
    return sorted(tall, key=lambda n: -tall[n])


def merged(fresh: pd.DataFrame, schema: Schema, below: float) -> pd.DataFrame:
    """Categories rarer than ``below`` are the commonest one of their column."""
    changed = fresh
    for name in categorical(schema):
        shares = fresh[name].value_counts(normalize=True)
        rare = shares.index[shares < below]
        common = fresh[name].mask(fresh[name].isin(rare), shares.index[0])
        changed = possible(changed.assign(**{name: common}), changed, schema)
    return changed


def disordered(
    fresh: pd.DataFrame,
    schema: Schema,
    rng: np.random.Generator,
    order: tuple[str, str],
    share: float,
) -> pd.DataFrame:
    """In a share of the rows the first column is another's value, above that of the second."""
    low, high = (pd.to_numeric(fresh[n], errors="coerce").to_numpy(dtype=float) for n in order)
    known = np.sort(low[np.isfinite(low)])
    above = len(known) - np.searchsorted(known, high, side="right")
    able = np.flatnonzero(np.isfinite(low) & np.isfinite(high) & (above > 0))
    rows = rng.choice(able, min(len(able), round(share * len(fresh))), replace=False)
    drawn = known[len(known) - 1 - (rng.random(len(rows)) * above[rows]).astype(int)]
    column = schema.columns[order[0]]
    assert isinstance(column, Numeric)
    changed = fresh.assign(**{order[0]: put(fresh[order[0]], rows, drawn, column)})
    return possible(changed, fresh, schema)


def undetermined(
    fresh: pd.DataFrame, schema: Schema, rng: np.random.Generator, name: str, share: float
) -> pd.DataFrame:
    """In a share of the rows the column is another's value and no longer its own."""
    rows = rng.choice(len(fresh), round(share * len(fresh)), replace=False)
    values = fresh[name].copy()
    values[rows] = values[rng.permutation(rows)].array
    return possible(fresh.assign(**{name: values}), fresh, schema)


def numeric(schema: Schema) -> list[str]:
    """Columns of numbers that are neither of a target nor of a subgroup."""
    return [n for n in _free(schema) if isinstance(schema.columns[n], Numeric)]


def categorical(schema: Schema) -> list[str]:
    """Columns of categories that are neither of a target nor of a subgroup."""
    return [n for n in _free(schema) if isinstance(schema.columns[n], Categorical)]


def _free(schema: Schema) -> list[str]:
    taken = {c for t in schema.targets for c in t.columns} | {s.column for s in schema.subgroups}
    return [n for n in schema.modelled if n not in taken]


def plain(series: pd.Series, column: Numeric) -> tuple[np.ndarray, np.ndarray]:
    """Which values are plain numbers, and those numbers."""
    mask = (series.notna() & ~series.isin(column.special)).to_numpy(dtype=bool)
    return mask, series[mask].to_numpy(dtype=float)


def put(series: pd.Series, where: np.ndarray, values: np.ndarray, column: Numeric) -> pd.Series:
    """The series with these numbers ``where``, inside the bounds and with the column's decimals."""
    values = np.clip(values, *column.bounds)
    if column.kind == "integer":
        values = np.round(values).astype(np.int64)
    elif column.decimals is not None:
        values = np.round(values, column.decimals)
    changed = series.copy()
    changed[where] = values
    return changed
