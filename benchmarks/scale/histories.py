"""A release of made-up patients with their visits: seconds and peak memory of each stage.

    python benchmarks/scale/histories.py FOLDER --patients 1000000

A patient has 1 to 12 visits, and the file holds those of everybody by date, so that a patient's lie apart. The
rest is as in ``release.py``; ``room`` says whether rows may lie in files of the run's folder, as large ones do.
One JSON line a run goes to results/scale_histories.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from release import ROOT, timed

RESULTS = ROOT / "benchmarks" / "results" / "scale_histories.jsonl"
MOST = 12
FIRST_DAY, DAYS = np.datetime64("2015-01-01"), 5 * 365
STAGES = ("I", "II", "III", "IV")
SCHEMA: dict[str, Any] = {
    "name": "made-up-visits",
    "description": "Patients and their visits, made up by a script",
    "source": "benchmarks/scale/histories.py",
    "unit": "patient",
    "max_rows_per_unit": MOST,
    "columns": {
        "patient": {"kind": "identifier"},
        "visit": {"kind": "integer", "bounds": [1, MOST], "bins": MOST},
        "day": {"kind": "datetime", "bounds": ["2015-01-01", "2024-12-31"], "bins": 20},
        "sex": {"kind": "categorical", "categories": ["female", "male"]},
        "age": {"kind": "integer", "bounds": [18, 110], "bins": 23},
        "weight": {"kind": "float", "bounds": [30, 200], "bins": 17, "decimals": 1},
        "lab": {"kind": "float", "bounds": [0, 50], "bins": 10, "decimals": 1, "missing": "keep"},
        "stage": {"kind": "ordinal", "categories": list(STAGES)},
        "ward": {"kind": "categorical", "categories": [f"ward {i}" for i in range(1, 9)]},
        "died": {"kind": "categorical", "categories": ["no", "yes"]},
    },
    "targets": [{"column": "died", "task": "classification", "positive": ["yes"]}],
    "subgroups": [{"column": "sex"}],
    "visits": {
        "order": "day",
        "constant": ["sex"],
        "numbered": ["visit"],
        "never_falls": ["stage"],
        "ages": {"age": 365.25},
        "ends": {"died": ["yes"]},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--until", default="", help="the last stage, all without it")
    parser.add_argument("--limit", type=float, default=0.0, help="GiB, none without it")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    folder, load = options.folder, os.getloadavg()[0]
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "runs", ignore_errors=True)
    (folder / "schema.yaml").write_text(yaml.safe_dump(SCHEMA, sort_keys=False))
    table = made(options.patients)
    pq.write_table(table, folder / "visits.parquet", row_group_size=1 << 18)
    config = {
        "name": "scale",
        "schema": "schema.yaml",
        "data": "visits.parquet",
        "guarantee": {"epsilon": 1.0, "delta": 1.0e-9},
        "budget": {"epsilon": 4.0, "delta": 1.0e-8},
        "holdout": 0.2,
        "generator": {"name": "aim"},
    }
    rows, columns = table.num_rows, table.num_columns
    del table
    verdict, stages = timed(folder, config, options.until, options.limit, options.threads)
    row = {
        "patients": options.patients,
        "rows": rows,
        "columns": columns,
        "verdict": verdict,
        "gib": round((folder / "visits.parquet").stat().st_size / 2**30, 2),
        "stages": stages,
        "threads": options.threads,
        "limit_gib": options.limit,
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "versions": {n: version(n) for n in ("numpy", "pandas", "pyarrow", "opendp")},
    }
    with options.results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row, indent=1))


def made(patients: int) -> pa.Table:
    """The visits of all, by date; who is worse comes more often and at a higher stage."""
    rng = np.random.default_rng(24)
    hidden = rng.normal(size=patients).astype(np.float32)
    size = np.clip(rng.poisson(3 + 1.5 * hidden.clip(-1, 2)) + 1, 1, MOST)
    of = np.repeat(np.arange(patients, dtype=np.int32), size)
    place = np.arange(len(of)) - np.repeat(np.cumsum(size) - size, size)
    day = rng.integers(0, DAYS, patients)[of] + place * 90 + rng.integers(0, 60, len(of))
    male = rng.random(patients) < 0.48
    stage = np.clip(np.digitize(hidden, (0, 1, 2))[of] + place // 6, 0, 3)
    last = place == size[of] - 1
    died = last & (rng.random(len(of)) < 0.02 + 0.08 * (stage == 3))
    order = np.argsort(day, kind="stable")
    age = (
        np.clip(rng.gamma(9, 6, patients), 18, 90)[of]
        + (day - day[np.cumsum(size) - size][of]) / 365.25
    )

    def named(names: tuple[str, ...], codes: np.ndarray) -> pa.Array:
        return pa.array(names).take(pa.array(codes[order].astype(np.int8)))

    weight = rng.normal(70 + 12 * male, 12)[of] + rng.normal(0, 1, len(of))
    lab = np.clip(rng.lognormal(1.5 + 0.3 * hidden[of], 0.4), 0, 50).round(1)
    return pa.table(
        {
            "patient": pa.array(of[order] + 1),
            "visit": pa.array((place + 1)[order]),
            "day": pa.array(FIRST_DAY + day[order]),
            "sex": named(("female", "male"), male[of]),
            "age": pa.array(age[order].astype(np.int64)),
            "weight": pa.array(np.clip(weight, 30, 200)[order].round(1)),
            "lab": pa.array(lab[order], mask=rng.random(len(of)) < 0.1),
            "stage": named(STAGES, stage),
            "ward": named(tuple(f"ward {i}" for i in range(1, 9)), rng.integers(0, 8, len(of))),
            "died": named(("no", "yes"), died),
        }
    )


if __name__ == "__main__":
    main()
