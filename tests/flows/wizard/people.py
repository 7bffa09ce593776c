"""Made-up patients and their draft, for tests of the wizard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 3000


def patients(path: Path, rows: int = ROWS, odd: str = "C & D") -> Path:
    """A CSV of made-up patients, one row each: age, sex, ward, dates, death. ``odd``: a third ward."""
    rng = np.random.default_rng(3)
    age = rng.integers(18, 96, rows)
    admitted = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 700, rows), "D")
    died = rng.random(rows) < 0.15 + 0.5 * (age - 18) / 78
    frame = pd.DataFrame(
        {
            "mrn": [f"P{100_000 + i}" for i in range(rows)],
            "age": age,
            "sex": rng.choice(["F", "M"], rows),
            "ward": rng.choice(["A#1", "B", odd], rows),
            "admitted": admitted.strftime("%d.%m.%Y"),
            "discharged": (admitted + pd.to_timedelta(rng.integers(0, 20, rows), "D")).strftime("%d.%m.%Y"),
            "died": died.astype(int),
        }
    )  # fmt: skip
    frame.to_csv(path, index=False)
    return path
