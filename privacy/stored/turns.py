"""The rows of units that follow one another, put in turn: unit by unit, each unit's in its order, the first k.

Units are looked at some after the other, by where their first row stands, so that memory stays a fraction of
the rows.

Privacy claim: which rows of a unit are kept, and their order, follow from that unit's rows alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from privacy.stored.growing import AT_ONCE, Array, Growing

STRETCH = 1 << 22
"""Units whose first rows stand within so many are looked at together."""


def in_turn(
    first: np.ndarray, mine: np.ndarray, keys: Array | None, most: int, room: Path | None
) -> tuple[Array, np.ndarray]:
    """The places of the rows that are kept, in turn, and the unit of each as a number; as ``order.in_order``.

    ``first``: for each row [n] where its unit first stands; ``mine``: which are wanted, all of a unit or none;
    ``keys``: what a unit's rows are ordered by, as they stand where there are none; ``most``: how many of a
    unit are kept. Units come in the order in which the first of what is kept of them stands.
    """
    places = Growing(np.int64, room)
    sizes, earliest = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, len(first), STRETCH):
        rows = _of_units(first, mine, start, start + STRETCH)
        if not len(rows):
            continue
        turn = (first[rows],) if keys is None else (keys[rows], first[rows])
        rows = rows[np.lexsort(turn)]  # stable: equals stay as they stand
        of = first[rows]
        begins = np.flatnonzero(np.append(True, of[1:] != of[:-1]))
        size = np.diff(np.append(begins, len(rows)))
        rows = rows[np.arange(len(rows)) - np.repeat(begins, size) < most]
        size = np.minimum(size, most)
        sizes.append(size)
        earliest.append(np.minimum.reduceat(rows, np.cumsum(size) - size))
        places.append(rows)
    size, turn_of_units = np.concatenate(sizes), np.argsort(np.concatenate(earliest), kind="stable")
    begins = np.cumsum(size) - size
    found, kept = Growing(np.int64, room), places.whole()
    for start in range(0, len(size), AT_ONCE):
        units = turn_of_units[start : start + AT_ONCE]
        found.append(kept[_ranges(begins[units], size[units])])
    return found.whole(), np.repeat(np.arange(len(size), dtype=np.uint32), size[turn_of_units])


def _of_units(first: np.ndarray, mine: np.ndarray, start: int, stop: int) -> np.ndarray:
    """The places of wanted rows whose units first stand between; none stands before its unit does."""
    found = []
    for begin in range(start, len(first), AT_ONCE):
        part = first[begin : begin + AT_ONCE]
        here = (part >= start) & (part < stop) & mine[begin : begin + AT_ONCE]
        found.append(begin + np.flatnonzero(here))
    return np.concatenate(found)


def _ranges(begins: np.ndarray, size: np.ndarray) -> np.ndarray:
    """All places of ranges, one after the other."""
    before = np.cumsum(size) - size
    return np.repeat(begins - before, size) + np.arange(int(size.sum()))
