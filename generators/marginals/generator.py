"""AIM and MST as generators, and the model they leave.

Both measure marginals of the schema's codes with discrete Gaussian noise and fit a graphical model; see
``aim`` and ``mst`` for the mechanisms.

Privacy claim: ``fit`` is ρ-zCDP for the ρ that ``calibrate`` found and ``event()`` names; the number of rows
is private and only its noisy estimate leaves. ``sample`` is post-processing.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from dp_accounting import ComposedDpEvent, DpEvent, ZCDpEvent
from safetensors.numpy import load_file, save_file

from generators.base import Progress
from generators.marginals.aim import MEGABYTES, aim
from generators.marginals.counting import Counter
from generators.marginals.measurement import Ask, Measurement
from generators.marginals.model import GraphicalModel, Result, synthesize
from generators.marginals.mst import mst
from generators.marginals.workload import outcomes, workload
from generators.rows import draw_possible
from privacy.accounting import Guarantee, calibrate
from privacy.charges import Permit
from privacy.codec import Codec
from privacy.impossible import impossible_cells
from privacy.noise import OPENDP
from privacy.schema import Schema, load_schema
from privacy.table import Rows
from privacy.transcript import Transcript


@dataclass(frozen=True)
class MarginalModel:
    """A fitted graphical model, the noisy marginals behind it, and the charge that paid for them."""

    schema: Schema
    model: GraphicalModel
    measurements: tuple[Measurement, ...]
    charge: str

    @property
    def rows(self) -> int:
        """The noisy estimate of the number of train rows."""
        return max(1, round(self.model.total))

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """``n`` rows as a canonical frame; the same for the same generator state."""
        return draw_possible(lambda more: self._draw(more, rng), n, self.schema)

    def _draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        codes = pd.DataFrame(synthesize(self.model, n, rng))
        return Codec(self.schema).decode(codes, rng)

    def save(self, folder: Path) -> None:
        """schema.yaml, model.json and arrays.safetensors."""
        structure, arrays = self.model.to_plain()
        described = []
        for i, m in enumerate(self.measurements):
            arrays[f"measured.{i}"] = m.counts
            described.append({"clique": list(m.clique), "sigma": m.sigma})
        content = {
            "kind": "marginals",
            "charge": self.charge,
            "structure": structure,
            "measurements": described,
        }
        (folder / "schema.yaml").write_text(self.schema.to_yaml(), encoding="utf-8")
        (folder / "model.json").write_text(json.dumps(content), encoding="utf-8")
        save_file(
            {k: np.ascontiguousarray(v) for k, v in arrays.items()}, folder / "arrays.safetensors"
        )

    @classmethod
    def load(cls, folder: Path) -> MarginalModel:
        """The model that ``save`` wrote."""
        content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        arrays = load_file(folder / "arrays.safetensors")
        measurements = tuple(
            Measurement(tuple(m["clique"]), arrays.pop(f"measured.{i}"), m["sigma"])
            for i, m in enumerate(content["measurements"])
        )
        model = GraphicalModel.from_plain(content["structure"], arrays)
        return cls(load_schema(folder / "schema.yaml"), model, measurements, content["charge"])


@dataclass(frozen=True)
class Marginals(ABC):
    """What AIM and MST share; ``rho`` is set by ``calibrate`` and by nothing else."""

    rho: float | None = field(default=None, metadata={"calibrated": True})

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Self:
        """The generator with the largest ρ that, composed with ``beside``, costs ``guarantee``."""

        def event(rho: float) -> DpEvent:
            return ComposedDpEvent([beside, ZCDpEvent(rho)])

        return replace(self, rho=calibrate(guarantee, event, 1e-10, 1e4))

    def event(self) -> DpEvent:
        """ρ-zCDP, known without data."""
        return ZCDpEvent(self.calibrated_rho)

    @property
    def calibrated_rho(self) -> float:
        if self.rho is None:
            raise ValueError("calibrate first")
        return self.rho

    def fit(
        self,
        rows: Rows,
        schema: Schema,
        permit: Permit,
        transcript: Transcript,
        progress: Progress,
    ) -> MarginalModel:
        """Measure and fit; ``rows`` are canonical and ``schema`` complete."""
        permit.covers(self.event(), transcript.attempt)
        codec = Codec(schema)
        count = Counter.of(codec.domain, codec.encode(rows.frame))
        result = self.run(count, codec, transcript.answer, partial(progress, "measuring"))
        return MarginalModel(schema, result.model, result.measurements, permit.charge.hash)

    def randomness(self) -> str:
        """Integer noise only."""
        return OPENDP

    @abstractmethod
    def run(
        self, count: Counter, codec: Codec, ask: Ask, progress: Callable[[float], None]
    ) -> Result:
        """The mechanism on counted codes."""


@dataclass(frozen=True)
class Aim(Marginals):
    """AIM (arXiv 2201.12677): marginals are chosen one after another where the model is worst.

    ``megabytes``: the largest graphical model; larger is more faithful and slower.
    """

    megabytes: float = MEGABYTES

    def run(
        self, count: Counter, codec: Codec, ask: Ask, progress: Callable[[float], None]
    ) -> Result:
        targets, groups = _roles(codec.schema)
        return aim(
            count,
            workload(codec.domain, targets, groups),
            self.calibrated_rho,
            sensitivity=codec.schema.max_rows_per_unit,
            required=outcomes(codec.domain, targets, groups),
            ordered=_ordered(codec),
            zeros=impossible_cells(codec),
            megabytes=self.megabytes,
            ask=ask,
            progress=progress,
        )


@dataclass(frozen=True)
class Mst(Marginals):
    """MST (arXiv 2108.04978): a tree of pairs, chosen once; faster and less faithful than AIM."""

    def run(
        self, count: Counter, codec: Codec, ask: Ask, progress: Callable[[float], None]
    ) -> Result:
        return mst(
            count,
            self.calibrated_rho,
            sensitivity=codec.schema.max_rows_per_unit,
            ordered=_ordered(codec),
            ask=ask,
            progress=progress,
        )


def _roles(schema: Schema) -> tuple[set[str], set[str]]:
    """Target columns and subgroup columns."""
    return {c for t in schema.targets for c in t.columns}, {s.column for s in schema.subgroups}


def _ordered(codec: Codec) -> set[str]:
    """Columns whose neighbouring codes may be merged: bins of numbers without codes of another kind."""
    return {n for n, c in codec.columns.items() if c.n_bins == c.size or c.column.kind == "ordinal"}
