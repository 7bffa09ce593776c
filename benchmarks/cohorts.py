"""Survival cohorts of ordinary size for benchmarks: a schema each, and draws of so many people.

What the schemas say is of clinical cut-offs and design, as in ``configs/schemas``; none is read from the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import yaml
from lifelines.datasets import load_gbsg2

from privacy.reading.conform import conform
from privacy.reading.read import read_texts
from privacy.schema.schema import Schema, load_schema

ROOT = Path(__file__).parents[1]

FRAMINGHAM = """
name: framingham-first
columns:
  SEX: {kind: categorical, categories: ["1", "2"]}
  AGE: {kind: integer, bounds: [30, 74], bins: [30, 35, 40, 43, 46, 50, 53, 56, 60, 65, 74],
        out_of_range: clamp}
  SYSBP: {kind: float, bounds: [50, 320], bins: [50, 100, 110, 120, 130, 140, 150, 160, 180, 200, 320],
          decimals: 1, out_of_range: clamp}
  TOTCHOL: {kind: integer, bounds: [50, 1000], bins: [50, 170, 185, 200, 220, 240, 260, 280, 300, 350, 1000],
            out_of_range: clamp, missing: keep, missing_values: ["", NA]}
  BMI: {kind: float, bounds: [10, 80], bins: [10, 18.5, 20, 22, 24, 25, 26, 28, 30, 35, 80], decimals: 2,
        out_of_range: clamp, missing: keep, missing_values: ["", NA]}
  GLUCOSE: {kind: integer, bounds: [20, 1000], bins: [20, 60, 70, 80, 90, 100, 126, 200, 1000],
            out_of_range: clamp, missing: keep, missing_values: ["", NA]}
  CURSMOKE: {kind: categorical, categories: ["0", "1"]}
  DIABETES: {kind: categorical, categories: ["0", "1"]}
  PREVHYP: {kind: categorical, categories: ["0", "1"]}
  TIMEDTH: {kind: integer, bounds: [0, 8766], out_of_range: clamp,
            bins: [0, 366, 731, 1461, 2192, 2922, 3653, 4383, 5114, 5844, 6575, 7305, 8036, 8765, 8766]}
  DEATH: {kind: categorical, categories: ["0", "1"]}
targets: [{task: survival, time: TIMEDTH, event: DEATH}]
subgroups: [{column: SEX}, {column: AGE, bands: [30, 40, 50, 60, 74]}]
"""

GBSG = """
name: gbsg
columns:
  horTh: {kind: categorical, categories: ["no", "yes"]}
  age: {kind: integer, bounds: [18, 85], bins: [18, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 85],
        out_of_range: clamp}
  menostat: {kind: categorical, categories: [Pre, Post]}
  tsize: {kind: integer, bounds: [0, 200], bins: [0, 11, 16, 21, 26, 31, 41, 51, 71, 200], out_of_range: clamp}
  tgrade: {kind: ordinal, categories: [I, II, III]}
  pnodes: {kind: integer, bounds: [0, 60], bins: [0, 1, 2, 3, 4, 6, 8, 10, 15, 20, 60], out_of_range: clamp}
  progrec: {kind: integer, bounds: [0, 3000], bins: &receptor [0, 1, 5, 10, 20, 50, 100, 200, 500, 3000],
            out_of_range: clamp}
  estrec: {kind: integer, bounds: [0, 3000], bins: *receptor, out_of_range: clamp}
  time: {kind: integer, bounds: [0, 2922], out_of_range: clamp,
         bins: [0, 92, 183, 275, 366, 548, 731, 913, 1096, 1279, 1461, 1644, 1827, 2009, 2192, 2557, 2922]}
  cens: {kind: categorical, categories: ["0", "1"]}
targets: [{task: survival, time: time, event: cens}]
subgroups: [{column: age, bands: [18, 45, 55, 65, 85]}, {column: tgrade}, {column: menostat}]
"""


@dataclass(frozen=True)
class Cohort:
    """People inside their schema, and how many take part in a study."""

    schema: Schema
    people: pd.DataFrame
    size: int

    def draw(self, seed: int) -> pd.DataFrame:
        """So many different people; of a cohort that has fewer, so many with repeats."""
        rng = np.random.default_rng(seed)
        again = self.size > len(self.people)
        rows = rng.choice(len(self.people), self.size, replace=again)
        return self.people.iloc[np.sort(rows)].reset_index(drop=True)


def cohorts(flchain: Path, framingham: Path) -> dict[str, Callable[[], Cohort]]:
    """Name → the cohort, read when it is asked for."""
    free = load_schema(ROOT / "configs" / "schemas" / "flchain.yaml")
    study = Schema.model_validate(yaml.safe_load(FRAMINGHAM))
    breast = Schema.model_validate(yaml.safe_load(GBSG))

    def of(schema: Schema, texts: Callable[[], pa.Table], size: int) -> Callable[[], Cohort]:
        return lambda: Cohort(schema, conform(texts(), schema)[0], size)

    def first_examinations() -> pa.Table:
        rows = pd.read_csv(framingham, dtype=str, keep_default_na=False)
        first = rows.loc[rows["PERIOD"] == "1", list(study.columns)]
        return pa.Table.from_pandas(first, preserve_index=False)

    def trial() -> pa.Table:
        return pa.Table.from_pandas(load_gbsg2().astype(str))

    return {
        **{
            f"flchain {n:,}": of(free, lambda: read_texts([flchain], free), n)
            for n in (2000, 4000, 7874)
        },
        **{f"framingham {n:,}": of(study, first_examinations, n) for n in (2000, 4000)},
        "gbsg 2,200": of(breast, trial, 2200),
    }
