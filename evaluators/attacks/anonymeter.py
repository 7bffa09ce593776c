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

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluators.attacks.people import HELD_OUT, unmeasured
from evaluators.features import as_numbers
from evaluators.score import Score
from evaluators.tables import Tables, evidence

WORKER = Path(__file__).parents[1] / "workers" / "anonymeter_worker.py"
METRICS = ("attack.singling_out", "attack.linkability")
BUILD_LIMIT = 900.0
LIMIT = 600.0
"""Seconds that the environment and the attacks may take."""

MOST = 10_000
"""So many train people at most, and as many held out: equal sizes need no correction."""

MAX_SYNTHETIC = 50_000
TASK = {"attacks": 500, "attempts": 50_000, "links": 1_000, "neighbours": 10}
"""How many singling-out conditions, how many tries for them, how many people to link, by how many
near rows."""

Announce = Callable[[str], None]


def to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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
    uv = shutil.which("uv")
    if uv is None or not _ready(uv, announce):
        missing = "not measured: uv or the package index is missing"
        return [unmeasured(metric, missing) for metric in METRICS]
    given, n = _packed(tables)
    command = [uv, "run", "--offline", "--quiet", "--script", str(WORKER)]
    code, answer, errors = _call(command, LIMIT, given)
    if code != 0:
        announce(errors)
        reason = "not in time" if code is None else "the worker failed"
        return [Score(metric=m, status="failed", reason=reason) for m in METRICS]
    return [score for result in json.loads(answer) for score in _scores(result, n)]


def _ready(uv: str, announce: Announce) -> bool:
    """Whether the worker's environment is there, building it where it is not."""
    sync = [uv, "sync", "--quiet", "--script", str(WORKER)]
    if _call([*sync, "--offline"], BUILD_LIMIT)[0] == 0:
        return True
    announce("building the environment of anonymeter; this happens once and takes a minute or two")
    code, _, errors = _call(sync, BUILD_LIMIT)
    if code != 0:
        announce(errors)
    return code == 0


def _call(
    command: Sequence[str], limit: float, given: bytes = b""
) -> tuple[int | None, bytes, str]:
    """Exit code, None past the limit, and what was written to stdout and stderr; nothing is left running."""
    process = subprocess.Popen(  # noqa: S603 our own worker
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        answer, errors = process.communicate(given, limit)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        answer, errors, code = b"", b"", None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return code, answer, errors.decode(errors="replace").strip()


def _packed(tables: Tables) -> tuple[bytes, int]:
    """What the worker is given, a zip file in memory; and how many real rows that is."""
    rng = tables.rng("anonymeter")
    size = min(MOST, len(tables.train), len(tables.holdout))
    parts = {}
    for role, most in (("train", size), ("holdout", size), ("synthetic", MAX_SYNTHETIC)):
        rows = rng.permutation(len(tables.frame(role)))[:most]
        parts[f"{role}.parquet"] = plain(tables, role, rows).to_parquet(None, index=False)
    columns = rng.permutation(np.array(tables.schema.modelled)).tolist()
    task: dict[str, Any] = TASK | {
        "seed": tables.seed,
        "columns": sorted({1, min(4, len(columns))}),
        "halves": [columns[::2], columns[1::2]],
    }
    parts["task.json"] = json.dumps(task).encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return file.getvalue(), 2 * size


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
