"""What synthcity's own metrics say of a release, in an environment of its own.

α-precision, β-recall and authenticity (Alaa et al. 2022), precision, recall, density and coverage (Naeem et al.
2020), detection by three classifiers, DOMIAS (van Breugel et al. 2023), and for a time to an event the distance
of Kaplan–Meier curves (Norcliffe et al. 2023) and the C-index of a Cox model trained on synthetic rows. Opt-in,
as anonymeter is. Every column is seen as its public code, between 0 and 1: detail finer than a bin is not.

Rows: holdout, and train for attacks. Visibility: internal.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from evaluators.attacks.people import HELD_OUT
from evaluators.score import RealRows, Score, finite
from evaluators.tables import MIN_PEOPLE, ROLES, Tables, evidence
from privacy.errors import InputError, WorkerError
from privacy.schema.columns import Categorical
from privacy.schema.schema import Survival
from privacy.worker import SYNTHCITY as WORKER
from privacy.worker import Announce, to_stderr

SECONDS, GIGABYTES = 1800.0, 16.0

MOST = 2_000
"""So many rows of each table at most, and as many of each: distances are quadratic."""

Named = dict[str, tuple[str, str, bool]]
FIGURES: dict[str, Named] = {
    "alpha_precision": {
        "delta_precision_alpha_OC": ("alpha_precision", "one-class", True),
        "delta_coverage_beta_OC": ("beta_recall", "one-class", True),
        "delta_precision_alpha_naive": ("alpha_precision", "as they are", True),
        "delta_coverage_beta_naive": ("beta_recall", "as they are", True),
    },
    "prdc": {name: (name, "", True) for name in ("precision", "recall", "density", "coverage")},
    "detection_linear": {"mean": ("detection", "linear", False)},
    "detection_mlp": {"mean": ("detection", "network", False)},
    "detection_xgb": {"mean": ("detection", "boosted trees", False)},
    "survival_km": {
        "optimism": ("km_optimism", "", False),
        "abs_optimism": ("km_distance", "", False),
        "sightedness": ("km_sightedness", "", False),
    },
    "survival_cox": {"syn_ood.c_index": ("c_index", "Cox", True)},
}
AUTHENTICITY: Named = {
    "authenticity_OC": ("authenticity", "one-class", True),
    "authenticity_naive": ("authenticity", "as they are", True),
}
DOMIAS = {"domias_kde": "kernel density", "domias_prior": "kernel density, normal population"}
"""Metric → its name there → ours, the model, and whether more is better."""


def resemblance(tables: Tables, announce: Announce = to_stderr) -> list[Score]:
    """The holdout beside synthetic rows, and beside train rows for a baseline."""
    metrics = [m for m in FIGURES if not m.startswith("survival") or _survival(tables)]
    questions = [
        {"metric": metric, "real": "holdout", "fake": fake}
        for metric in metrics
        for fake in ("synthetic", "train")
    ]

    def read(answers: list[dict[str, Any]], about: dict[str, Any]) -> list[Score]:
        return [
            score
            for metric, ours, beside in zip(metrics, answers[::2], answers[1::2], strict=True)
            for score in _scores(
                FIGURES[metric], ours, beside, about | {"baseline_name": "real train rows"}
            )
        ]

    return _asked(tables, questions, "holdout", read, announce)


def attacks(tables: Tables, announce: Announce = to_stderr) -> list[Score]:
    """Authenticity of synthetic rows beside train rows and beside the holdout; DOMIAS on both."""
    questions = [
        {"metric": "alpha_precision", "real": "train", "fake": "synthetic"},
        {"metric": "alpha_precision", "real": "holdout", "fake": "synthetic"},
        *(
            {"metric": m, "members": "train half", "real": "holdout", "fake": "synthetic"}
            for m in DOMIAS
        ),
    ]

    def read(answers: list[dict[str, Any]], about: dict[str, Any]) -> list[Score]:
        ours, beside, *domias = answers
        found = _scores(AUTHENTICITY, ours, beside, about | {"baseline_name": HELD_OUT})
        chance = {"aucroc": 0.5}
        for answer, model in zip(domias, DOMIAS.values(), strict=True):
            named: Named = {"aucroc": ("domias", model, False)}
            found += _scores(named, answer, chance, about | {"baseline_name": "chance"})
        return found

    return _asked(tables, questions, "train and holdout", read, announce)


Read = Callable[[list[dict[str, Any]], dict[str, Any]], list[Score]]


def _asked(
    tables: Tables,
    questions: list[dict[str, str]],
    rows: RealRows,
    read: Read,
    announce: Announce,
) -> list[Score]:
    """The worker's answers as scores, or one that says why there are none."""
    if tables.schema.image is not None:
        return []
    about: dict[str, Any] = {"rows": rows}

    def none(status: Any, reason: str) -> list[Score]:
        return [Score(metric="synthcity", status=status, reason=reason, **about)]

    size = min(MOST, *(len(tables.frame(role)) for role in ROLES))
    status, reason = evidence(tables.people("holdout", np.ones(len(tables.holdout), bool)))
    if status != "ok" or size < MIN_PEOPLE:
        return none("insufficient evidence", reason or f"{size} rows, fewer than {MIN_PEOPLE}")
    task = {"do": "measure", "questions": questions, "seed": tables.seed}
    try:
        WORKER.ready(announce)
    except (InputError, WorkerError) as error:
        if isinstance(error, WorkerError):
            announce(error.private)
        missing = "not measured: uv or the package index is missing"
        return none("insufficient evidence", missing)
    try:
        answer = WORKER.ask(_given(tables, size, task), SECONDS, GIGABYTES)
    except WorkerError as error:
        announce(error.private)
        return none("failed", str(error))
    answers = json.loads(zipfile.ZipFile(io.BytesIO(answer)).read("answers.json"))
    return read(answers, about | {"n": size, "detail": f"{size:,} rows of each table"})


def _given(tables: Tables, size: int, task: dict[str, Any]) -> dict[str, bytes]:
    """The files of the worker: codes between 0 and 1, a time above 0 and an event as a flag."""
    target, domain = _survival(tables), tables.codec.domain
    found: dict[str, pd.DataFrame] = {}
    for role in ROLES:
        rows = tables.rng(f"synthcity {role}").permutation(len(tables.frame(role)))[:size]
        codes = tables.codes[role].iloc[rows].reset_index(drop=True)
        found[role] = codes.div(pd.Series(domain).sub(1).clip(lower=1))
        if target is not None:
            labels = tables.codec.columns[target.event].labels
            seen = [i for i, label in enumerate(labels) if label in target.event_values]
            found[role][target.time] = (codes[target.time] + 1) / domain[target.time]
            found[role][target.event] = codes[target.event].isin(seen).astype(int)
    found["train half"] = found["train"].iloc[: size // 2]
    files = {f"{name}.parquet": frame.to_parquet(None) for name, frame in found.items()}
    survival = None
    if target is not None:
        codes_of_time = domain[target.time]
        survival = {"time": target.time, "event": target.event, "codes": codes_of_time}
    return files | {"task.json": json.dumps(task | {"survival": survival}).encode()}


def _survival(tables: Tables) -> Survival | None:
    """The first target with a time to an event, whose time has no special values."""
    for target in tables.schema.targets:
        if isinstance(target, Survival) and isinstance(
            tables.schema.columns[target.event], Categorical
        ):
            time = tables.codec.columns[target.time]
            return target if time.size == time.n_bins else None
    return None


def _scores(
    named: Named, ours: dict[str, Any], beside: dict[str, Any], about: dict[str, Any]
) -> list[Score]:
    """A score for each figure; what synthcity could not compute is not measured, by the error's type."""
    found = []
    for theirs, (name, model, more) in named.items():
        value = finite(ours.get(theirs, np.nan))
        own = about | {"metric": f"synthcity.{name}", "model": model, "higher_is_better": more}
        if value is None:
            why = f"not measured: synthcity fails on this table ({ours.get('error', 'no figure')})"
            found.append(Score(status="insufficient evidence", reason=why, **own))
        else:
            found.append(Score(value=value, baseline=finite(beside.get(theirs, np.nan)), **own))
    return found
