"""The pipeline of a release: its stages in their order, from a run's config to a decided bundle.

Free of Prefect. Whoever runs it says what performs a stage: the command line does so by itself, the Prefect
flow makes a task of each. What is done, told and refused is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from flows.bundle.candidate import Candidate
from flows.pipelines.outcome import Outcome
from flows.stages import steps
from flows.stages.assessing import (
    stop_where_nobody_counts,
    stop_where_nothing_can_be_approved,
    stop_where_nothing_can_be_assessed,
)
from flows.stages.cuda import one_on_cuda
from flows.stages.run import Run
from flows.stages.telling import Heard, heard, told_publicly
from flows.stages.work import Work
from generators.base import Progress
from privacy.ledger.decisions import APPROVED
from privacy.reading.formats.query import one_snapshot

Held = Callable[[object], AbstractContextManager[None]]
"""Holds the GPU for a training, where the generator trains on one."""


@dataclass(frozen=True)
class Stage:
    """One stage by its name. ``trains``: whether it may need the GPU."""

    name: str
    about: str
    do: Callable[[Work, Progress], None]
    trains: bool = False

    def perform(self, work: Work, heard: Heard, held: Held) -> None:
        """Do it, or nothing where it is done; an error is told without a private value."""
        with told_publicly(work.run / "error.txt", self.name), heard(self.name) as progress:
            wanted = self.trains and not work.run.fitted
            with held(work.plan.generator) if wanted else nullcontext():
                self.do(work, progress)


def _choose(work: Work, progress: Progress) -> None:
    if not (work.run / "model").exists():
        progress("comparing candidates", 0.0)
    steps.choose(work)


def _sample(work: Work, progress: Progress) -> None:
    if not work.synthetic_file.exists():
        progress("drawing rows", 0.0)
    steps.sample(work)


def _publish(work: Work, progress: Progress) -> None:
    if (work.run / "bundle").exists():
        return  # a finished run asks for nothing, also where it was charged otherwise once
    progress("writing the bundle", 0.0)
    from flows.bundle.write import write_bundle

    write_bundle(work, work.charge(), steps.decide(work))


STAGES = (
    Stage("fit", "Charge the ledger, then train.", steps.fit, trains=True),
    Stage("choose", "Keep one of several candidates, where there are several.", _choose),
    Stage("sample", "Draw the synthetic rows.", _sample),
    Stage("judge", "Evaluate on real rows; the scorecard stays in the run's folder.", steps.judge),
    Stage(
        "measure",
        "Ask the people held out, under their own charge, for figures that may be published.",
        steps.measure,
    ),
    Stage("publish", "Gate, and write the bundle.", _publish),
)


def directly(stage: Stage, work: Work) -> None:
    """Perform a stage here and now."""
    stage.perform(work, heard, one_on_cuda)


def release(
    run: Run,
    each: Callable[[Stage, Work], None] = directly,
    accept_unassessed: bool = False,
) -> Outcome:
    """Run all stages; ``each`` performs a stage. Raises StageError, which quotes no private value.

    ``accept_unassessed``: go on where something has too few people held out to be assessed.
    """
    with told_publicly(run / "error.txt", "prepare"), run.locked(), one_snapshot():
        (run / "error.txt").unlink(missing_ok=True)  # the story of an earlier try
        work = Work.of(run)
        stop_where_nothing_can_be_approved(work)
        stop_where_nobody_counts(work)
        stop_where_nothing_can_be_assessed(work, accept_unassessed)
        for stage in STAGES:
            each(stage, work)
        return _outcome(work)


def _outcome(work: Work) -> Outcome:
    decision: str = steps.decide(work).decision
    if decision == APPROVED and work.run.config.approval == "person":
        decision = Candidate.of(work.run.folder).standing(work.ledger)
    return Outcome(decision, work.run / "bundle")
