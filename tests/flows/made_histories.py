"""Histories that somebody might have drawn: canonical rows of patients under a schema with visits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.schema.schema import Schema

MOST = 5

SCHEMA = Schema.model_validate(
    {
        "name": "stays",
        "unit": "patient",
        "max_rows_per_unit": MOST,
        "columns": {
            "patient": {"kind": "identifier"},
            "visit": {"kind": "integer", "bounds": [1, MOST], "bins": MOST},
            "day": {"kind": "datetime", "bounds": ["2018-01-01", "2024-01-01"], "bins": 12},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "age": {"kind": "integer", "bounds": [0, 110], "bins": 11},
            "stage": {"kind": "ordinal", "categories": ["I", "II", "III", "IV"]},
            "weight": {"kind": "float", "bounds": [30, 150], "bins": 12, "decimals": 1},
            "crp": {
                "kind": "float",
                "bounds": [0, 300],
                "bins": 6,
                "missing": "keep",
                "decimals": 1,
            },
            "flare": {"kind": "categorical", "categories": ["no", "yes"]},
        },
        "targets": [{"task": "classification", "column": "flare", "positive": ["yes"]}],
        "subgroups": [{"column": "sex"}],
        "visits": {
            "order": "day",
            "constant": ["sex"],
            "numbered": ["visit"],
            "never_falls": ["stage"],
            "ages": {"age": 365.25},
        },
    }
)


def made(patients: int = 200, seed: int = 0) -> pd.DataFrame:
    """Patients with 1 to 5 rows, months apart, which stand together in their order; numbered from 1."""
    rng = np.random.default_rng(seed)
    stages = ["I", "II", "III", "IV"]
    lines = []
    for patient in range(1, patients + 1):
        day = pd.Timestamp("2018-01-01") + pd.Timedelta(days=int(rng.integers(700)))
        age, sex, weight = rng.integers(20, 80), rng.choice(["F", "M"]), rng.normal(75, 12)
        first, stage = day, int(rng.integers(2))
        for visit in range(1, int(rng.integers(1, MOST + 1)) + 1):
            grown = int(age + (day - first).days / 365.25)
            crp = np.nan if rng.random() < 0.2 else round(float(rng.gamma(2, 12)), 1)
            weighed = round(float(np.clip(weight, 30, 150)), 1)
            flare = "yes" if rng.random() < 0.25 else "no"
            lines.append((str(patient), visit, day, sex, grown, stages[stage], weighed, crp, flare))
            day += pd.Timedelta(days=int(rng.integers(40, 200)))
            stage = min(3, stage + int(rng.random() < 0.3))
            weight += rng.normal(0, 1.5)
    frame = pd.DataFrame(lines, columns=list(SCHEMA.columns))
    return frame.assign(day=frame["day"].astype("datetime64[s]"))
