"""A table of histories as a table of people: one row each, so that whatever judges rows can judge histories.

Of every person the columns that stay the same, how many rows there are, the first and the last value of
every column that varies, and the mean and the largest of numbers. A subgroup of a column that varies is that
of the first row. Targets are those that stay the same in all rows.

Privacy claim: none; a row of a real person, internal.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from evaluators.histories.lived import Lived, alone
from privacy.schema.columns import Column, Identifier, Image, Numeric
from privacy.schema.numbers import with_numbers, without_specials
from privacy.schema.schema import Schema, Subgroup, Target
from privacy.schema.visits import ROWS, varying

FIRST, LAST, MEAN, MOST = "first", "last", "mean", "largest"


def patient_schema(schema: Schema) -> Schema:
    """The schema of ``patient_frame``; ``schema`` has visits and is complete."""
    columns: dict[str, Column] = {n: schema.columns[n] for n in _constant(schema)}
    most = schema.max_rows_per_unit
    columns[ROWS] = Numeric(
        kind="integer", bounds=(1, max(2, most)), bins=max(2, most), out_of_range="clamp"
    )
    for name in varying(schema):
        columns |= dict(_summaries(name, schema.columns[name]))
    return Schema(
        name=schema.name,
        description=schema.description,
        columns=columns,
        targets=tuple(_target(schema, t) for t in of_people(schema)),
        subgroups=tuple(_subgroups(schema)),
    )


def of_people(schema: Schema) -> tuple[Target, ...]:
    """The targets that are the same in all rows of a person."""
    constant = _constant(schema)
    return tuple(t for t in schema.targets if set(t.columns) <= set(constant))


def patient_frame(frame: pd.DataFrame, schema: Schema, of: Lived | None = None) -> pd.DataFrame:
    """The canonical frame of people, in the order in which they come; ``of``: their rows, if they are known."""
    of = of or alone(frame, schema)
    rows = frame.iloc[of.rows]
    first, last = (rows.iloc[places].reset_index(drop=True) for places in (of.starts, of.ends))
    made = {n: first[n] for n in _constant(schema)}
    sizes = np.minimum(of.sizes, max(2, schema.max_rows_per_unit))
    made[ROWS] = pd.Series(sizes, dtype="Int64")
    for name in varying(schema):
        column = schema.columns[name]
        made[_called(FIRST, name)], made[_called(LAST, name)] = first[name], last[name]
        if isinstance(column, Numeric):
            values = without_specials(rows[name], column)
            there = np.isfinite(values)
            counts, sums = (
                np.bincount(of.person[there], w, of.people) for w in (None, values[there])
            )
            mean = np.divide(sums, counts, out=np.full(of.people, np.nan), where=counts > 0)
            made[_called(MEAN, name)] = pd.Series(np.clip(mean, *column.bounds))
            most = np.full(of.people, -np.inf)
            np.maximum.at(most, of.person[there], values[there])
            empty = pd.Series(np.nan if column.kind == "float" else pd.NA, index=range(of.people))
            empty = empty.astype(float if column.kind == "float" else "Int64")
            plain = column.model_copy(update={"special": ()})
            made[_called(MOST, name)] = with_numbers(empty, plain, most, counts > 0)
    return pd.DataFrame(made)


def _called(what: str, name: str) -> str:
    return f"{what} {name}"


def _constant(schema: Schema) -> tuple[str, ...]:
    visits = schema.visits
    assert visits is not None
    return tuple(n for n in schema.modelled if n in visits.constant)


def _summaries(name: str, column: Column) -> Iterator[tuple[str, Column]]:
    assert not isinstance(column, Identifier | Image)
    yield _called(FIRST, name), column
    yield _called(LAST, name), column
    if isinstance(column, Numeric):
        missing = "keep" if column.missing == "keep" or column.special else "refuse"
        plain = column.model_copy(update={"special": (), "missing": missing})
        smooth = {"kind": "float", "decimals": None, "shape": None, "spikes": ()}
        yield _called(MEAN, name), plain.model_copy(update=smooth)
        yield _called(MOST, name), plain.model_copy(update={"shape": None})


def _target(schema: Schema, target: Target) -> Target:
    """The target, to be predicted without whatever is made of a column that gives it away."""
    constant, changing = _constant(schema), varying(schema)
    without = [n for n in target.without if n in constant]
    for name in target.without:
        if name in changing:
            without += [n for n, _ in _summaries(name, schema.columns[name])]
    return target.model_copy(update={"without": tuple(without)})


def _subgroups(schema: Schema) -> Iterator[Subgroup]:
    constant, changing = _constant(schema), varying(schema)
    for group in schema.subgroups:
        if group.column in constant:
            yield group
        elif group.column in changing:
            yield group.model_copy(update={"column": _called(FIRST, group.column)})
