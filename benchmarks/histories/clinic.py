"""A small made-up clinic: patients with up to six visits, four on average, whose values hang together.

- weight and kidney function (eGFR) drift, blood pressure keeps to a level of the patient's own;
- a stage rises with how frail somebody is and never falls; treatment follows stage and flares;
- flares come by stage, treatment and the flare before, and raise CRP; a fifth of its values are missing.

clinic.yaml describes it. Nobody is behind it.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import pyarrow as pa
from histories.long_form import as_texts

MOST = 6
SMOKING, STAGES, TREATMENTS = (
    np.array(names, dtype=object)
    for names in (
        ["never", "former", "current"],
        ["I", "II", "III", "IV"],
        ["none", "A", "B", "C"],
    )
)
FIRST_TREATMENT = np.cumsum(
    [[0.6, 0.3, 0.08, 0.02], [0.3, 0.4, 0.25, 0.05], [0.1, 0.3, 0.4, 0.2], [0.05, 0.15, 0.4, 0.4]],
    axis=1,
)
"""By stage."""


def clinic(patients: int, seed: int) -> pa.Table:
    """The visits as the texts of a file; the same for the same seed."""
    rng = np.random.default_rng(seed)
    sizes = 1 + rng.binomial(MOST - 1, 0.6, patients)
    male, age = rng.random(patients) < 0.45, np.clip(rng.normal(56, 15, patients), 19, 92)
    frail, pressure = rng.normal(size=patients), 9 * rng.normal(size=patients)
    level = 118 + 0.35 * (age - 50) + pressure
    day = np.datetime64("2018-02-01", "s") + rng.integers(0, 1000, patients).astype(
        "timedelta64[D]"
    )
    begun, alive = day, np.arange(patients)
    now = {
        "stage": np.searchsorted([-0.3, 0.8, 1.8], frail + 0.3 * rng.normal(size=patients)),
        "weight": np.where(male, 84, 70) + 13 * rng.normal(size=patients),
        "sbp": level + 5 * rng.normal(size=patients),
        "egfr": 95 - 0.7 * (age - 50) - 6 * frail + 10 * rng.normal(size=patients),
        "smoking": rng.choice(3, patients, p=[0.5, 0.3, 0.2]),
        "flared": np.zeros(patients, dtype=bool),
    }
    now["treatment"] = (rng.random(patients)[:, None] > FIRST_TREATMENT[now["stage"]]).sum(axis=1)
    seen = defaultdict(list)
    for visit in range(1, MOST + 1):
        if visit > 1:
            on = sizes[alive] >= visit
            alive, now = (
                alive[on],
                _later({n: v[on] for n, v in now.items()}, alive[on], frail, level, rng),
            )
            gap = np.clip(rng.gamma(4, 30, len(alive)), 14, 700).astype(int)
            day = day[on] + gap.astype("timedelta64[D]")
        n = len(alive)
        risk = -2.2 + 0.9 * now["stage"] - 0.5 * now["treatment"] + now["flared"]
        now["flared"] = rng.random(n) < 1 / (1 + np.exp(-risk))
        crp = np.exp(0.9 + 0.25 * now["stage"] + 1.4 * now["flared"] + 0.6 * rng.normal(size=n))
        since = (day - begun[alive]).astype("timedelta64[D]").astype(float)
        row = {
            "patient": alive,
            "visit": np.full(n, visit),
            "day": day,
            "sex": np.where(male[alive], "M", "F"),
            "age": np.floor(age[alive] + since / 365.25).astype(int),
            "smoking": SMOKING[now["smoking"]],
            "stage": STAGES[now["stage"]],
            "treatment": TREATMENTS[now["treatment"]],
            "weight": np.clip(now["weight"], 30, 200),
            "sbp": np.clip(np.round(now["sbp"]), 60, 260).astype(int),
            "crp": np.where(rng.random(n) < 0.2, np.nan, np.clip(crp, 0, 300)),
            "egfr": np.where(rng.random(n) < 0.1, np.nan, np.clip(np.round(now["egfr"]), 1, 200)),
            "flare": np.where(now["flared"], "yes", "no"),
        }
        for name, values in row.items():
            seen[name].append(values)
    frame = pd.DataFrame({name: np.concatenate(parts) for name, parts in seen.items()})
    frame = frame.sort_values(["patient", "visit"], ignore_index=True)
    frame = frame.assign(egfr=frame["egfr"].astype("Int64"))
    return pa.table({name: as_texts(column) for name, column in frame.items()})


def _later(
    was: dict[str, np.ndarray],
    who: np.ndarray,
    frail: np.ndarray,
    level: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """What a visit finds, given the one before."""
    n = len(who)
    worse = rng.random(n) < 0.06 + 0.05 * (frail[who] > 0.5)
    changed = np.where(was["flared"], np.minimum(3, was["treatment"] + 1), rng.integers(0, 4, n))
    stopped = (was["smoking"] == 2) & (rng.random(n) < 0.1)
    return {
        "stage": np.minimum(3, was["stage"] + worse),
        "weight": was["weight"] + 1.3 * rng.normal(size=n) - 0.4 * was["flared"],
        "sbp": level[who] + 0.5 * (was["sbp"] - level[who]) + 6 * rng.normal(size=n),
        "egfr": was["egfr"] - 0.6 + 3 * rng.normal(size=n),
        "smoking": np.where(stopped, 1, was["smoking"]),
        "flared": was["flared"],
        "treatment": np.where(rng.random(n) < 0.15, changed, was["treatment"]),
    }
