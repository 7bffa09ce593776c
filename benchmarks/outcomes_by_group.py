"""How well AIM keeps the rate of an event in each group that a schema declares.

    python benchmarks/outcomes_by_group.py FLCHAIN.csv FRAMINGHAM.csv.gz [--name NAME] [--seeds 8]

FLCHAIN.csv is what examples/flchain.py writes, FRAMINGHAM.csv.gz the examinations of the teaching data set.
P(event | group) among as many synthetic people minus that among the train people, for each group of each
subgroup: its mean over the draws (bias), the mean of its size (expected error), and the largest distance
between their Kaplan–Meier curves. "limit": the expected error if all ρ were spent on the counts of one table.
One entry of results/outcomes_by_group.json a name; people and noise are drawn anew for each seed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from dp_accounting import NoOpDpEvent
from lifelines import KaplanMeierFitter

sys.path.insert(0, str(Path(__file__).parent))

from cohorts import Cohort, cohorts

from generators.alone import fit_alone
from generators.marginals.generator import Aim
from privacy.accounting.guarantee import Guarantee
from privacy.schema.codec import Codec
from privacy.schema.schema import Survival
from privacy.stored.rows import Rows

RESULTS = Path(__file__).parent / "results" / "outcomes_by_group.json"
DELTA = 1e-6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("flchain", type=Path, metavar="FLCHAIN.csv")
    parser.add_argument("framingham", type=Path, metavar="FRAMINGHAM.csv.gz")
    parser.add_argument("--name", default="now")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--cohorts", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    guarantee = Guarantee(asked.epsilon, DELTA)
    known = cohorts(asked.flchain, asked.framingham)
    for name in asked.cohorts or known:
        found = {"epsilon": asked.epsilon, "delta": DELTA, "seeds": asked.seeds}
        found["groups"] = over_draws(known[name](), guarantee, asked.seeds)
        kept = json.loads(asked.results.read_text("utf-8")) if asked.results.exists() else {}
        kept.setdefault(asked.name, {})[name] = found
        asked.results.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        print(name, json.dumps(found), flush=True)


def over_draws(cohort: Cohort, guarantee: Guarantee, seeds: int) -> dict[str, Any]:
    """Group → how its rate and its curve come out."""
    generator = Aim().calibrate(guarantee, cohort.schema, NoOpDpEvent())
    pairs = []
    for seed in range(seeds):
        train = cohort.draw(seed)
        pairs.append(
            (by_group(train, cohort), by_group(synthetic(generator, train, cohort, seed), cohort))
        )
    found: dict[str, Any] = {}
    for group in pairs[0][0]:
        real, copy = zip(*((r[group], c[group]) for r, c in pairs), strict=True)
        errors = np.array([c["rate"] - r["rate"] for r, c in zip(real, copy, strict=True)])
        people = float(np.mean([r["people"] for r in real]))
        rate = float(np.mean([r["rate"] for r in real]))
        apart = [np.abs(r["curve"] - c["curve"]).max() for r, c in zip(real, copy, strict=True)]
        found[group] = {
            "share": round(people / cohort.size, 3),
            "rate": round(rate, 3),
            "bias": round(float(errors.mean()), 4),
            "expected_error": round(float(np.abs(errors).mean()), 4),
            "root_mean_square": round(float(np.sqrt((errors**2).mean())), 4),
            "curve": round(float(np.mean(apart)), 4),
            "limit": round(limit(generator.calibrated_rho, people, rate), 4),
        }
    large = [g for g in found.values() if g["share"] >= 0.1]
    found["largest, groups of a tenth or more"] = {
        key: max(g[key] for g in large) for key in ("expected_error", "curve", "limit")
    } | {"bias": max((g["bias"] for g in large), key=abs)}
    return found


def limit(rho: float, people: float, rate: float) -> float:
    """E|error| of a rate read off two counts with noise of σ² = 1/(2ρ) each."""
    spread = math.sqrt((rate**2 + (1 - rate) ** 2) / (2 * rho)) / people
    return spread * math.sqrt(2 / math.pi)


def synthetic(generator: Aim, train: pd.DataFrame, cohort: Cohort, seed: int) -> pd.DataFrame:
    """As many synthetic people."""
    with tempfile.TemporaryDirectory() as folder:
        model = fit_alone(
            generator,
            cohort.schema,
            Rows(train, np.arange(len(train))),
            Guarantee(100.0, 1e-3),
            Path(folder),
            lambda what, share: None,
        )
    return model.sample(len(train), np.random.default_rng(seed))


def by_group(frame: pd.DataFrame, cohort: Cohort) -> dict[str, dict[str, Any]]:
    """Group → how many people, the rate of the event among them and their Kaplan–Meier curve."""
    codec, target = Codec(cohort.schema), cohort.schema.targets[0]
    assert isinstance(target, Survival)
    event = frame[target.event].isin(target.event_values).to_numpy()
    time = frame[target.time].to_numpy(dtype=float)
    bins = codec.columns[target.time].bins
    assert bins is not None
    grid = bins.edges[1:-2]
    found = {}
    for subgroup in cohort.schema.subgroups:
        number, labels = codec.groups(subgroup)
        group = number[codec.columns[subgroup.column].encode(frame[subgroup.column])]
        for i, label in enumerate(labels):
            inside = group == i
            curve = KaplanMeierFitter().fit(time[inside], event[inside]).predict(grid)
            found[f"{subgroup.name}: {label}"] = {
                "people": int(inside.sum()),
                "rate": float(event[inside].mean()),
                "curve": curve.to_numpy(),
            }
    return found


if __name__ == "__main__":
    main()
