"""Train on synthetic and train on real, predict the same real holdout: what utility and fairness
share.

Privacy claim: none; holds outcomes and predictions of real people, internal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluators.convolution import IMAGE_LEARNERS
from evaluators.features import Look, columns_of, event_of, feature_columns, image_of, outcome
from evaluators.learners import LEARNERS, Learner, NotConvergedError, commonest, constant
from evaluators.resampling import bootstrap_weights
from evaluators.tables import Tables
from privacy.schema import Schema, Target

MAX_TRAIN = 50_000
"""A learner sees at most this many rows of a table, drawn by the seed."""

MAX_TEST = 20_000
"""Predictions are judged on at most this many holdout rows, drawn by the seed."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one learner, trained twice, says about the holdout.

    ``rows``: the holdout rows with a known outcome; ``y`` their outcomes, ``synthetic`` and
    ``real`` the predictions of the two trainings, ``majority`` that of a constant.
    ``cut_synthetic``, ``cut_real``: the risk from which a person is chosen: the event rate of the
    rows that the learner was trained on, so that no threshold is taken from the holdout.
    """

    target: Target
    model: str
    rows: np.ndarray
    y: np.ndarray
    synthetic: np.ndarray
    real: np.ndarray
    majority: np.ndarray
    cut_synthetic: float
    cut_real: float
    weights: np.ndarray

    @property
    def event(self) -> np.ndarray | None:
        return event_of(self.y, self.target)


@dataclass(frozen=True)
class Failure:
    """A learner that could not be trained or applied, by the type of its error (safe to show)."""

    target: Target
    model: str
    reason: str


def predict_all(tables: Tables) -> list[Prediction | Failure]:
    """Every learner for every target, trained on both tables."""
    found: list[Prediction | Failure] = []
    for target in tables.schema.targets:
        for model, learner, look in learners(tables.schema, target):
            try:
                found.append(predict(tables, target, model, learner, look))
            except NotConvergedError:
                found.append(Failure(target, model, "the model did not converge"))
            except Exception as error:  # whatever it is, it becomes a failed score
                found.append(Failure(target, model, type(error).__name__))
    return found


def learners(schema: Schema, target: Target) -> Iterator[tuple[str, Learner, Look]]:
    """Name, learner and what it looks at: columns where any may predict, the image where there is
    one."""
    if feature_columns(schema, target):
        yield from ((name, learner, columns_of) for name, learner in LEARNERS[target.task].items())
    if schema.image is not None:
        own = IMAGE_LEARNERS.get(target.task, {})
        yield from ((name, learner, image_of) for name, learner in own.items())


def predict(
    tables: Tables, target: Target, model: str, learner: Learner, look: Look = columns_of
) -> Prediction:
    """Train ``learner`` on synthetic and on real rows and predict the holdout."""
    rng = tables.rng(f"predict {target.name}")
    trained, cuts = {}, {}
    for role in ("synthetic", "train"):
        X, y, _ = _data(tables, role, target, look, MAX_TRAIN, rng)
        trained[role] = learner(X, y, tables.seed)
        event = event_of(y, target)
        cuts[role] = float(event.mean()) if event is not None else 0.0
        real_y = y
    X, y, rows = _data(tables, "holdout", target, look, MAX_TEST, rng)
    event = event_of(real_y, target)
    majority = commonest if target.task == "multiclass" else constant
    return Prediction(
        target,
        model,
        rows,
        y,
        trained["synthetic"](X),
        trained["train"](X),
        majority(real_y if event is None else event)(X),
        cuts["synthetic"],
        cuts["train"],
        bootstrap_weights(_renumbered(tables.units["holdout"][rows]), tables.rng("bootstrap")),
    )


def _data(
    tables: Tables,
    role: str,
    target: Target,
    look: Look,
    limit: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frame = tables.frame(role)
    y, known = outcome(frame, tables.codec, target)
    rows = np.flatnonzero(known)
    if len(rows) > limit:
        rows = np.sort(rng.choice(rows, size=limit, replace=False))
    if len(rows) == 0:
        raise ValueError(f"no {role} row has an outcome")
    return look(frame.iloc[rows], tables.codec, target), y[rows], rows


def _renumbered(unit: np.ndarray) -> np.ndarray:
    return np.unique(unit, return_inverse=True)[1]
