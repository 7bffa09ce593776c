"""Which synthetic histories a card shows, and what of them: the first few units with several rows.

None is picked by its looks. Columns that never change stand in a unit's title; of the others targets come
first, then numbers, then categories.

Privacy claim: post-processing of synthetic rows; no other row is seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from privacy.people.order import in_order
from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.numbers import without_specials
from privacy.schema.schema import Schema
from privacy.schema.visits import Visits, timed

HISTORIES = "histories.svg"
"""The picture's file in a public folder."""

MOST_UNITS = 6
MOST_TRACKS = 4
MOST_FACTS = 4
MOST_COLOURS = 8
"""Categories beyond these, by how many of the shown rows hold them, are drawn as one."""
REST = "others"

PACES = (
    (3.0, 1 / 24, "hours"),
    (120.0, 1.0, "days"),
    (1100.0, 365.25 / 12, "months"),
    (np.inf, 365.25, "years"),
)
"""Up to how many days which unit of time is taken, and its days."""


@dataclass(frozen=True)
class Person:
    """One unit: its number, what is the same in all of its rows, and where each of them stands on the axis."""

    name: str
    facts: tuple[str, ...]
    at: tuple[float, ...]


@dataclass(frozen=True)
class Track:
    """A column that changes: its values of each person, row by row.

    ``values``: numbers, NaN for none; or places in ``legend``, -1 for none.
    """

    name: str
    kind: Literal["number", "category", "ordinal"]
    values: tuple[tuple[float, ...], ...]
    legend: tuple[str, ...] = ()


@dataclass(frozen=True)
class Histories:
    """What is drawn. ``axis``: what the axis counts, in words."""

    unit: str
    people: tuple[Person, ...]
    tracks: tuple[Track, ...]
    axis: str

    @property
    def title(self) -> str:
        """Whose histories these are."""
        n = len(self.people)
        who = (
            f"The first {n} synthetic {self.unit}s" if n > 1 else f"The first synthetic {self.unit}"
        )
        return f"{who} with several rows"

    @property
    def alt(self) -> str:
        """What is seen, for whoever cannot see it."""
        shown = ", ".join(t.name for t in self.tracks)
        return f"{self.title}, row by row" + (f": {shown}" if shown else "")


def histories(schema: Schema, synthetic: pd.DataFrame) -> Histories | None:
    """Of a table with visits; None for any other, or where no unit has a second row."""
    visits = schema.visits
    if visits is None or schema.unit is None or synthetic.empty:
        return None
    rows = synthetic.iloc[in_order(synthetic, schema, synthetic[schema.unit].to_numpy())]
    names = rows[schema.unit].astype(str)
    several = names.groupby(names, sort=False).size()
    chosen = several[several > 1].index[:MOST_UNITS]
    if chosen.empty:
        return None
    people = [rows[(names == name).to_numpy()] for name in chosen]
    places, axis = _places(schema, people)
    static = _static(schema, visits)[:MOST_FACTS]
    return Histories(
        schema.unit,
        tuple(
            Person(str(name), _facts(schema, mine, static), tuple(at.tolist()))
            for name, mine, at in zip(chosen, people, places, strict=True)
        ),
        _tracks(schema, visits, people),
        axis,
    )


def _places(schema: Schema, people: list[pd.DataFrame]) -> tuple[list[np.ndarray], str]:
    """Where each person's rows stand, and what the axis counts: of dates, the time since their first row."""
    order = timed(schema)
    if order is None:
        return [np.arange(1.0, len(mine) + 1) for mine in people], "row"
    column = schema.columns[order]
    assert isinstance(column, Numeric | Datetime)
    found = [without_specials(mine[order], column) for mine in people]
    if not isinstance(column, Datetime):
        return found, order
    day = 86_400 if column.resolution == "second" else 1
    since = [(at - at[0]) / day for at in found]
    span = max(float(at.max()) for at in since)
    _, days, name = next(p for p in PACES if span <= p[0])
    return [at / days for at in since], f"{name} since the first row, by {order}"


def _static(schema: Schema, visits: Visits) -> list[str]:
    """Columns that stand in a title, subgroups and targets first."""
    first = [s.column for s in schema.subgroups] + [c for t in schema.targets for c in t.columns]
    return [n for n in dict.fromkeys([*first, *schema.columns]) if n in visits.constant]


def _facts(schema: Schema, mine: pd.DataFrame, static: list[str]) -> tuple[str, ...]:
    """What is the same in all rows, how many there are, and from when on."""
    facts = [f"{n} {_text(schema, n, mine[n].iloc[0])}" for n in static]
    order = timed(schema)
    from_ = ""
    if order is not None and isinstance(schema.columns[order], Datetime):
        from_ = f" from {_text(schema, order, mine[order].iloc[0])}"
    return (*facts, f"{len(mine)} rows{from_}")


def _text(schema: Schema, name: str, value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "–"
    column = schema.columns[name]
    if isinstance(column, Datetime):
        when = pd.Timestamp(value)  # type: ignore[arg-type]
        return str(when.date() if column.resolution == "day" else when)
    return str(value)


def _tracks(schema: Schema, visits: Visits, people: list[pd.DataFrame]) -> tuple[Track, ...]:
    """The columns that are drawn; those that change in nobody who is shown come last."""
    told = {schema.unit, visits.order, *visits.constant, *visits.numbered}
    targets = [c for t in schema.targets for c in t.columns]
    numbers = [n for n, c in schema.columns.items() if isinstance(c, Numeric)]
    groups = [n for n, c in schema.columns.items() if isinstance(c, Categorical)]
    names = [n for n in dict.fromkeys([*targets, *numbers, *groups]) if n not in told]
    names.sort(key=lambda n: n in visits.ages)  # that age grows with time is no news
    names.sort(key=lambda n: not any(mine[n].nunique(dropna=False) > 1 for mine in people))
    fit = [n for n in names if n in numbers or n in groups]
    drawn = fit[:MOST_TRACKS]
    if not set(drawn) & set(groups):  # a table of many numbers has a category or two that matters
        drawn = [*fit[: MOST_TRACKS - 1], *[n for n in fit if n in groups][:1]]
    return tuple(_track(schema, n, [mine[n] for mine in people]) for n in drawn)


def _track(schema: Schema, name: str, values: list[pd.Series]) -> Track:
    column = schema.columns[name]
    if isinstance(column, Numeric):
        numbers = (tuple(without_specials(v, column).tolist()) for v in values)
        return Track(name, "number", tuple(numbers))
    assert isinstance(column, Categorical)
    legend = _legend(column.categories or (), pd.concat(values))
    place = {
        c: legend.index(c) if c in legend else len(legend) - 1 for c in column.categories or ()
    }
    return Track(
        name,
        "ordinal" if column.kind == "ordinal" else "category",
        tuple(tuple(float(place.get(x, -1)) for x in v) for v in values),
        legend,
    )


def _legend(categories: Iterable[str], shown: pd.Series) -> tuple[str, ...]:
    """The categories that are shown, in their listed order; the rare ones as one where there are many."""
    counts = shown.value_counts()
    there = [c for c in categories if c in counts]
    if len(there) <= MOST_COLOURS:
        return tuple(there)
    kept = set(counts.index[: MOST_COLOURS - 1])
    return (*(c for c in there if c in kept), REST)
