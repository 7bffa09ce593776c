"""Two tables that a schema with visits comes to: starts, one row a unit, and steps, one row for each further
row.

A start holds the constant columns, how many rows there are, and the first of them. A step holds what is given
before its row is drawn (what is constant, the row's place, whether it is the last, the row before, what is
remembered of all before it) and the row itself. What ties a row to the one before it, and what ends a history,
are relations and structural zeros of the two tables, so that codes of records (``privacy.records``) keep them
like any others.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from privacy.schema.codec import make_bins
from privacy.schema.columns import Categorical, Column, Numeric
from privacy.schema.placing import gap_name, plan
from privacy.schema.relations import Determined, Gap, Order
from privacy.schema.schema import Condition, Schema
from privacy.schema.visits import LAST, PLACE, ROWS, Memory, previous, remembered, timed, varying

FIRST = (2, 3, 4, 6, 9, 13, 19, 27, 41, 61, 91, 136, 201, 301, 451, 676)
"""First places of the groups that a row's place and the number of rows are told by; 2 and 3 by themselves."""


STANDS_IN: tuple[Memory, ...] = ("mean", "last")
"""Memories that are given in place of the value of the row before, of which they hold most: both beside each
other are cells that a release pays for and learns little from."""


class StepSchema(Schema):
    """A table of steps. ``given``: columns that are known before a row is drawn.

    ``mirrors``: columns of the rows before → those of this row, which they look like. ``moves``: how far
    numbers are from what is known of the rows before, by the name of that gap; by these they are drawn inside
    their bins.
    """

    given: tuple[str, ...] = ()
    mirrors: Mapping[str, str] = {}
    moves: Mapping[str, Numeric] = {}

    @property
    def roles(self) -> tuple[str, ...]:
        """What is given conditions all else."""
        return tuple(dict.fromkeys((*self.given, *super().roles)))

    @property
    def alike(self) -> Mapping[str, str]:
        return self.mirrors

    @property
    def known(self) -> frozenset[str]:
        return frozenset(self.given)

    @property
    def changes(self) -> Mapping[str, Numeric]:
        return self.moves


def anchored(schema: Schema) -> dict[str, tuple[str, ...]]:
    """By which given columns each column of a step is known of earlier rows; numbers move from the first."""
    assert schema.visits is not None
    found: dict[str, tuple[str, ...]] = {}
    for name in varying(schema):
        memory = schema.visits.remembers.get(name)
        if memory is None:
            found[name] = (previous(name),)
        elif memory in STANDS_IN:
            found[name] = (remembered(name, memory),)
        else:
            found[name] = (previous(name), remembered(name, memory))
    return {n: before for n, before in found.items() if n not in schema.visits.ages}


def _carried(schema: Schema) -> Iterator[tuple[str, ...]]:
    """What of a column is measured together: its value and what is known of it.

    With two columns known all three at once, as far as these have no more cells than three pairs. Pairs of each
    known column with the value alone would say the same thing twice: what is often known from both looks surer
    than it is.
    """
    for name, before in anchored(schema).items():
        column, three = schema.columns[name], (*before, name)
        if len(before) == 1:
            yield three
            continue
        assert isinstance(column, Categorical)
        codes = len(column.categories or ()) + (column.missing == "keep")
        yield from [three] if codes <= len(three) else combinations(three, 2)


def _unknown_so_far(column: Column, memory: Memory | None) -> Column:
    """A column of which nothing may be known so far: where it has been a special value, there is no mean."""
    special = memory == "mean" and isinstance(column, Numeric) and column.special
    return column.model_copy(update={"missing": "keep"}) if special else column


def start_schema(schema: Schema) -> Schema:
    """The table of starts."""
    visits, most = schema.visits, schema.max_rows_per_unit
    assert visits is not None
    rows = Numeric(kind="integer", bounds=(1, most), bins=most)
    order, room = timed(schema), set[str]()  # how long somebody lives says for how many rows
    for relation in schema.relations:
        if order in relation.names:
            room |= set(relation.names) & set(visits.constant)
    kept = (*schema.keep_together, *((n, ROWS) for n in sorted(room)))
    own = schema.without(visits.numbered)
    ending = [
        {ROWS: Condition(min=2), name: Condition(values=values)}
        for name, values in visits.ends.items()
    ]
    plain = own.model_dump() | {
        "visits": None,
        "unit": None,
        "max_rows_per_unit": 1,
        "columns": _dumped({**_drawn(schema), ROWS: rows}),
        "keep_together": [t for t in kept if not set(t) & set(visits.numbered)],
        "impossible": [
            {n: c.model_dump() for n, c in zero.items()} for zero in (*own.impossible, *ending)
        ],
    }
    return Schema.model_validate(plain)


def _drawn(schema: Schema) -> dict[str, Column]:
    """What of a row is drawn at all: no identifiers, and no numbers that count rows."""
    assert schema.visits is not None
    return {n: schema.columns[n] for n in schema.modelled if n not in schema.visits.numbered}


def step_schema(schema: Schema) -> StepSchema:
    """The table of steps."""
    visits = schema.visits
    assert visits is not None
    drawn = varying(schema)
    anchors = anchored(schema)
    mirrors = {before: n for n, several in anchors.items() for before in several}
    constant = [n for n in schema.modelled if n in visits.constant]
    labels = place_labels(schema.max_rows_per_unit, apart=bool(visits.ends))
    places = Categorical(kind="ordinal", categories=labels)
    columns: dict[str, Column] = {n: schema.columns[n] for n in constant}
    columns |= {
        ROWS: places,
        PLACE: places,
        LAST: Categorical(kind="ordinal", categories=("0", "1")),
    }
    columns |= {
        before: _unknown_so_far(schema.columns[n], visits.remembers.get(n))
        for before, n in mirrors.items()
    }
    given = tuple(columns)
    columns |= {n: schema.columns[n] for n in drawn}
    kept = schema.without(visits.numbered).model_copy(update={"visits": None})
    relations, zeros = [], list(kept.impossible)
    for name in dict.fromkeys((timed(schema), *visits.never_falls, *visits.rises)):
        column, strict = schema.columns.get(name or ""), name in visits.rises
        if isinstance(column, Categorical):
            zeros += _falling(name or "", column, strict)
        elif name is not None:
            known = visits.gaps.get(name)
            gap = Gap() if known is None else Gap(min=known.bounds[0], max=known.bounds[1])
            relations.append(Order(order=(previous(name), name), strict=strict, gap=gap))
    zeros = [zero for zero in zeros if not set(zero) <= set(given)]
    for name, values in visits.ends.items():
        ending = Condition(values=values)
        zeros.append({LAST: Condition(values=("0",)), name: ending})
        zeros += [{before: ending} for before in anchors[name]]
    gaps = {**kept.gaps} | {gap_name(previous(n), n): g for n, g in visits.gaps.items()}
    also = [r for r in kept.relations if not set(r.names) <= set(given)]
    of_gaps = {
        gap_name(a, b)
        for r in (*relations, *also)
        if isinstance(r, Order)
        for a, b in _pairs(r.order)
    }
    together = [t for t in kept.keep_together if not set(t) <= set(given)]
    together += [(ROWS, n) for n in visits.ends]  # at the bound rows stop without one that ends
    plain = kept.model_dump() | {
        "unit": None,
        "max_rows_per_unit": 1,
        "columns": _dumped(columns),
        "relations": [r.model_dump() for r in (*relations, *also)],
        "gaps": {},
        "impossible": [{n: c.model_dump() for n, c in zero.items()} for zero in zeros],
        "keep_together": [*_carried(schema), *together],
        "given": given,
        "mirrors": mirrors,
        "moves": {n: c.model_dump() for n, c in _moves(schema, anchors, of_gaps).items()},
    }
    tied = plan(StepSchema.model_validate(plain)).gaps  # not those that a first row is drawn by
    measured = {n: g.model_dump() for n, g in gaps.items() if n in tied}
    return StepSchema.model_validate(plain | {"gaps": measured})


def completed_by(schema: Schema, part: Schema) -> Schema:
    """The schema with what was measured of its starts or steps put in."""
    visits = schema.visits
    assert visits is not None
    found: dict[str, Column] = {n: c for n, c in part.columns.items() if n in schema.columns}
    own = {gap_name(before, n): n for n, (before, *_) in anchored(schema).items()}
    apart = {own[n]: g for n, g in (*part.gaps.items(), *part.changes.items()) if n in own}
    found |= {n: g for n, g in part.gaps.items() if n not in own}
    tables = {
        r.name: r.table for r in part.relations if isinstance(r, Determined) and r.table is not None
    }
    gaps = {**visits.gaps, **apart}
    return schema.completed(found, tables).model_copy(
        update={"visits": visits.model_copy(update={"gaps": gaps})}
    )


def _moves(
    schema: Schema, anchors: Mapping[str, Sequence[str]], of_gaps: Collection[str]
) -> dict[str, Numeric]:
    """How far numbers in wide bins move, but for those that are drawn from a gap."""
    assert schema.visits is not None
    found = {}
    for name, (before, *_) in anchors.items():
        column, gap = schema.columns[name], gap_name(before, name)
        if not isinstance(column, Numeric) or gap in of_gaps or not _wide(column):
            continue
        reach = column.bounds[1] - column.bounds[0]
        found[gap] = schema.visits.gaps.get(name) or Numeric(
            kind=column.kind, bounds=(-reach, reach), bins=1, decimals=column.decimals
        )
    return found


def _wide(column: Numeric) -> bool:
    """Whether a bin holds several numbers."""
    if column.kind == "float" or column.bins is None:
        return True
    return bool((np.diff(make_bins(column).edges) > 1).any())


def place_labels(most: int, apart: bool = False) -> tuple[str, ...]:
    """What groups of places are called, from the second to ``most``, which stands apart where that is asked."""
    first = [f for f in FIRST if f <= most]
    if apart and first[-1] < most:
        first.append(most)
    last = [*(f - 1 for f in first[1:]), most]
    return tuple(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(first, last, strict=True))


def _dumped(columns: Mapping[str, Column]) -> dict[str, Any]:
    return {n: c.model_dump() for n, c in columns.items()}


def _falling(name: str, column: Categorical, strict: bool) -> list[dict[str, Condition]]:
    """Structural zeros: for each category, those that may not follow it."""
    zeros, listed = [], column.categories or ()
    for i, category in enumerate(listed):
        if less := listed[: i + strict]:
            zeros.append(
                {previous(name): Condition(values=(category,)), name: Condition(values=less)}
            )
    return zeros


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
