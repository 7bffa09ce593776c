"""Singling-out and linkability by anonymeter (Giomi et al. 2023), in an environment of its own.

Singling-out: a condition learned from the release that holds for exactly one person. Linkability: two halves
of a person's columns have a near synthetic row in common. Each on train people, beside people held out;
``risk`` is what anonymeter reports: the excess over them, as a share of what is left.

Opt-in, since ``uv`` builds the worker's environment from the package index the first time. Where either is
missing the scores say so. The worker's messages may quote private values: they go to the terminal of whoever
started the run, never into a score. It is given its rows and answers through pipes, so that a kill leaves none
of them on disk.

Rows: train and holdout. Visibility: internal.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluators.attacks.people import HELD_OUT, unmeasured
from evaluators.features import as_numbers
from evaluators.score import Score
from evaluators.tables import Tables, evidence
from privacy.errors import InputError, WorkerError
from privacy.worker import Announce, Worker, to_stderr

SCRIPT = Path(__file__).parents[1] / "workers" / "anonymeter_worker.py"
WORKER = Worker("anonymeter", SCRIPT, "a minute or two")
METRICS = ("attack.singling_out", "attack.linkability")
SECONDS, GIGABYTES = 600.0, 16.0
"""What the attacks may take."""

MOST = 10_000
"""So many train people at most, and as many held out: equal sizes need no correction."""

MAX_SYNTHETIC = 50_000
TASK = {"attacks": 500, "attempts": 50_000, "links": 1_000, "neighbours": 10}
"""How many singling-out conditions, how many tries for them, how many people to link, by how many
near rows."""


def anonymeter(tables: Tables, announce: Announce = to_stderr) -> list[Score]:
    """Rate and risk of each attack, or the reason why it was not tried."""
    if tables.schema.image is not None:
        return []
    fewest = min(
        tables.people(r, np.ones(len(tables.frame(r)), bool)) for r in ("train", "holdout")
    )
    status, reason = evidence(fewest)
    if status != "ok" or tables.synthetic.empty:
        return [unmeasured(metric, reason or "no synthetic row") for metric in METRICS]
    try:
        WORKER.ready(announce)
    except (InputError, WorkerError) as error:
        if isinstance(error, WorkerError):
            announce(error.private)
        missing = "not measured: uv or the package index is missing"
        return [unmeasured(metric, missing) for metric in METRICS]
    given, n = _given(tables)
    try:
        answer = WORKER.ask(given, SECONDS, GIGABYTES)
    except WorkerError as error:
        announce(error.private)
        return [Score(metric=m, status="failed", reason=str(error)) for m in METRICS]
    return [score for result in json.loads(answer) for score in _scores(result, n)]


def _given(tables: Tables) -> tuple[dict[str, bytes], int]:
    """The files that the worker is given, and how many real rows stand in them."""
    rng = tables.rng("anonymeter")
    size = min(MOST, len(tables.train), len(tables.holdout))
    files = {}
    for role, most in (("train", size), ("holdout", size), ("synthetic", MAX_SYNTHETIC)):
        rows = rng.permutation(len(tables.frame(role)))[:most]
        files[f"{role}.parquet"] = plain(tables, role, rows).to_parquet(None, index=False)
    columns = rng.permutation(np.array(tables.schema.modelled)).tolist()
    task: dict[str, Any] = TASK | {
        "seed": tables.seed,
        "columns": sorted({1, min(4, len(columns))}),
        "halves": [columns[::2], columns[1::2]],
    }
    files["task.json"] = json.dumps(task).encode()
    return files, 2 * size


def plain(tables: Tables, role: str, rows: np.ndarray) -> pd.DataFrame:
    """Numbers where a column has only numbers, else texts: a label for each code."""
    found: dict[str, Any] = {}
    for name in tables.schema.modelled:
        column = tables.codec.columns[name]
        if column.bins is not None and column.size == column.n_bins:
            series = tables.frame(role)[name].iloc[rows]
            found[name] = as_numbers(series, tables.codec, name)
        else:
            codes = tables.codes[role][name].to_numpy()[rows]
            found[name] = np.array(column.labels, dtype=object)[codes]
    return pd.DataFrame(found)


def _scores(result: dict[str, Any], n: int) -> list[Score]:
    (rate, error), control, guess = result["rate"], result["control"][0], result["guess"][0]
    remark = f"{result['how']}; {result['attacks']} attacks; random guesses {guess:.3f}"
    about: dict[str, Any] = {
        "rows": "train and holdout",
        "n": n,
        "positives": n // 2,
        "baseline_name": HELD_OUT,
        "higher_is_better": False,
        "detail": remark
        + ("; no stronger than guesses, so it says nothing" if rate <= guess else ""),
    }
    risk, low, high = result["risk"]
    metric = f"attack.{result['attack']}"
    return [
        Score(
            metric=metric,
            value=rate,
            low=rate - error,
            high=rate + error,
            baseline=control,
            **about,
        ),
        Score(metric=f"{metric}.risk", value=risk, low=low, high=high, baseline=0.0, **about),
    ]
