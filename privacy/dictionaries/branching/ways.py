"""The ways in which a condition does not hold: of ``a and b`` either fails, of ``a or b`` both do.

A way that a schema cannot say is left out, never guessed, so that no row is forbidden that the logic allows.

Privacy claim: none; a data dictionary holds no row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from privacy.dictionaries.branching.logic import Comparison, Logic

MOST_WAYS = 4
MOST_ASKED = 2
"""Columns that one way may be about: with the one that is asked, a model holds a table of three."""


@dataclass(frozen=True)
class Part:
    """Some of a column's values: listed ones, or (``values`` None) a closed span; and whether the empty one."""

    values: frozenset[str] | None = None
    low: float = math.inf
    high: float = -math.inf
    missing: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no value that is there is meant."""
        return self.low > self.high if self.values is None else not self.values


Way = Mapping[str, Part]
"""By column, what it has to say for a field not to be asked."""
Ways = list[Way | None]
"""None: one that a schema cannot say."""


def ways(logic: Logic, failing: Callable[[Comparison], Ways]) -> tuple[tuple[Way, ...], bool]:
    """The ways in which a field is not asked, and whether these are all.

    ``failing``: the ways in which one comparison does not hold.
    """
    found = _ways(logic, failing)
    said: list[Way] = []
    for way in found:
        if way is not None and len(way) <= MOST_ASKED:
            said = _with(said, way)
    all_said = all(way is not None and len(way) <= MOST_ASKED for way in found)
    return tuple(said[:MOST_WAYS]), all_said and len(said) <= MOST_WAYS


def _ways(logic: Logic, failing: Callable[[Comparison], Ways]) -> Ways:
    if isinstance(logic, Comparison):
        return failing(logic)
    parts = [_ways(part, failing) for part in logic.parts]
    if logic.word == "and":
        return [way for part in parts for way in part]
    found = parts[0]
    for part in parts[1:]:
        found = [both for a in found for b in part for both in _both(a, b)]
        if len(found) > MOST_WAYS**2:
            return [None]
    return found


def _both(a: Way | None, b: Way | None) -> Iterator[Way | None]:
    """What two ways have in common, if anything."""
    if a is None or b is None:
        yield None
        return
    found = {**a, **b}
    for name in a.keys() & b.keys():
        p, q = a[name], b[name]
        values = None if p.values is None or q.values is None else p.values & q.values
        span = max(p.low, q.low), min(p.high, q.high)
        found[name] = Part(values, *span, missing=p.missing and q.missing)
        if found[name].is_empty and not found[name].missing:
            return
    yield found


def _with(said: list[Way], way: Way) -> list[Way]:
    """Ways with one more, put together with another of the same column where the two can be said in one."""
    for i, other in enumerate(said):
        if other == way:
            return said
        if len(way) == 1 and other.keys() == way.keys():
            name = next(iter(way))
            p, q = other[name], way[name]
            if p.values is not None and q.values is not None:
                both = Part(p.values | q.values, missing=p.missing or q.missing)
            elif p.is_empty or q.is_empty:
                both = replace(q if p.is_empty else p, missing=p.missing or q.missing)
            else:
                continue
            return [*said[:i], {name: both}, *said[i + 1 :]]
    return [*said, way]
