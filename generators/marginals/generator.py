"""AIM and MST as generators, and the model they leave.

Both measure marginals of the schema's codes with discrete Gaussian noise and fit a graphical model; see
``aim`` and ``mst`` for the mechanisms.

Privacy claim: ``fit`` is ρ-zCDP for the ρ that ``calibrate`` found and ``event()`` names; the number of rows
is private and only its noisy estimate leaves. ``sample`` is post-processing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from dp_accounting import ComposedDpEvent, DpEvent, ZCDpEvent
from safetensors.numpy import load_file, save_file

from generators.base import Progress
from generators.marginals.aim import aim
from generators.marginals.counting import Counter
from generators.marginals.measurement import Measurement
from generators.marginals.model import GraphicalModel, synthesize
from generators.marginals.mst import mst
from generators.marginals.workload import outcomes, workload
from privacy.accounting import Guarantee, calibrate
from privacy.codec import Codec
from privacy.ledger import Permit
from privacy.schema import Schema, load_schema
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
        codes = pd.DataFrame(synthesize(self.model, n, rng))
        return Codec(self.schema).decode(codes, rng)

    def save(self, folder: Path) -> None:
        """schema.yaml, model.json and arrays.safetensors."""
        structure, arrays = self.model.to_arrays()
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
        model = GraphicalModel.from_arrays(content["structure"], arrays)
        return cls(load_schema(folder / "schema.yaml"), model, measurements, content["charge"])


@dataclass(frozen=True)
class Marginals:
    """What AIM and MST share; ``rho`` is set by ``calibrate`` and by nothing else.

    ``max_size_mb``: the largest graphical model, in megabytes of its clique marginals.
    """

    max_size_mb: float = 1.0
    rho: float | None = field(default=None, metadata={"calibrated": True})

    mechanism: ClassVar[Callable[..., Any]]

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Marginals:
        """The generator with the largest ρ that, composed with ``beside``, costs ``guarantee``."""

        def event(rho: float) -> DpEvent:
            return ComposedDpEvent([beside, ZCDpEvent(rho)])

        return replace(self, rho=calibrate(guarantee, event, 1e-10, 1e4))

    def event(self) -> DpEvent:
        """ρ-zCDP, known without data."""
        if self.rho is None:
            raise ValueError("calibrate first")
        return ZCDpEvent(self.rho)

    def fit(
        self,
        frame: pd.DataFrame,
        schema: Schema,
        permit: Permit,
        transcript: Transcript,
        progress: Progress,
    ) -> MarginalModel:
        """Measure and fit; ``frame`` is canonical and ``schema`` complete."""
        permit.covers(self.event())
        codec = Codec(schema)
        columns = {c for t in schema.targets for c in t.columns}
        groups = {s.column for s in schema.subgroups}
        model, measurements = type(self).mechanism(
            Counter.of(codec.domain, codec.encode(frame)),
            codec.domain,
            workload(codec.domain, columns, groups),
            self.rho,
            sensitivity=schema.max_rows_per_unit,
            required=outcomes(codec.domain, columns, groups),
            max_size_mb=self.max_size_mb,
            transcript=transcript,
            progress=progress,
        )
        return MarginalModel(schema, model, tuple(measurements), permit.charge.hash)


@dataclass(frozen=True)
class Aim(Marginals):
    """AIM (arXiv 2201.12677): marginals are chosen one after another where the model is worst."""

    mechanism = staticmethod(aim)


@dataclass(frozen=True)
class Mst(Marginals):
    """MST (arXiv 2108.04978): a tree of pairs, chosen once; faster and less faithful than AIM."""

    mechanism = staticmethod(mst)
