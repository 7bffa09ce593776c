"""Other people's synthesizers on the split and under the judge of adult_binned.py.

python benchmarks/peers/run.py DATA_DIR --peers smartnoise-patectgan synthcity-dpgan --seeds 0 1 2

A peer is a worker script with inline metadata: `uv run --script` gives it an environment of its own,
and it imports nothing of ours. It is called with a FOLDER:

    FOLDER/train.csv      integer codes, one row a person                      written here
    FOLDER/task.json      mechanism, epsilon_delta, seed, options,
                          domain {column: size}, numbers [column]; public      written here
    FOLDER/synthetic.csv  as many rows, the same columns                       written by the worker
    FOLDER/report.json    seconds, claimed and accounted ε and δ               written by the worker

One cell (peer, ε, options, seed) is one JSON line of results/peers_adult_binned.jsonl; a failure and
a time limit passed are results as well. Cells that stand there are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from adult_binned import DELTA, ORDERED, judge, rates, tvd  # noqa: E402

RESULTS = HERE.parent / "results" / "peers_adult_binned.jsonl"
QUIET = {
    "OMP_NUM_THREADS": "1",
    # the allocator keeps its pages: the per-example gradients of opacus fault them in anew otherwise
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
}


@dataclass(frozen=True)
class Peer:
    """A worker script, and what it calls the mechanism."""

    worker: str
    mechanism: str


PEERS = {
    "smartnoise-dpctgan": Peer("smartnoise_gans.py", "dpctgan"),
    "smartnoise-patectgan": Peer("smartnoise_gans.py", "patectgan"),
    "synthcity-dpgan": Peer("synthcity_gans.py", "dpgan"),
    "synthcity-pategan": Peer("synthcity_gans.py", "pategan"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--options", type=json.loads, default={}, help="JSON, for the constructor")
    parser.add_argument("--one-hot", action="store_true", help="ordered columns are no numbers")
    parser.add_argument("--limit", type=float, default=1200, help="seconds a cell")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--uv", default="uv", help="the program that starts the workers")
    options = parser.parse_args()
    lines = options.results.read_text("utf-8").splitlines() if options.results.exists() else []
    done = [json.loads(line) for line in lines]
    for seed in options.seeds:
        for peer in options.peers:
            cell = {
                "peer": peer,
                "epsilon": options.epsilon,
                "options": options.options,
                "numbers": not options.one_hot,
                "seed": seed,
            }
            if any(cell.items() <= row.items() for row in done):
                print(f"{cell} stands in {options.results.name}")
                continue
            row = cell | measure(options.data, cell, options.limit, options.uv)
            with options.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row, indent=1))


def measure(data: Path, cell: dict[str, Any], limit: float, uv: str) -> dict[str, Any]:
    """One cell: split, have the peer synthesize, judge."""
    domain = json.loads((data / "adult-domain.json").read_text(encoding="utf-8"))
    table = pd.read_csv(data / "adult.csv.gz")
    order = np.random.default_rng(cell["seed"]).permutation(len(table))
    split = int(0.8 * len(table))
    train, test = table.iloc[order[:split]], table.iloc[order[split:]]
    peer = PEERS[cell["peer"]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train.to_csv(folder / "train.csv", index=False)
        task = {
            "mechanism": peer.mechanism,
            "epsilon_delta": {"epsilon": cell["epsilon"], "delta": DELTA},
            "seed": cell["seed"],
            "options": cell["options"],
            "domain": domain,
            "numbers": ORDERED if cell["numbers"] else (),
        }
        (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
        found: dict[str, Any] = {"delta": DELTA, "limit": limit, "cores": os.cpu_count()}
        found |= {"load_before": round(os.getloadavg()[0], 2)}
        found |= call([uv, "run", "--quiet", "--script", str(HERE / peer.worker), name], limit)
        if found["outcome"] != "done":
            return found
        found |= json.loads((folder / "report.json").read_text(encoding="utf-8"))
        synthetic = pd.read_csv(folder / "synthetic.csv")
    try:
        return found | judged(inside(synthetic, domain), train, test, domain)
    except (KeyError, ValueError) as error:  # a column missing, one class only, …
        return found | {"outcome": "not judged", "error": str(error).strip().splitlines()[-1]}


def inside(synthetic: pd.DataFrame, domain: dict[str, int]) -> pd.DataFrame:
    """Rounds to codes inside the public domain, which costs no privacy."""
    codes = synthetic[list(domain)].round().astype(int)
    return codes.clip(0, {name: size - 1 for name, size in domain.items()}, axis=1)


def judged(
    synthetic: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, domain: dict[str, int]
) -> dict[str, Any]:
    """The figures of adult_binned.py; a race without synthetic rows has no base rate."""
    found = rates(synthetic, train)
    errors = found["base_rate_error"].items()
    return {
        "rows": len(synthetic),
        "tvd2": round(tvd(synthetic, train, domain, 2), 4),
        "tvd3": round(tvd(synthetic, train, domain, 3), 4),
        **found,
        "base_rate_error": {race: None if np.isnan(e) else e for race, e in errors},
        **judge(synthetic, test),
    }


def call(command: list[str], limit: float) -> dict[str, Any]:
    """Runs a worker for so many seconds at most, and says how it ended."""
    subprocess.run([command[0], "sync", "--quiet", "--script", command[-2]], check=True)
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            env=os.environ | QUIET,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            return {"outcome": "timeout"}
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        seconds = {"worker_seconds": round(time.perf_counter() - start, 1)}
        if code == 0:
            return {"outcome": "done", **seconds}
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines()
        return {"outcome": "failed", "error": lines[-1] if lines else f"exit {code}", **seconds}


if __name__ == "__main__":
    main()
