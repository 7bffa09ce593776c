"""Made-up people of any number, written in parts: their rows as CSV or Parquet, and their schema.

    python benchmarks/scale/people.py FOLDER --rows 1000000 --columns 20 --form csv

Each part of 250,000 people comes from a generator of its own, so that a part is the same whatever the number of
people. All hangs on age, sex and a hidden severity, so that there is something for a model to find.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import yaml

PART = 250_000
REGIONS = tuple(f"region {i:02}" for i in range(1, 21))
LEVELS = ("none", "mild", "moderate", "severe")
FIRST_DAY, DAYS = np.datetime64("2020-01-01"), 365
FIXED = 10
"""Columns that any table has: the person, who they are, and what became of them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--form", choices=("csv", "parquet"), default="csv")
    options = parser.parse_args()
    print(write(options.folder, options.rows, options.columns, options.form))


def write(folder: Path, rows: int, columns: int, form: str) -> Path:
    """Writes people.csv, or a folder people of Parquet parts, and schema.yaml; where the rows are."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema(columns), sort_keys=False))
    if form == "csv":
        path = folder / "people.csv"
        with path.open("wb") as file:
            for i, part in enumerate(parts(rows, columns)):
                pacsv.write_csv(part, file, pacsv.WriteOptions(include_header=i == 0))
        return path
    path = folder / "people"
    path.mkdir(exist_ok=True)
    for i, part in enumerate(parts(rows, columns)):
        pq.write_table(part, path / f"part-{i:05}.parquet")
    return path


def schema(columns: int) -> dict[str, Any]:
    """The schema of a table with that many columns."""
    described: dict[str, Any] = {
        "person": {"kind": "identifier"},
        "age": {"kind": "integer", "bounds": [18, 100], "bins": 20},
        "sex": {"kind": "categorical", "categories": ["female", "male"]},
        "region": {"kind": "categorical", "categories": list(REGIONS)},
        "admitted": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 12},
        "severity": {"kind": "ordinal", "categories": list(LEVELS)},
        "systolic": {"kind": "integer", "bounds": [60, 240], "bins": 18, "missing": "keep"},
        "weight": {"kind": "float", "bounds": [30, 200], "bins": 17, "decimals": 1},
        "stay": {"kind": "integer", "bounds": [0, 60], "bins": 12},
        "died": {"kind": "categorical", "categories": ["no", "yes"]},
    }
    for i in range(columns - FIXED):
        if i % 2:
            described[f"lab_{i:03}"] = {
                "kind": "float",
                "bounds": [0, 50],
                "bins": 10,
                "decimals": 2,
                "missing": "keep",
            }
        else:
            described[f"finding_{i:03}"] = {"kind": "categorical", "categories": ["no", "yes"]}
    return {
        "name": "made-up-people",
        "description": "People made up by a script",
        "source": "benchmarks/scale/people.py",
        "unit": "person",
        "columns": described,
        "targets": [{"column": "died", "task": "classification", "positive": ["yes"]}],
        "subgroups": [{"column": "sex"}, {"column": "age", "bands": [18, 40, 65]}],
    }


def parts(rows: int, columns: int) -> Iterator[pa.Table]:
    """The people, a part at a time, with the types that a warehouse would give them."""
    for start in range(0, rows, PART):
        part = _part(start, columns)
        yield part.slice(0, min(PART, rows - start))


def _part(start: int, columns: int) -> pa.Table:
    rng = np.random.default_rng([24, start])
    n = PART
    age = np.clip(rng.gamma(9, 6.5, n), 18, 100).astype(np.int64)
    male = rng.random(n) < 0.48
    hidden = rng.normal((age - 58) / 25 + 0.2 * male, 1)
    severity = np.digitize(hidden, (-0.5, 0.8, 2.0))
    died = rng.random(n) < 1 / (1 + np.exp(4 - 1.5 * hidden))
    found: dict[str, pa.Array] = {
        "person": pa.array([f"P{i:09}" for i in range(start + 1, start + n + 1)]),
        "age": pa.array(age),
        "sex": _named(("female", "male"), male),
        "region": _named(REGIONS, np.minimum(rng.geometric(0.15, n) - 1, 19)),
        "admitted": pa.array(FIRST_DAY + rng.integers(0, DAYS, n)),
        "severity": _named(LEVELS, severity),
        "systolic": pa.array(
            np.clip(rng.normal(125 + 6 * hidden, 16), 60, 240).round().astype(np.int64),
            mask=rng.random(n) < 0.05,
        ),
        "weight": pa.array(np.clip(rng.normal(70 + 12 * male, 13), 30, 200).round(1)),
        "stay": pa.array(np.minimum(rng.poisson(np.exp(0.8 + 0.5 * hidden.clip(-2, 3))), 60)),
        "died": _named(("no", "yes"), died),
    }
    for i in range(columns - FIXED):
        pull = hidden * (0.2 + 0.1 * (i % 7))
        if i % 2:
            values = np.clip(rng.lognormal(1.5 + 0.2 * pull, 0.5), 0, 50).round(2)
            found[f"lab_{i:03}"] = pa.array(values, mask=rng.random(n) < 0.1)
        else:
            found[f"finding_{i:03}"] = _named(
                ("no", "yes"), rng.random(n) < 0.1 + 0.1 * (pull > 0.5)
            )
    return pa.table(found)


def _named(names: tuple[str, ...], codes: np.ndarray) -> pa.Array:
    return pa.array(names).take(pa.array(codes.astype(np.int8)))


if __name__ == "__main__":
    main()
