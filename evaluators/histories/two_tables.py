"""SDMetrics' quality of people and their rows as two linked tables: one row a person with what is constant, and
all rows with what is not.

Two of its figures are not of rows by themselves: how many rows a person has (cardinality), and how what is
constant goes with what is not (intertable trends). How rows follow one another SDMetrics does not see;
``scores`` does.

Rows: holdout, what is constant as a person's first row has it. Visibility: internal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluators.fidelity.sdmetrics import (
    MAX_ROWS,
    WORST,
    fill,
    plain,
    reports,
    scored,
    sdv_columns,
    snake,
    withheld,
)
from evaluators.histories.lived import lived
from evaluators.mixed import special_name
from evaluators.score import Score
from evaluators.tables import Tables
from privacy.schema.schema import Schema

QUALITY = "quality.tables"
UNITS, ROWS = "units", "visits"


def quality_of_two(tables: Tables) -> list[Score]:
    """Overall, each property, the worst pairs of a constant and another column; nothing without visits."""
    if tables.schema.visits is None:
        return []
    for role in ("holdout", "synthetic"):
        if tables.frame(role).empty:
            return withheld(QUALITY, f"no {role} row to compare")
    report = reports().QualityReport()
    fill(report, parted(tables, "holdout"), parted(tables, "synthetic"), metadata(tables.schema))
    scores = [scored(QUALITY, report.get_score(), tables)]
    for name, value in report.get_properties().itertuples(index=False):
        scores.append(scored(f"{QUALITY}.{snake(name)}", value, tables))
    between = report.get_details("Intertable Trends")
    if len(between):
        worst = between.dropna(subset="Score").sort_values("Score").head(WORST)
        for one, other, metric, value in zip(
            worst["Column 1"], worst["Column 2"], worst["Metric"], worst["Score"], strict=True
        ):
            detail = f"{one} of a person × {other} of a row ({metric})"
            scores.append(scored(f"{QUALITY}.pair", value, tables, detail))
    return scores


def parted(tables: Tables, role: str) -> dict[str, pd.DataFrame]:
    """Both tables of people drawn by the seed, as many as have MAX_ROWS rows; the key is a number."""
    of, key = lived(tables, role), str(tables.schema.unit)
    some = tables.rng(f"two tables {role}").permutation(of.people)
    kept = np.zeros(of.people, dtype=bool)
    kept[some[np.cumsum(of.sizes[some]) <= MAX_ROWS]] = True
    rows = plain(tables.frame(role).iloc[of.rows[kept[of.person]]], tables.codec)
    rows = rows.assign(**{key: of.person[kept[of.person]]})
    still = constant(tables.schema)
    return {
        UNITS: rows[[key, *still]][~rows[key].duplicated()].reset_index(drop=True),
        ROWS: rows.drop(columns=still),
    }


def constant(schema: Schema) -> list[str]:
    """The columns of ``plain`` that stay the same in all rows of a person."""
    assert schema.visits is not None
    of = {n for c in schema.visits.constant for n in (c, special_name(c))}
    return [n for n in sdv_columns(schema) if n in of]


def metadata(schema: Schema) -> dict[str, Any]:
    """Of both tables, in SDV's words."""
    key, columns, still = str(schema.unit), sdv_columns(schema), constant(schema)
    of_key = {key: {"sdtype": "id"}}
    return {
        "tables": {
            UNITS: {"primary_key": key, "columns": of_key | {n: columns[n] for n in still}},
            ROWS: {"columns": of_key | {n: c for n, c in columns.items() if n not in still}},
        },
        "relationships": [
            {
                "parent_table_name": UNITS,
                "parent_primary_key": key,
                "child_table_name": ROWS,
                "child_foreign_key": key,
            }
        ],
    }
