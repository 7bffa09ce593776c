"""Several synthetic tables: how much do figures move from one to the next? ``utility.draws.*``.

The main metric of every learner, trained on each synthetic table and tested on the real holdout.
``value`` is the mean over tables, ``low`` and ``high`` the lowest and the highest of them: a spread,
not an interval. Tables are other draws of one model, or releases of other seeds; which, the caller
knows.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

import numpy as np

from evaluators.features import Look
from evaluators.score import MAIN, Score, finite
from evaluators.tables import Tables, evidence
from evaluators.utility.paired import TRAIN_ON_REAL, metrics_of
from evaluators.utility.predictions import (
    MAX_TRAIN,
    Failure,
    Part,
    Prediction,
    Said,
    failure,
    learners,
    part_of,
)
from evaluators.utility.scores import failed, support
from privacy.schema.schema import Target

PREFIX = "utility.draws"


def draws(tables: Tables, predictions: list[Prediction | Failure]) -> list[Score]:
    """A score for every learner that was trained, where there are several synthetic tables."""
    scores = []
    for target in tables.schema.targets if tables.more else ():
        known = {
            p.model: p for p in predictions if isinstance(p, Prediction) and p.target == target
        }
        parts: dict[Look, list[Part]] = {}
        for model, learner, look in learners(tables.schema, target):
            if model not in known:
                continue
            try:
                if look not in parts:
                    parts[look] = _parts(tables, target, look)
                prediction = known[model]
                rows = tables.holdout.iloc[prediction.rows]
                X = look(rows, tables.codec, target)
                said = [Said(learner(p.X, p.y, tables.seed)(X)) for p in parts[look]]
                scores.append(_score(tables, prediction, [prediction.synthetic, *said]))
            except Exception as error:
                scores.append(failed(PREFIX, failure(target, model, error)))
    return scores


def _parts(tables: Tables, target: Target, look: Look) -> list[Part]:
    rng = tables.rng(f"draws {target.name}")
    return [
        part_of(frame, "synthetic", tables, target, look, MAX_TRAIN, rng) for frame in tables.more
    ]


def _score(tables: Tables, prediction: Prediction, said: list[Said]) -> Score:
    everyone = np.ones(len(prediction.y), dtype=bool)
    values = [_main(prediction, one) for one in said]
    people, positives, rest = support(tables, prediction, everyone)
    status, reason = evidence(people, positives, rest)
    if not np.isfinite(values).all() and status == "ok":
        status, reason = "insufficient evidence", "the figure is undefined for a synthetic table"
    ok = status == "ok"
    return Score(
        metric=f"{PREFIX}.{MAIN[prediction.target.task]}",
        value=float(np.mean(values)) if ok else None,
        low=min(values) if ok else None,
        high=max(values) if ok else None,
        baseline=finite(_main(prediction, prediction.real)),
        baseline_name=TRAIN_ON_REAL,
        target=prediction.target.name,
        model=prediction.model,
        n=people,
        positives=positives,
        status=status,
        reason=reason,
        detail=f"mean of {len(said)} synthetic tables; low and high are the worst and the best",
    )


def _main(prediction: Prediction, said: Said) -> float:
    """The main metric on the whole holdout; it takes no threshold and no survival curve."""
    name, rows = MAIN[prediction.target.task], np.arange(len(prediction.y))
    metric = metrics_of(prediction.target.task, prediction.y, said)[name]
    return float(metric(np.ones((1, len(rows))), rows)[0])
