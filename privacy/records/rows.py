"""Relations put into rows: numbers and categories that follow from others, and rows that do not keep them.

Privacy claim: none; each row by itself.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.network import Floats, Mask, Network
from privacy.schema.numbers import bounds_as_numbers, with_numbers, without_specials
from privacy.schema.placing import Plan, Sum
from privacy.schema.relations import Determined, Equal
from privacy.schema.schema import Schema


def repaired(frame: pd.DataFrame, schema: Schema, how: Plan) -> pd.DataFrame:
    """Every row as near as can be to what it was, with the relations that columns' own codes do not keep."""
    frame = frame.copy()
    for group in how.together:
        absent = frame[list(group.names)].isna().any(axis=1).to_numpy()
        leave_out(frame, group.names, absent)
    for table in how.determined:
        look_up(frame, schema, table, None)
    for network in how.networks:
        there, numbers = numbers_of(frame, schema, network.names)

        def nearest(
            k: int, low: Floats, high: Floats, values: Floats, rows: slice, was: Floats = numbers
        ) -> Floats:
            return np.asarray(was[rows, k])

        equal = equal_pairs(frame, how.equal, network, there)
        values, _ = network.settle(there, nearest, (), equal)
        for k, name in enumerate(network.names):
            column = schema.columns[name]
            assert isinstance(column, Numeric | Datetime)
            moved = there[:, k] & (values[:, k] != numbers[:, k])
            frame[name] = with_numbers(frame[name], column, values[:, k], moved)
    return frame


def has_value(series: pd.Series, column: object) -> Mask:
    """Rows with a number that is not special, a date or a category."""
    if isinstance(column, Numeric | Datetime):
        return np.asarray(np.isfinite(without_specials(series, column)))
    return np.array(series.notna(), dtype=bool)


def numbers_of(frame: pd.DataFrame, schema: Schema, names: tuple[str, ...]) -> tuple[Mask, Floats]:
    """Where there are numbers, and the numbers; [n, names]."""
    found = []
    for name in names:
        column = schema.columns[name]
        assert isinstance(column, Numeric | Datetime)
        found.append(without_specials(frame[name], column))
    numbers = np.stack(found, axis=1)
    return np.isfinite(numbers), numbers


def leave_out(frame: pd.DataFrame, names: tuple[str, ...], absent: Mask) -> None:
    """Make these columns missing in the rows that are ``absent``."""
    if absent.any():
        for name in names:
            frame[name] = frame[name].mask(pd.Series(absent, index=frame.index))


def equal_pairs(
    frame: pd.DataFrame, equal: tuple[Equal, ...], network: Network, there: Mask
) -> list[tuple[int, int, Mask]]:
    """Numbers of two columns of the network that agree, earlier one first, and the rows in which they do."""
    found = []
    for one in equal:
        if one.equal[0] in network.names:
            j, k = sorted(network.names.index(n) for n in one.equal)
            mask = there[:, j] & there[:, k]
            for name, values in one.when.items():
                mask &= frame[name].isin(list(values)).to_numpy(dtype=bool)
            found.append((j, k, mask))
    return found


def table_value(table: Determined, value: str, column: object) -> object:
    """What the table gives, as the column holds it."""
    given = table.listed[value]
    return str(given) if isinstance(column, Categorical) else given


def look_up(frame: pd.DataFrame, schema: Schema, table: Determined, follows: Mask | None) -> Mask:
    """Put in what the table gives; where it gives nothing, whether that was said."""
    name, column = table.determined, schema.columns[table.determined]
    by, there = frame[table.by], has_value(frame[name], column)
    listed = by.isin(list(table.listed)).to_numpy(dtype=bool)
    given = by.map({v: table_value(table, v, column) for v in table.listed})
    put: Mask = np.logical_and(listed, there)
    if isinstance(column, Categorical):
        frame[name] = frame[name].where(~put, given)
    else:
        assert isinstance(column, Numeric)
        frame[name] = with_numbers(frame[name], column, given.to_numpy(dtype=float), put)
    said = listed if follows is None else follows
    return np.asarray(~there | (said == listed))


def add_up(frame: pd.DataFrame, schema: Schema, one: Sum, follows: Mask) -> Mask:
    """Put in a sum; where it leaves its bounds the others give way. Whether it was to be, and lay inside."""
    names = (one.follows, *one.of)
    there, numbers = numbers_of(frame, schema, names)
    both: Mask = np.asarray(there.all(axis=1))
    met: Mask = np.asarray(~there[:, 0] | (both == follows))
    signs = np.array([-1.0, *one.of.values()])
    bounds = []
    for name in names:
        column = schema.columns[name]
        assert isinstance(column, Numeric | Datetime)
        bounds.append(bounds_as_numbers(column))
    low, high = (np.array(b) for b in zip(*bounds, strict=True))
    values = numbers[both]
    values[:, 0] = np.clip(values[:, 1:] @ signs[1:], low[0], high[0])
    off = values @ signs
    met[np.flatnonzero(both)[np.abs(off) > _slack(values)]] = False
    for k in range(1, len(names)):
        moved = np.clip(values[:, k] - signs[k] * off, low[k], high[k])
        off += signs[k] * (moved - values[:, k])
        values[:, k] = moved
    terms = [c.decimals for n in one.of if isinstance(c := schema.columns[n], Numeric)]
    if None not in terms and isinstance(schema.columns[one.follows], Numeric):
        # the others too: what they gave way by is a difference of floats
        values = np.round(values, max((d for d in terms if d is not None), default=0))
    for k, name in enumerate(names):
        column = schema.columns[name]
        assert isinstance(column, Numeric | Datetime)
        whole = np.zeros(len(frame))
        whole[both] = values[:, k]
        frame[name] = with_numbers(frame[name], column, whole, both)
    return met


def _slack(values: np.ndarray) -> np.ndarray:
    """What sums of floats may be off."""
    return np.asarray(1e-9 * np.maximum(1.0, np.abs(values).max(axis=1, initial=0.0)))
