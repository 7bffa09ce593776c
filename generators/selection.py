"""The best of several generators, or of several settings of one, inside the guarantee.

``RandomStopping`` fits a candidate drawn at random, scores it with noise on the same rows, and repeats so
often as a geometric coin says; the run with the best score is kept (Papernot and Steinke, arXiv 2110.03620).
Four runs on average cost about twice what one does, however many candidates there are. ``EachOnce`` fits every
candidate once, for a part of the budget each, and leaves the choice to others.

A score is minus the squared distance between noisy counts of the rows and counts of synthetic ones, over
tables of two columns that hold a target or a subgroup. Noise adds the same to every candidate's expectation.

Privacy claim: the number of runs, the candidates that lost and their scores are covered by the guarantee only
as long as nobody sees them: they stay in the run's folder, and progress tells nothing of them.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from dp_accounting import ComposedDpEvent, DpEvent, NoOpDpEvent, ZCDpEvent
from dp_accounting.dp_event import RepeatAndSelectDpEvent

from generators.base import Generator, Model, Progress
from generators.marginals.counting.coded import Clique
from generators.marginals.counting.counter import Counter
from generators.marginals.generator import Marginals
from generators.marginals.measurement import Ask, Budget, Measurement, total
from generators.registry import load_model
from privacy.accounting.calibration import calibrate, zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError
from privacy.files import sync
from privacy.ledger.paid import Paid
from privacy.records.codec import RecordCodec
from privacy.schema.schema import Schema
from privacy.stored.rows import AnyRows

GEOMETRIC = 1.0
"""The shape of the number of runs: P(T = t) = γ (1 − γ)^(t − 1) with mean 1/γ."""

SCORE_SHARE = 0.1
"""The part of a run's ρ that its score gets, beside what the fit costs."""

DRAWN = 50_000
"""At most so many synthetic rows are compared."""

CHOSEN = "chosen.json"
"""Beside a model that was chosen: which candidate it is."""

TOLERANCE = 1e-3
"""How closely the runs' ε is found; each step calibrates every candidate."""


Choice = TypeVar("Choice", "RandomStopping", "EachOnce")


@dataclass(frozen=True)
class Chosen:
    """A model, and which of the candidates it is."""

    model: Model
    candidate: int

    @property
    def schema(self) -> Schema:
        return self.model.schema

    @property
    def rows(self) -> int:
        return self.model.rows

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """As the model does."""
        return self.model.sample(n, rng)

    def save(self, folder: Path) -> None:
        """The model, and ``chosen.json`` beside it."""
        self.model.save(folder)
        (folder / CHOSEN).write_text(json.dumps({"candidate": self.candidate}), encoding="utf-8")


def chosen_candidate(folder: Path) -> int:
    """Which candidate was kept in ``folder``."""
    return int(json.loads((folder / CHOSEN).read_text(encoding="utf-8"))["candidate"])


@dataclass(frozen=True)
class RandomStopping:
    """The best of a random number of runs; ``mean`` of them on average, each of a random candidate.

    ``ready`` and ``score_rho`` are set by ``calibrate``.
    """

    among: tuple[Generator, ...]
    mean: int
    ready: tuple[Generator, ...] = ()
    score_rho: float = 0.0

    def __post_init__(self) -> None:
        if self.mean < 1:
            raise ValueError(f"mean must be at least 1, got {self.mean}")

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> RandomStopping:
        """The same with runs as dear as ``guarantee`` allows. Raises InputError where events differ."""

        def at(epsilon: float) -> RandomStopping:
            each = Guarantee(epsilon, guarantee.delta)
            ready = _alone(self.among, each, schema)
            if any(g.event() != ready[0].event() for g in ready):
                raise InputError(
                    "select: random-stopping needs candidates whose mechanisms are the same, such as "
                    "settings of one generator that leave its sampling rate, steps and clipping alone; "
                    "choose these by holdout"
                )
            return replace(self, ready=ready, score_rho=SCORE_SHARE * zcdp_budget(each))

        return _as_dear_as(guarantee, beside, at)

    def event(self) -> DpEvent:
        """A repeated fit and score, known without data."""
        if not self.ready:
            raise ValueError("calibrate first")
        once = ComposedDpEvent([self.ready[0].event(), ZCDpEvent(self.score_rho)])
        return RepeatAndSelectDpEvent(once, float(self.mean), GEOMETRIC)

    def randomness(self) -> str:
        """That of the first candidate, and of the coins."""
        return f"{self.among[0].randomness()} The number of runs comes from the operating system."

    def fit(self, rows: AnyRows, schema: Schema, paid: Paid, progress: Progress) -> Chosen:
        """Run, score, keep the best; progress would tell the number of runs, so it tells nothing."""
        paid.covers(self.event())
        progress("trying candidates", 0.0)
        codec = RecordCodec(schema)
        count = Counter.gathered(codec.domain, map(codec.encode, rows.batches()), rows.room)
        runs = paid.transcript.answer(["runs", self.mean], lambda: geometric(self.mean))
        best: tuple[float, int, int] | None = None
        for run in range(runs):
            drawn = ["candidate", run, len(self.ready)]
            i = paid.transcript.answer(drawn, lambda: secrets.randbelow(len(self.ready)))
            model = _kept(self.ready[i], run, rows, schema, paid)
            tables = measured(count, codec, self.score_rho, paid.transcript.answer)
            found = (closeness(model, tables), -run, i)
            best = found if best is None else max(best, found)
        assert best is not None
        return Chosen(load_model(paid.transcript.tried / str(-best[1])), best[2])


@dataclass(frozen=True)
class Several:
    """The models of all candidates, each in a folder of its number."""

    models: tuple[Model, ...]

    def save(self, folder: Path) -> None:
        """Write each into a folder of its own."""
        for i, model in enumerate(self.models):
            (folder / str(i)).mkdir(mode=0o700)
            model.save(folder / str(i))

    @classmethod
    def load(cls, folder: Path) -> Several:
        """What ``save`` wrote."""
        return cls(tuple(load_model(folder / str(i)) for i in range(len(list(folder.iterdir())))))


@dataclass(frozen=True)
class EachOnce:
    """Every candidate fitted once at the same ε, all of them within the guarantee."""

    among: tuple[Generator, ...]
    ready: tuple[Generator, ...] = ()

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> EachOnce:
        """The same with fits that cost the guarantee together."""

        def at(epsilon: float) -> EachOnce:
            each = Guarantee(epsilon, guarantee.delta)
            return replace(self, ready=_alone(self.among, each, schema))

        return _as_dear_as(guarantee, beside, at)

    def event(self) -> DpEvent:
        """All fits."""
        if not self.ready:
            raise ValueError("calibrate first")
        return ComposedDpEvent([g.event() for g in self.ready])

    def randomness(self) -> str:
        """Of every candidate, each said once."""
        return " ".join(dict.fromkeys(g.randomness() for g in self.among))

    def fit(self, rows: AnyRows, schema: Schema, paid: Paid, progress: Progress) -> Several:
        """Fit all."""
        paid.covers(self.event())
        models = []
        for i, generator in enumerate(self.ready):
            progress(f"candidate {i + 1} of {len(self.ready)}", i / len(self.ready))
            models.append(_kept(generator, i, rows, schema, paid))
        return Several(tuple(models))


def _alone(
    among: Sequence[Generator], guarantee: Guarantee, schema: Schema
) -> tuple[Generator, ...]:
    """Every candidate as if it were fitted alone under ``guarantee``.

    AIM and MST as zCDP: repetition is priced by RDP alone, and both then cost the same.
    """
    rho = zcdp_budget(guarantee)
    return tuple(
        g.as_zcdp(rho)
        if isinstance(g, Marginals)
        else g.calibrate(guarantee, schema, NoOpDpEvent())
        for g in among
    )


def _as_dear_as(guarantee: Guarantee, beside: DpEvent, at: Callable[[float], Choice]) -> Choice:
    """``at`` the ε of a single fit at which all fits together, beside ``beside``, cost ``guarantee``."""
    epsilon = calibrate(
        guarantee,
        lambda epsilon: ComposedDpEvent([beside, at(epsilon).event()]),
        guarantee.epsilon / 100,
        guarantee.epsilon,
        TOLERANCE,
    )
    return at(epsilon)


def geometric(mean: int) -> int:
    """How often a coin that shows heads once in ``mean`` times is thrown until it does; exact."""
    runs = 1
    while secrets.randbelow(mean):
        runs += 1
    return runs


def tables_of(codec: RecordCodec) -> list[Clique]:
    """Pairs of columns with a target or a subgroup in them; all pairs where there is neither."""
    schema = codec.schema
    roles = {c for t in schema.targets for c in t.columns} | {g.column for g in schema.subgroups}
    pairs: list[Clique] = list(combinations(codec.domain, 2))
    return [p for p in pairs if roles & set(p)] or pairs or [tuple(codec.domain)]


def measured(count: Counter, codec: RecordCodec, rho: float, ask: Ask) -> list[Measurement]:
    """The tables that candidates are compared on, with noise, at a cost of ``rho`` in all."""
    budget, cliques = Budget(rho, codec.schema.max_rows_per_unit, ask), tables_of(codec)
    return [budget.measure(count, c, min(rho / len(cliques), budget.left)) for c in cliques]


def closeness(model: Model, tables: Sequence[Measurement]) -> float:
    """Minus the squared distance of the model's counts from those measured; the same for the same input."""
    codec = RecordCodec(model.schema)
    frame = model.sample(min(model.rows, DRAWN), np.random.default_rng(0))
    count, rows = Counter.of(codec.domain, codec.encode(frame)), total(tables)
    scale = rows / max(1, len(frame))
    return -float(
        sum(np.square(t.counts - scale * count(t.clique)).sum() / t.sigma**2 for t in tables)
    )


def _kept(generator: Generator, run: int, rows: AnyRows, schema: Schema, paid: Paid) -> Model:
    """The run's model, from its folder where a killed process had finished it."""
    transcript = paid.transcript
    folder = transcript.tried / str(run)
    if folder.exists():
        transcript.go_to(int((folder / "at").read_text(encoding="utf-8")))
        if not transcript.recorded:  # a later run's checkpoint is what that run goes on from
            transcript.scratch.unlink(missing_ok=True)
        return load_model(folder)
    model = generator.fit(rows, schema, paid, _silent)
    partial = folder.with_name(f".{run}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    model.save(partial)
    (partial / "at").write_text(str(transcript.at), encoding="utf-8")
    for written in (*partial.iterdir(), partial):
        sync(written)
    os.replace(partial, folder)
    sync(folder.parent)  # before the checkpoint goes, also when the power does
    transcript.scratch.unlink(missing_ok=True)
    return model


def _silent(what: str, share: float) -> Any:
    """Progress that nobody is told."""
