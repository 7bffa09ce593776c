"""What is offered as synthetic histories: fresh people, as they are or with one thing planted.

- dealt: every row of a share of the people, but for whose it is, dealt among them at random;
- values dealt: of these rows only the columns of which the schema declares nothing, so that nothing declared is
  broken; a generator that keeps what is declared and links nothing else makes such rows;
- flattened: every row its own person;
- halved: of everybody's rows the first half;
- constants: of a share of the people with two rows or more the last row has another value in the first constant
  column that is a category;
- reversed: everybody's time runs backward from the last row to the first, so that gaps come in the other order.

Privacy claim: none; frames of real or made-up people, for measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from histories.people import units_of

from privacy.histories.tables import places
from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.numbers import numbers, with_numbers
from privacy.schema.schema import Schema
from privacy.schema.visits import timed

Spoil = Callable[[pd.DataFrame, Schema, np.random.Generator], pd.DataFrame]
"""Canonical rows, a person's together and in order → rows; the frame that is given stays as it is."""


def as_they_are(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> pd.DataFrame:
    return frame


def dealt(share: float) -> Spoil:
    """Rows of ``share`` of the people, dealt among them."""

    def of(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> pd.DataFrame:
        return _dealt(
            frame, list(frame.columns.drop(str(schema.unit))), _some(frame, schema, share, rng), rng
        )

    return of


def values_dealt(share: float) -> Spoil:
    """The same of the columns of which ``visits`` says nothing, each row's values together."""

    def of(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> pd.DataFrame:
        return _dealt(frame, undeclared(schema), _some(frame, schema, share, rng), rng)

    return of


def undeclared(schema: Schema) -> list[str]:
    """The modelled columns that ``visits`` does not name."""
    visits = schema.visits
    assert visits is not None
    named = {
        timed(schema),
        *visits.constant,
        *visits.numbered,
        *visits.never_falls,
        *visits.rises,
        *visits.ages,
        *visits.ends,
    }
    return [n for n in schema.modelled if n not in named]


def flattened(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> pd.DataFrame:
    visits, unit = schema.visits, schema.unit
    assert visits is not None
    assert unit is not None
    first = {n: pd.Series(1, index=frame.index, dtype=frame[n].dtype) for n in visits.numbered}
    return frame.assign(**{unit: [str(i) for i in range(len(frame))]}, **first)


def halved(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> pd.DataFrame:
    units = units_of(frame, schema)
    kept = places(units) <= (np.bincount(units)[units] + 1) // 2
    return pd.DataFrame(frame[kept].reset_index(drop=True))


def constants_broken(share: float) -> Spoil:
    """A constant changes in ``share`` of all people."""

    def of(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> pd.DataFrame:
        visits = schema.visits
        assert visits is not None
        name = next(n for n in visits.constant if isinstance(schema.columns[n], Categorical))
        column = schema.columns[name]
        assert isinstance(column, Categorical)
        assert column.categories is not None
        units = units_of(frame, schema)
        sizes = np.bincount(units)
        chosen = rng.permutation(np.flatnonzero(sizes > 1))[: round(share * len(sizes))]
        last = (np.cumsum(sizes) - 1)[chosen]
        other = dict(
            zip(column.categories, [*column.categories[1:], column.categories[0]], strict=True)
        )
        values = frame[name].to_numpy(dtype=object, copy=True)
        values[last] = [other.get(v, column.categories[0]) for v in values[last]]
        return frame.assign(**{name: pd.Series(values, index=frame.index, dtype=frame[name].dtype)})

    return of


def reversed_in_time(frame: pd.DataFrame, schema: Schema, rng: np.random.Generator) -> pd.DataFrame:
    """Time becomes first + last − time, of each person."""
    name = timed(schema)
    assert name is not None
    column = schema.columns[name]
    assert isinstance(column, Numeric | Datetime)
    units = units_of(frame, schema)
    of_person = pd.Series(numbers(frame[name], column)).groupby(units)
    mirrored = (
        of_person.transform("min") + of_person.transform("max")
    ).to_numpy() - of_person.obj.to_numpy()
    turned = with_numbers(frame[name], column, mirrored, np.ones(len(frame), dtype=bool))
    frame = frame.assign(**{name: turned})
    return frame.iloc[np.lexsort((mirrored, units))].reset_index(drop=True)


OFFERED: Mapping[str, Spoil] = {
    "fresh people": as_they_are,
    **{f"rows of {s:.0f} % of the people dealt": dealt(s / 100) for s in (10, 30, 60, 100)},
    **{
        f"of {s:.0f} % only columns that `visits` does not name": values_dealt(s / 100)
        for s in (10, 30, 60, 100)
    },
    "every row its own person": flattened,
    "the first half of everybody's rows": halved,
    "a constant broken in 1 % of the people": constants_broken(0.01),
    "time reversed": reversed_in_time,
}
"""What is offered, by what it is called in the table."""


def _some(
    frame: pd.DataFrame, schema: Schema, share: float, rng: np.random.Generator
) -> np.ndarray:
    """The places of all rows of ``share`` of the people."""
    units = units_of(frame, schema)
    people = int(units.max()) + 1
    return np.flatnonzero(np.isin(units, rng.permutation(people)[: round(share * people)]))


def _dealt(
    frame: pd.DataFrame, names: list[str], there: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    given = np.arange(len(frame))
    given[there] = rng.permutation(there)
    return frame.assign(**{n: frame[n].iloc[given].set_axis(frame.index) for n in names})
