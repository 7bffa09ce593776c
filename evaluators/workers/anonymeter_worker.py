# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["anonymeter==1.1.0"]
#
# [tool.uv]
# override-dependencies = ["numpy>=2,<2.4", "pandas>=2.2,<3"]
# ///
"""Singling-out and linkability by anonymeter: `uv run --script anonymeter_worker.py FOLDER`.

anonymeter asks for numpy<1.27, so it lives in an environment of its own and imports nothing of ours.

    FOLDER/{train,holdout,synthetic}.parquet   numbers and texts, nothing missing       read here
    FOLDER/task.json                           seed, attacks, columns, halves, …        read here
    FOLDER/report.json                         a list of results                        written here
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from anonymeter.evaluators import LinkabilityEvaluator, SinglingOutEvaluator


def main(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text("utf-8"))
    train, holdout, synthetic = (
        pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "holdout", "synthetic")
    )
    np.random.seed(task["seed"])  # noqa: NPY002 anonymeter draws from the global generator
    found = []
    for columns in task["columns"]:
        attack = SinglingOutEvaluator(
            ori=train,
            syn=synthetic,
            control=holdout,
            n_attacks=task["attacks"],
            n_cols=columns,
            max_attempts=task["attempts"],
            seed=task["seed"],
        )
        attack.evaluate(mode="univariate" if columns == 1 else "multivariate")
        found.append(report("singling_out", f"queries on {columns} column(s)", attack))
    if all(task["halves"]):
        attack = LinkabilityEvaluator(
            ori=train,
            syn=synthetic,
            control=holdout,
            aux_cols=task["halves"],
            n_attacks=min(task["links"], len(train), len(holdout)),
            n_neighbors=task["neighbours"],
        )
        attack.evaluate(n_jobs=1)
        found.append(report("linkability", f"{task['neighbours']} nearest rows", attack))
    (folder / "report.json").write_text(json.dumps(found), "utf-8")


def report(
    name: str, how: str, attack: SinglingOutEvaluator | LinkabilityEvaluator
) -> dict[str, object]:
    """Rates of the attack on train people, on people held out and of guesses, each with its error."""
    rates, risk = attack.results(), attack.risk()
    return {
        "attack": name,
        "how": how,
        "attacks": rates.n_attacks_ori,
        "rate": list(rates.attack_rate),
        "control": list(rates.control_rate),
        "guess": list(rates.baseline_rate),
        "risk": [risk.value, *risk.ci],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
