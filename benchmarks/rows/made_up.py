"""Made-up hospital stays whose numbers are as people write them down, and whose schema says nothing of it.

79 % of costs are 0, the others have two decimals; most stays have no night, and some hundreds; heights are
multiples of 5; one laboratory value in two is rounded to .5; one admission in four is booked on the first of a
month. Bins and decimals are left out of the schema, as a first draft leaves them.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from privacy.schema.schema import Schema

ROWS = 6_250
NO_COST, NO_NIGHT, ROUNDED, FIRST = 0.79, 0.69, 0.5, 0.25
WARDS = ("medicine", "surgery", "cardiology", "children", "eyes")

SCHEMA = Schema.model_validate(
    {
        "name": "zero-inflated",
        "description": "Made-up hospital stays.",
        "source": "none",
        "columns": {
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "age": {"kind": "integer", "bounds": [0, 110], "bins": 22},
            "ward": {"kind": "categorical", "categories": WARDS},
            "admitted": {"kind": "datetime", "bounds": ["2012-01-01", "2020-12-31"]},
            "nights": {"kind": "integer", "bounds": [0, 3000], "out_of_range": "clamp"},
            "cost": {"kind": "float", "bounds": [0, 50000], "out_of_range": "clamp"},
            "height": {"kind": "integer", "bounds": [100, 230]},
            "haemoglobin": {"kind": "float", "bounds": [2, 25], "out_of_range": "clamp"},
            "crp": {"kind": "float", "bounds": [0, 600], "out_of_range": "clamp"},
            "readmitted": {"kind": "categorical", "categories": ["no", "yes"]},
        },
        "targets": [{"task": "classification", "column": "readmitted", "positive": ["yes"]}],
        "subgroups": [{"column": "sex"}, {"column": "age", "bands": [0, 40, 65, 80, 110]}],
    }
)


def texts(rng: np.random.Generator) -> pa.Table:
    """The stays as the texts of a file."""
    male = rng.random(ROWS) < 0.48
    age = np.clip(rng.normal(58, 19, ROWS), 0, 105).astype(int)
    ward = rng.choice(len(WARDS), ROWS, p=[0.4, 0.25, 0.2, 0.05, 0.1])
    stays = rng.random(ROWS) > NO_NIGHT
    nights = np.where(stays, rng.geometric(1 / 52, ROWS), 0)
    pays = rng.random(ROWS) < np.where(stays, 0.45, 0.103)
    pays[np.flatnonzero(pays)[int((1 - NO_COST) * ROWS) :]] = False
    cost = np.where(pays, np.exp(rng.normal(6.3, 0.9, ROWS)) * (1 + nights / 60), 0)
    height = 5 * np.round((np.where(male, 177, 165) + rng.normal(0, 7, ROWS)) / 5)
    rounded = rng.random((2, ROWS)) < ROUNDED
    blood = np.where(male, 14.6, 13.2) - 0.01 * nights.clip(0, 200) + rng.normal(0, 1.4, ROWS)
    crp = np.exp(rng.normal(1.2, 1.1, ROWS) + 0.6 * stays)
    day = np.datetime64("2012-01-01") + rng.integers(0, 365 * 8, ROWS)
    first = day.astype("datetime64[M]").astype("datetime64[D]")
    day = np.where(rng.random(ROWS) < FIRST, first, day)
    again = rng.random(ROWS) < 1 / (
        1 + np.exp(3.2 - 0.02 * age - 0.5 * stays - 0.1 * np.log1p(crp))
    )
    columns = {
        "sex": np.where(male, "M", "F"),
        "age": age,
        "ward": np.array(WARDS)[ward],
        "admitted": day,
        "nights": nights,
        "cost": [f"{c:.2f}" for c in cost.clip(0, 49_000)],
        "height": height.clip(130, 215).astype(int),
        "haemoglobin": _laboratory(blood.clip(4, 20), rounded[0]),
        "crp": _laboratory(crp.clip(0.1, 500), rounded[1]),
        "readmitted": np.where(again, "yes", "no"),
    }
    return pa.table({name: pa.array([str(v) for v in values]) for name, values in columns.items()})


def _laboratory(values: np.ndarray, rounded: np.ndarray) -> list[str]:
    """With one decimal; ``rounded``: to .5."""
    return [f"{v:.1f}" for v in np.where(rounded, np.round(2 * values) / 2, values)]
