"""A column of all three tables as a reader sees it: before a category became ``other``, before bins.

A value is either a plain number (dates as numbers) or a category: a text, a special value, missing. Texts are
those that the schema's public aliases and rules lead to, so what a custodian merged on purpose is one category;
what only the noisy choice of categories turned into ``other`` is not. With a hierarchy all tables are read at
the level that is named: a code that stands in the release as its parent is that parent in every table, and one
without a named ancestor stays as it came.

Privacy claim: none; holds real rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluators.tables import ROLES, Tables
from privacy.schema.codec import MISSING
from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.numbers import numbers
from privacy.schema.placing import gap_name
from privacy.schema.relations import Order, neighbours

NUMBER = "(a number)"


@dataclass(frozen=True, eq=False)
class Original:
    """``labels``: the categories of all tables. By role: ``codes``, the category's place in ``labels`` of each
    row, and ``numbers``, NaN where a row has none. ``as_parents``: the share of rows held out whose code was
    too rare to be named and is read as its parent."""

    name: str
    column: Categorical | Numeric | Datetime
    labels: tuple[str, ...]
    codes: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray]
    as_parents: float = 0.0

    def counts(self, role: str) -> np.ndarray:
        return np.bincount(self.codes[role], minlength=len(self.labels))

    def plain(self, role: str) -> np.ndarray:
        """The numbers that are there."""
        values = self.numbers[role]
        return np.asarray(values[np.isfinite(values)])

    @property
    def numeric(self) -> bool:
        return not isinstance(self.column, Categorical)


def originals(tables: Tables) -> tuple[Original, ...]:
    """Every modelled column."""
    return tuple(_original(tables, name) for name in tables.schema.modelled)


def _original(tables: Tables, name: str) -> Original:
    column = tables.schema.columns[name]
    assert isinstance(column, Categorical | Numeric | Datetime)
    came = {role: tables.original(role)[name] for role in ROLES}
    series = {role: _named(s, column) for role, s in came.items()}
    changed = (series["holdout"] != came["holdout"]) & came["holdout"].notna()
    values = {role: _numbers(s, column) for role, s in series.items()}
    texts = [
        np.where(np.isfinite(values[role]), NUMBER, s.astype(object).where(s.notna(), MISSING))
        for role, s in series.items()
    ]
    codes, labels = pd.factorize(np.concatenate(texts).astype(str), sort=True)
    codes = codes.astype(np.min_scalar_type(len(labels)))  # of many columns all at once
    parts = np.split(codes, np.cumsum([len(t) for t in texts])[:-1])
    by_role = dict(zip(ROLES, parts, strict=True))
    return Original(name, column, tuple(labels), by_role, values, float(changed.mean()))


def _named(series: pd.Series, column: Categorical | Numeric | Datetime) -> pd.Series:
    """Codes of a hierarchy as their nearest named ancestor; others as they are."""
    if not isinstance(column, Categorical) or column.hierarchy is None:
        return series
    nearest = series.map(column.nearest(series.dropna().unique()))
    return series.where(nearest.isna() | (nearest == column.other), nearest)


def _numbers(series: pd.Series, column: Categorical | Numeric | Datetime) -> np.ndarray:
    found = np.full(len(series), np.nan)
    if not isinstance(column, Categorical):
        special = column.special if isinstance(column, Numeric) else ()
        plain = (series.notna() & ~series.isin(special)).to_numpy()
        found[plain] = numbers(series[plain], column)
    return found


def each_original(tables: Tables) -> Iterator[Original]:
    """The columns, made once for all metrics that look at them."""
    yield from tables.once(originals)


def gaps(tables: Tables) -> Iterator[Original]:
    """The difference of every two numbers or dates that the schema puts in order, as a column of its own.

    Each of two dates may be distributed as among real people while a stay between them lasts weeks.
    """
    known = {c.name: c for c in each_original(tables)}
    for relation in tables.schema.relations:
        if not isinstance(relation, Order):
            continue
        for a, b in neighbours(relation):
            apart = {r: known[b].numbers[r] - known[a].numbers[r] for r in ROLES}
            floats = "float" in (known[a].column.kind, known[b].column.kind)
            column = Numeric(kind="float" if floats else "integer", bounds=(0, 1))
            nothing = {r: np.zeros(0, dtype=np.intp) for r in ROLES}
            yield Original(gap_name(a, b), column, (), nothing, apart)
