"""How far the histories of a table are from those of people whom nobody learnt from, by the judge's figures.

Each is a distance to the test people: of rows a person, of a state and the next, of the next given the one
before, of the first and the last state (total variation), of times between rows (Kolmogorov's). Beside them,
the share of people whose history breaks what the schema declares, and by what share numbers move farther from
row to row than theirs, or less far: of mean distances, in the column that is furthest off.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from histories.people import People, units_of

from evaluators.histories.broken import breaks
from evaluators.histories.contrast import Matrix
from evaluators.histories.tallies import tallies
from evaluators.tables import Tables
from privacy.schema.columns import Numeric
from privacy.schema.numbers import without_specials
from privacy.schema.schema import Schema
from privacy.schema.visits import varying

SHOWN = {
    "histories.rows": "rows",
    "histories.transitions": "transitions",
    "histories.following": "following",
    "histories.first_last": "first and last",
    "histories.gaps": "gaps",
}


def figures(people: People, frame: pd.DataFrame, seed: int) -> dict[str, float]:
    """The distances of ``SHOWN`` and ``broken``; ``frame``: a table, or the train people themselves."""
    tables = Tables(people.train, people.test, frame, people.schema, seed=seed)
    found = {
        SHOWN[t.metric]: float(t.distance(_sum(t.of["holdout"]), _sum(t.of["synthetic"])))
        for t in tallies(tables)
        if t.metric in SHOWN
    }
    kinds, number = breaks(tables, "synthetic")
    found["moves"] = moves(people.test, frame, people.schema)
    found["broken"] = float(np.any(list(kinds.values()), axis=0).sum()) / number
    return {name: round(value, 4) for name, value in found.items()}


def moves(real: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema) -> float:
    """The largest relative difference of the mean distances between rows of a person; 0 without numbers."""
    assert schema.visits is not None
    apart = {*schema.visits.ages, schema.visits.order}
    named = [
        n for n in varying(schema) if isinstance(schema.columns[n], Numeric) and n not in apart
    ]
    off = [_moved(synthetic, n, schema) / _moved(real, n, schema) - 1 for n in named]
    return float(np.max(np.abs(off), initial=0.0))


def _moved(frame: pd.DataFrame, name: str, schema: Schema) -> float:
    """How far a number is from that of the row before, on average."""
    column = schema.columns[name]
    assert isinstance(column, Numeric)
    moved = np.abs(np.diff(without_specials(frame[name], column)))
    return float(np.nanmean(moved[np.diff(units_of(frame, schema)) == 0]))


def average(people: People, frame: pd.DataFrame) -> float:
    """Rows a person."""
    return round(len(frame) / (1 + int(units_of(frame, people.schema).max())), 3)


def _sum(matrix: Matrix) -> np.ndarray:
    """Of what each person adds."""
    return np.asarray(matrix.sum(axis=0), dtype=float).reshape(-1)
