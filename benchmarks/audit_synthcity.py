"""What synthcity's DPGAN and PATE-GAN are shown to spend at least, from outside; see docs/audits.md.

    python benchmarks/audit_synthcity.py dpgan --runs 100        with uv on the PATH

Ten made-up people say 0 in a column of eight codes; in half of the fits there is one more, who says 7. A
model is fitted anew each time, by the same worker that releases use: with public codes, a secret seed for each
fit, no early stopping and no rejection of rows. The score of a fit is how many of 2,000 rows drawn from it say
7. ``--seeds`` leaves the seeds as the library sets them, and counts how many different tables twelve fits of
different seeds draw, and how many under our seeds.

Lines are added to results/audit_synthcity.jsonl.
"""

from __future__ import annotations

import argparse
import io
import json
import secrets
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from evaluators.attacks.audit import any_lower_bound
from generators.synthcity.generator import WORKER
from privacy.errors import WorkerError

RESULTS = Path(__file__).parent / "results" / "audit_synthcity.jsonl"
PEOPLE, CODES, ODD, DRAWN, FITS = 10, 8, 7, 2_000, 12
EPSILON, DELTA, CONFIDENCE = 1.0, 1e-5, 0.95
THRESHOLD = 40
"""Of that score. Set on the first 150 + 150 fits of dpgan, which stand in the results without a bound."""

SMALL = {"batch_size": 200, "generator_n_units_hidden": 50, "discriminator_n_units_hidden": 20}
OPTIONS = {
    "dpgan": SMALL | {"n_iter": 100},
    "pategan": SMALL
    | {"n_iter": 1, "generator_n_iter": 100, "n_teachers": 2, "teacher_template": "linear"},
}
"""Short fits; whatever its options, a mechanism must keep the ε it is given."""


FIRST = ("pategan",)
"""Where the one more stands first: it trains on the first four fifths of a table."""


def table(person: bool, first: bool) -> bytes:
    says = [ODD] * (person and first) + [0] * PEOPLE + [ODD] * (person and not first)
    packed: bytes = pd.DataFrame({"answer": says}).to_parquet(None)
    return packed


def drawn(plugin: str, tables: dict[str, bytes], as_it_comes: bool) -> dict[str, np.ndarray]:
    """The rows of a fit to each table, in one process."""
    task = {
        "do": "generate",
        "plugin": plugin,
        "domain": {"answer": CODES},
        "numbers": [],
        "rows": DRAWN,
        "options": OPTIONS[plugin],
        "epsilon": EPSILON,
        "delta": DELTA,
        "seeds": {name: secrets.randbits(31) for name in tables},
        "as_it_comes": as_it_comes,
    }
    files = {"task.json": json.dumps(task).encode(), **tables}
    try:
        answer = zipfile.ZipFile(io.BytesIO(WORKER.ask(files, 4 * 3600, 16)))
    except WorkerError as error:
        raise SystemExit(f"{error}\n{error.private}") from None  # nobody's rows
    return {n: pd.read_parquet(io.BytesIO(answer.read(n)))["answer"].to_numpy() for n in tables}


def distinct(found: dict[str, np.ndarray]) -> int:
    """How many different sequences of rows were drawn."""
    return len({rows.tobytes() for rows in found.values()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plugin", choices=OPTIONS)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seeds", action="store_true")
    asked = parser.parse_args()
    WORKER.ready()
    began = time.perf_counter()
    runs = FITS if asked.seeds else asked.runs
    people = (False,) if asked.seeds else (False, True)
    tables = {
        f"{person} {i}": table(person, asked.plugin in FIRST)
        for i in range(runs)
        for person in people
    }
    found = drawn(asked.plugin, tables, asked.seeds)
    line = {
        "plugin": asked.plugin,
        "first": asked.plugin in FIRST,
        "options": OPTIONS[asked.plugin],
        "epsilon": EPSILON,
        "delta": DELTA,
        "seconds": round(time.perf_counter() - began),
    }
    if asked.seeds:
        own = drawn(asked.plugin, tables, as_it_comes=False)
        line |= {"fits": runs, "distinct": distinct(found), "distinct_by_our_seeds": distinct(own)}
    else:
        without, with_person = (
            [int((found[f"{person} {i}"] == ODD).sum()) for i in range(runs)] for person in people
        )
        bound = any_lower_bound(without, with_person, THRESHOLD, DELTA, CONFIDENCE)
        line |= {
            "runs": runs,
            "epsilon_shown": round(bound, 2),
            "confidence": CONFIDENCE,
            "threshold": THRESHOLD,
            "without": sorted(without),
            "with": sorted(with_person),
        }
    print(line)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
