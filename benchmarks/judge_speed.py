"""How long the judge takes: seconds of every metric of the suite, on tables of known size.

    python benchmarks/judge_speed.py adult DATA_DIR [--only FAMILY ...] [--output FILE]
    python benchmarks/judge_speed.py national2019 DATA_DIR

adult: DATA_DIR holds adult.data.gz and adult.test.gz (15 columns). The people are shuffled by a seed:
39,073 train and 9,769 held out, as a release of the table has them; the synthetic table and two further draws
are train people drawn with replacement. The budget is 60 processor seconds.

national2019: DATA_DIR holds national2019.csv.gz (24 columns, 27,253 people), of which all tables are drawn with
replacement, 50,000 train, 10,000 held out and 50,000 synthetic rows. The budget is 300 s.

Numbers are drawn anew inside their bin, and synthetic rows take a tenth of every column from other people. One
file a table: results/judge_speed_adult.json, results/judge_speed.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from evaluators.evaluate import FAMILIES, evaluate
from privacy.reading.conform import conform
from privacy.reading.read import read_texts
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema, load_schema

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FROM_OTHERS = 0.1
TRAIN = 39_073

Material = tuple[pd.DataFrame, pd.DataFrame, list[pd.DataFrame], Schema]
"""Train, holdout, synthetic tables and schema."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument(
        "--only", nargs="+", choices=sorted(FAMILIES), default=sorted(FAMILIES), help="families"
    )
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    make, name = TABLES[given.table]
    train, holdout, (synthetic, *more), schema = make(given.data_dir)
    marks: list[tuple[str, float, float]] = []
    scores = evaluate(
        train,
        holdout,
        synthetic,
        schema,
        progress=lambda what, share: marks.append(
            (what.split(",")[0], time.perf_counter(), time.process_time())
        ),
        more=more,
        own_fits=False,
        not_measured=dict.fromkeys(FAMILIES - set(given.only), "not asked for"),
    )
    spent = {
        metric: [round(end - start, 2) for start, end in zip(begun, ended, strict=True)]
        for (metric, *begun), (_, *ended) in pairwise(marks)
    }
    for metric, (wall, cpu) in spent.items():
        print(f"{metric:<22}{wall:>8.2f} s wall {cpu:>8.2f} s CPU")
    found = {
        "table": given.table,
        "rows": {"train": len(train), "holdout": len(holdout), "synthetic": len(synthetic)},
        "further_draws": len(more),
        "columns": len(schema.modelled),
        "scores": len(scores),
        "seconds": {metric: wall for metric, (wall, _) in spent.items()},
        "cpu_seconds": {metric: cpu for metric, (_, cpu) in spent.items()},
        "total_seconds": round(sum(wall for wall, _ in spent.values()), 1),
        "total_cpu_seconds": round(sum(cpu for _, cpu in spent.values()), 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "load_before": round(load, 2),
        "cores": os.cpu_count(),
        "versions": {n: version(n) for n in ("numpy", "pandas", "scikit-learn", "sdmetrics")},
    }
    print(f"{'total':<22}{found['total_seconds']:>8} s wall {found['total_cpu_seconds']:>8} s CPU")
    output = given.output or RESULTS / name
    output.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def adult(folder: Path) -> Material:
    schema = load_schema(ROOT / "configs" / "schemas" / "adult.yaml")
    people = read([folder / "adult.data.gz", folder / "adult.test.gz"], schema)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(people))
    train, holdout = (people.iloc[p].reset_index(drop=True) for p in np.split(order, [TRAIN]))
    draws = [resampled(train, schema, TRAIN, FROM_OTHERS, rng) for _ in range(3)]
    return train, holdout, draws, schema


def national(folder: Path) -> Material:
    schema = load_schema(ROOT / "configs" / "schemas" / "sdnist-national2019.yaml")
    people, rng = read([folder / "national2019.csv.gz"], schema), np.random.default_rng(0)
    drawn = [
        resampled(people, schema, n, share, rng)
        for n, share in ((50_000, 0.0), (10_000, 0.0), (50_000, FROM_OTHERS))
    ]
    return drawn[0], drawn[1], drawn[2:], schema


TABLES: dict[str, tuple[Callable[[Path], Material], str]] = {
    "adult": (adult, "judge_speed_adult.json"),
    "national2019": (national, "judge_speed.json"),
}


def read(paths: list[Path], schema: Schema) -> pd.DataFrame:
    frame, findings = conform(read_texts(paths, schema), schema)
    assert not findings, findings[0]
    return frame


def resampled(
    people: pd.DataFrame, schema: Schema, n: int, from_others: float, rng: np.random.Generator
) -> pd.DataFrame:
    """People drawn with replacement, a share of every column from others."""
    codec = Codec(schema)
    codes = codec.encode(people)
    rows, others = (
        codes.iloc[rng.integers(len(codes), size=n)].reset_index(drop=True) for _ in range(2)
    )
    return codec.decode(rows.where(rng.random(rows.shape) >= from_others, others), rng)


if __name__ == "__main__":
    main()
