"""How the rows of a unit follow one another: the part of a schema that turns rows into histories.

A unit's rows are put in order; columns that stay the same in all of them are the unit's own (static), the
others are drawn row after row, each given the one before it (``privacy.histories``).

Privacy claim: none; everything in it is public. How gaps between rows are distributed is measured under a
charge where bins are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeGuard

from pydantic import Field

from privacy.errors import did_you_mean
from privacy.schema.columns import Categorical, Column, Datetime, Identifier, Image, Numeric
from privacy.schema.documents import Frozen

if TYPE_CHECKING:
    from privacy.schema.schema import Schema

ROWS, PLACE, LAST = "rows in all", "row number", "last row"
"""Columns of a history that no file has: how many rows it has, which this one is, and whether it is the
last."""


Memory = Literal["ever", "mean", "last"]
"""What is remembered of a column over all earlier rows: the highest of its categories, the mean of its known
numbers, or its last known value."""


def previous(name: str) -> str:
    """What a column of the row before is called."""
    return f"previous {name}"


def remembered(name: str, memory: Memory) -> str:
    """What a column's memory of all rows before is called."""
    return {
        "ever": f"{name} ever",
        "mean": f"mean {name} so far",
        "last": f"last known {name}",
    }[memory]


class Visits(Frozen):
    """How the rows of a unit follow one another; every synthetic history keeps it.

    ``order``: the column that puts a unit's rows in order: a number, a date, or an identifier by its number;
    as they stand in the file where it is left out.
    ``gaps``: what the difference of a number or date to that of the row before looks like (in days or seconds):
    ``{admitted: {kind: integer, bounds: [0, 3650]}}``; measured under a charge where it is left out.
    ``constant``: columns that are the same in all rows of a unit; where they are not, the first row's value
    counts.
    ``numbered``: columns that count a unit's rows: 1, 2, 3, …
    ``never_falls``, ``rises``: numbers, dates or categories (in their listed order) that are at least, or more
    than, those of the row before: an ordinal stage, or a history of a disease (["0", "1"]) that stays.
    ``ages``: numbers that grow by one with every so many units of the order, days where that is a date:
    ``{age: 365.25}``.
    ``remembers``: what a row is drawn by of all rows before it, not the last alone: ``{relapse: ever}``, the
    highest category so far; ``{weight: mean}``, of the known numbers; ``{hba1c: last}``, the last known value.
    ``ends``: categories that no row follows: ``{outcome: [died]}``.

    Privacy: public. ``gaps``: measured where it is left out.

    Example::

        order: admitted
        constant: [sex, race]
        numbered: [visit_number]
        never_falls: [diabetes]
        rises: [cumulative_dose]
        ages: {age: 365.25}
        gaps: {admitted: {kind: integer, bounds: [1, 3650], bins: [1, 31, 91, 183, 366, 3650]}}
        remembers: {relapse: ever, weight: mean, hba1c: last}
        ends: {outcome: [died]}
    """

    order: str | None = None
    constant: tuple[str, ...] = ()
    numbered: tuple[str, ...] = ()
    never_falls: tuple[str, ...] = ()
    rises: tuple[str, ...] = ()
    ages: Mapping[str, Annotated[float, Field(gt=0)]] = {}
    gaps: Mapping[str, Numeric] = {}
    remembers: Mapping[str, Memory] = {}
    ends: Mapping[str, Annotated[tuple[str, ...], Field(min_length=1)]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that it speaks of."""
        order = () if self.order is None else (self.order,)
        lists = (self.constant, self.numbered, self.never_falls, self.rises)
        maps = (self.ages, self.remembers, self.ends)
        return tuple(dict.fromkeys(chain(order, *lists, *maps)))

    def without(self, names: Collection[str]) -> Visits | None:
        """What is left when these columns are taken out; None where their order is gone with them."""
        if self.order in names:
            return None
        lists = {k: v for k, v in self if isinstance(v, tuple)}
        kept: dict[str, Any] = {k: tuple(n for n in v if n not in names) for k, v in lists.items()}
        maps = {k: v for k, v in self if isinstance(v, Mapping)}
        kept |= {k: {n: w for n, w in v.items() if n not in names} for k, v in maps.items()}
        return self.model_copy(update=kept)

    def check(self, schema: Schema) -> None:
        """Raise ValueError for what a schema does not have, or what cannot hold together."""
        columns = schema.columns
        if schema.unit is None:
            raise ValueError(
                "visits: the rows of a unit need a unit column; name it, as `unit: patient_id`"
            )
        if schema.max_rows_per_unit == 1:
            raise ValueError("visits: say how many rows of a unit count, `max_rows_per_unit: 12`")
        if schema.image is not None:
            raise ValueError(
                f"visits: an image set, {schema.image!r}, has no histories; leave `visits:` out"
            )
        for name in self.names:
            if name not in columns or name == schema.unit or isinstance(columns[name], Image):
                near = did_you_mean(name, columns) if name not in columns else "; name another"
                raise ValueError(
                    f"visits: {name!r} is not a declared column beside the unit{near or '; declare it'}"
                )
            if isinstance(columns[name], Identifier) and name != self.order:
                raise ValueError(
                    f"visits: {name!r} is an identifier, which is new in every row; it can only be the `order:`"
                )
        if self.order in self.constant:
            raise ValueError(
                f"visits: order {self.order!r} cannot be constant; take it out of `constant:`"
            )
        once = [*self.constant, *self.numbered, *self.never_falls, *self.rises, *self.ages]
        once += [*self.remembers, *(n for n in self.remembers if n == self.order)]
        if twice := sorted({n for n in once if once.count(n) > 1}):
            raise ValueError(f"visits: {twice[0]!r} is said to be two things; name it once")
        for name in self.numbered:
            if not isinstance(columns[name], Numeric) or columns[name].kind != "integer":
                raise ValueError(
                    f"visits: numbered {name!r} must be integer, and is {columns[name].kind}; declare it so"
                )
        for name in (*self.never_falls, *self.rises):
            column = columns[name]
            if isinstance(column, Categorical) and column.categories is None:
                raise ValueError(f"visits: {name!r} must declare its categories, in order")
        ordered = columns.get(self.order or "")
        timed = isinstance(ordered, Numeric | Datetime) and self.order not in self.numbered
        if timed and ordered is not None and ordered.missing == "keep":
            raise ValueError(
                f"visits: order {self.order!r} may not be missing; take out its `missing: keep`"
            )
        if self.ages and not timed:
            raise ValueError(
                f"visits: ages of {', '.join(self.ages)} need an order by a number or date, as `order: "
                "visit_date`"
            )
        apart = {*columns} - {*self.constant, *self.numbered, *self.ages}
        for name in self.gaps:
            if name not in apart or not isinstance(columns[name], Numeric | Datetime):
                raise ValueError(
                    f"visits: gaps: {name!r} has no difference to the row before; name a number or date "
                    "that varies"
                )
        for name in self.ages:
            if not isinstance(columns[name], Numeric) or columns[name].missing == "keep":
                raise ValueError(
                    f"visits: ages {name!r} must be a number that is never missing; leave it out"
                )
        for name, memory in self.remembers.items():
            _check_memory(name, columns[name], memory)
        for name, values in self.ends.items():
            _check_ends(name, columns[name], values, constant=name in self.constant)
        made = {ROWS, PLACE, LAST, *map(previous, columns)}
        made |= {remembered(n, m) for n, m in self.remembers.items()}
        if clash := sorted(made & set(columns)):
            raise ValueError(
                f"visits: the column {clash[0]!r} is called as one of a history is; give it another name"
            )


def _check_memory(name: str, column: Column, memory: Memory) -> None:
    where = f"visits: remembers: {name!r}"
    if memory == "mean" and not isinstance(column, Numeric):
        raise ValueError(f"{where} is {column.kind} and has no mean; say `last`, or `ever`")
    if memory == "ever" and not _is_listed(column):
        raise ValueError(f"{where} must declare its categories, in order, to be the highest `ever`")
    if memory == "ever" and column.kind == "categorical" and len(column.categories or ()) > 2:
        raise ValueError(f"{where} has no highest category; declare it ordinal, or say `last`")


def _check_ends(name: str, column: Column, values: tuple[str, ...], constant: bool) -> None:
    where = f"visits: ends: {name!r}"
    if constant:
        raise ValueError(
            f"{where} is constant, so that a value that ends a history would be in its first row"
        )
    if not _is_listed(column):
        raise ValueError(
            f"{where} must be categorical, with its categories declared; it is {column.kind}"
        )
    if unknown := sorted(set(values) - set(column.categories or ())):
        near = did_you_mean(unknown[0], column.categories or ())
        raise ValueError(
            f"{where} has no category {unknown[0]!r}{near or '; name one that it has'}"
        )
    if set(values) == set(column.categories or ()):
        raise ValueError(
            f"{where}: with all of its categories no row ever follows another; name those that end a history"
        )


def _is_listed(column: Column) -> TypeGuard[Categorical]:
    """Whether all that rows can hold is listed."""
    if not isinstance(column, Categorical) or column.categories is None:
        return False
    return column.hierarchy is None or not column.draws_children


def varying(schema: Schema) -> tuple[str, ...]:
    """The modelled columns that may change from row to row and do not count rows, in schema order."""
    visits = schema.visits
    apart = set[str]() if visits is None else {*visits.constant, *visits.numbered}
    return tuple(n for n in schema.modelled if n not in apart)


def timed(schema: Schema) -> str | None:
    """The column of the order, where the time between rows is drawn; None where rows are merely in order."""
    visits = schema.visits
    if visits is None or visits.order is None or visits.order in visits.numbered:
        return None
    by_time = isinstance(schema.columns[visits.order], Numeric | Datetime)
    return visits.order if by_time else None
