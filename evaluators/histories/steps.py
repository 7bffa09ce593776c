"""A table of histories as a table of steps: each row with the row before it, to predict what changes from it.

To the columns of a row come those of the person's row before, missing in the first, and the row's number.
Targets are those that may change from row to row; what they were in the row before may predict them.

Privacy claim: none; rows of real people, internal.
"""

from __future__ import annotations

import pandas as pd

from evaluators.histories.lived import Lived, alone
from evaluators.histories.patients import of_people
from evaluators.histories.states import stepping
from privacy.schema.columns import Column, Numeric
from privacy.schema.schema import Schema

NUMBER = "number of the row"


def step_schema(schema: Schema) -> Schema:
    """The schema of ``step_frame``; ``schema`` has visits and is complete."""
    most = max(2, schema.max_rows_per_unit)
    before: dict[str, Column] = {
        before_of(n): schema.columns[n].model_copy(update={"missing": "keep"})
        for n in stepping(schema)
    }
    number = Numeric(kind="integer", bounds=(1, most), bins=most, out_of_range="clamp")
    return Schema(
        name=schema.name,
        description=schema.description,
        unit=schema.unit,
        max_rows_per_unit=schema.max_rows_per_unit,
        columns={**schema.columns, **before, NUMBER: number},
        targets=tuple(t for t in schema.targets if t not in of_people(schema)),
        subgroups=schema.subgroups,
        visits=schema.visits,
    )


def step_frame(frame: pd.DataFrame, schema: Schema, of: Lived | None = None) -> pd.DataFrame:
    """The canonical frame of steps, person by person; ``of``: whose the rows are, if that is known."""
    of = of or alone(frame, schema)
    rows = frame.iloc[of.rows].reset_index(drop=True)
    follows = pd.Series(of.number > 0)
    before = {before_of(n): rows[n].shift(1).where(follows) for n in stepping(schema)}
    number = pd.Series(of.number + 1, dtype="Int64").clip(upper=max(2, schema.max_rows_per_unit))
    return rows.assign(**before, **{NUMBER: number})


def before_of(name: str) -> str:
    """What a column of the row before is called."""
    return f"{name} in the row before"
