"""Bins and categories that the schema leaves open, measured on the train rows under a charge.

Bins are quantiles of a noisy b-ary tree of counts (Hay et al., arXiv 0904.0942; consistency by OpenDP)
over a public grid between the public bounds. Categories are those whose noisy count passes a threshold
(``partition``); every other text becomes the declared ``other``.

Privacy claim: ``measure_domain`` is δ-approximate ρ-zCDP; each open column takes an equal share of ρ and δ.
``domain_event`` names it before the rows are known, and where a unit is one row draw by draw: it then moves one
count of each level, or of the categories, by one, and a category that nobody else has is named with probability
δ at most.
"""

from __future__ import annotations

import datetime as dt
from functools import partial

import numpy as np
import pandas as pd
from dp_accounting import ComposedDpEvent, DpEvent, NoOpDpEvent, SelfComposedDpEvent, ZCDpEvent
from opendp.transformations import make_consistent_b_ary_tree
from scipy.optimize import isotonic_regression

from privacy.accounting.events import ApproximateZCDpEvent, DiscreteGaussianDpEvent
from privacy.ledger.paid import Paid
from privacy.noise import discrete_gaussian, gaussian_sigma
from privacy.partition_selection import threshold
from privacy.schema.columns import CONTROL, Categorical, Column, Datetime, Numeric
from privacy.schema.numbers import bounds_as_numbers, number_to_date, numbers
from privacy.schema.placing import plan
from privacy.schema.records import gap_values
from privacy.schema.schema import Schema

BRANCHING = 4
LEVELS = 6
GRID = BRANCHING ** (LEVELS - 1)
"""Cells between the bounds; a quantile is found to within one cell plus noise."""

QUANTILE_BINS = 16
"""Bins of a column whose bins are measured; fewer where quantiles fall together."""

MAX_FOUND = 200
"""Most categories that partition selection may add; the most frequent by noisy count."""


def domain_event(schema: Schema, rho: float, delta: float) -> DpEvent:
    """What ``measure_domain`` with the same arguments is charged as.

    Raises InputError for what it could not carry out, so that nothing is charged for it.
    """
    names, texts = schema.incomplete, _texts(schema)
    if not names:
        return NoOpDpEvent()
    k, each = schema.max_rows_per_unit, rho / len(names)
    if texts:
        threshold(each, delta / len(texts), k)
    if k > 1:
        return ApproximateZCDpEvent(rho, delta) if texts else ZCDpEvent(rho)
    trees = LEVELS * (len(names) - len(texts))
    draws = [(each / LEVELS, trees), (each, len(texts))]
    once = [
        SelfComposedDpEvent(DiscreteGaussianDpEvent(gaussian_sigma(r)), n) for r, n in draws if n
    ]
    return ComposedDpEvent([*once, ApproximateZCDpEvent(0.0, delta)] if texts else once)


def selects_categories(schema: Schema) -> bool:
    """Whether any category list is open, which takes a share of δ."""
    return bool(_texts(schema))


def _texts(schema: Schema) -> list[str]:
    """The columns whose categories are open."""
    return [n for n in schema.incomplete if isinstance(schema.columns.get(n), Categorical)]


def measure_domain(
    frame: pd.DataFrame,
    schema: Schema,
    rho: float,
    delta: float,
    paid: Paid,
) -> Schema:
    """The schema with every open column measured on ``frame``, a canonical frame of train rows.

    Raises PermitError unless ``domain_event`` was paid for.
    """
    paid.covers(domain_event(schema, rho, delta))
    names, texts = schema.incomplete, _texts(schema)
    k = schema.max_rows_per_unit
    found: dict[str, Column] = {}
    gaps = plan(schema).gaps
    for name in names:
        column = gaps[name] if name in gaps else schema.columns[name]
        series = gap_values(frame, schema, name) if name in gaps else frame[name]
        if isinstance(column, Categorical):
            share = rho / len(names), delta / len(texts), k
            categories = paid.transcript.answer(
                ["categories", name, *share],
                partial(select_categories, series, column, *share),
            )
            found[name] = column.model_copy(update={"categories": tuple(categories)})
        else:
            assert isinstance(column, Numeric | Datetime)
            counts = paid.transcript.answer(
                ["tree", name, rho / len(names), k],
                partial(noisy_tree, series, column, rho / len(names), k),
            )
            found[name] = column.model_validate(
                column.model_dump() | {"bins": quantiles(counts, column)}
            )
    return schema.completed(found)


def map_undeclared(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The frame with every category outside the complete schema mapped to its column's ``other``."""
    mapped = {}
    for name in schema.informative:
        column, series = schema.columns[name], frame[name]
        if isinstance(column, Categorical):
            assert column.categories is not None
            series = series.where(series.isna() | series.isin(column.categories), column.other)
        mapped[name] = series
    return pd.DataFrame(mapped)


def select_categories(
    series: pd.Series, column: Categorical, rho: float, delta: float, k: int
) -> list[str]:
    """Texts whose noisy count passes the threshold, in alphabetical order, and ``other``."""
    assert column.other is not None
    counts = series[series.map(is_name) & (series != column.other)].value_counts().sort_index()
    noisy = discrete_gaussian(counts.to_numpy(), rho, k)
    least = threshold(rho, delta, k)
    found = {name: n for name, n in zip(counts.index, noisy, strict=True) if n >= least}
    kept = sorted(found, key=lambda name: (-found[name], name))[:MAX_FOUND]
    return [*sorted(kept), column.other]


def is_name(value: object) -> bool:
    """Whether a text could be a category at all: no missing value, no control character."""
    return isinstance(value, str) and CONTROL.search(value) is None


def noisy_tree(series: pd.Series, column: Numeric | Datetime, rho: float, k: int) -> list[int]:
    """Counts of every node of the tree over the grid, root first, with discrete Gaussian noise."""
    special = column.special if isinstance(column, Numeric) else ()
    plain = series[series.notna() & ~series.isin(special)]
    cell = np.searchsorted(_grid(column), numbers(plain, column), side="right") - 1
    counts = np.bincount(np.clip(cell, 0, GRID - 1), minlength=GRID)
    levels = [counts.reshape(BRANCHING**level, -1).sum(axis=1) for level in range(LEVELS)]
    # a unit moves one path of each level by at most k, so each level costs rho / LEVELS
    noisy = [discrete_gaussian(level, rho / LEVELS, k) for level in levels]
    return [int(n) for n in np.concatenate(noisy)]


def quantiles(
    tree: list[int], column: Numeric | Datetime
) -> tuple[float, ...] | tuple[dt.datetime, ...]:
    """Bin edges at equal shares of a noisy tree, made consistent; post-processing."""
    leaves = make_consistent_b_ary_tree(BRANCHING)(tree)
    below = isotonic_regression(np.cumsum(leaves)).x
    share = below / max(float(below[-1]), 1.0)
    at = np.searchsorted(share, np.arange(1, QUANTILE_BINS) / QUANTILE_BINS)
    low, high = bounds_as_numbers(column)
    inner = np.unique(_grid(column)[np.minimum(at + 1, GRID)])
    edges = (low, *(float(e) for e in inner if low < e < high), high)
    if isinstance(column, Datetime):
        return tuple(number_to_date(e, column.resolution) for e in edges)
    return edges


def _grid(column: Numeric | Datetime) -> np.ndarray:
    """GRID + 1 public edges between the bounds, on whole numbers where the column is whole."""
    low, high = bounds_as_numbers(column)
    whole = column.kind != "float"
    edges = np.linspace(low, high + whole, GRID + 1)
    return np.asarray(np.ceil(edges) if whole else edges)
