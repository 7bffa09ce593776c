"""How far generators miss a group's event rate, in units of the best that its budget allows.

    python benchmarks/forecast.py configs/sweeps/flchain-adult.yaml --data flchain=FILE --data adult=FILE …

The sweep's cells must stand where `understudy benchmark` left them. A cell's figure is the root
mean square over its single subgroups of |synthetic − real rate| ÷ (σ/n), on the train rows, with σ = k/√(2ρ):
see flows/stages/forecast.py, which uses the mean over all cells of a generator.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd

from flows.judging.sweep import CELL, load_sweep
from privacy.accounting.calibration import zcdp_budget

RESULTS = Path(__file__).parent / "results" / "forecast.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep", type=Path, help="the sweep's YAML")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    files: dict[str, tuple[Path, ...]] = {}
    for name, path in (given.split("=", 1) for given in options.data):
        files[name] = (*files.get(name, ()), Path(path))
    found: dict[str, dict[str, list[float]]] = {}
    for cell in load_sweep(options.sweep, files)[1]:
        if (cell.run / CELL).exists():
            scores = pd.read_parquet(cell.run / "scores" / "scores.parquet")
            rho = zcdp_budget(cell.config.guarantee.guarantee)
            sigma = cell.config.load_schema().max_rows_per_unit / math.sqrt(2 * rho)
            key = f"{cell.data_set}, ε={cell.config.guarantee.epsilon:g}"
            found.setdefault(cell.label, {}).setdefault(key, []).append(missed(scores, sigma))
    result = {
        label: {
            "factor": round(float(np.mean([x for cells in by.values() for x in cells])), 1),
            "by": {key: [round(x, 2) for x in cells] for key, cells in by.items()},
        }
        for label, by in found.items()
    }
    options.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps({label: row["factor"] for label, row in result.items()}))


def missed(scores: pd.DataFrame, sigma: float) -> float:
    """A cell's figure."""
    rates = scores[
        (scores["metric"] == "base_rate.difference")
        & (scores["rows"] == "train")
        & (scores["order"] == 1)
        & (scores["status"] == "ok")
    ]
    return float(np.sqrt(np.mean((rates["value"] / (sigma / rates["n"])) ** 2)))


if __name__ == "__main__":
    main()
