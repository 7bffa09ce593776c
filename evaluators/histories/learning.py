"""Do models learn from synthetic histories what they learn from real ones? And is anybody found by theirs?

Targets that stay the same in all rows of a person are predicted from the table of people (``patients``),
others from a row and the row before it (``steps``): trained on synthetic, tested on people held out, beside a
model trained on real ones, for everyone, each subgroup, and where two meet. The figures are those of
``evaluators.utility`` with "histories." before their names; as many people as ``lived`` draws, and two
learners of a task, a linear one and boosted trees.

The membership attacks are those on rows, on the table of people: a person is what a guarantee is about.

Rows: holdout; of attacks train and holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd

from evaluators.attacks.claims import MEMBERSHIP
from evaluators.attacks.membership import membership
from evaluators.features import columns_of, feature_columns
from evaluators.histories.lived import Lived, lived
from evaluators.histories.patients import patient_frame, patient_schema
from evaluators.histories.steps import step_frame, step_schema
from evaluators.score import Score
from evaluators.tables import ROLES, Tables
from evaluators.utility.fairness import fairness
from evaluators.utility.learners import LEARNERS
from evaluators.utility.predictions import Failure, Prediction, Sample, failure, predict
from evaluators.utility.scores import utility
from privacy.schema.schema import Schema

LEARNED = 2
"""So many learners of a task are tried, the first; the third costs as much as both."""

PREFIX = "histories."
PATIENT = f"{MEMBERSHIP}.patient"
LEFT_OUT = ("utility.both.", "utility.trts.")


def from_histories(tables: Tables) -> list[Score]:
    """Every target, from the whole history or from a row and the one before; nothing without visits."""
    if tables.schema.visits is None or not tables.schema.targets:
        return []
    found = []
    for made, what in (
        (patients(tables), "whole histories"),
        (steps(tables), "a row and the one before"),
    ):
        predictions = list(_predictions(made))
        scores = utility(made, predictions) + fairness(made, predictions)
        for score in scores:
            if not score.metric.startswith(LEFT_OUT):
                detail = "; ".join(t for t in (f"from {what}", score.detail) if t)
                found.append(replace(score, metric=f"{PREFIX}{score.metric}", detail=detail))
    return found


def of_patients(tables: Tables) -> list[Score]:
    """Membership attacks on whole people; nothing without visits."""
    if tables.schema.visits is None:
        return []
    found = membership(patients(tables))
    return [replace(s, metric=s.metric.replace(MEMBERSHIP, PATIENT, 1)) for s in found]


def patients(tables: Tables) -> Tables:
    """The three tables as tables of people."""
    return tables.once(_patients)


def _patients(tables: Tables) -> Tables:
    return _remade(tables, patient_schema(tables.schema), patient_frame)


def steps(tables: Tables) -> Tables:
    """The three tables as tables of steps."""
    return _remade(tables, step_schema(tables.schema), step_frame)


def _remade(
    tables: Tables, schema: Schema, make: Callable[[pd.DataFrame, Schema, Lived], pd.DataFrame]
) -> Tables:
    def of(role: str) -> pd.DataFrame:
        return make(tables.frame(role), tables.schema, lived(tables, role))

    train, holdout, synthetic = map(of, ROLES)
    return Tables(train, holdout, synthetic, schema, tables.seed)


def _predictions(tables: Tables) -> Iterator[Prediction | Failure]:
    for target in tables.schema.targets:
        if not feature_columns(tables.schema, target):
            yield Failure(target, "", "no column may predict it", "insufficient evidence")
            continue
        sample = None
        for model, learner in list(LEARNERS[target.task].items())[:LEARNED]:
            try:
                sample = sample or Sample.of(tables, target, columns_of)
                yield predict(sample, model, learner)
            except Exception as error:  # becomes a score that says so
                yield failure(target, model, error)
