"""Write a made-up cohort for one of the tutorials in docs/tutorials; nobody is behind its rows.

    python examples/made_up.py hospital patients.csv
    python examples/made_up.py survival trial.csv
    python examples/made_up.py visits FOLDER            # patients.csv and visits.csv
    python examples/made_up.py images scans.npz

The same rows every time. What goes with what is plausible medicine at best, and no claim.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd


def hospital(out: Path, n: int = 4000) -> None:
    """Semicolons and decimal commas, as many a hospital's system writes them: one row an admitted person."""
    rng = np.random.default_rng(1)
    age = np.clip(rng.gamma(20, 3.2, n), 18, 99).astype(int)
    sex = rng.choice(["F", "M"], n)
    smoker = rng.choice(["never", "former", "current"], n, p=[0.5, 0.3, 0.2])
    creatinine = np.round(
        np.exp(rng.normal(-0.25 + 0.006 * (age - 60) + 0.2 * (sex == "M"), 0.3)), 1
    )
    ward = np.where(age > 75, "geriatrics", rng.choice(["medicine", "surgery", "cardiology"], n))
    nights = np.minimum(rng.geometric(1 / (2 + 0.06 * age)), 60)
    risk = -1.6 + 0.03 * (age - 60) + 0.5 * (smoker == "current") + 0.9 * (creatinine > 1.3)
    again = rng.random(n) < logistic(risk + 0.05 * nights)
    admitted = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 730, n), unit="D")
    unknown = rng.random(n) < 0.06
    table = pd.DataFrame(
        {
            "patient": np.arange(100_000, 100_000 + n),
            "admitted": admitted.strftime("%d.%m.%Y"),
            "age": age,
            "sex": sex,
            "smoker": np.where(rng.random(n) < 0.04, "NA", smoker),
            "ward": ward,
            "nights": nights,
            "creatinine": np.where(unknown, -9, np.clip(creatinine, 0.3, 9)),
            "readmitted": np.where(again, "yes", "no"),
        }
    )
    table.to_csv(out, index=False, sep=";", decimal=",", float_format="%.1f")


def survival(out: Path, n: int = 5000) -> None:
    """A trial of two arms: months to death or to the end of follow-up."""
    rng = np.random.default_rng(2)
    age = np.clip(rng.normal(63, 10, n), 30, 89).astype(int)
    sex = rng.choice(["F", "M"], n, p=[0.45, 0.55])
    arm = rng.choice(["standard", "new"], n)
    stage = rng.choice(["I", "II", "III", "IV"], n, p=[0.25, 0.3, 0.3, 0.15])
    hazard = 0.012 * np.exp(0.03 * (age - 63) + 0.55 * np.char.count(stage, "I") * (stage != "IV"))
    hazard = np.where(stage == "IV", 0.012 * np.exp(0.03 * (age - 63) + 2.1), hazard)
    death = rng.exponential(1 / (hazard * np.where(arm == "new", 0.6, 1)))
    end = rng.uniform(24, 72, n)
    table = pd.DataFrame(
        {
            "age": age,
            "sex": sex,
            "arm": arm,
            "stage": stage,
            "months": np.floor(np.minimum(death, end)).astype(int),
            "died": (death <= end).astype(int),
        }
    )
    table.to_csv(out, index=False)


def visits(out: Path, n: int = 4000) -> None:
    """People, and their visits: blood pressure, HbA1c, and a diabetes that stays once it is there."""
    rng = np.random.default_rng(3)
    people, rows = [], []
    for who in range(n):
        sex, age = rng.choice(["F", "M"]), int(rng.integers(35, 80))
        sugar = rng.normal(5.4 + 0.02 * (age - 55), 0.5)
        pressure = rng.normal(120 + 0.4 * (age - 35), 12)
        day, ill = int(rng.integers(0, 365)), sugar > 6.4
        born = f"{(2020 - age) // 10 * 10}s"
        people.append({"patient": f"P{who:05d}", "sex": sex, "birth_decade": born})
        for _ in range(1 + rng.binomial(4, 0.6)):
            rows.append(
                {
                    "patient": f"P{who:05d}",
                    "day": day,
                    "hba1c": round(float(np.clip(sugar, 4, 13)), 1),
                    "systolic": int(np.clip(pressure, 85, 220)),
                    "diabetes": "yes" if ill else "no",
                }
            )
            day += int(rng.choice([91, 182, 365], p=[0.4, 0.4, 0.2])) + int(rng.integers(-10, 11))
            sugar += rng.normal(-0.1 if ill else 0.12, 0.25)
            pressure += rng.normal(0.5, 6)
            ill = ill or sugar > 6.4
    out.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(people).to_csv(out / "patients.csv", index=False)
    pd.DataFrame(rows).to_csv(out / "visits.csv", index=False)


def images(out: Path, n: int = 1500, side: int = 16) -> None:
    """Grey scans of a round organ, some with a bright spot: arrays ``scan``, ``finding``, ``sex``."""
    rng = np.random.default_rng(4)
    finding, sex = rng.integers(0, 2, n), rng.integers(0, 2, n)
    y, x = np.mgrid[:side, :side]
    middle = (side - 1) / 2
    radius = rng.normal(5 + 0.8 * sex, 0.4)
    organ = 110 / (1 + np.exp(np.hypot(y - middle, x - middle)[None] - radius[:, None, None]))
    at = rng.normal(middle - 1.5, 0.8, (2, n))
    spot = 120 * np.exp(
        -((y[None] - at[0, :, None, None]) ** 2 + (x[None] - at[1, :, None, None]) ** 2) / 3
    )
    scan = 20 + organ + spot * finding[:, None, None] + rng.normal(0, 6, (n, side, side))
    np.savez_compressed(out, scan=np.clip(scan, 0, 255).astype(np.uint8), finding=finding, sex=sex)


def logistic(risk: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-risk)))


COHORTS = {"hospital": hospital, "survival": survival, "visits": visits, "images": images}


if __name__ == "__main__":
    COHORTS[sys.argv[1]](Path(sys.argv[2]))
