"""What commands cost: processor seconds and peak memory of each, in a process of its own.

    python benchmarks/commands.py [--checkout DIR] [--name NAME] [--adult DIR] [--output FILE]

``--checkout`` measures the code in another folder with this Python's libraries, so that two states of the
project stand side by side, each under its ``--name``. ``--adult`` holds adult.data.gz and adult.test.gz and
adds a release of Adult by AIM, some minutes long. Processor seconds are user and system time of the command
and of what it started; memory is that of the largest process. A first release, which nobody looks at, fills
the caches. Short commands are run three times, and the middle one counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median_low
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "commands.json"
TIMES = 3

COMMAND = """
import sys
try:
    from flows.commands.main import main
except ImportError:
    from flows.cli import main
main()
"""

FLOW = """
import sys
from flows.release import release
release(config=sys.argv[1])
"""
"""The Prefect flow without a server: Prefect starts one of its own."""

STAGES = """
import json, os, resource, time
try:
    from flows.stages import steps
except ImportError:
    from flows import steps

found = {}

def timed(name, real):
    def stage(*given, **named):
        began = time.process_time()
        try:
            return real(*given, **named)
        finally:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            found[name] = {"cpu_seconds": time.process_time() - began, "peak_mb": peak}
            with open(os.environ["STAGES"], "w") as file:
                json.dump(found, file)
    return stage

for name in ("fit", "judge"):
    setattr(steps, name, timed(name, getattr(steps, name)))
"""
"""Notes what fit and judge take, with all they import, before the command begins."""

SCHEMA = {
    "name": "five",
    "columns": {
        "sex": {"kind": "categorical", "categories": ["F", "M"]},
        "age": {"kind": "integer", "bounds": [18, 97], "bins": 8},
        "ward": {"kind": "categorical", "categories": ["north", "south"]},
        "ill": {"kind": "categorical", "categories": ["no", "yes"]},
    },
    "targets": [{"task": "classification", "column": "ill", "positive": ["yes"]}],
    "subgroups": [{"column": "sex", "public_sizes": {"F": 3, "M": 2}}],
}
POLICY = {
    "name": "lenient",
    "rules": [{"name": "there", "metric": "declared.target", "slices": ["all"], "at_least": 1}],
}
ROWS = "sex,age,ward,ill\nF,31,north,no\nM,44,south,yes\nF,58,north,yes\nM,67,south,no\nF,73,north,no\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkout", type=Path, default=ROOT)
    parser.add_argument("--name", default="now")
    parser.add_argument("--adult", type=Path)
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(given.checkout.resolve(), Path(folder), given.adult)
    known = json.loads(given.output.read_text("utf-8")) if given.output.exists() else {}
    known[given.name] = found | {
        "cores": os.cpu_count(),
        "versions": {n: version(n) for n in ("prefect", "torch", "pandas", "dp-accounting")},
    }
    given.output.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    for name, row in found.items():
        print(f"{name:<32}{json.dumps(row)}")


def measured(checkout: Path, folder: Path, adult: Path | None) -> dict[str, Any]:
    """Every command of the list."""
    house = House(checkout, folder)
    house.run(COMMAND, "release", five_rows(folder / "first"))
    found: dict[str, Any] = {
        "help": house.often("--help"),
        "schema check": house.often(
            "schema", "check", folder / "first" / "schema.yaml", folder / "first" / "five.csv"
        ),
        "forecast": house.often("forecast", folder / "first" / "config.yaml"),
    }
    fresh = [five_rows(folder / f"fresh-{i}") for i in range(TIMES)]
    releases = [house.staged("release", config) for config in fresh]
    found["release of five rows"] = sorted(releases, key=lambda r: r["overhead_cpu_seconds"])[1]
    again = fresh[0]
    found["the same again"] = house.often("release", again)
    flow = [house.run(FLOW, again) for _ in range(TIMES)]
    found["the same again, as a Prefect flow"] = middle(flow)
    if adult is not None:
        config = checkout / "configs" / "releases" / "adult.yaml"
        files = [adult / "adult.data.gz", adult / "adult.test.gz"]
        words = ["release", config, *(word for file in files for word in ("--data", file))]
        found["release of Adult"] = house.staged(*words)
        found["Adult again"] = house.often(*words)
    return found


class House:
    """A checkout, and a folder in which its commands find no settings but ours."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.folder = folder
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("PREFECT_")}
        self.environment = kept | {
            "PYTHONPATH": str(checkout),
            "HOME": str(folder),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "UNDERSTUDY_STATE": str(folder / "state"),
            "OMP_NUM_THREADS": "1",
            "STAGES": str(folder / "stages.json"),
        }

    def run(self, code: str, *words: object) -> dict[str, float]:
        """One command."""
        command = [sys.executable, "-c", code, *map(str, words)]
        with open(self.folder / "said.txt", "w+", encoding="utf-8") as said:
            child = subprocess.Popen(
                command, env=self.environment, cwd=self.folder, stdout=said, stderr=said
            )
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode not in (0, 3):
                said.seek(0)
                raise SystemExit(f"{words}: exit {child.returncode}: {said.read()[-2000:]}")
        return {
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
            "peak_mb": round(used.ru_maxrss / 1024),
        }

    def often(self, *words: object) -> dict[str, float]:
        """The middle one of a few."""
        return middle([self.run(COMMAND, *words) for _ in range(TIMES)])

    def staged(self, *words: object) -> dict[str, Any]:
        """A release, and what of it fit and judge took."""
        whole: dict[str, Any] = self.run(STAGES + COMMAND, *words)
        stages = json.loads((self.folder / "stages.json").read_text("utf-8"))
        for name, took in stages.items():
            whole[name] = {k: round(v, 2 if k == "cpu_seconds" else None) for k, v in took.items()}
        beside = whole["cpu_seconds"] - sum(took["cpu_seconds"] for took in stages.values())
        return whole | {"overhead_cpu_seconds": round(beside, 2)}


def middle(found: list[dict[str, float]]) -> dict[str, float]:
    """Of each figure the middle one."""
    return {key: median_low(one[key] for one in found) for key in found[0]}


def five_rows(folder: Path) -> Path:
    """Five rows, their schema and a config; returns the config's path."""
    folder.mkdir()
    (folder / "five.csv").write_text(ROWS, "utf-8")
    content = {
        "name": "five",
        "schema": "schema.yaml",
        "data": "five.csv",
        "guarantee": {"epsilon": 1.0, "delta": 1e-6},
        "budget": {"epsilon": 4.0, "delta": 1e-6},
        "generator": {"name": "aim"},
        "policy": "policy.yaml",
        "ledger": "ledger.db",
        "runs": "runs",
    }
    for name, value in (("schema", SCHEMA), ("policy", POLICY), ("config", content)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(value, sort_keys=False), "utf-8")
    return folder / "config.yaml"


if __name__ == "__main__":
    main()
