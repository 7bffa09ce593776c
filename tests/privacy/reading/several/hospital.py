"""A made-up hospital in several tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

Tables = dict[str, pd.DataFrame]

LABS = {"Sodium": ("NA1", "mmol/L"), "Glucose": ("GL2", "mg/dL"), "pH": ("PH3", "")}
DOSES = {"metformin": ["500", "850"], "ramipril": ["2.5", "5"], "aspirin": ["100"]}


def made(patients: int = 150, seed: int = 0) -> Tables:
    """Patients and stays, a death and allergies of patients, labs and prescriptions of stays.

    Of each laboratory value and drug there is at most one a stay; a twentieth of the values is missing.
    """
    rng = np.random.default_rng(seed)
    ids = [f"P{i:04}" for i in range(patients)]
    people = pd.DataFrame(
        {
            "patient_id": ids,
            "sex": rng.choice(["F", "M"], patients),
            "mrn": rng.permutation(90000)[:patients],
        }
    )
    stays, allergies = [], []
    for i in ids:
        day = pd.Timestamp("2018-01-01") + pd.Timedelta(days=int(rng.integers(700)))
        allergies += [(i, a) for a in ("latex", "nuts", "penicillin") if rng.random() < 0.3]
        for _ in range(rng.integers(1, 5)):
            stays.append((i, day.date(), rng.choice(["home", "elsewhere"])))
            day += pd.Timedelta(days=int(rng.integers(5, 200)))
    stay = pd.DataFrame(stays, columns=["patient_id", "admitted", "went"])
    stay.insert(0, "stay_id", [f"S{i}" for i in rng.permutation(len(stay))])
    labs, drugs = [], []
    for _, s in stay.iterrows():
        for test in rng.permutation(list(LABS))[: rng.integers(4)]:
            code, unit = LABS[test]
            value = round(
                {"Sodium": 140, "Glucose": 110, "pH": 7.4}[test] + rng.normal(), 1 + (test == "pH")
            )
            value = "" if rng.random() < 0.05 else int(value) if test == "Glucose" else value
            labs.append((s.stay_id, code, test, unit, value, s.admitted))
        for drug in rng.permutation(list(DOSES))[: rng.integers(4)]:
            drugs.append((s.stay_id, s.patient_id, drug, rng.choice(DOSES[drug])))
    lab = pd.DataFrame(labs, columns=["stay_id", "code", "test", "unit", "value", "taken"])
    drug = pd.DataFrame(drugs, columns=["stay_id", "patient_id", "drug", "dose"])
    drug.insert(0, "order_id", np.arange(len(drug)))
    died = people.sample(frac=0.2, random_state=seed)[["patient_id"]].assign(died_on="2021-05-05")
    died["died_on"] = [f"2021-0{rng.integers(1, 10)}-1{rng.integers(10)}" for _ in range(len(died))]
    allergy = pd.DataFrame(allergies, columns=["patient_id", "allergen"])
    return {
        "patients": people,
        "stays": stay,
        "labs": lab,
        "prescriptions": drug,
        "deaths": died,
        "allergies": allergy,
    }


def written(tables: Tables, folder: Path, **form: str) -> list[Path]:
    """A CSV file of each."""
    folder.mkdir(exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, **form)  # type: ignore[arg-type]
    return [folder / f"{name}.csv" for name in tables]
