"""The values that a number can take: whole multiples of a unit, and the coarser steps that people round to.

A whole number, a date (days) or a time (seconds) has the unit 1, a float with d decimals 10^−d. People write
heights in fives, doses in halves, times on the hour, dates that are not known on the first of a month. What
lies on several steps belongs to the coarsest.

Privacy claim: none; what is here follows from the schema.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from privacy.schema.columns import MAX_WHOLE, Datetime, Numeric, Step
from privacy.schema.numbers import bounds_as_numbers

MOST_DECIMALS = 6
"""Finer than this nothing is written, unless the schema says so."""

SECONDS = (1, 60, 300, 900, 1800, 3600, 86_400)
DAYS: tuple[Step, ...] = (1, "month", "year")
NUMBERS = (1, 2, 2.5, 5)
"""Of these, times a power of ten."""

MULTIPLES = 1000
YEARS = 14_610
"""So many multiples, or days, tell what share of them lies on another step."""

BEYOND = 2.0**60
"""A step of so many units is none: but for 0 no number is a multiple."""

COARSEST = 4
"""Steps of which at least so many fit between the bounds."""


@dataclass(frozen=True)
class Lattice:
    """Whole numbers k that stand for k / ``scale``; 10^decimals for floats, 1 for everything else."""

    scale: float = 1

    @classmethod
    def of(cls, column: Numeric | Datetime, decimals: int | None = None) -> Lattice:
        """That of a column; ``decimals`` where a float does not say how many it has."""
        if column.kind != "float":
            return cls()
        said = column.decimals if column.decimals is not None else decimals
        if said is None:
            raise ValueError("the decimals of this column have not been measured yet")
        return cls.fine(said, bounds_as_numbers(column))

    @classmethod
    def fine(cls, decimals: int, bounds: tuple[float, float]) -> Lattice:
        """With so many decimals, or as many as floats between these bounds can tell apart."""
        most = most_decimals(bounds)
        return cls(10**decimals if decimals <= most else 10.0**most)

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """The k nearest to each number."""
        return np.rint(np.asarray(values, dtype=float) * self.scale).astype(np.int64)

    def first(self, edges: np.ndarray) -> np.ndarray:
        """The least k with k / scale ≥ edge, exact where an edge is itself such a number."""
        k = np.round(np.asarray(edges, dtype=float) * self.scale)
        return np.asarray(np.where(k / self.scale < edges, k + 1, k)).astype(np.int64)

    def values(self, k: np.ndarray) -> np.ndarray:
        return np.asarray(k / self.scale)

    def range(self, column: Numeric | Datetime) -> tuple[int, int]:
        """The first k inside the bounds, and the first beyond them."""
        low, high = bounds_as_numbers(column)
        first, last = (int(self.first(np.array([edge]))[0]) for edge in (low, high))
        return first, last + (last / self.scale <= high)


def ladder(column: Numeric | Datetime) -> tuple[Step, ...]:
    """The steps that are looked for, from the finest; those of a person if the schema names them."""
    if column.heaped_at is not None:
        finest: Step = 1 if column.kind != "float" else _power(1, -_most_decimals(column))
        return (finest, *(s for s in column.heaped_at if s != finest))
    if isinstance(column, Datetime):
        return DAYS if column.resolution == "day" else SECONDS
    low, high = column.bounds
    least = 0 if column.kind == "integer" else -_most_decimals(column)
    steps = [(m, e) for e in range(least, 16) for m in NUMBERS]
    fit = [s for s in steps if s[0] * 10.0 ** s[1] * COARSEST <= high - low]
    whole = [_power(m, e) for m, e in fit if m != 2.5 or e > least]
    finest = _power(1, least)
    return (finest, *(s for s in whole if s != finest))


def _most_decimals(column: Numeric | Datetime) -> int:
    if isinstance(column, Datetime) or column.kind == "integer":
        return 0
    if column.decimals is not None:
        return column.decimals
    return max(0, min(MOST_DECIMALS, most_decimals(column.bounds)))


def most_decimals(bounds: tuple[float, float]) -> int:
    """Digits after the point with which floats are exact; below 0 where not even whole numbers are."""
    farthest = max(abs(b) for b in bounds)
    return math.floor(math.log10(MAX_WHOLE) - math.log10(farthest))


def _power(m: float, e: int) -> float:
    return round(m * 10.0**e, 1 - e) if e <= 0 else float(round(m * 10**e))


def decimals_of(step: Step) -> int:
    """Digits after the point of a step."""
    if isinstance(step, str):
        return 0
    return next((d for d in range(12) if round(step, d) == step), 12)


def lies_on(step: Step, values: np.ndarray) -> np.ndarray:
    """Which numbers are multiples of a step; days since 1970 for months and years."""
    if isinstance(step, str):
        return np.asarray(_start(step, values) == values)
    with np.errstate(over="ignore"):  # what is no float any more is no multiple
        multiple = np.round(np.round(values / step) * step, decimals_of(step))
        return np.asarray(multiple == values)


def shares(steps: Sequence[Step]) -> np.ndarray:
    """[i, j]: of the multiples of step j, the share whose coarsest step is i."""
    counts = np.stack([by_coarsest(_multiples(step), steps)[1:] for step in steps], axis=1)
    return np.asarray(counts / counts.sum(axis=0))


def by_coarsest(values: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """How many numbers lie on no step, and of how many each is the coarsest."""
    place = np.zeros(len(values), dtype=np.int64)
    for i, step in enumerate(steps, start=1):
        place[lies_on(step, values)] = i
    return np.bincount(place, minlength=len(steps) + 1)


def _multiples(step: Step) -> np.ndarray:
    if isinstance(step, str):
        return np.unique(_start(step, np.arange(YEARS)))
    count = YEARS if step == 1 else MULTIPLES
    return np.round(np.arange(1, count + 1) * step, decimals_of(step))


def snap(
    step: Step, k: np.ndarray, low: np.ndarray, stop: np.ndarray, lattice: Lattice
) -> np.ndarray:
    """The multiple of ``step`` near each k inside [low, stop); −1 below ``low`` where there is none."""
    if isinstance(step, str):
        below = _start(step, k)
        above = _start(step, k, 1)
        found = np.where((below < low) | (k - below > above - k), above, below)
        found = np.where(found >= stop, below, found)
    else:
        s = max(1, round(min(step * lattice.scale, BEYOND)))
        first, last = -(-low // s), (stop - 1) // s
        found = np.clip((k + s // 2) // s, first, np.maximum(first, last)) * s
    return np.asarray(np.where((found >= low) & (found < stop), found, low - 1))


def _start(step: str, days: np.ndarray, later: int = 0) -> np.ndarray:
    """The first day of each day's month or year, or of one ``later``."""
    unit = step[0].upper()
    dates = np.asarray(days).astype(np.int64).astype("datetime64[D]")
    start = dates.astype(f"datetime64[{unit}]") + later
    return start.astype("datetime64[D]").astype(np.int64)
