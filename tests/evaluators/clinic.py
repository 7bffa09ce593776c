"""A made-up clinic: as many people as wanted from one known population, and its schema."""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.schema.schema import Schema

SCHEMA = Schema.model_validate(
    {
        "name": "clinic",
        "unit": "person",
        "columns": {
            "person": {"kind": "identifier"},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "site": {"kind": "categorical", "categories": ["A", "B", "C"]},
            "age": {"kind": "integer", "bounds": [20, 89], "bins": 14},
            "marker": {"kind": "float", "bounds": [-6, 6], "bins": 12, "missing": "keep"},
            "dose": {"kind": "integer", "bounds": [1, 20], "bins": 10, "special": ["N"]},
            "seen": {
                "kind": "datetime",
                "bounds": ["2010-01-01", "2019-12-31"],
                "bins": 10,
                "missing": "keep",
            },
            "back": {"kind": "categorical", "categories": ["no", "yes"]},
            "died": {"kind": "categorical", "categories": ["0", "1"]},
            "days": {"kind": "integer", "bounds": [0, 2000], "bins": 20},
            "cost": {"kind": "float", "bounds": [0, 200], "bins": 20},
        },
        "targets": [
            {"task": "classification", "column": "back", "positive": ["yes"]},
            {"task": "survival", "time": "days", "event": "died"},
            {"task": "regression", "column": "cost"},
        ],
        "subgroups": [{"column": "sex"}, {"column": "site"}],
        "impossible": [{"dose": {"values": ["N"]}, "cost": {"min": 150}}],
    }
)
"""Site D is declared, and has no people."""


def people(n: int, seed: int) -> pd.DataFrame:
    """n fresh people as a canonical frame; site C has about 6 % of them."""
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 90, n)
    marker = np.clip(rng.normal(size=n), -6, 6)
    treated = rng.random(n) < 0.7
    risk = 0.05 * (age - 55) + 1.2 * marker
    dose = pd.Series(np.where(treated, rng.integers(1, 21, n), 0)).astype(object)
    dose[~treated] = "N"
    event_time = rng.exponential(900 * np.exp(-0.6 * risk))
    followed = rng.uniform(100, 2000, n)
    cost = np.clip(60 + 12 * risk + 8 * rng.normal(size=n), 0, 149)
    seen = np.datetime64("2010-01-01", "s") + rng.integers(0, 3650, n).astype("timedelta64[D]")
    frame = pd.DataFrame(
        {
            "person": [f"p{seed}-{i}" for i in range(n)],
            "sex": rng.choice(["F", "M"], n),
            "site": rng.choice(["A", "B", "C"], n, p=[0.58, 0.36, 0.06]),
            "age": pd.Series(age, dtype="Int64"),
            "marker": np.where(rng.random(n) < 0.1, np.nan, marker),
            "dose": dose,
            "seen": pd.Series(seen).where(rng.random(n) > 0.05),
            "back": np.where(rng.random(n) < 1 / (1 + np.exp(0.8 - risk)), "yes", "no"),
            "died": np.where(event_time <= followed, "1", "0"),
            "days": pd.Series(np.minimum(event_time, followed).astype(int), dtype="Int64"),
            "cost": cost,
        }
    )
    return frame
