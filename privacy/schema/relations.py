"""What a person writes of columns that belong together, so that every synthetic row keeps it.

``order`` (one number or date is at most another, by how much), ``total`` (of parts), ``equal`` (where a
condition holds), ``determined`` (by a public table) and ``missing_together``. Each applies where all its
columns have a number or date: a row where one is missing or special keeps it.

Privacy claim: none; relations are public. How a gap is distributed is measured under a charge
(``privacy.domain``).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from privacy.schema.documents import Frozen


class Gap(Frozen):
    """How much larger the second column is: days or seconds between dates, else the numbers' own unit.

    ``min``: the least difference, 0 where it is not given. ``max``: the largest.
    ``bins``: as of a column; null has them measured under a charge.

    Privacy: public. ``bins``: measured where it is null.

    Example::

        {min: 0, max: 60, bins: [0, 1, 3, 7, 14, 60]}
    """

    min: float | None = Field(default=None, ge=0)
    max: float | None = None
    bins: Annotated[int, Field(ge=1, le=4096)] | tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _increasing(self) -> Gap:
        if self.max is not None and self.max < (self.min or 0):
            raise ValueError(
                f"min must not exceed max, got {self.min or 0:g} and {self.max:g}; write the lower one as min"
            )
        return self


class Order(Frozen):
    """``order: [admitted, discharged]``: each is at most the next; with ``strict`` less than it.

    ``order``: numbers, or dates, from the least to the greatest. ``strict``: whether two that are equal break
    it.
    ``gap``: of two columns, in what range their difference lies.
    ``drawn``: whether one is drawn from how far it is from the other, or each from its own bins (``own``),
    inside what the relation leaves: for a column of which many rows hold a single value (0 = before the first
    day).

    Privacy: public.

    Example::

        - {order: [admitted, discharged, died]}
        - {order: [diastolic, systolic], strict: true, gap: {min: 10, max: 120}, drawn: own}
    """

    order: tuple[str, ...] = Field(min_length=2)
    strict: bool = False
    gap: Gap | None = None
    drawn: Literal["gap", "own"] = "gap"

    @model_validator(mode="after")
    def _of_two(self) -> Order:
        if self.gap is not None and len(self.order) > 2:
            raise ValueError(
                f"gap: is between two columns, and the order has {len(self.order)}; write one order for "
                "each pair"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return self.order

    @property
    def says(self) -> str:
        chain = (" < " if self.strict else " ≤ ").join(self.order)
        if self.gap is None:
            return chain
        low, (a, b) = self.gap.min or 0, self.order
        if self.gap.max is None:
            return f"{chain}, by {low:g} or more" if low else chain
        return f"{b} − {a} is {low:g} to {self.gap.max:g}"


class Total(Frozen):
    """``total: cost, parts: [drugs, lab]``: a number is the sum of others; a date is a date and numbers.

    ``total``: the column that follows from the others. ``parts``: what it is the sum of.

    Privacy: public.

    Example::

        - {total: cost, parts: [drugs, laboratory, bed]}
        - {total: discharged, parts: [admitted, nights]}
    """

    total: str
    parts: tuple[str, ...] = Field(min_length=2)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.total, *self.parts)

    @property
    def says(self) -> str:
        return f"{self.total} = {' + '.join(self.parts)}"


class Equal(Frozen):
    """``equal: [rectime, dtime], when: {rec: ["0"]}``: two columns agree, where all of ``when`` is met.

    ``equal``: the two columns. ``when``: column → the values with which it holds; without it in every row.

    Privacy: public.

    Example::

        {equal: [recurrence_time, follow_up], when: {recurrence: ["0"]}}
    """

    equal: tuple[str, str]
    when: Mapping[str, tuple[str, ...]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.equal, *self.when)

    @property
    def says(self) -> str:
        met = " and ".join(f"{n} is {' or '.join(v)}" for n, v in self.when.items())
        return " = ".join(self.equal) + (f" where {met}" if met else "")


class Determined(Frozen):
    """``determined: years, by: degree, table: {Bachelors: 13}``: a value follows from another column's.

    ``determined``: the column that follows. ``by``: the one that it follows from.
    ``table``: value of ``by`` → value of ``determined``; what is not listed is free. null has it measured
    under a charge, where both are categories.

    Privacy: public. ``table``: measured where it is null.

    Example::

        - {determined: education_years, by: education, table: {Preschool: 1, Bachelors: 13}}
        - {determined: site, by: ward, table: null}
    """

    determined: str
    by: str
    table: Mapping[str, int | float | str] | None

    @property
    def listed(self) -> Mapping[str, int | float | str]:
        """The table as far as it is known."""
        return self.table or {}

    @property
    def name(self) -> str:
        """How the table is called while it is not known."""
        return f"{self.determined} by {self.by}"

    @property
    def names(self) -> tuple[str, ...]:
        return (self.determined, self.by)

    @property
    def says(self) -> str:
        return f"{self.by} determines {self.determined}"


class MissingTogether(Frozen):
    """``missing_together: [systolic, diastolic]``: in a row all of them are there, or none.

    ``missing_together``: columns that keep missing values.

    Privacy: public.

    Example::

        {missing_together: [systolic, diastolic]}
    """

    missing_together: tuple[str, ...] = Field(min_length=2)

    @property
    def names(self) -> tuple[str, ...]:
        return self.missing_together

    @property
    def says(self) -> str:
        return f"{', '.join(self.names[:-1])} and {self.names[-1]} are missing together"


KINDS = ("order", "total", "equal", "determined", "missing_together")


def _kind(data: Any) -> str | None:
    known = (k for k in KINDS if ((k in data) if isinstance(data, dict) else hasattr(data, k)))
    return next(known, None)


Relation = Annotated[
    Annotated[Order, Tag("order")]
    | Annotated[Total, Tag("total")]
    | Annotated[Equal, Tag("equal")]
    | Annotated[Determined, Tag("determined")]
    | Annotated[MissingTogether, Tag("missing_together")],
    Discriminator(_kind),
]


def without(relations: tuple[Relation, ...], gone: set[str]) -> tuple[Relation, ...]:
    """The relations that are left without these columns; a longer order or group loses only them."""
    kept: list[Relation] = []
    for relation in relations:
        if not gone & set(relation.names):
            kept.append(relation)
        elif isinstance(relation, Order | MissingTogether):
            names = tuple(n for n in relation.names if n not in gone)
            field = "order" if isinstance(relation, Order) else "missing_together"
            if len(names) > 1:
                kept.append(relation.model_copy(update={field: names}))
    return tuple(kept)


def neighbours(relation: Order) -> list[tuple[str, str]]:
    """Pairs of an order, each column with the next."""
    return list(pairwise(relation.order))
