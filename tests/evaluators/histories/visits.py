"""Made-up people who come to a clinic again and again, and ways to spoil their histories."""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.schema.schema import Schema

MOST = 6

SCHEMA = Schema.model_validate(
    {
        "name": "visits",
        "unit": "person",
        "max_rows_per_unit": MOST,
        "columns": {
            "person": {"kind": "identifier"},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "visit": {"kind": "integer", "bounds": [1, MOST], "bins": MOST},
            "day": {"kind": "datetime", "bounds": ["2010-01-01", "2019-12-31"], "bins": 20},
            "age": {"kind": "integer", "bounds": [18, 110], "bins": 23},
            "stage": {"kind": "ordinal", "categories": ["I", "II", "III"]},
            "weight": {"kind": "float", "bounds": [30, 150], "bins": 24, "decimals": 1},
            "pain": {"kind": "integer", "bounds": [0, 10], "bins": 11, "missing": "keep"},
            "ward": {"kind": "categorical", "categories": ["a", "b", "c"]},
            "flare": {"kind": "categorical", "categories": ["0", "1"]},
            "died": {"kind": "categorical", "categories": ["0", "1"]},
        },
        "targets": [
            {"task": "classification", "column": "flare", "positive": ["1"]},
            {"task": "classification", "column": "died", "positive": ["1"]},
        ],
        "subgroups": [{"column": "sex"}, {"column": "age", "bands": [18, 55, 110]}],
        "visits": {
            "order": "day",
            "constant": ["sex", "died"],
            "numbered": ["visit"],
            "never_falls": ["stage"],
            "ages": {"age": 365.25},
        },
    }
)


def people(n: int, seed: int) -> pd.DataFrame:
    """Rows of n fresh people, person by person and in order; 1 to MOST rows each."""
    rng = np.random.default_rng(seed)
    sizes = 1 + rng.binomial(MOST - 1, 0.45, n)
    person = np.repeat(np.arange(n), sizes)
    first = np.r_[True, person[1:] != person[:-1]]
    number = np.arange(len(person)) - np.flatnonzero(first)[person]
    total = len(person)
    gap = np.where(first, 0, rng.integers(20, 120, total))
    since = np.cumsum(gap) - np.cumsum(gap)[np.flatnonzero(first)[person]]
    day = np.datetime64("2011-01-01", "s") + (rng.integers(0, 1500, n)[person] + since).astype(
        "timedelta64[D]"
    )
    born = rng.uniform(30, 85, n)[person]
    frail = rng.normal(size=n)[person]
    worse = rng.random(total) < 0.15 + 0.1 * (frail > 0)
    steps = np.cumsum(np.where(first, 0, worse))
    steps = steps - steps[np.flatnonzero(first)[person]]
    stage = np.clip(steps + (frail > 0.5), 0, 2)
    weight = np.clip(75 + 12 * rng.normal(size=n)[person] + 1.5 * rng.normal(size=total), 30, 150)
    pain = np.clip(np.round(4 + 2 * frail + 1.2 * rng.normal(size=total)), 0, 10)
    ward = np.where(
        rng.random(total) < 0.8, rng.integers(0, 3, n)[person], rng.integers(0, 3, total)
    )
    flare = rng.random(total) < 1 / (1 + np.exp(1.2 - 1.2 * frail))
    died = (rng.random(n) < 1 / (1 + np.exp(1.0 - 1.5 * frail[first])))[person]
    return pd.DataFrame(
        {
            "person": [f"p{seed}-{i}" for i in person],
            "sex": rng.choice(["F", "M"], n)[person],
            "visit": pd.Series(number + 1, dtype="Int64"),
            "day": day,
            "age": pd.Series(np.floor(born + since / 365.25).astype(int), dtype="Int64"),
            "stage": np.array(["I", "II", "III"], dtype=object)[stage],
            "weight": np.round(weight, 1),
            "pain": pd.Series(pain.astype(int), dtype="Int64").where(rng.random(total) > 0.1),
            "ward": np.array(["a", "b", "c"], dtype=object)[ward],
            "flare": np.where(flare, "1", "0"),
            "died": np.where(died, "1", "0"),
        }
    )


def dealt(
    frame: pd.DataFrame, columns: tuple[str, ...] | None = None, seed: int = 0
) -> pd.DataFrame:
    """The rows, or some of their columns, dealt to people at random."""
    order = np.random.default_rng(seed).permutation(len(frame))
    names = [n for n in frame if n not in ("person", "visit")] if columns is None else list(columns)
    return frame.assign(**{n: frame[n].iloc[order].reset_index(drop=True) for n in names})


def flattened(frame: pd.DataFrame) -> pd.DataFrame:
    """Every row a person of its own."""
    return frame.assign(
        person=[str(i) for i in range(len(frame))],
        visit=pd.Series(1, index=frame.index, dtype="Int64"),
    )
