"""Any deep generator on the binned Adult table: how good, how fair, how fast.

python benchmarks/adult_deep.py DATA_DIR --generator diffusion --seeds 0 1 2 --set depth=1

The split, the judges and the data are those of adult_binned.py. ``--set`` gives public parameters of the
generator. One JSON line a run is appended to results/adult_deep.jsonl; runs that stand there are not
repeated. ``--table`` prints them, seed by seed in each cell.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import adult_binned
import numpy as np
import pandas as pd
import torch
import yaml
from dp_accounting import NoOpDpEvent

from flows.stages.config import make_generator
from generators.alone import fit_alone
from generators.deep.generator import Deep
from privacy.accounting.guarantee import Guarantee
from privacy.schema.codec import Codec
from privacy.schema.schema import load_schema
from privacy.stored.rows import Rows

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "adult_deep.jsonl"
SCHEMA = ROOT / "configs" / "schemas" / "adult_binned.yaml"
PACKAGES = ("torch", "diffusers", "numpy", "opendp", "dp-accounting", "xgboost-cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA_DIR", nargs="?", default=Path())
    parser.add_argument("--generator", default="diffusion")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", dest="parameters")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the table and do nothing else")
    options = parser.parse_args()
    parameters = {k: yaml.safe_load(v) for k, v in (p.split("=", 1) for p in options.parameters)}
    options.results.parent.mkdir(parents=True, exist_ok=True)
    lines = options.results.read_text("utf-8").splitlines() if options.results.exists() else []
    done = [json.loads(line) for line in lines]
    if options.table:
        print(table(done))
        return
    for seed in options.seeds:
        run = {
            "generator": options.generator,
            "epsilon": str(options.epsilon),
            "parameters": parameters,
            "seed": seed,
        }
        if any(run.items() <= row.items() for row in done):
            print(f"{run} stands in {options.results.name}")
            continue
        row = run | evaluate(options.data, options.generator, options.epsilon, parameters, seed)
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row, indent=1))


def evaluate(
    data: Path, name: str, epsilon: float, parameters: dict[str, Any], seed: int
) -> dict[str, Any]:
    """One run: split, calibrate, fit, sample, judge."""
    domain = json.loads((data / "adult-domain.json").read_text(encoding="utf-8"))
    table = pd.read_csv(data / "adult.csv.gz")
    order = np.random.default_rng(seed).permutation(len(table))
    split = int(0.8 * len(table))
    train, test = table.iloc[order[:split]], table.iloc[order[split:]]
    schema = load_schema(SCHEMA)
    rows = Rows(Codec(schema).decode(train, np.random.default_rng(0)), np.arange(len(train)))
    load = os.getloadavg()[0]
    wall = time.perf_counter()
    generator: Deep = make_generator({"name": name, **parameters})  # type: ignore[assignment]
    generator = generator.calibrate(Guarantee(epsilon, adult_binned.DELTA), schema, NoOpDpEvent())
    calibrated = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        budget = Guarantee(1e3, 1e-3)
        model = fit_alone(generator, schema, rows, budget, Path(folder), lambda what, share: None)
    fitted = time.perf_counter()
    frame = model.sample(len(train), np.random.default_rng(seed))
    sampled = time.perf_counter()
    synthetic = Codec(schema).encode(frame)
    return {
        "delta": adult_binned.DELTA,
        "noise_multiplier": round(generator.calibrated_noise, 4),
        "seconds": {
            "calibrate": round(calibrated - wall, 1),
            "fit": round(fitted - calibrated, 1),
            "sample": round(sampled - fitted, 1),
        },
        "load_before": round(load, 2),
        "device": str(generator.pick_device()),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "tvd2": round(adult_binned.tvd(synthetic, train, domain, 2), 4),
        "tvd3": round(adult_binned.tvd(synthetic, train, domain, 3), 4),
        **adult_binned.judge(synthetic, test),
        **adult_binned.rates(synthetic, train),
        "versions": {package: version(package) for package in PACKAGES},
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a line for each generator, ε and parameters; a cell lists the seeds in order."""
    runs: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        changed = ", ".join(f"{k}={v}" for k, v in row["parameters"].items())
        runs.setdefault((row["generator"], row["epsilon"], changed), []).append(row)
    lines = [
        "| generator | ε | parameters | AUROC xgb | hist | F1 | TVD 2 / 3-way | worst base rate | "
        "fit + sample, s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for key, found in runs.items():
        cells = [
            " ".join(f"{r[name]:.4f}".lstrip("0") for r in found)
            for name in ("auroc_xgb", "auroc_hist", "f1_xgb")
        ]
        errors = " ".join(f"{r['tvd2']:.3f}/{r['tvd3']:.3f}".replace("0.", ".") for r in found)
        worst = [max(abs(e) for e in r["base_rate_error"].values()) for r in found]
        rates = " ".join(f"{w:.3f}".lstrip("0") for w in worst)
        seconds = " ".join(f"{r['seconds']['fit'] + r['seconds']['sample']:.0f}" for r in found)
        lines.append("| " + " | ".join([*key, *cells, errors, rates, seconds]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
