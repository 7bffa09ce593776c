"""Every learner trained on real rows, on synthetic rows and on both, and what each training says.

All are asked about the same real holdout, which utility and fairness share; the one trained on real
rows is also asked about synthetic rows.

Privacy claim: none; holds outcomes and predictions of real people, internal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evaluators.features import Look, columns_of, event_of, feature_columns, image_of, outcome
from evaluators.resampling import bootstrap_weights
from evaluators.score import Status
from evaluators.tables import Tables
from evaluators.utility.estimators import NotConvergedError, NotLearnableError
from evaluators.utility.kaplan_meier import Brier
from evaluators.utility.learners import LEARNERS, Learner, commonest, constant
from evaluators.utility.survival import Everyone
from privacy.schema.schema import Schema, Target

MAX_TRAIN = 50_000
"""A learner sees at most this many rows of a table, drawn by the seed."""

MAX_TEST = 20_000
"""Predictions are judged on at most this many holdout rows, drawn by the seed."""

MIN_TRAIN = 20
"""Nothing is learned from fewer rows."""

LIMITS = {"synthetic": MAX_TRAIN, "train": MAX_TRAIN, "holdout": MAX_TEST}

MAX_TEST_SYNTHETIC = 10_000
"""And on at most this many synthetic rows."""


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of a table that have an outcome: features, outcomes and row numbers."""

    X: np.ndarray
    y: np.ndarray
    rows: np.ndarray

    def at(self, rows: np.ndarray) -> Part:
        return Part(self.X[rows], self.y[rows], self.rows[rows])

    def __add__(self, other: Part) -> Part:
        pairs = ((self.X, other.X), (self.y, other.y), (self.rows, other.rows))
        return Part(*(np.concatenate(pair) for pair in pairs))

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class Said:
    """What one training says of some rows.

    ``values``: a risk, a class or a number for each. ``cut``: the risk from which a person is chosen,
    which is the event rate of the rows that were learned from: no threshold comes from the holdout.
    ``errors``: each row's part of the integrated Brier score (survival).
    """

    values: np.ndarray
    cut: float = 0.0
    errors: np.ndarray | None = None

    @property
    def chosen(self) -> np.ndarray:
        """0/1 decisions."""
        return (self.values > self.cut).astype(float)


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Synthetic rows with an outcome: their numbers and outcomes, what the learner trained on real rows says of
    them, and bootstrap weights."""

    rows: np.ndarray
    y: np.ndarray
    real: Said
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one learner, trained on ``synthetic`` and ``real`` rows and on ``both``, says of the
    holdout.

    ``rows``: the holdout rows with a known outcome; ``y`` their outcomes; ``majority``: a constant.
    """

    target: Target
    model: str
    rows: np.ndarray
    y: np.ndarray
    synthetic: Said
    real: Said
    both: Said
    majority: Said
    weights: np.ndarray
    elsewhere: Elsewhere

    @property
    def event(self) -> np.ndarray | None:
        return event_of(self.y, self.target)


@dataclass(frozen=True)
class Failure:
    """A learner that could not be trained or applied, and why, in words that are safe to show."""

    target: Target
    model: str
    reason: str
    status: Status = "failed"


@dataclass(frozen=True, eq=False)
class Sample:
    """All that the learners of a target see, drawn once: the same rows for every learner.

    ``here`` and ``there``: bootstrap weights of the holdout and of synthetic test rows.
    """

    target: Target
    seed: int
    synthetic: Part
    train: Part
    holdout: Part
    test_synthetic: Part
    here: np.ndarray
    there: np.ndarray
    brier: Brier | None

    @classmethod
    def of(cls, tables: Tables, target: Target, look: Look) -> Sample:
        """Draw it; NotLearnableError where a table has no row with an outcome."""
        rng = tables.rng(f"predict {target.name}")
        synthetic, train, holdout = (
            part_of(tables.frame(role), role, tables, target, look, limit, rng)
            for role, limit in LIMITS.items()
        )
        size = min(len(synthetic), MAX_TEST_SYNTHETIC)
        elsewhere = synthetic.at(np.sort(rng.choice(len(synthetic), size, replace=False)))
        return cls(
            target,
            tables.seed,
            synthetic,
            train,
            holdout,
            elsewhere,
            bootstrap_weights(
                renumbered(tables.units["holdout"][holdout.rows]), tables.rng("bootstrap")
            ),
            bootstrap_weights(
                renumbered(tables.units["synthetic"][elsewhere.rows]),
                tables.rng("bootstrap synthetic"),
            ),
            Brier.of(train.y, holdout.y) if target.task == "survival" else None,
        )

    def learned(self, learner: Learner, part: Part) -> Trained:
        """The learner, trained on a part."""
        event = event_of(part.y, self.target)
        cut = float(event.mean()) if event is not None else 0.0
        return Trained(learner(part.X, part.y, self.seed), cut, self.brier)

    @property
    def majority(self) -> Said:
        """What a constant says of the holdout."""
        event = event_of(self.train.y, self.target)
        if self.target.task == "survival":
            return Trained(Everyone(self.train.y), 0.5, self.brier).say(self.holdout)
        rule = commonest if self.target.task == "multiclass" else constant
        return Said(rule(self.train.y if event is None else event)(self.holdout.X), 0.5)


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model with the event rate of the rows it was fitted on."""

    model: Any
    cut: float
    brier: Brier | None

    def say(self, part: Part) -> Said:
        """What it says of the rows of a part."""
        if self.brier is None:
            return Said(self.model(part.X), self.cut)
        curves = self.model.curves(part.X, self.brier.times)
        return Said(self.model(part.X), self.cut, self.brier.errors(part.y, curves))


def predict_all(tables: Tables) -> list[Prediction | Failure]:
    """Every learner for every target, trained on each table and on both."""
    found: list[Prediction | Failure] = []
    for target in tables.schema.targets:
        samples: dict[Look, Sample] = {}
        known = list(learners(tables.schema, target))
        if not known and not feature_columns(tables.schema, target):
            why = "no column may predict it"
            found.append(Failure(target, "", why, "insufficient evidence"))
        for model, learner, look in known:
            try:
                if look not in samples:
                    samples[look] = Sample.of(tables, target, look)
                found.append(predict(samples[look], model, learner))
            except Exception as error:
                found.append(failure(target, model, error))
    return found


def failure(target: Target, model: str, error: Exception) -> Failure:
    """What is told of a learner that did not work: never the message of an unknown error."""
    if isinstance(error, NotLearnableError):
        return Failure(target, model, str(error), "insufficient evidence")
    if isinstance(error, NotConvergedError):
        return Failure(target, model, "the model did not converge")
    return Failure(target, model, type(error).__name__)


def learners(schema: Schema, target: Target) -> Iterator[tuple[str, Learner, Look]]:
    """Name, learner and what it looks at: columns where any may predict, the image where there is
    one."""
    if feature_columns(schema, target):
        yield from ((name, learner, columns_of) for name, learner in LEARNERS[target.task].items())
    if schema.image is not None:
        from evaluators.utility.convolution import IMAGE_LEARNERS

        own = IMAGE_LEARNERS.get(target.task, {})
        yield from ((name, learner, image_of) for name, learner in own.items())


def predict(sample: Sample, model: str, learner: Learner) -> Prediction:
    """Train ``learner`` on synthetic rows, on real ones and on both, and ask about the holdout."""
    real = sample.learned(learner, sample.train)
    synthetic = sample.learned(learner, sample.synthetic)
    both = sample.learned(learner, sample.train + sample.synthetic)
    holdout, elsewhere = sample.holdout, sample.test_synthetic
    return Prediction(
        sample.target,
        model,
        holdout.rows,
        holdout.y,
        synthetic.say(holdout),
        real.say(holdout),
        both.say(holdout),
        sample.majority,
        sample.here,
        Elsewhere(elsewhere.rows, elsewhere.y, real.say(elsewhere), sample.there),
    )


def part_of(
    frame: pd.DataFrame,
    name: str,
    tables: Tables,
    target: Target,
    look: Look,
    limit: int,
    rng: np.random.Generator,
) -> Part:
    """At most ``limit`` rows of a frame that have an outcome; ``name`` is what an error calls it."""
    y, known = outcome(frame, tables.codec, target)
    rows = np.flatnonzero(known)
    if len(rows) > limit:
        rows = np.sort(rng.choice(rows, size=limit, replace=False))
    if len(rows) == 0:
        raise NotLearnableError(f"no {name} row has an outcome")
    if len(rows) < MIN_TRAIN and name != "holdout":
        raise NotLearnableError(f"fewer than {MIN_TRAIN} {name} rows have an outcome")
    return Part(look(frame.iloc[rows], tables.codec, target), y[rows], rows)


def renumbered(unit: np.ndarray) -> np.ndarray:
    """Unit numbers without gaps."""
    return np.unique(unit, return_inverse=True)[1]
