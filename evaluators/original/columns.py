"""Fidelity of every column on its original values: what a reader who puts both tables side by side sees.

Beside each figure stands the same figure of the train rows, which are fresh people too. Two figures say how far
a column is off beyond chance and can be asked to be small at any size: ``column.tv_excess`` of categories,
``column.ks_excess`` of numbers (see ``evaluators.original.chance``). The gap of two numbers that the schema
puts in order is judged as a column of numbers.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluators.original.categories import of_categories
from evaluators.original.numbers import of_numbers
from evaluators.original.originals import each_original, gaps
from evaluators.score import Score
from evaluators.tables import Tables, evidence


def columns(tables: Tables) -> list[Score]:
    """Every figure of every column."""
    people = tables.people("holdout", np.ones(len(tables.holdout), dtype=bool))
    status, reason = evidence(people)
    if tables.synthetic.empty:
        status, reason = "insufficient evidence", "the synthetic table has no rows"
    about: dict[str, Any] = {
        "n": people,
        "baseline_name": "real train rows",
        "higher_is_better": False,
    }
    if status != "ok":
        return [
            Score(metric=metric, status=status, reason=reason, **about)
            for metric in (
                "column.tv_excess",
                "column.ks_excess",
                "column.lost_share",
                "column.lost_excess",
            )
        ]
    found: list[Score] = []
    for column in each_original(tables):
        found += of_categories(tables, column, about)
        if column.numeric:
            found += of_numbers(tables, column, about)
    for gap in gaps(tables):
        found += of_numbers(tables, gap, about)
    return found
