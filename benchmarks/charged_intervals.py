"""Charged figures: how often their intervals hold the truth, and how wide they are.

    python benchmarks/charged_intervals.py --runs 200

A made-up population whose true figures are known from a million people: a classification and a survival target,
two subgroups of which the smallest group has 6 % of the people. Models are trained once, on 10,000 synthetic
people of a slightly different population; then, for every size of holdout and ε (δ = 1e-6), people are drawn,
asked with noise, and scored, again and again. One JSON line a setting goes to results/charged_intervals.jsonl:
for each figure the share of intervals that hold the truth, their mean width and how often there was none.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluators.charged.lenses import Lens, lens
from evaluators.charged.people import People
from evaluators.charged.questions import measure
from evaluators.charged.scores import scores_of
from evaluators.score import Score
from evaluators.tables import Tables
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

RESULTS = Path(__file__).parent / "results" / "charged_intervals.jsonl"
DELTA = 1e-6
POPULATION = 1_000_000
EXACT = 1e9
"""A ρ whose noise is nothing."""

SCHEMA = Schema.model_validate(
    {
        "name": "cohort",
        "columns": {
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "site": {"kind": "categorical", "categories": ["A", "B", "C"]},
            "age": {"kind": "integer", "bounds": [20, 89], "bins": 14},
            "marker": {"kind": "float", "bounds": [-6, 6], "bins": 12},
            "ill": {"kind": "categorical", "categories": ["no", "yes"]},
            "died": {"kind": "categorical", "categories": ["0", "1"]},
            "days": {"kind": "integer", "bounds": [0, 2000], "bins": 20},
        },
        "targets": [
            {"task": "classification", "column": "ill", "positive": ["yes"]},
            {"task": "survival", "time": "days", "event": "died"},
        ],
        "subgroups": [{"column": "sex"}, {"column": "site"}],
    }
)


def people(n: int, rng: np.random.Generator, strength: float = 1.0) -> pd.DataFrame:
    """n people; ``strength``: how much the risk follows age and marker."""
    age, marker = rng.integers(20, 90, n), np.clip(rng.normal(size=n), -6, 6)
    site = rng.choice(["A", "B", "C"], n, p=[0.6, 0.34, 0.06])
    risk = strength * (0.04 * (age - 55) + 0.9 * marker) + 0.4 * (site == "C") - 0.6
    time_to_death = rng.exponential(900 * np.exp(-0.5 * risk))
    followed = rng.uniform(100, 2000, n)
    return pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n),
            "site": site,
            "age": age,
            "marker": marker,
            "ill": np.where(rng.random(n) < 1 / (1 + np.exp(-risk)), "yes", "no"),
            "died": np.where(time_to_death < followed, "1", "0"),
            "days": np.minimum(np.minimum(time_to_death, followed), 2000).astype(int),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", nargs="+", type=int, default=[1000, 3000, 10_000])
    parser.add_argument("--epsilon", nargs="+", type=float, default=[0.5, 1.0, 2.0, 4.0])
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    synthetic, fresh = people(10_000, rng, 0.8), people(10_000, rng, 0.8)
    tables = Tables(synthetic, synthetic, synthetic, SCHEMA)
    lenses = [found for t in SCHEMA.targets if (found := lens(tables, fresh, t)) is not None]
    truth = asked(people(POPULATION, rng), synthetic, fresh, lenses, EXACT)
    for n in options.people:
        for epsilon in options.epsilon:
            began, rho = time.perf_counter(), zcdp_budget(Guarantee(epsilon, DELTA))
            runs = [
                asked(people(n, rng), synthetic, fresh, lenses, rho) for _ in range(options.runs)
            ]
            row = {
                "people": n,
                "epsilon": epsilon,
                "delta": DELTA,
                "runs": options.runs,
                "figures": summary(truth, runs),
                "seconds": round(time.perf_counter() - began, 1),
            }
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps({k: v for k, v in row.items() if k != "figures"}), flush=True)


Key = tuple[str, str, str]


def asked(
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    fresh: pd.DataFrame,
    lenses: list[Lens],
    rho: float,
) -> dict[Key, Score]:
    """All scores of one holdout, by metric, slice and target; k-marginals are left out, to save time."""
    tables = Tables(synthetic, holdout, synthetic, SCHEMA)
    people, drawn = (People.of(Rows.of(f), tables, lenses) for f in (holdout, synthetic))
    answers = measure(tables, people, drawn, lenses, rho, lambda question, draw: draw())
    answers.apart.clear()
    scores = scores_of(tables, drawn, fresh, lenses, answers)
    return {(s.metric, s.slice, s.target): s for s in scores}


KINDS = (
    "base_rate",
    "tpr",
    "fpr",
    "ppv",
    "auroc",
    "calibration_gap",
    "c_index",
    "share",
    "tpr.gap",
)


def summary(truth: dict[Key, Score], runs: list[dict[Key, Score]]) -> list[dict[str, Any]]:
    """For each figure and kind of slice: coverage, mean width of intervals, share without one."""
    held: dict[tuple[str, int], list[tuple[bool, float]]] = defaultdict(list)
    none: dict[tuple[str, int], int] = defaultdict(int)
    for scores in runs:
        for key, score in scores.items():
            kind, true = key[0].removeprefix("charged."), truth[key].value
            if kind not in KINDS or true is None:
                continue
            place = kind, score.order
            if score.status != "ok" or score.low is None or score.high is None:
                none[place] += 1
            else:
                held[place].append((score.low <= true <= score.high, score.high - score.low))
    return [
        {
            "figure": kind,
            "order": order,
            "coverage": round(float(np.mean([c for c, _ in found])), 4),
            "width": round(float(np.mean([w for _, w in found])), 4),
            "intervals": len(found),
            "none": round(none[kind, order] / (none[kind, order] + len(found)), 3),
        }
        for (kind, order), found in sorted(held.items())
    ]


if __name__ == "__main__":
    main()
