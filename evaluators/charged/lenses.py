"""What is looked at in each person held out, for each kind of target: a model's decision beside the outcome.

A lens is made of public things alone: a model trained on the synthetic rows, and bins cut on a fresh draw of
them. It puts every person in one cell, and reads figures off counts of such cells: of noisy counts, or, with no
noise, of what the synthetic rows say of themselves.

Privacy claim: none of its own; a cell depends on one row and on public things, to the last bit: a risk that
others in the same batch may round another way would let one person move the others across an edge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from evaluators.charged.intervals import LEVEL, Estimate, concordance, mean, share
from evaluators.features import (
    Look,
    classes,
    columns_of,
    feature_columns,
    image_of,
    outcome,
)
from evaluators.tables import Tables
from evaluators.utility.estimators import NotConvergedError, NotLearnableError
from evaluators.utility.learners import LEARNERS, Learner, Predict
from privacy.schema.codec import Codec
from privacy.schema.schema import Multiclass, Target

Figures = Mapping[tuple[str, str], Estimate]
"""(metric, class it is about or "") → estimate."""

BINS = (12, 4, 2)
"""Bins of the risk for everyone, in a subgroup and where two meet: fewer cells, less noise."""

TIMES, RISKS = (6, 3), (8, 3)
"""Bins of survival time and of risk, for everyone and in a subgroup."""

CHOICE = {"classification": "boosting", "multiclass": "boosting", "regression": "boosting"}
"""The learner whose predictions are charged for, where rows have columns to predict from; Cox for survival."""


class Lens(Protocol):
    """``sizes``: how many cells there are for everyone, in a subgroup and where two subgroups meet."""

    target: Target
    model: str
    sizes: tuple[int, int, int]

    def see(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
        """The cell of each row at each of the three sizes; −1 where it has no outcome."""
        ...

    def figures(
        self, order: int, counts: np.ndarray, sigma: float, level: float = LEVEL
    ) -> Figures:
        """Figures of the people counted in one group; ``order``: which of the sizes it has."""
        ...

    def events(self, order: int, counts: np.ndarray) -> float | None:
        """How many of the counted have the event; None where a target has none."""
        ...


@dataclass(frozen=True, eq=False)
class Seen:
    """Rows with an outcome, and what the model trained on synthetic rows says of them."""

    known: np.ndarray
    y: np.ndarray
    said: np.ndarray


Watch = Callable[[pd.DataFrame], Seen]


def lens(tables: Tables, fresh: pd.DataFrame, target: Target) -> Lens | None:
    """The lens of one target; None where nothing in the schema can predict it, or where no model can be made.

    ``tables.synthetic`` trains the model; ``fresh`` rows, drawn of the same model, cut the bins. Whether that
    works out is public too, and a release that has been charged for does not fail over one target.
    """
    try:
        return _lens(tables, fresh, target)
    except (NotConvergedError, NotLearnableError, ArithmeticError, ValueError):
        return None


def _lens(tables: Tables, fresh: pd.DataFrame, target: Target) -> Lens | None:
    name, learner, look = _learner(tables, target)
    if learner is None:
        return None
    y, known = outcome(tables.synthetic, tables.codec, target)
    rows = np.flatnonzero(known)
    if not len(rows):
        return None
    train = tables.synthetic.iloc[rows]
    predict = learner(look(train, tables.codec, target), y[rows], tables.seed)

    def watch(frame: pd.DataFrame) -> Seen:
        y, known = outcome(frame, tables.codec, target)
        kept = frame[known]
        said = predict(look(kept, tables.codec, target)) if len(kept) else np.zeros(0)
        return Seen(known, y[known], said)

    return LENSES[target.task](tables.codec, target, name, watch, watch(fresh), y[rows])


def _learner(tables: Tables, target: Target) -> tuple[str, Learner | None, Look]:
    """Name, learner and what it looks at: the image where there is one, else columns."""
    if tables.schema.image is not None:
        from evaluators.utility.convolution import IMAGE_LEARNERS

        if target.task in IMAGE_LEARNERS:
            name, learner = next(iter(IMAGE_LEARNERS[target.task].items()))
            return name, _each_alone(learner), image_of
    if not feature_columns(tables.schema, target):
        return "", None, columns_of
    name = CHOICE.get(target.task, "cox")
    return name, LEARNERS[target.task][name], columns_of


def _each_alone(learner: Learner) -> Learner:
    """The learner, looking at one row at a time: a network rounds by the size of its batch."""

    def taught(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
        predict = learner(X, y, seed)
        return lambda Z: np.concatenate([predict(Z[i : i + 1]) for i in range(len(Z))])

    return taught


def _edges(values: np.ndarray, bins: int) -> np.ndarray:
    """Inner edges of ``bins`` bins that hold about as many of the values each."""
    if not len(values):
        return np.zeros(bins - 1)
    return np.asarray(np.quantile(values, np.arange(1, bins) / bins))


def _placed(known: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Cells of the known rows in their places, −1 elsewhere."""
    out = np.full(len(known), -1)
    out[known] = cells
    return out


class RiskLens:
    """Classification: outcome × bin of the predicted risk; chosen from the synthetic event rate up."""

    def __init__(
        self, codec: Codec, target: Target, model: str, watch: Watch, fresh: Seen, y: np.ndarray
    ) -> None:
        self.target, self.model, self.watch = target, model, watch
        self.cut = float(y.mean())
        self.edges, self.means = [], []
        for bins in BINS:
            halves = (fresh.said[fresh.said <= self.cut], fresh.said[fresh.said > self.cut])
            low, high = (_edges(half, bins // 2) for half in halves)
            edges = np.concatenate([low, [self.cut], high])
            place = np.searchsorted(edges, fresh.said)
            sums = np.bincount(place, fresh.said, bins)
            people = np.bincount(place, minlength=bins)
            middle = (np.r_[0, edges] + np.r_[edges, 1]) / 2
            self.edges.append(edges)
            self.means.append(np.where(people > 0, sums / np.maximum(people, 1), middle))
        self.sizes = (2 * BINS[0], 2 * BINS[1], 2 * BINS[2])

    def see(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
        seen = self.watch(frame)
        y = (seen.y > 0).astype(int)
        return tuple(
            _placed(seen.known, y * bins + np.searchsorted(edges, seen.said))
            for bins, edges in zip(BINS, self.edges, strict=True)
        )

    def figures(
        self, order: int, counts: np.ndarray, sigma: float, level: float = LEVEL
    ) -> Figures:
        bins = BINS[order]
        chosen = np.tile(np.arange(bins) >= bins // 2, 2)
        event = np.repeat([False, True], bins)
        found = {
            "base_rate": share(counts, event, sigma, level),
            "tpr": share(counts[event], chosen[event], sigma, level),
            "fpr": share(counts[~event], chosen[~event], sigma, level),
            "ppv": share(counts[chosen], event[chosen], sigma, level),
            "accuracy": share(counts, chosen == event, sigma, level),
            "selection_rate": share(counts, chosen, sigma, level),
        }
        if order < 2:
            place = np.tile(np.arange(bins), 2)
            comparable = event[:, None] & ~event[None, :]
            found["auroc"] = concordance(counts, comparable, _above(place), sigma, level)
            risk = np.tile(self.means[order], 2)
            found["calibration_gap"] = mean(counts, risk - event, sigma, level)
        return {(name, ""): e for name, e in found.items()}

    def events(self, order: int, counts: np.ndarray) -> float | None:
        return float(counts[BINS[order] :].sum())


def _above(place: np.ndarray) -> np.ndarray:
    """1 where the first of a pair lies above the second, ½ where they tie."""
    above = place[:, None] > place[None, :]
    return np.asarray(above + 0.5 * (place[:, None] == place[None, :]))


class ClassLens:
    """Many classes: class × whether it was recognised for everyone, recognised or not in groups."""

    def __init__(
        self, codec: Codec, target: Target, model: str, watch: Watch, fresh: Seen, y: np.ndarray
    ) -> None:
        self.target: Target = target
        self.model, self.watch = model, watch
        assert isinstance(target, Multiclass)
        self.labels = classes(codec, target)
        self.sizes = (2 * len(self.labels), 2, 2)

    def see(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
        seen = self.watch(frame)
        right = (seen.y == seen.said).astype(int)
        whole = _placed(seen.known, seen.y.astype(int) * 2 + right)
        return whole, *[_placed(seen.known, right)] * 2

    def figures(
        self, order: int, counts: np.ndarray, sigma: float, level: float = LEVEL
    ) -> Figures:
        right = np.tile([False, True], len(counts) // 2)
        found: dict[tuple[str, str], Estimate] = {
            ("accuracy", ""): share(counts, right, sigma, level)
        }
        if order == 0:
            for number, label in enumerate(self.labels):
                mine = np.repeat(np.arange(len(self.labels)) == number, 2)
                found["recall", label] = share(counts[mine], [0, 1], sigma, level)
                found["class_share", label] = share(counts, mine, sigma, level)
        return found

    def events(self, order: int, counts: np.ndarray) -> float | None:
        return None


class SurvivalLens:
    """Survival: bin of the time × event × bin of the risk; where two subgroups meet, the event alone."""

    def __init__(
        self, codec: Codec, target: Target, model: str, watch: Watch, fresh: Seen, y: np.ndarray
    ) -> None:
        self.target, self.model, self.watch = target, model, watch
        times = fresh.y[:, 0] if len(fresh.y) else np.zeros(0)
        self.times = [_edges(times, n) for n in TIMES]
        self.risks = [_edges(fresh.said, n) for n in RISKS]
        self.sizes = (TIMES[0] * 2 * RISKS[0], TIMES[1] * 2 * RISKS[1], 2)

    def see(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
        seen = self.watch(frame)
        y = seen.y.reshape(-1, 2)
        event = (y[:, 1] > 0).astype(int)
        cells = [
            (np.searchsorted(t, y[:, 0]) * 2 + event) * (len(r) + 1) + np.searchsorted(r, seen.said)
            for t, r in zip(self.times, self.risks, strict=True)
        ]
        return tuple(_placed(seen.known, c) for c in (*cells, event))

    def figures(
        self, order: int, counts: np.ndarray, sigma: float, level: float = LEVEL
    ) -> Figures:
        event = self._event(order)
        found = {("base_rate", ""): share(counts, event, sigma, level)}
        if order < 2:
            time = np.repeat(np.arange(TIMES[order]), 2 * RISKS[order])
            risk = np.tile(np.arange(RISKS[order]), 2 * TIMES[order])
            earlier = event[:, None] & (time[:, None] < time[None, :])
            found["c_index", ""] = concordance(counts, earlier, _above(risk), sigma, level)
        return found

    def events(self, order: int, counts: np.ndarray) -> float | None:
        return float(counts[self._event(order)].sum())

    def _event(self, order: int) -> np.ndarray:
        if order == 2:
            return np.array([False, True])
        return np.tile(np.repeat([False, True], RISKS[order]), TIMES[order])


class ErrorLens:
    """Regression: how far off in the synthetic outcome's standard deviations, and to which side."""

    sizes = (6, 6, 6)

    def __init__(
        self, codec: Codec, target: Target, model: str, watch: Watch, fresh: Seen, y: np.ndarray
    ) -> None:
        self.target, self.model, self.watch = target, model, watch
        self.scale = float(y.std()) or 1.0

    def see(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
        seen = self.watch(frame)
        error = (seen.said - seen.y) / self.scale
        far = np.searchsorted([0.5, 1.0], np.abs(error))
        return (_placed(seen.known, 2 * far + (error > 0)),) * 3

    def figures(
        self, order: int, counts: np.ndarray, sigma: float, level: float = LEVEL
    ) -> Figures:
        far, above = np.repeat([0, 1, 2], 2), np.tile([False, True], 3)
        return {
            ("within_half_sd", ""): share(counts, far == 0, sigma, level),
            ("within_one_sd", ""): share(counts, far < 2, sigma, level),
            ("overpredicted", ""): share(counts, above, sigma, level),
        }

    def events(self, order: int, counts: np.ndarray) -> float | None:
        return None


Grinder = Callable[[Codec, Target, str, Watch, Seen, np.ndarray], Lens]

LENSES: Mapping[str, Grinder] = {
    "classification": RiskLens,
    "multiclass": ClassLens,
    "survival": SurvivalLens,
    "regression": ErrorLens,
}
"""task → lens."""
