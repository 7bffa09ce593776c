"""Histories of units by AIM: roots, one row a unit, then step after step, each given the one before it.

Two tables (``privacy.histories``) share one ρ by what is drawn from them. Of the roots marginals are measured as
ever. Of the steps they are measured with weights: a unit's steps weigh one together, however many there are.
Every pair of a column's value before and after is measured before anything is selected; nothing is
measured of columns that are all known before a row is drawn. A history is a root, which says how many rows it
has, and rows drawn from the steps' graphical model given root, place and row before (``given``).

Weighing by one over the number of rows is the choice that keeps sensitivity at one; since the number of rows is
a column of the steps, what depends on it may be found like anything else.

Privacy claim: ρ-zCDP for a unit with all its rows, under adding or removing one: it changes each marginal of the
roots by one, and each of the steps by its ``whole`` parts at most, in L1 and so in L2, beside noise and scores
scaled to as many (``privacy.histories.tables.weights``). ``sample`` is post-processing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from dp_accounting import DpEvent, ZCDpEvent

from generators.base import Generator, Progress
from generators.marginals.aim import MEGABYTES
from generators.marginals.counting import Counter
from generators.marginals.generator import Aim, MarginalModel
from generators.marginals.walk import Walk
from privacy.accounting.guarantee import Guarantee
from privacy.histories.schemas import root_schema, step_schema, varying
from privacy.histories.tables import root_frame, step_frame, weights, whole
from privacy.ledger.paid import Paid
from privacy.noise import OPENDP
from privacy.records.codec import RecordCodec
from privacy.schema.schema import Schema, load_schema
from privacy.table import Rows

TWICE = 2
"""A column of the steps counts for so many of the roots: each is drawn given itself."""


@dataclass(frozen=True)
class Histories:
    """AIM on roots and steps; ``rho`` is set by ``Aim.calibrate``."""

    megabytes: float = MEGABYTES
    rho: float | None = None

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Generator:
        """As AIM is."""
        return Aim(megabytes=self.megabytes).calibrate(guarantee, schema, beside)

    def event(self) -> DpEvent:
        """ρ-zCDP."""
        if self.rho is None:
            raise ValueError("calibrate first")
        return ZCDpEvent(self.rho)

    def randomness(self) -> str:
        """Integer noise only."""
        return OPENDP

    def fit(self, rows: Rows, schema: Schema, paid: Paid, progress: Progress) -> HistoryModel:
        """Measure and fit; rows of a unit stand together, in order."""
        paid.covers(self.event())
        assert self.rho is not None
        mechanism, ask = Aim(megabytes=self.megabytes), paid.transcript.answer
        share = root_share(schema)
        parts = whole(schema)

        def fitted(
            table: Schema, frame: pd.DataFrame, rho: float, weight: np.ndarray | None, told: str
        ) -> MarginalModel:
            codec = RecordCodec(table)
            count = Counter.of(codec.domain, codec.encode(frame), weight)
            each = 1 if weight is None else parts
            result = mechanism.run_weighed(count, codec, ask, partial(progress, told), rho, each)
            return MarginalModel(table, result.model, result.measurements, paid.charge)

        roots = root_frame(rows.frame, rows.units, schema)
        root = fitted(root_schema(schema), roots, share * self.rho, None, "measuring people")
        steps = step_frame(rows.frame, rows.units, schema)
        step = fitted(
            step_schema(schema),
            steps,
            (1 - share) * self.rho,
            weights(rows.units, parts),
            "measuring their rows",
        )
        return HistoryModel(schema, root, step, paid.charge)


def root_share(schema: Schema) -> float:
    """The part of ρ that the roots get."""
    roots = len(root_schema(schema).columns)
    return roots / (roots + TWICE * max(1, len(varying(schema))))


@dataclass(frozen=True)
class HistoryModel:
    """Graphical models of roots and of steps."""

    schema: Schema
    root: MarginalModel
    step: MarginalModel
    charge: str

    @cached_property
    def walk(self) -> Walk:
        return Walk.of(self.schema, self.root, self.step.model)

    @property
    def rows(self) -> int:
        """The noisy estimate of the number of train rows."""
        return max(1, round(self.root.rows * self.walk.rows_each))

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Whole histories of as many units as it takes to have ``n`` rows; identifiers fresh."""
        return self.walk.histories(n, rng)

    def save(self, folder: Path) -> None:
        """schema.yaml, model.json, and the tables of roots and steps."""
        (folder / "schema.yaml").write_text(self.schema.to_yaml(), encoding="utf-8")
        content = {"kind": "histories", "charge": self.charge}
        (folder / "model.json").write_text(json.dumps(content), encoding="utf-8")
        for name, part in (("roots", self.root), ("steps", self.step)):
            (folder / name).mkdir()
            part.save_tables(folder / name)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that ``save`` wrote."""
        schema = load_schema(folder / "schema.yaml")
        charge = json.loads((folder / "model.json").read_text(encoding="utf-8"))["charge"]
        root = MarginalModel.load_tables(folder / "roots", root_schema(schema))
        step = MarginalModel.load_tables(folder / "steps", step_schema(schema))
        return cls(schema, root, step, charge)
