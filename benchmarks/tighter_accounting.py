"""How much more ρ a guarantee allows AIM and MST when their draws are charged one by one.

    python benchmarks/tighter_accounting.py

Beside the ρ of zCDP turned into (ε, δ) by RDP, on made-up schemas of categorical columns with one target and
two subgroups, a row a unit. σ² falls by the same factor. "most": one Gaussian count, on which all would be
spent; a selection's bound under adaptive composition is looser by a third of its part. No rows are needed.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

from dp_accounting import GaussianDpEvent, NoOpDpEvent

from generators.marginals.generator import Aim, Mst
from privacy.accounting.accounting import calibrate, zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.schema.schema import Schema

RESULTS = Path(__file__).parent / "results" / "tighter_accounting.json"
EPSILONS, DELTAS, COLUMNS = (0.5, 1.0, 4.0, 10.0), (1e-6, 1e-9), (14, 40)


def made_up(columns: int) -> Schema:
    """A schema of that many columns."""
    codes = [str(i) for i in range(5)]
    named = {f"c{i}": {"kind": "categorical", "categories": codes} for i in range(columns)}
    return Schema.model_validate(
        {
            "name": "made-up",
            "columns": named,
            "targets": [{"task": "classification", "column": "c0", "positive": ["1"]}],
            "subgroups": [{"column": "c1"}, {"column": "c2"}],
        }
    )


def main() -> None:
    found = []
    for epsilon in EPSILONS:
        for delta in DELTAS:
            guarantee = Guarantee(epsilon, delta)
            before = zcdp_budget(guarantee)
            sigma = 1 / math.sqrt(2 * before)
            least = calibrate(guarantee, GaussianDpEvent, sigma / 2, sigma * 2, 1e-5)
            row = {"epsilon": epsilon, "delta": delta, "rho_by_rdp": round(before, 6)}
            row["most"] = round((sigma / least) ** 2, 3)
            for columns in COLUMNS:
                for generator in (Aim(), Mst()):
                    began = time.perf_counter()
                    ready = generator.calibrate(guarantee, made_up(columns), NoOpDpEvent())
                    name = f"{type(generator).__name__.lower()} {columns}"
                    row[name] = round(ready.calibrated_rho / before, 3)
                    row[f"{name} seconds"] = round(time.perf_counter() - began, 1)
            found.append(row)
            print(json.dumps(row), flush=True)
    RESULTS.write_text("[\n" + ",\n".join(json.dumps(r) for r in found) + "\n]\n", "utf-8")


if __name__ == "__main__":
    main()
