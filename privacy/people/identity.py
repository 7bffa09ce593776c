"""What a data set is registered with: who is a unit, and by what rows are known.

Privacy claim: none by itself; a schema that would know people otherwise is refused, so that nobody changes
sides.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from privacy.schema.columns import Datetime, Numeric
from privacy.schema.schema import Schema

PLAIN, AS_READ = "plain-1", "as-read-0"
"""In which form texts are hashed: the plain one (``privacy.people.plain``), columns by name; or as they were
read, columns in schema order, as it was for data sets that were registered before there was a plain form."""


@dataclass(frozen=True)
class Identity:
    """Who is a unit of a data set, and by what rows are known.

    ``columns``: what a row that is its own unit is known by; empty where a column names the unit.
    ``reading``: what of the schema decides which text is whose (``csv`` and ``npz``).
    """

    unit: str | None
    max_rows_per_unit: int
    columns: tuple[str, ...]
    reading: Mapping[str, Any]
    form: str = PLAIN

    @classmethod
    def of(cls, schema: Schema, form: str = PLAIN) -> Self:
        """What a schema says of it."""
        names = tuple(schema.columns) if form == AS_READ else tuple(sorted(schema.columns))
        reading: dict[str, Any] = {"encoding": codecs.lookup(schema.csv.encoding).name}
        if schema.csv.comment is not None:
            reading["comment"] = schema.csv.comment
        if not schema.csv.header:
            reading["columns without a header"] = list(schema.columns)
        if schema.npz:
            reading["npz"] = {name: list(schema.npz[name]) for name in sorted(schema.npz)}
        own = () if schema.unit else names
        if own and schema.csv.strip:
            reading["strip"] = True
        for name in own:  # with another format the same days are other texts
            column = schema.columns[name]
            if isinstance(column, Datetime) and column.format is not None:
                reading[f"format of {name}"] = column.format
            if isinstance(column, Numeric) and schema.csv.decimal != ".":
                reading[f"decimal of {name}"] = schema.csv.decimal
            if column.missing_values != ("",):
                reading[f"missing_values of {name}"] = sorted(column.missing_values)
        return cls(schema.unit, schema.max_rows_per_unit, own, reading, form)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What ``to_plain`` gave."""
        return cls(**{**plain, "columns": tuple(plain["columns"])})

    def to_plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self) | {"columns": list(self.columns), "reading": dict(self.reading)}

    def against(self, schema: Schema) -> str:
        """How a schema would know people otherwise, and what to do about it; "" where it would not."""
        now = Identity.of(schema, self.form)
        if now.unit != self.unit:
            return (
                f"its unit is {_unit(self.unit)}, and the schema says {_unit(now.unit)}; "
                f"{'leave `unit:` out' if self.unit is None else f'write `unit: {self.unit}`'}"
            )
        if now.max_rows_per_unit != self.max_rows_per_unit:
            return (
                f"{self.max_rows_per_unit} rows of each {self.unit} count, and the schema says "
                f"{now.max_rows_per_unit}; write `max_rows_per_unit: {self.max_rows_per_unit}`"
            )
        if now.columns != self.columns:
            return f"its rows are known by their columns, and the schema {_columns(self, now)}"
        for what in sorted({*self.reading, *now.reading}):
            if self.reading.get(what) != now.reading.get(what):
                return (
                    f"its files are read with {what} {_said(self.reading, what)}, and the schema says "
                    f"{_said(now.reading, what)}; put that back, and write the file so"
                )
        return ""


def _unit(unit: str | None) -> str:
    return "each row" if unit is None else repr(unit)


def _columns(known: Identity, now: Identity) -> str:
    if gone := [n for n in known.columns if n not in now.columns]:
        return f"lacks {gone[0]!r}; declare it again"
    if new := [n for n in now.columns if n not in known.columns]:
        return f"adds {new[0]!r}; take it out (`surplus_columns: drop` passes over it in the file)"
    return "lists them in another order; put them back in the first one"


def _said(reading: Mapping[str, Any], what: str) -> str:
    return repr(reading[what]) if what in reading else "left out"
