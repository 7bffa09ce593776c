"""How well AIM keeps the rate of an event in each band of a subgroup, beside what the same rows hold.

    python benchmarks/outcomes_by_group.py FLCHAIN.csv [--name NAME] [--epsilon 1] [--seeds 8]

FLCHAIN.csv is what examples/flchain.py writes. Deaths among the free light chain cohort by band of age, of a
survival target: synthetic minus train rows, over random 80 % of the people. One entry of
results/outcomes_by_group.json a name; the noise of a fit is new each time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from dp_accounting import NoOpDpEvent

from generators.alone import fit_alone
from generators.marginals.generator import Aim
from privacy.accounting.guarantee import Guarantee
from privacy.reading.conform import conform
from privacy.reading.read import read_texts
from privacy.schema.schema import Schema, load_schema
from privacy.table import Rows

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "outcomes_by_group.json"
BANDS = (50, 60, 70, 80, 111)
DELTA = 1e-6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, metavar="FLCHAIN.csv")
    parser.add_argument("--name", default="now")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=8)
    asked = parser.parse_args()
    schema = load_schema(ROOT / "configs" / "schemas" / "flchain.yaml")
    people, _ = conform(read_texts([asked.table], schema), schema)
    guarantee = Guarantee(asked.epsilon, DELTA)
    errors = np.array([of_fit(people, schema, guarantee, seed) for seed in range(asked.seeds)])
    found = {
        "epsilon": asked.epsilon,
        "delta": DELTA,
        "seeds": asked.seeds,
        "bands": [f"{a} to {b - 1}" for a, b in pairwise(BANDS)],
        "mean": errors.mean(axis=0).round(4).tolist(),
        "root_mean_square": np.sqrt((errors**2).mean(axis=0)).round(4).tolist(),
    }
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(kept | {asked.name: found}, indent=1) + "\n", "utf-8")
    print(json.dumps(found, indent=1))


def of_fit(people: pd.DataFrame, schema: Schema, guarantee: Guarantee, seed: int) -> list[float]:
    """Synthetic minus train rate of death, by band of age."""
    chosen = np.random.default_rng(seed).random(len(people)) < 0.8
    train = people[chosen].reset_index(drop=True)
    generator = Aim().calibrate(guarantee, schema, NoOpDpEvent())
    with tempfile.TemporaryDirectory() as folder:
        model = fit_alone(
            generator,
            schema,
            Rows(train, np.arange(len(train))),
            guarantee,
            Path(folder),
            lambda what, share: None,
        )
    synthetic = model.sample(len(train), np.random.default_rng(seed))
    return (rates(synthetic) - rates(train)).tolist()


def rates(frame: pd.DataFrame) -> pd.Series:
    """The share who died, by band of age."""
    band = pd.cut(frame["age"].astype(float), list(BANDS), right=False)
    return (frame["death"].astype(str) == "1").groupby(band, observed=False).mean()


if __name__ == "__main__":
    main()
