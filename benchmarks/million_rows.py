"""A million rows of forty columns through AIM: seconds and peak memory.

python benchmarks/million_rows.py

The input is made here: a chain of dependent columns of 2 to 60 codes, a target that depends on
several of them, and a small subgroup. One JSON line a run is appended to
results/million_rows.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from generators.marginals.aim import aim
from generators.marginals.counting.coded import Domain
from generators.marginals.counting.counter import Counter
from generators.marginals.model import synthesize
from generators.marginals.rates import by_code
from generators.marginals.workload import workload
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee

RESULTS = Path(__file__).parent / "results" / "million_rows.jsonl"
SIZES = (2, 5, 8, 12, 16, 24, 40, 60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    domain, codes = table(options.rows, options.columns, np.random.default_rng(0))
    load = os.getloadavg()[0]
    wall, cpu = time.perf_counter(), time.process_time()
    count = Counter.of(domain, codes)
    found = aim(
        count,
        workload(domain, ["target"], ["group"]),
        zcdp_budget(Guarantee(epsilon=1.0, delta=1e-9)),
        rates=by_code(domain, ["target"], ["group"]),
        targets=["target"],
        ordered={c: size for c, size in domain.items() if size >= 24},
        progress=lambda share: print(f"{share:.0%} after {time.perf_counter() - wall:.0f} s"),
    )
    fitted = time.perf_counter() - wall
    synthetic = Counter.of(domain, synthesize(found.model, options.rows, np.random.default_rng(0)))
    seconds = time.perf_counter() - wall
    row = {
        "rows": options.rows,
        "columns": options.columns,
        "fit_seconds": round(fitted, 1),
        "sample_seconds": round(seconds - fitted, 1),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "measurements": len(found.measurements),
        "tvd2": round(tvd(synthetic, count, options.rows), 4),
        "load_before": round(load, 2),
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in ("numpy", "opendp")},
    }
    options.results.parent.mkdir(parents=True, exist_ok=True)
    with options.results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row, indent=1))


def table(
    rows: int, columns: int, rng: np.random.Generator
) -> tuple[Domain, dict[str, npt.NDArray[np.uint8]]]:
    """Each column follows the one before it on half of the rows and is skewed noise on the
    others.
    """
    domain: dict[str, int] = {"group": 6, "target": 2}
    codes = {"group": rng.choice(6, rows, p=[0.7, 0.15, 0.1, 0.03, 0.01, 0.01]).astype(np.uint8)}
    codes["target"] = np.zeros(rows, dtype=np.uint8)
    before = codes["group"]
    for i in range(columns - 2):
        name, size = f"c{i:02}", SIZES[i % len(SIZES)]
        noise = np.minimum(rng.geometric(3 / (size + 2), rows) - 1, size - 1)
        codes[name] = np.where(rng.random(rows) < 0.5, before % size, noise).astype(np.uint8)
        domain[name] = size
        before = codes[name]
    score = 0.1 + 0.2 * (codes["c03"] > 4) + 0.2 * (codes["c06"] > 9) + 0.1 * (codes["group"] > 1)
    codes["target"] = (rng.random(rows) < score).astype(np.uint8)
    return domain, codes


def tvd(a: Counter, b: Counter, rows: int) -> float:
    """The mean total variation distance over all pairs."""
    pairs = list(combinations(a.domain, 2))
    return float(np.mean([0.5 * np.abs(a.tally(r) - b.tally(r)).sum() / rows for r in pairs]))


if __name__ == "__main__":
    main()
