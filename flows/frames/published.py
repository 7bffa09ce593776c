"""A published folder's rows and what goes with them, for whoever writes them in another format.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evaluators.pages.drawing.page import loss
from flows.frames.export import read_synthetic
from flows.frames.tables import parts, tables
from privacy.errors import InputError
from privacy.schema.schema import Schema, load_schema

ROWS = "data"
"""What a table of rows that are not linked is called."""


@dataclass(frozen=True, eq=False)
class Published:
    """The tables of a folder: rows in canonical frames, each under a schema of its own; and its label."""

    frames: Mapping[str, pd.DataFrame]
    schemas: Mapping[str, Schema]
    label: Mapping[str, Any]

    @property
    def short(self) -> str:
        """What the rows are and under what promise, on one short line of ASCII."""
        guarantee = self.label["guarantee"]
        epsilon, delta = f"{guarantee['epsilon']:.4g}", f"{guarantee['delta']:g}"
        return f"Synthetic. epsilon={epsilon} delta={delta} per {guarantee['unit']}"

    @property
    def notes(self) -> list[str]:
        """The same in full: what it is a copy of, the promise, and the licence."""
        guarantee, release = self.label["guarantee"], self.label["release"]
        unit, epsilon, delta = (
            guarantee["unit"],
            loss(guarantee["epsilon"]),
            loss(guarantee["delta"]),
        )
        licence = release.get("license") or "none is stated; ask whoever published these rows"
        return [
            f"A synthetic copy of {release['data_set']}: every row is invented.",
            f"Differential privacy: ε = {epsilon}, δ = {delta}, for one {unit}.",
            f"Licence: {licence}.",
            "The whole label is label.json of the published folder; hand both on.",
        ]


def check_published(public: Path) -> Schema:
    """The schema of a published folder. Raises InputError where it is none."""
    for name in ("schema.yaml", "data.parquet", "data.csv", "label.json"):
        if not (public / name).exists():
            raise InputError(
                f"{public / name}: not there; give the folder that was published, …/public"
            )
    return load_schema(public / "schema.yaml")


def read_published(public: Path) -> Published:
    """Its tables where rows are linked, else its rows. Raises InputError where it is no such folder."""
    schema = check_published(public)
    frame = read_synthetic(public / "data.csv", schema)
    known = {name: part.schema for name, part in parts(schema).items()}
    label = json.loads((public / "label.json").read_text(encoding="utf-8"))
    if not known:
        return Published({ROWS: frame}, {ROWS: schema}, label)
    return Published(tables(frame, schema), known, label)
