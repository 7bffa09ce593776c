"""Histories of units by AIM: a start, one row a unit, then step after step, each given the row before it.

Two tables (``privacy.histories``) share one ρ by what is drawn from them. Of the starts marginals are measured
as ever. Of the steps they are measured with weights: a unit's steps weigh one together, however many there are.
Every pair of a column's value before and after is measured before anything is selected. How places go with the
number of rows follows from what was measured of the starts. A history is a start, which says how many
rows it has, and rows drawn from the steps' graphical model given what is constant, place and row before
(``walk``, ``given``).

Weighing by one over the number of steps keeps the sensitivity at one; since the number of rows is a column of
the steps, what depends on it may be found like anything else.

Privacy claim: ρ-zCDP for a unit with all its rows, under adding or removing one: it changes each marginal of
the starts by one, and each of the steps by its ``whole`` parts at most, in L1 and so in L2, beside noise and
scores scaled to as many (``privacy.histories.tables.weights``). ``sample`` is post-processing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from dp_accounting import ComposedDpEvent, DpEvent, ZCDpEvent

from generators.base import Progress
from generators.histories.walk import Walk
from generators.marginals.counting.coded import Columns, Counts
from generators.marginals.counting.counter import Counter
from generators.marginals.generator import Aim, MarginalModel
from generators.marginals.measurement import Measurement
from privacy.accounting.calibration import calibrate
from privacy.accounting.guarantee import Guarantee
from privacy.histories.schemas import start_schema, step_schema
from privacy.histories.tables import (
    places,
    start_frame,
    step_frame,
    told,
    weights,
    whole,
)
from privacy.ledger.paid import Paid
from privacy.noise import OPENDP
from privacy.records.codec import RecordCodec
from privacy.records.where import Where
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema, load_schema
from privacy.schema.visits import LAST, PLACE, ROWS, varying
from privacy.stored.rows import AnyRows, people_at_once

TWICE = 2
"""A column of the steps counts for so many of the starts: each is drawn given itself."""


@dataclass(frozen=True)
class Histories:
    """AIM on starts and steps; ``rho`` is set by ``calibrate``."""

    mechanism: Aim
    rho: float | None = None

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Histories:
        """The generator with the largest ρ that, composed with ``beside``, costs ``guarantee``."""

        def event(rho: float) -> DpEvent:
            return ComposedDpEvent([beside, ZCDpEvent(rho)])

        return replace(self, rho=calibrate(guarantee, event, 1e-10, 1e4))

    def event(self) -> DpEvent:
        """ρ-zCDP."""
        if self.rho is None:
            raise ValueError("calibrate first")
        return ZCDpEvent(self.rho)

    def randomness(self) -> str:
        """Integer noise only."""
        return OPENDP

    def fit(self, rows: AnyRows, schema: Schema, paid: Paid, progress: Progress) -> HistoryModel:
        """Measure and fit; rows of a unit stand together, in order."""
        paid.covers(self.event())
        assert self.rho is not None
        mechanism, ask = self.mechanism, paid.transcript.answer
        share = start_share(schema)
        parts = whole(schema)

        def fitted(
            codec: RecordCodec,
            count: Counter,
            rho: float,
            about: str,
            each: int = 1,
            beside: Sequence[Measurement] = (),
        ) -> MarginalModel:
            tell = partial(progress, about)
            result = mechanism.run_weighed(count, codec, ask, tell, rho, each, beside)
            return MarginalModel(codec.schema, result.model, result.measurements, paid.charge)

        codec, count = counted_starts(rows, schema)
        start = fitted(codec, count, share * self.rho, "measuring first rows")
        codec, count = counted_steps(rows, schema, parts)
        known = placed(start, codec.schema, schema.max_rows_per_unit, parts)
        left = (1 - share) * self.rho
        step = fitted(codec, count, left, "measuring what follows", parts, [known])
        return HistoryModel(schema, start, step, paid.charge)


def counted_starts(rows: AnyRows, schema: Schema) -> tuple[RecordCodec, Counter]:
    """The table of starts."""
    codec = RecordCodec(start_schema(schema))
    starts = (codec.encode(start_frame(*part, schema)) for part in people_at_once(rows))
    return codec, Counter.gathered(codec.domain, starts, rows.room)


def counted_steps(rows: AnyRows, schema: Schema, parts: int) -> tuple[RecordCodec, Counter]:
    """The table of steps, a unit's of which weigh ``parts`` together."""
    codec = RecordCodec(step_schema(schema))

    def steps() -> Iterator[tuple[Columns, Counts]]:
        for frame, units in people_at_once(rows):
            weight = weights(units[places(units) > 1], parts)
            yield codec.encode(step_frame(frame, units, schema)), weight

    return codec, Counter.weighed(codec.domain, steps(), rows.room)


def start_share(schema: Schema) -> float:
    """The part of ρ that the starts get."""
    starts = len(start_schema(schema).columns)
    return starts / (starts + TWICE * max(1, len(varying(schema))))


def placed(start: MarginalModel, steps: Schema, most: int, parts: int) -> Measurement:
    """How the number of rows, the place of a step and whether it is the last go together, by how many units
    were measured to have so many rows: each is every place of its own alike.
    """
    (rows,) = (m for m in start.measurements if m.clique == (ROWS,))
    size = np.repeat(np.arange(2, most + 1), np.arange(1, most))
    place = np.concatenate([np.arange(2, n + 1) for n in range(2, most + 1)])
    clique = (ROWS, PLACE, LAST)
    labels = told(place, size, steps)
    codes = [Codec(steps).columns[n].encode(labels[n]) for n in clique]
    shape = tuple(Codec(steps).domain[n] for n in clique)
    counts = np.zeros(shape)
    np.add.at(counts, tuple(codes), rows.counts[size - 1] / (size - 1))
    return Measurement(clique, np.rint(parts * counts).astype(np.int64), parts * rows.sigma)


@dataclass(frozen=True)
class HistoryModel:
    """Graphical models of starts and of steps."""

    schema: Schema
    start: MarginalModel
    step: MarginalModel
    charge: str

    @cached_property
    def walk(self) -> Walk:
        return Walk.of(self.schema, self.start, self.step.model)

    @property
    def rows(self) -> int:
        """The noisy estimate of the number of train rows."""
        return max(1, round(self.start.rows * self.walk.rows_each))

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Whole histories of as many units as it takes to have ``n`` rows; identifiers fresh."""
        return self.walk.histories(n, rng)

    def narrowed(self, asked: Where) -> HistoryModel | None:
        """The model of units whose constants may be as asked."""
        start = self.start.narrowed(asked)
        return None if start is None else replace(self, start=start)

    def save(self, folder: Path) -> None:
        """schema.yaml, model.json, and the tables of starts and steps."""
        (folder / "schema.yaml").write_text(self.schema.to_yaml(), encoding="utf-8")
        content = {"kind": "histories", "charge": self.charge}
        (folder / "model.json").write_text(json.dumps(content), encoding="utf-8")
        for name, part in (("starts", self.start), ("steps", self.step)):
            (folder / name).mkdir()
            part.save_tables(folder / name)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that ``save`` wrote."""
        schema = load_schema(folder / "schema.yaml")
        charge = json.loads((folder / "model.json").read_text(encoding="utf-8"))["charge"]
        start = MarginalModel.load_tables(folder / "starts", start_schema(schema))
        step = MarginalModel.load_tables(folder / "steps", step_schema(schema))
        return cls(schema, start, step, charge)
