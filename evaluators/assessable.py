"""Whom a judgement could assess at all: are there people enough, and outcomes of both kinds?

Told of people held out before anything is charged for, of a whole table by the share that will be held out, and
of synthetic rows by how many people a row stands for.

Privacy claim: none; counts the rows it is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluators.features import classes, event_of, outcome
from evaluators.policy import Policy
from evaluators.tables import MIN_EVENTS, MIN_PEOPLE, evidence
from privacy.schema.codec import Codec
from privacy.schema.schema import Multiclass, Schema, Target


@dataclass(frozen=True)
class Unassessed:
    """What cannot be assessed, and why: the whole table (``group`` "all"), a target, a group, or both."""

    group: str
    target: str
    reason: str

    @property
    def name(self) -> str:
        parts = [p for p in (self.target, self.group) if p and p != "all"]
        return " for ".join(parts) or "everyone"

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def undeclared(policy: Policy, schema: Schema) -> str | None:
    """What the policy asks a schema to declare and it does not, so that no release of it can be approved."""
    there = {"declared.target": schema.targets, "declared.subgroup": schema.subgroups}
    for rule in policy.rules:
        said = there.get(rule.metric, True)
        if not said and rule.at_least and rule.on_insufficient == "insufficient":
            what = rule.metric.removeprefix("declared.")
            return (
                f"the schema declares no {what}, and the policy {policy.name!r} approves no release without "
                f"one; add it under `{what}s:`, or take another policy (`policy:`)"
            )
    return None


def smallest(holdout: float) -> str:
    """The smallest table that can be approved, in the words in which every command tells it."""
    share = f"`holdout: {holdout:g}`"
    return (
        f"The smallest table that can be approved has {MIN_PEOPLE} people held out, "
        f"{math.ceil(round(MIN_PEOPLE / holdout, 6)):,} in all at {share}, {MIN_EVENTS} of them with a "
        f"target's event and {MIN_EVENTS} without it; of a smaller group nothing is claimed"
    )


def unassessed(
    frame: pd.DataFrame, units: np.ndarray, schema: Schema, share: float = 1.0
) -> list[Unassessed]:
    """What too few people stand behind; of a group that is small itself no target is told.

    ``units``: the unit number of each row; ``share``: how many people held out each unit stands for. Of an
    incomplete schema only what is declared is looked at.
    """
    schema = _banded(schema)
    if set(schema.incomplete) >= set(schema.modelled):  # so no group and no outcome is declared
        status, reason = evidence(int(len(np.unique(units)) * share))
        return [] if status == "ok" else [Unassessed("all", "", reason)]
    known = schema.without(schema.incomplete)
    counts = _Counts(frame, units, known, share)
    everyone = np.ones(len(frame), dtype=bool)
    found = list(counts.small("all", everyone))
    if any(not u.target for u in found):
        return found
    hopeless = {u.target for u in found}
    for name, mask in _groups(frame, known):
        found += [u for u in counts.small(name, mask) if u.target not in hopeless or not u.target]
    return found


def _banded(schema: Schema) -> Schema:
    """With one bin for numbers whose bins are measured and that have bands: these part it."""
    of_bands = {s.column for s in schema.subgroups if s.bands is not None} & set(schema.incomplete)
    return schema.completed({n: schema.columns[n].model_copy(update={"bins": 1}) for n in of_bands})


def _groups(frame: pd.DataFrame, schema: Schema) -> Iterator[tuple[str, np.ndarray]]:
    codec = Codec(schema)
    for subgroup in schema.subgroups:
        number, labels = codec.groups(subgroup)
        group = number[codec.columns[subgroup.column].encode(frame[subgroup.column])]
        yield from ((f"{subgroup.name}={label}", group == i) for i, label in enumerate(labels))


class _Counts:
    """How many people are in a group, with each outcome."""

    def __init__(
        self, frame: pd.DataFrame, units: np.ndarray, schema: Schema, share: float
    ) -> None:
        self.units, self.share = units, share
        codec = Codec(schema)
        self.outcomes = {t.name: self._outcomes(frame, codec, t) for t in schema.targets}

    @staticmethod
    def _outcomes(
        frame: pd.DataFrame, codec: Codec, target: Target
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Who has an outcome; whose is the event, if there is one; of classes, of the commonest."""
        y, known = outcome(frame, codec, target)
        if isinstance(target, Multiclass):
            of = np.bincount(y[known].astype(int), minlength=len(classes(codec, target)))
            return known, y == of.argmax()
        event = event_of(y, target)
        return known, None if event is None else event > 0

    def people(self, mask: np.ndarray) -> int:
        return int(len(np.unique(self.units[mask])) * self.share)

    def small(self, name: str, mask: np.ndarray) -> Iterator[Unassessed]:
        status, reason = evidence(self.people(mask))
        if status != "ok":
            yield Unassessed(name, "", reason)
            return
        for target, (known, event) in self.outcomes.items():
            mine = mask & known
            sides = () if event is None else (self.people(mine & event), self.people(mine & ~event))
            status, reason = evidence(self.people(mine), *sides)
            if status != "ok":
                yield Unassessed(name, target, reason)
