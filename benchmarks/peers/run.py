"""Everybody's DP synthesizers side by side: the same codes, domain, δ, split, core and judge for all.

OMP_NUM_THREADS=1 python benchmarks/peers/run.py DATA_DIR --epsilon 1 10 --seeds 0

A peer is a worker script with inline metadata: `uv run --script` gives it an environment of its own,
and it imports nothing of ours. Our own generators are a worker too, in our environment. All are called
with a FOLDER:

    FOLDER/train.csv      integer codes, one row a unit                        written here
    FOLDER/task.json      mechanism, epsilon_delta, seed, options,
                          domain {column: size}, numbers [column]; public      written here
    FOLDER/schema.yaml    the public schema, for who can read it               written here
    FOLDER/synthetic.csv  as many rows, the same columns                       written by the worker
    FOLDER/report.json    seconds of fit and sample, on the clock and of the
                          processor; claimed δ and own ε                       written by the worker

One cell (data, peer, ε, seed) is one JSON line of results/peers.jsonl; a failure and a time limit passed
are results as well. Cells that stand there are not repeated, so one command runs what is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent))
from calling import call
from data_sets import DATA_SETS, Split, split
from judging import judge
from peers import PEERS, Peer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESULTS = HERE.parent / "results" / "peers.jsonl"
COMPARED = [name for name in DATA_SETS if not name.endswith("-1m")]
"""Those that are compared where none is named."""
REAL = "real rows"
"""The train rows themselves in a peer's place: what no synthetic table is expected to pass."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--data-sets", nargs="+", choices=DATA_SETS, default=COMPARED)
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER")
    parser.add_argument("--epsilon", type=float, nargs="+", default=[0.5, 1, 4, 10])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--limit", type=float, default=900, help="processor seconds a cell")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--uv", default="uv", help="the program that starts the workers")
    options = parser.parse_args()
    lines = options.results.read_text("utf-8").splitlines() if options.results.exists() else []
    done = [json.loads(line) for line in lines]
    for cell in cells(options.data_sets, options.only, options.epsilon, options.seeds):
        if any(cell.items() <= row.items() for row in done):
            continue
        row = cell | measure(options.data, cell, options.limit, options.uv)
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps({k: v for k, v in row.items() if not isinstance(v, dict)}), flush=True)


def cells(
    data_sets: list[str], peers: list[str], epsilons: list[float], seeds: list[int]
) -> Iterator[dict[str, Any]]:
    """Cheap peers first, so that a run that ends early has compared many."""
    for seed in seeds:
        for data in data_sets:
            yield {"data": data, "peer": REAL, "epsilon": None, "seed": seed}
    for peer in (p for p in PEERS if p in peers):
        for seed in seeds:
            for data in data_sets:
                for epsilon in epsilons:
                    yield {"data": data, "peer": peer, "epsilon": epsilon, "seed": seed}


@cache
def split_of(folder: Path, data: str, seed: int) -> Split:
    return split(folder, DATA_SETS[data], seed)


def measure(folder: Path, cell: dict[str, Any], limit: float, uv: str) -> dict[str, Any]:
    """One cell: split, have the worker synthesize, judge."""
    data = split_of(folder, cell["data"], cell["seed"])
    if cell["peer"] == REAL:
        return {"outcome": "done"} | judge(data.train, data, folder, cell["seed"])
    peer, delta = PEERS[cell["peer"]], DATA_SETS[cell["data"]].delta
    found: dict[str, Any] = {"delta": delta, "limit": limit, "options": dict(peer.options)}
    found |= {"load_before": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        task = {
            "mechanism": peer.mechanism,
            "epsilon_delta": {"epsilon": cell["epsilon"], "delta": delta},
            "seed": cell["seed"],
            "options": dict(peer.options),
            "domain": data.codec.domain,
            "numbers": data.numbers,
        }
        data.train.to_csv(place / "train.csv", index=False)
        (place / "task.json").write_text(json.dumps(task), encoding="utf-8")
        (place / "schema.yaml").write_text(data.schema.to_yaml(), encoding="utf-8")
        found |= call(*command(peer, place, uv), limit)
        if found["outcome"] != "done":
            return found
        found |= json.loads((place / "report.json").read_text(encoding="utf-8"))
        synthetic = pd.read_csv(place / "synthetic.csv")
    try:
        return found | judge(inside(synthetic, data.codec.domain), data, folder, cell["seed"])
    except (KeyError, ValueError) as error:  # a column missing, no number at all, …
        return found | {"outcome": "not judged", "error": str(error).strip().splitlines()[-1]}


def command(peer: Peer, place: Path, uv: str) -> tuple[list[str], dict[str, str]]:
    """How a worker is started, and its environment; builds a peer's environment first, off the clock."""
    script = str(HERE / "workers" / peer.worker)
    if peer.ours:
        return [sys.executable, script, str(place)], {"PYTHONPATH": str(ROOT)}
    subprocess.run([uv, "sync", "--quiet", "--script", script], check=True)
    run = [uv, "run", "--quiet", "--script", script, str(place)]
    return run, {"PYTHONPATH": "", **peer.environment}


def inside(synthetic: pd.DataFrame, domain: dict[str, int]) -> pd.DataFrame:
    """Rounds to codes inside the public domain, which costs no privacy."""
    codes = synthetic[list(domain)].round().astype(int)
    return codes.clip(0, {name: size - 1 for name, size in domain.items()}, axis=1)


if __name__ == "__main__":
    main()
