"""The three tables that a judgement compares, with their codes and their subgroups.

Privacy claim: none; holds real rows, so whatever is computed from it is internal unless said
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from evaluators.resampling import unit_numbers
from evaluators.score import Status
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema

Made = TypeVar("Made")

MIN_PEOPLE = 100
"""A group with fewer people gives insufficient evidence (our proposal, docs of the gate's
policy)."""

MIN_EVENTS = 20
"""So does a group with fewer people who have, or who do not have, the event."""


@dataclass(frozen=True, eq=False)
class Slice:
    """People for whom a figure is computed: everyone, a subgroup, or where two subgroups meet.

    ``number`` is the slice's place in ``Dimension.codes``.
    """

    name: str
    number: int
    order: int


@dataclass(frozen=True, eq=False)
class Dimension:
    """A way to part people into slices: nothing (order 0), a subgroup (1) or a pair of them (2).

    ``parts``: the subgroups it is made of, and ``columns`` theirs; ``slices``: all that are
    declared.
    """

    name: str
    parts: tuple[str, ...]
    columns: tuple[str, ...]
    slices: tuple[Slice, ...]

    @property
    def order(self) -> int:
        return len(self.parts)


@dataclass(frozen=True, eq=False)
class Tables:
    """Canonical frames of real train, real holdout and synthetic rows under one complete schema.

    ``more``: further synthetic tables, other draws of the same model or releases of other seeds, for
    metrics that look at several. ``own_fits``: whether each of them comes from a fit of its own, so
    that they do not share their noise. ``originals``: by role, the real rows before categories outside the
    schema became ``other``; a role that is not there is as its frame. ``whole`` makes tables of the targets
    and subgroups of more rows, where the frames are of some of them. ``met``: by role and column the codes that
    any row has, where they are.
    """

    train: pd.DataFrame
    holdout: pd.DataFrame
    synthetic: pd.DataFrame
    schema: Schema
    seed: int = 0
    more: tuple[pd.DataFrame, ...] = ()
    own_fits: bool = True
    originals: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    whole: Callable[[], Tables] | None = None
    met: Mapping[str, Mapping[str, frozenset[int]]] = field(default_factory=dict)

    @cached_property
    def codec(self) -> Codec:
        return Codec(self.schema)

    @cached_property
    def codes(self) -> dict[str, pd.DataFrame]:
        """Codes of "train", "holdout" and "synthetic"."""
        return {name: self.codec.encode(self.frame(name)) for name in ROLES}

    def frame(self, role: str) -> pd.DataFrame:
        frame: pd.DataFrame = getattr(self, role)
        return frame

    def original(self, role: str) -> pd.DataFrame:
        """The rows of ``frame`` with the categories that they came with."""
        return self.originals.get(role, self.frame(role))

    def rng(self, name: str) -> np.random.Generator:
        """A stream of its own for each use, so that adding one metric does not move another."""
        return np.random.default_rng([self.seed, *name.encode()])

    def once(self, make: Callable[..., Made], *given: Hashable) -> Made:
        """What ``make`` makes of these tables, which several metrics look at: made for the first of them."""
        key = (make, *given)
        if key not in self._made:
            self._made[key] = make(self, *given)
        found: Made = self._made[key]
        return found

    @cached_property
    def _made(self) -> dict[tuple[Hashable, ...], Any]:
        return {}

    @cached_property
    def units(self) -> dict[str, np.ndarray]:
        """The unit number of each row of each table.

        A synthetic row is its own unit; where the schema has visits the unit column says whose it is.
        """
        column, visits = self.schema.unit, self.schema.visits is not None
        found = {}
        for role in ROLES:
            frame = self.frame(role)
            named = column is not None and (role != "synthetic" or (visits and column in frame))
            found[role] = unit_numbers(frame[column].to_numpy() if named else None, len(frame))
        return found

    def people(self, role: str, mask: np.ndarray) -> int:
        """How many units have a row in ``mask``."""
        found = np.zeros(self._unit_count[role], dtype=bool)
        found[self.units[role][mask]] = True
        return int(found.sum())

    @cached_property
    def _unit_count(self) -> dict[str, int]:
        return {role: int(unit.max(initial=-1)) + 1 for role, unit in self.units.items()}

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Everyone, each subgroup, and each pair of subgroups of different columns."""
        singles = []
        for subgroup in self.schema.subgroups:
            labels = self.codec.groups(subgroup)[1]
            slices = tuple(Slice(f"{subgroup.name}={v}", i, 1) for i, v in enumerate(labels))
            singles.append(Dimension(subgroup.name, (subgroup.name,), (subgroup.column,), slices))
        pairs = []
        for a, b in combinations(singles, 2):
            if a.columns == b.columns:
                continue
            slices = tuple(
                Slice(f"{x.name} & {y.name}", x.number * len(b.slices) + y.number, 2)
                for x in a.slices
                for y in b.slices
            )
            pairs.append(
                Dimension(f"{a.name} × {b.name}", a.parts + b.parts, a.columns + b.columns, slices)
            )
        everyone = Dimension("all", (), (), (Slice("all", 0, 0),))
        return (everyone, *singles, *pairs)

    @cached_property
    def members(self) -> dict[tuple[str, str], np.ndarray]:
        """(role, dimension name) → the slice number of every row."""
        return {
            (role, dimension.name): self.places(codes, dimension)
            for role, codes in self.codes.items()
            for dimension in self.dimensions
        }

    @cached_property
    def _groups(self) -> dict[str, tuple[str, np.ndarray, tuple[str, ...]]]:
        return {g.name: (g.column, *self.codec.groups(g)) for g in self.schema.subgroups}

    def places(self, codes: pd.DataFrame, dimension: Dimension) -> np.ndarray:
        """The slice number of every row of codes."""
        number = np.zeros(len(codes), dtype=np.int64)
        for part in dimension.parts:
            column, group, labels = self._groups[part]
            number = number * len(labels) + group[codes[column].to_numpy()]
        return number

    def masks(self, dimension: Dimension, *roles: str) -> Iterator[tuple[Slice, list[np.ndarray]]]:
        """The slices, each with its row mask in every role asked for.

        Every declared subgroup, empty ones too: else an approval would say that nobody is in it. Of the
        pairs, which are too many, those that have a real row.
        """
        real = np.union1d(
            self.members["train", dimension.name], self.members["holdout", dimension.name]
        )
        present = set(real.tolist())
        for piece in dimension.slices:
            if dimension.order < 2 or piece.number in present:
                yield piece, [self.members[r, dimension.name] == piece.number for r in roles]


ROLES = ("train", "holdout", "synthetic")


def evidence(people: int, events: int | None = None, rest: int | None = None) -> tuple[Status, str]:
    """Whether a group is large enough to be judged, and why not."""
    if people < MIN_PEOPLE:
        return "insufficient evidence", f"{people} people, fewer than {MIN_PEOPLE}"
    if events is not None and events < MIN_EVENTS:
        return "insufficient evidence", f"{events} people with the event, fewer than {MIN_EVENTS}"
    if rest is not None and rest < MIN_EVENTS:
        return "insufficient evidence", f"{rest} people without the event, fewer than {MIN_EVENTS}"
    return "ok", ""
