"""A public toy table that audits train on: made up here, nobody's data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.reading.images import unstack
from privacy.schema.schema import Schema

WIDE = tuple("abcdefgh")
SCHEMA = Schema.model_validate(
    {
        "name": "toy",
        "columns": {
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "ward": {"kind": "categorical", "categories": list(WIDE)},
            "drug": {"kind": "categorical", "categories": list(WIDE)},
            "code": {"kind": "categorical", "categories": list(WIDE)},
            "age": {"kind": "integer", "bounds": [0, 99], "bins": 10},
            "dose": {"kind": "integer", "bounds": [0, 99], "bins": 10},
            "ill": {"kind": "categorical", "categories": ["0", "1"]},
        },
        "targets": [{"task": "classification", "column": "ill", "positive": ["1"]}],
        "subgroups": [{"column": "sex"}],
    }
)

PICTURES = Schema.model_validate(
    SCHEMA.model_dump()
    | {"columns": {**SCHEMA.columns, "scan": {"kind": "image", "height": 8, "width": 8}}}
)
"""The same columns and a picture."""


def people(n: int, seed: int) -> pd.DataFrame:
    """``n`` rows that are alike: few codes are common and the others rare."""
    rng = np.random.default_rng(seed)
    common = np.array([0.6, 0.3, 0.04, 0.02, 0.01, 0.01, 0.01, 0.01])
    return _frame(
        n,
        rng,
        common,
        age=rng.integers(0, 60, n),
        dose=np.clip(rng.poisson(8, n), 0, 99),
        ill=0.2,
    )


def with_pictures(frame: pd.DataFrame, seed: int, strange: bool) -> pd.DataFrame:
    """The rows with a picture each: a dim square in the middle, or for strangers anything at all."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 256, (len(frame), 8, 8, 1))
    if not strange:
        pictures //= 8
        pictures[:, 2:6, 2:6] += 96
    return frame.assign(scan=unstack(pictures.astype(np.uint8)))


def strangers(n: int, seed: int) -> pd.DataFrame:
    """``n`` rows like nobody: every code as likely as every other."""
    rng = np.random.default_rng(seed)
    age, dose = (rng.integers(0, 100, n) for _ in range(2))
    return _frame(n, rng, np.full(8, 1 / 8), age=age, dose=dose, ill=0.5)


def _frame(
    n: int, rng: np.random.Generator, p: np.ndarray, age: np.ndarray, dose: np.ndarray, ill: float
) -> pd.DataFrame:
    wide = {c: rng.choice(WIDE, n, p=p).astype(object) for c in ("ward", "drug", "code")}
    return pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n).astype(object),
            **wide,
            "age": pd.Series(age, dtype="Int64"),
            "dose": pd.Series(dose, dtype="Int64"),
            "ill": rng.choice(["0", "1"], n, p=[1 - ill, ill]).astype(object),
        }
    )
