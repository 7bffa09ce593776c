"""Rows that somebody asks for: ``sex=F, age>=65``, read by the schema, as conditions on columns.

Privacy claim: none; reads text and the public schema.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from itertools import chain

import numpy as np
import pandas as pd

from privacy.errors import InputError
from privacy.records.impossible import holds
from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.schema import Condition, Schema

Where = Mapping[str, Condition]
"""Column → what its value has to be; all of them together."""

PART = re.compile(r"\s*(.+?)\s*(>=|<=|=)\s*(.*?)\s*")


def where(text: str, schema: Schema) -> Where:
    """``sex=F, age>=65, stage=III|IV, day<=2020-12-31, crp=`` (missing) as conditions.

    A comma parts two conditions where the name of a column follows it. Raises InputError for what no row can be
    asked by.
    """
    found: dict[str, Condition] = {}
    for part in _parts(text, schema):
        match = PART.fullmatch(part)
        if match is None:
            raise InputError(
                f"--where {part.strip()!r}: expected COLUMN=VALUE, COLUMN>=VALUE or COLUMN<=VALUE"
            )
        name, sign, value = match.groups()
        column = schema.columns.get(name)
        if not isinstance(column, Categorical | Numeric | Datetime):
            known = ", ".join(schema.modelled)
            raise InputError(f"--where {name!r}: no column is called so; there are {known}")
        found[name] = _both(name, found.get(name), _condition(name, column, sign, value))
    return found


def any_of(column: Categorical, categories: Iterable[str]) -> Condition:
    """That a row says one of these categories, or what stands in for it."""
    said = column.stand_ins()
    return Condition(values=tuple(chain(*(said.get(c, (c,)) for c in categories))))


def meets(frame: pd.DataFrame, schema: Schema, asked: Where) -> np.ndarray:
    """Which rows of a canonical frame are as asked, bool [n]."""
    fine = np.ones(len(frame), dtype=bool)
    for name, condition in asked.items():
        fine &= holds(frame[name], schema.columns[name], condition)
    return fine


def _parts(text: str, schema: Schema) -> list[str]:
    """The conditions, each from the name of a column on."""
    names = "|".join(re.escape(n) for n in sorted(schema.columns, key=len, reverse=True))
    return re.split(rf",(?=\s*(?:{names})\s*(?:>=|<=|=))", text)


def _condition(
    name: str, column: Categorical | Numeric | Datetime, sign: str, value: str
) -> Condition:
    if sign == "=" and value == "":
        if column.missing != "keep":
            raise InputError(f"--where {name}=: {name!r} is never missing")
        return Condition(missing=True)
    if isinstance(column, Categorical):
        listed = tuple(value.split("|"))
        if unknown := sorted(set(listed) - set(column.categories or ())):
            known = ", ".join(column.categories or ())
            raise InputError(f"--where {name}={value}: {unknown[0]!r} is none of {known}")
        if sign == "=":
            return any_of(column, listed)
        if column.kind != "ordinal" or len(listed) > 1:
            raise InputError(f"--where {name}{sign}{value}: {name!r} has no order; say {name}=A|B")
        place = (column.categories or ()).index(value)
        kept = (
            (column.categories or ())[place:]
            if sign == ">="
            else (column.categories or ())[: place + 1]
        )
        return Condition(values=kept)
    if isinstance(column, Numeric) and sign == "=" and value in map(str, column.special):
        return Condition(values=(value,))
    edge = _edge(name, column, sign, value)
    low, high = (None if s not in sign else edge for s in (">", "<"))
    return Condition(min=edge, max=edge) if sign == "=" else Condition(min=low, max=high)


def _edge(name: str, column: Numeric | Datetime, sign: str, value: str) -> float | dt.datetime:
    try:
        return float(value) if isinstance(column, Numeric) else pd.Timestamp(value).to_pydatetime()
    except ValueError:
        kind = "a number" if isinstance(column, Numeric) else "a date, as 2020-12-31"
        raise InputError(f"--where {name}{sign}{value}: {value!r} is not {kind}") from None


def _both(name: str, one: Condition | None, other: Condition) -> Condition:
    """Two conditions on one column: from a number on and up to another."""
    if one is None:
        return other
    said = one.model_dump(exclude_defaults=True), other.model_dump(exclude_defaults=True)
    if set(said[0]) & set(said[1]) or {"values", "missing"} & {*said[0], *said[1]}:
        raise InputError(f"--where {name}: is said twice; alternatives are {name}=A|B")
    low, high = (said[0] | said[1]).values()
    if one.min is None:
        low, high = high, low
    if low > high:
        raise InputError(f"--where {name}: from {low} to {high} is nothing")
    return Condition(min=low, max=high)
