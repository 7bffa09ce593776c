"""A release of made-up people from their file to a verdict: seconds and peak memory of each stage.

    python benchmarks/scale/release.py FOLDER --rows 1000000 --columns 20 --form csv
    python benchmarks/scale/release.py FOLDER --rows 100000000 --columns 40 --form parquet --until fit --limit 4
    python benchmarks/scale/release.py FOLDER --rows 1000000 --columns 40 --form parquet --synthetic 100000000

The people are those of ``people.py``; as many synthetic rows as the model says unless ``--synthetic`` does; ε
= 1, δ = 1e-9, and AIM unless another ``--generator`` is given. The release runs in a process of its own,
without a Prefect server, on ``--threads`` threads of linear algebra. ``peak_gib`` is the largest resident set
so far, with what is mapped from files, which the machine takes back when it needs room; ``anonymous_gib`` is
without that: what the process itself asks for, looked at ten times a second. ``before`` is what comes before
the first stage: recognising people, and whether anybody could be assessed. ``--limit``: GiB beyond which the
system refuses the process more memory of its own. One JSON line a run goes to results/scale_release.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))
from people import write

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "scale_release.jsonl"

TIMED = """
import json, os, resource, sys, threading, time
from flows.commands.main import main
from flows.pipelines.release import Stage

began, found, real, most = time.perf_counter(), {}, Stage.perform, [0]
if limit := int(float(os.environ["LIMIT"]) * 2**30):
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

def tell():
    with open(os.environ["FOUND"], "w") as file:
        json.dump(found | {"all": cost(began, 0)}, file)

def look():
    while True:
        status = open("/proc/self/status").read().split("RssAnon:")[1]
        most[0] = max(most[0], int(status.split()[0]))
        time.sleep(0.1)

threading.Thread(target=look, daemon=True).start()

def cost(wall, cpu):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    own = {"wall": round(time.perf_counter() - wall, 1), "cpu": round(time.process_time() - cpu, 1)}
    return own | {"peak_gib": round(peak, 2), "anonymous_gib": round(most[0] / 2**20, 2)}

def perform(self, *given):
    found.setdefault("before", cost(began, 0))
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        return real(self, *given)
    finally:
        found[self.name] = cost(wall, cpu)
        tell()
        if self.name == os.environ["UNTIL"]:
            os._exit(0)

Stage.perform = perform
try:
    main()
finally:
    tell()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--form", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--generator", default="{name: aim}", help="as YAML")
    parser.add_argument(
        "--synthetic", type=int, default=0, help="rows, as the model says without it"
    )
    parser.add_argument("--go-on", action="store_true", help="with the run that stopped in FOLDER")
    parser.add_argument("--made", action="store_true", help="the people are in FOLDER already")
    parser.add_argument("--until", default="", help="the last stage, all without it")
    parser.add_argument("--limit", type=float, default=0.0, help="GiB, none without it")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    row = {
        "rows": options.rows,
        "columns": options.columns,
        "form": options.form,
        **released(options),
        "generator": options.generator,
        **({"synthetic": options.synthetic} if options.synthetic else {}),
        "threads": options.threads,
        "limit_gib": options.limit,
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "versions": {n: version(n) for n in ("numpy", "pandas", "pyarrow", "opendp")},
    }
    with options.results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row, indent=1))


def released(options: argparse.Namespace) -> dict[str, Any]:
    """What the stages took, and what the release came to."""
    folder = options.folder
    before: dict[str, dict[str, float]] = {}
    if options.go_on:
        before = json.loads((folder / "stages.json").read_text())
    else:
        shutil.rmtree(folder / "runs", ignore_errors=True)
    data = folder / ("people.csv" if options.form == "csv" else "people")
    if not (options.made or options.go_on):
        write(folder, options.rows, options.columns, options.form)
    config = {
        "name": "scale",
        "schema": "schema.yaml",
        "data": data.name,
        "guarantee": {"epsilon": 1.0, "delta": 1.0e-9},
        "budget": {"epsilon": 4.0, "delta": 1.0e-8},
        "holdout": 0.2,
        "generator": yaml.safe_load(options.generator),
    }
    if options.synthetic:
        config["rows"] = options.synthetic
    verdict, stages = timed(folder, config, options.until, options.limit, options.threads)
    bytes_ = sum(f.stat().st_size for f in (data.rglob("*") if data.is_dir() else [data]))
    if before:  # what was done already takes no time
        stages = before | {n: s for n, s in stages.items() if n not in before or s["wall"] > 1}
        spent = {k: sum(s[k] for n, s in stages.items() if n != "all") for k in ("wall", "cpu")}
        stages["all"] |= {k: round(seconds, 1) for k, seconds in spent.items()}
    return {"verdict": verdict, "gib": round(bytes_ / 2**30, 2), "stages": stages}


def timed(
    folder: Path, config: dict[str, Any], until: str, limit: float, threads: int
) -> tuple[str, dict[str, Any]]:
    """What a release of that config in the folder says, and what its stages took."""
    (folder / "release.yaml").write_text(yaml.safe_dump(config))
    done = subprocess.run(
        [sys.executable, "-c", TIMED, "release", "release.yaml"],
        cwd=folder,
        env=os.environ
        | {"FOUND": "stages.json", "PYTHONPATH": str(ROOT)}
        | {"UNTIL": until, "LIMIT": str(limit)}
        | {f"{n}_NUM_THREADS": str(threads) for n in ("OMP", "OPENBLAS")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    said = done.stdout.splitlines()
    verdict = next((w for w in said if w.isupper() or w.startswith("VETO")), "")
    return verdict, json.loads((folder / "stages.json").read_text())


if __name__ == "__main__":
    main()
