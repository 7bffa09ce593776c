"""How long the judge takes: seconds of every metric on 50,000 + 10,000 real and 50,000 synthetic rows.

    python benchmarks/judge_speed.py DATA_DIR [--only NAME ...] [--output FILE]

DATA_DIR holds national2019.csv.gz (24 columns, 27,253 people). All three tables are drawn from its
people with replacement, numbers anew inside their bin; the synthetic one takes a tenth of every
column from other people. The budget is 300 s for the suite on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from evaluators.evaluate import ON_PREDICTIONS, ON_TABLES
from evaluators.score import Score
from evaluators.tables import Tables
from evaluators.utility.predictions import predict_all
from privacy.reading.conform import conform
from privacy.reading.read import read_texts
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema, load_schema

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "configs" / "schemas" / "sdnist-national2019.yaml"
ROWS = {"train": 50_000, "holdout": 10_000, "synthetic": 50_000}
FROM_OTHERS = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--only", nargs="*", default=(), help="time these metrics alone")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "judge_speed.json"
    )
    given = parser.parse_args()
    load = os.getloadavg()[0]
    tables = resampled(given.data_dir / "national2019.csv.gz", load_schema(SCHEMA))
    rows = timed(tables, frozenset(given.only))
    found = {
        "rows": ROWS,
        "columns": len(tables.schema.modelled),
        "seconds": {name: row["seconds"] for name, row in rows.items()},
        "cpu_seconds": {name: row["cpu_seconds"] for name, row in rows.items()},
        "scores": {name: row["scores"] for name, row in rows.items()},
        "total_seconds": round(sum(row["seconds"] for row in rows.values()), 1),
        "total_cpu_seconds": round(sum(row["cpu_seconds"] for row in rows.values()), 1),
        "load_before": round(load, 2),
        "cores": os.cpu_count(),
        "versions": {n: version(n) for n in ("numpy", "pandas", "scikit-learn", "sdmetrics")},
    }
    given.output.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(f"{'total':<22}{found['total_seconds']:>8} s wall {found['total_cpu_seconds']:>8} s CPU")


def resampled(path: Path, schema: Schema) -> Tables:
    """The three tables of ROWS."""
    frame, findings = conform(read_texts([path], schema), schema)
    assert not findings, findings[0]
    codec, rng = Codec(schema), np.random.default_rng(0)
    codes = codec.encode(frame)
    drawn = {}
    for role, n in ROWS.items():
        rows = codes.iloc[rng.integers(len(codes), size=n)].reset_index(drop=True)
        if role == "synthetic":
            others = codes.iloc[rng.integers(len(codes), size=n)].reset_index(drop=True)
            rows = rows.where(rng.random(rows.shape) >= FROM_OTHERS, others)
        drawn[role] = codec.decode(rows, rng)
    return Tables(**drawn, schema=schema)


def timed(tables: Tables, only: frozenset[str]) -> dict[str, dict[str, float]]:
    """Wall and CPU seconds and the number of scores of each metric, in the order of the suite."""
    rows: dict[str, dict[str, float]] = {}

    def run(name: str, call: Callable[[], list]) -> list:
        if only and name not in only:
            return []
        wall, cpu = time.perf_counter(), time.process_time()
        made = call()
        seconds, used = time.perf_counter() - wall, time.process_time() - cpu
        rows[name] = {
            "seconds": round(seconds, 2),
            "cpu_seconds": round(used, 2),
            "scores": sum(isinstance(s, Score) for s in made),
        }
        print(f"{name:<22}{seconds:>8.2f} s wall {used:>8.2f} s CPU {len(made):>6}", flush=True)
        return made

    run("codes", lambda: [tables.codes, tables.members, tables.units])
    for name, metric in ON_TABLES.items():
        run(name, lambda metric=metric: metric(tables))
    predictions = run("learning", lambda: predict_all(tables))
    for name, judge in ON_PREDICTIONS.items():
        run(name, lambda judge=judge: judge(tables, predictions))
    return rows


if __name__ == "__main__":
    main()
