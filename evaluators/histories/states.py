"""What a person's row says in a column, in a dozen states at most, so that a step has cells that people share.

Neighbouring bins, and categories in order, are put together until each holds about an eighth of the train rows;
of other categories the commonest stay and the rest are one. Special and missing values are states of their own.

Privacy claim: none; the states follow from real rows, internal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluators.histories.lived import EVERY, SHUFFLED, lived
from evaluators.tables import Tables
from privacy.schema.codec import ColumnCode
from privacy.schema.columns import Categorical
from privacy.schema.schema import Schema
from privacy.schema.visits import timed, varying

STATES = 8


@dataclass(frozen=True, eq=False)
class State:
    """A column that varies: how many states it has, and by role that of every row in the order of ``lived``."""

    name: str
    size: int
    of: dict[str, np.ndarray]


def stepping(schema: Schema) -> tuple[str, ...]:
    """The columns that vary, but for the time."""
    return tuple(n for n in varying(schema) if n != timed(schema))


def states(tables: Tables) -> tuple[State, ...]:
    """The columns that vary, and have more than one state."""
    return tables.once(_states)


def _states(tables: Tables) -> tuple[State, ...]:
    found = []
    for name in stepping(tables.schema):
        codes = {r: tables.codes["train" if r == SHUFFLED else r][name].to_numpy() for r in EVERY}
        column = tables.codec.columns[name]
        merged = merge(column, np.bincount(codes["train"], minlength=column.size))
        if merged.max() > 0:
            of = {r: merged[c[lived(tables, r).rows]] for r, c in codes.items()}
            found.append(State(name, int(merged.max()) + 1, of))
    return tuple(found)


def merge(column: ColumnCode, counts: np.ndarray) -> np.ndarray:
    """Code → state [size of the column]; ``counts``: rows with each code."""
    ordered = column.n_bins or (
        len(column.values)
        if isinstance(column.column, Categorical) and column.column.kind == "ordinal"
        else 0
    )
    state = np.zeros(column.size, dtype=np.int64)
    if ordered:
        inside = counts[:ordered].astype(float)
        total = inside.sum()
        middle = (np.cumsum(inside) - inside / 2) / total if total else np.zeros(ordered)
        share = np.floor(middle * min(STATES, ordered)).astype(np.int64)
        state[:ordered] = np.unique(share, return_inverse=True)[1]
    rest = counts[ordered:]
    kept = np.argsort(-rest, kind="stable")[:STATES]
    place = np.full(len(rest), len(kept))
    place[kept] = np.arange(len(kept))
    state[ordered:] = place + (state[:ordered].max() + 1 if ordered else 0)
    return np.unique(state, return_inverse=True)[1]
