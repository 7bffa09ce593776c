# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["anonymeter==1.1.0"]
#
# [tool.uv]
# override-dependencies = ["numpy>=2,<2.4", "pandas>=2.2,<3"]
# ///
"""Singling-out and linkability by anonymeter: `uv run --script anonymeter_worker.py < ZIP`.

anonymeter asks for numpy<1.27, so it lives in an environment of its own and imports nothing of ours.

    {train,holdout,synthetic}.parquet   numbers and texts, nothing missing       in the zip file
    task.json                           seed, attacks, columns, halves, …        in the zip file
    a list of results, as JSON                                                   written to stdout

Private rows come and go through pipes: a kill leaves none of them on disk, and the worker ends with whoever
asked.
"""

import io
import json
import os
import select
import sys
import threading
import zipfile
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
from anonymeter.evaluators import LinkabilityEvaluator, SinglingOutEvaluator


def attacked(given: zipfile.ZipFile) -> list[dict[str, object]]:
    """The results of every attack."""
    task = json.loads(given.read("task.json"))
    train, holdout, synthetic = (
        pd.read_parquet(io.BytesIO(given.read(f"{name}.parquet")))
        for name in ("train", "holdout", "synthetic")
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
    return found


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


def end_with_asker() -> None:
    """End when nobody can read the answer: whoever asked, and kept the time, was killed."""
    answer = select.poll()
    answer.register(sys.stdout.fileno(), 0)  # told of errors only: the pipe's other end is gone
    answer.poll()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_asker, daemon=True).start()
    with redirect_stdout(sys.stderr):  # what libraries print is no result
        results = attacked(zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())))
    json.dump(results, sys.stdout)
