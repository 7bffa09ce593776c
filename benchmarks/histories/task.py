"""What somebody would do with histories: learn a risk from them, and be tested on real people.

- framingham: a cardiovascular event or death during follow-up, from what three examinations found;
- made-up: death, from the first two visits;
- diabetes130: of every stay, readmission within 30 days, from this stay and the one before it;
- the small clinic: of every visit, a flare, likewise.

Boosted trees with the judge's settings. Columns that are only known when follow-up has ended are not shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from histories.people import units_of
from sklearn.metrics import roc_auc_score

from evaluators.features import design
from evaluators.utility.estimators import boosted, one_thread
from privacy.histories.tables import places
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema


@dataclass(frozen=True)
class Task:
    """``events``: column → values that are one. ``own``: constant columns that are shown.

    ``rows``: how many of a person's first rows are shown; None: the question is asked of every row, and it and
    the one before are shown.
    """

    events: dict[str, tuple[str, ...]]
    rows: int | None
    own: tuple[str, ...]


TASKS = {
    "framingham": Task({"CVD": ("1",), "DEATH": ("1",)}, 3, ("SEX", "educ")),
    "diabetes130": Task({"readmitted": ("<30",)}, None, ("race", "gender")),
    "made-10000": Task({"died": ("1",)}, 2, ("sex", "race")),
    "made-100000": Task({"died": ("1",)}, 2, ("sex", "race")),
    "tables-10000": Task({"died": ("1",)}, 2, ("gender_concept_id", "race_concept_id")),
    "tables-100000": Task({"died": ("1",)}, 2, ("gender_concept_id", "race_concept_id")),
    "clinic-1500": Task({"flare": ("yes",)}, None, ("sex",)),
}


def auroc(
    task: Task, schema: Schema, learnt: pd.DataFrame, tested: pd.DataFrame, seed: int
) -> float | None:
    """Of a model of ``learnt``, on ``tested``; None where ``learnt`` has one answer only."""
    (X, y), (Z, truth) = (questions(task, schema, frame) for frame in (learnt, tested))
    if len(np.unique(y)) < 2:
        return None
    model = boosted(X, y, seed)
    return round(float(roc_auc_score(truth, one_thread(model.predict_proba, Z)[:, 1])), 4)


def questions(task: Task, schema: Schema, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """What a learner sees [questions, features], and the answers [questions]."""
    assert schema.visits is not None
    codec, units = Codec(schema), units_of(frame, schema)
    place = places(units)
    hidden = {*schema.visits.constant, *task.events}
    found = design(frame, codec, tuple(n for n in schema.modelled if n not in hidden))
    answers = np.any([frame[n].isin(v).to_numpy() for n, v in task.events.items()], axis=0)
    own = design(frame, codec, task.own)
    if task.rows is None:
        before = design(frame, codec, tuple(n for n in schema.modelled if n not in set(task.own)))
        before = np.roll(before, 1, axis=0) * (place > 1).astype(np.float32)[:, None]
        which = place[:, None].astype(np.float32)
        return np.concatenate([own, found, before, which], axis=1), answers
    first = np.flatnonzero(place == 1)
    shown = [own[first]]
    for number in range(1, task.rows + 1):
        there = np.flatnonzero(place == number)
        block = np.zeros((len(first), found.shape[1] + 1), dtype=np.float32)
        block[units[there]] = np.column_stack([found[there], np.ones(len(there))])
        shown.append(block)
    return np.concatenate(shown, axis=1), answers[first]
