"""Tables of many columns and few rows through AIM and MST: seconds, peak memory, and what was learned.

python benchmarks/wide_tables.py --rows 6000 --columns 80 --mechanism aim --epsilon 1

The input is made here: blocks of eight columns of 2 to 16 codes that follow one hidden class, a class that
follows that of the block before on some rows, a target that depends on three of them, and a small subgroup. One
JSON line a run is appended to results/wide_tables.jsonl; ``flows/stages/forecast.py`` goes by its seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from generators.marginals import aim as aim_module
from generators.marginals import mst as mst_module
from generators.marginals.counting.coded import Domain
from generators.marginals.counting.counter import Counter
from generators.marginals.model import Result, synthesize
from generators.marginals.rates import by_code
from generators.marginals.workload import workload
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee

RESULTS = Path(__file__).parent / "results" / "wide_tables.jsonl"
DELTA = 1e-6
BLOCK = 8
SIZES = (2, 3, 4, 6, 2, 10, 5, 16)
CLASSES = 6
TARGET, GROUP = "target", "group"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--columns", type=int, default=80)
    parser.add_argument("--mechanism", choices=["aim", "mst"], default="aim")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="of the table; noise cannot be seeded")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    domain, codes = table(options.rows, options.columns, np.random.default_rng(options.seed))
    load, seconds = os.getloadavg()[0], timed()
    wall, cpu = time.perf_counter(), time.process_time()
    count = Counter.of(domain, codes)
    found = run(options.mechanism, count, zcdp_budget(Guarantee(options.epsilon, DELTA)))
    fitted, worked = time.perf_counter() - wall, time.process_time() - cpu
    synthetic = Counter.of(domain, synthesize(found.model, options.rows, np.random.default_rng(0)))
    row = {
        "mechanism": options.mechanism,
        "rows": options.rows,
        "columns": options.columns,
        "epsilon": options.epsilon,
        "delta": DELTA,
        "seed": options.seed,
        "fit_seconds": round(fitted, 1),
        "cpu_seconds": round(worked, 1),
        "phases": {name: round(s, 1) for name, s in seconds.items()},
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "measurements": len(found.measurements),
        "codes": sum(found.model.compression.domain.values()),
        "model_cells": int(sum(m.size for m in found.model.marginals)),
        "learned": learned(synthetic, count),
        "load_before": round(load, 2),
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in ("numpy", "opendp")},
    }
    options.results.parent.mkdir(parents=True, exist_ok=True)
    with options.results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row, indent=1))


def run(mechanism: str, count: Counter, rho: float) -> Result:
    """The mechanism as the package uses it: AIM knows subgroup and target, MST does not."""
    ordered = {c: size for c, size in count.domain.items() if size >= 10}
    wall = time.perf_counter()

    def tell(share: float) -> None:
        print(f"{share:.0%} after {time.perf_counter() - wall:.0f} s", flush=True)

    if mechanism == "mst":
        return mst_module.mst(count, rho, ordered=ordered, progress=tell)
    rates = by_code(count.domain, [TARGET], [GROUP])
    weights = workload(count.domain, [TARGET], [GROUP])
    return aim_module.aim(
        count, weights, rho, rates=rates, targets=[TARGET], ordered=ordered, progress=tell
    )


def table(
    rows: int, columns: int, rng: np.random.Generator
) -> tuple[Domain, dict[str, npt.NDArray[np.uint8]]]:
    """A column gives its block's class away on three rows of five and is skewed noise on the others."""
    group = rng.choice(6, rows, p=[0.7, 0.15, 0.1, 0.03, 0.01, 0.01])
    codes = {GROUP: group.astype(np.uint8), TARGET: np.zeros(rows, dtype=np.uint8)}
    domain, chance = {GROUP: 6, TARGET: 2}, 0.1 + 0.1 * (group > 1)
    hidden = group
    for i in range(columns - 2):
        if i % BLOCK == 0:
            hidden = np.where(rng.random(rows) < 0.3, hidden, rng.integers(0, CLASSES, rows))
            chance += 0.25 * (hidden == 0) if i < 3 * BLOCK else 0.0
        name, size = f"c{i:03}", SIZES[i % BLOCK]
        noise = np.minimum(rng.geometric(3 / (size + 2), rows) - 1, size - 1)
        told = (hidden * size // CLASSES + i) % size
        codes[name] = np.where(rng.random(rows) < 0.6, told, noise).astype(np.uint8)
        domain[name] = size
    codes[TARGET] = (rng.random(rows) < chance).astype(np.uint8)
    return domain, codes


def learned(synthetic: Counter, real: Counter) -> dict[str, float]:
    """Mean total variation distance of pairs: in a block, across blocks, and of independent columns."""
    n = len(next(iter(real.codes.values())))
    found: dict[str, list[float]] = {"inside": [], "inside_if_independent": [], "between": []}
    for pair in combinations(real.domain, 2):
        a, b = (int(c[1:]) // BLOCK if c[1:].isdigit() else -1 for c in pair)
        counts = real.tally(pair) / n
        off = 0.5 * float(np.abs(synthetic.tally(pair) / n - counts).sum())
        found["inside" if a == b else "between"].append(off)
        if a == b:
            alone = np.outer(counts.sum(axis=1), counts.sum(axis=0))
            found["inside_if_independent"].append(0.5 * float(np.abs(alone - counts).sum()))
    return {name: round(float(np.mean(values)), 4) for name, values in found.items()}


def timed() -> dict[str, float]:
    """Adds up, from here on, the seconds spent in each part of the mechanisms."""
    seconds: dict[str, float] = {}

    def watch(owner: Any, name: str) -> None:
        function: Callable[..., Any] = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start

        patch.object(owner, name, call).start()

    for owner, name in [
        (aim_module, "fit"),
        (mst_module, "fit"),
        (aim_module, "sample"),
        (aim_module.Budget, "select"),
        (aim_module.Budget, "measure"),
    ]:
        watch(owner, name)
    return seconds


if __name__ == "__main__":
    main()
