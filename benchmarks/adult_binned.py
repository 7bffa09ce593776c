"""AIM and MST on the binned Adult table: how good, how fair, how fast.

python benchmarks/adult_binned.py DATA_DIR --mechanism aim --epsilon 1 --seeds 0 1 2

DATA_DIR holds adult.csv.gz and adult-domain.json. A seed draws a random 80 % to train; a classifier
is trained on as many synthetic rows and tested on the real 20 %. One JSON line a run is appended to
results/adult_binned.jsonl; runs that stand there are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, roc_auc_score
from xgboost import XGBClassifier

from generators.marginals import aim as aim_module
from generators.marginals import mst as mst_module
from generators.marginals.counting.counter import Counter
from generators.marginals.measurement import Budget
from generators.marginals.model import Result, synthesize
from generators.marginals.rates import by_code
from generators.marginals.workload import workload
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee

RESULTS = Path(__file__).parent / "results" / "adult_binned.jsonl"
DELTA = 1e-9
TARGET = "income>50K"
SUBGROUPS = ("race", "sex")
ORDERED = ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week")
PACKAGES = ("numpy", "opendp", "dp-accounting", "xgboost-cpu", "scikit-learn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--mechanism", choices=["aim", "mst"], default="aim")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.results.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in _lines(options.results)]
    for seed in options.seeds:
        run = {"mechanism": options.mechanism, "epsilon": options.epsilon, "seed": seed}
        if any(run.items() <= row.items() for row in done):
            print(f"{run} stands in {options.results.name}")
            continue
        row = run | evaluate(options.data, **run)
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row, indent=1))


def evaluate(data: Path, mechanism: str, epsilon: float, seed: int) -> dict[str, Any]:
    """One run: split, fit, sample, judge."""
    domain = json.loads((data / "adult-domain.json").read_text(encoding="utf-8"))
    table = pd.read_csv(data / "adult.csv.gz")
    order = np.random.default_rng(seed).permutation(len(table))
    split = int(0.8 * len(table))
    train, test = table.iloc[order[:split]], table.iloc[order[split:]]
    rho = zcdp_budget(Guarantee(epsilon=epsilon, delta=DELTA))
    load = os.getloadavg()[0]
    with phases() as seconds:
        wall, cpu = time.perf_counter(), time.process_time()
        count = Counter.of(domain, train)
        found = run_mechanism(mechanism, count, rho)
        synthetic = pd.DataFrame(synthesize(found.model, len(train), np.random.default_rng(seed)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "delta": DELTA,
        "rho": rho,
        "seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        "phases": {name: round(s, 1) for name, s in seconds.items()},
        "load_before": round(load, 2),
        "cores": os.cpu_count(),
        "measurements": len(found.measurements),
        "model_cells": int(sum(m.size for m in found.model.marginals)),
        "tvd2": round(tvd(synthetic, train, domain, 2), 4),
        "tvd3": round(tvd(synthetic, train, domain, 3), 4),
        **judge(synthetic, test),
        "real": judge(train, test),
        **rates(synthetic, train),
        "versions": {name: version(name) for name in PACKAGES},
    }


def run_mechanism(mechanism: str, count: Counter, rho: float) -> Result:
    """The mechanism as the package uses it: AIM knows subgroups and target, MST does not."""
    ordered = {c: count.domain[c] for c in ORDERED}
    if mechanism == "mst":
        return mst_module.mst(count, rho, ordered=ordered)
    rates = by_code(count.domain, [TARGET], SUBGROUPS)
    weights = workload(count.domain, [TARGET], SUBGROUPS)
    return aim_module.aim(count, weights, rho, rates=rates, targets=[TARGET], ordered=ordered)


def tvd(a: pd.DataFrame, b: pd.DataFrame, domain: dict[str, int], k: int) -> float:
    """The mean total variation distance over all k-way marginals."""
    x, y = Counter.of(domain, a), Counter.of(domain, b)
    return float(
        np.mean(
            [
                0.5 * np.abs(x.tally(r) / len(a) - y.tally(r) / len(b)).sum()
                for r in combinations(domain, k)
            ]
        )
    )


def judge(synthetic: pd.DataFrame, test: pd.DataFrame) -> dict[str, Any]:
    """Two classifiers trained on synthetic rows, tested on real ones."""
    x, y = synthetic.drop(columns=TARGET), synthetic[TARGET]
    real, truth = test.drop(columns=TARGET), test[TARGET]
    xgb = XGBClassifier(n_estimators=200, max_depth=6, learning_rate=0.1, n_jobs=2).fit(x, y)
    hist = HistGradientBoostingClassifier(random_state=0).fit(x, y)
    p, q = xgb.predict_proba(real)[:, 1], hist.predict_proba(real)[:, 1]
    races = {
        int(race): round(roc_auc_score(truth[rows], q[rows]), 4)
        for race in sorted(test["race"].unique())
        if truth[rows := (test["race"] == race).to_numpy()].nunique() == 2
    }
    return {
        "auroc_xgb": round(roc_auc_score(truth, p), 4),
        "auroc_hist": round(roc_auc_score(truth, q), 4),
        "f1_xgb": round(f1_score(truth, p > 0.5), 4),
        "auroc_hist_by_race": races,
        "auroc_best_race": max(races.values()),
        "auroc_worst_race": min(races.values()),
    }


def rates(synthetic: pd.DataFrame, train: pd.DataFrame) -> dict[str, Any]:
    """Shares of the races, and how far P(target | race) moved."""
    real = train.groupby("race")[TARGET].mean()
    fake = synthetic.groupby("race")[TARGET].mean().reindex(real.index)
    share = train["race"].value_counts(normalize=True)
    return {
        "race_share": {int(r): round(float(share[r]), 4) for r in real.index},
        "base_rate_error": {int(r): round(float(fake[r] - real[r]), 4) for r in real.index},
    }


@contextmanager
def phases() -> Iterator[dict[str, float]]:
    """Adds up the seconds spent in each part of the mechanisms."""
    seconds: dict[str, float] = {}

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start

        return call

    with ExitStack() as stack:
        for owner, attribute in [
            (aim_module, "fit"),
            (mst_module, "fit"),
            (aim_module, "sample"),
            (Budget, "select"),
            (Budget, "measure"),
        ]:
            function = timed(attribute.strip("_"), getattr(owner, attribute))
            stack.enter_context(patch.object(owner, attribute, function))
        yield seconds


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


if __name__ == "__main__":
    main()
