"""The Prefect flow ``release``: a private table and a config in, a decided bundle out.

A thin shell: the work is done in ``flows.stages.steps``, which knows nothing of Prefect. Prefect sees paths,
stage names and what the label says; no private row, no uncharged figure and no message that quotes one
reaches its parameters, results, logs or artifacts. Private tasks are neither retried, cached nor persisted: a
rerun of the flow resumes from the run's folder on the first charge.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import (
    create_link_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.exceptions import ParameterTypeError
from prefect.states import Completed
from pydantic import Field

from flows.bundle.candidate import CANDIDATE, PUBLIC, WAITS, Candidate
from flows.bundle.write import write_bundle
from flows.gpu import gpu_if_wanted
from flows.stages import steps
from flows.stages.config import load_config
from flows.stages.places import RUN_NAME
from flows.stages.run import Run
from generators.base import Progress
from privacy.errors import DataError, PeopleError, PrivateError, UnderstudyError
from privacy.files import write_atomically
from privacy.ledger.decisions import APPROVED

LISTENER: ContextVar[Progress | None] = ContextVar("LISTENER", default=None)
"""Whoever shows progress to the person who started the flow in this process (the command line)."""

BadParameters = ParameterTypeError
"""What a flow raises for parameters of another kind, for callers that know nothing of Prefect."""

PRIVATE: dict[str, Any] = {
    "retries": 0,
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "log_prints": False,
}
"""A task on private rows: never again by itself, never remembered, never written down."""


@dataclass(frozen=True)
class Outcome:
    """What a release came to; holds public facts only."""

    decision: str
    bundle: Path

    @property
    def exit_code(self) -> int:
        return 0 if self.decision in (APPROVED, WAITS) else 3


About = type[DataError] | type[PeopleError] | None


class StageError(UnderstudyError):
    """A stage that failed, told without a private value.

    ``story``: the file that holds the rest of it; one line to show the custodian where ``about`` makes
    an error of it.
    """

    def __init__(self, message: str, exit_code: int, story: Path | None, about: About) -> None:
        super().__init__(message if story is None else f"{message.rstrip('.')}; see {story}")
        self.exit_code = exit_code
        self.story = story
        self.about = about

    def rest(self) -> str:
        """What must not leave the house, for the terminal of whoever started the run."""
        return "" if self.story is None else self.story.read_text(encoding="utf-8")


@flow(name="release", retries=0, persist_result=False, log_prints=False)
def release(
    config: Path,
    data: list[Path] | None = None,
    run: Annotated[str, Field(pattern=f"^{RUN_NAME.pattern}$")] | None = None,
) -> State[Outcome]:
    """Release a private table as the config says.

    Args:
        config: the release config, YAML.
        data: the private files, instead of those the config names.
        run: the run's name; the same name resumes, a new one is charged anew.
    """
    place = Run.of(load_config(config, tuple(data or ())), run)
    with told_publicly(place / "error.txt", "prepare"), place.locked():
        work = steps.Work.of(place)
        fit(work)
        choose(work)
        sample(work)
        judge(work)
        measure(work)
        outcome = publish(work)
    return Completed(name=outcome.decision.capitalize(), message=outcome.decision, data=outcome)


@task(**PRIVATE)
def fit(work: steps.Work) -> None:
    """Charge the ledger, then train."""
    with (
        told_publicly(work.run / "error.txt", "fit"),
        progress_of("fit") as progress,
        gpu_if_wanted(work.plan.generator),
    ):
        steps.fit(work, progress)


@task(**PRIVATE)
def choose(work: steps.Work) -> None:
    """Keep one of several candidates, where there are several."""
    with told_publicly(work.run / "error.txt", "choose"), progress_of("choose") as progress:
        progress("comparing candidates", 0.0)
        steps.choose(work)


@task(**PRIVATE)
def sample(work: steps.Work) -> None:
    """Draw the synthetic rows."""
    with told_publicly(work.run / "error.txt", "sample"), progress_of("sample") as progress:
        progress("drawing rows", 0.0)
        steps.sample(work)


@task(**PRIVATE)
def judge(work: steps.Work) -> None:
    """Evaluate on real rows; the scorecard stays in the run's folder."""
    with told_publicly(work.run / "error.txt", "judge"), progress_of("judge") as progress:
        steps.judge(work, progress)


@task(**PRIVATE)
def measure(work: steps.Work) -> None:
    """Ask the people held out, under their own charge, for figures that may be published."""
    with told_publicly(work.run / "error.txt", "measure"), progress_of("measure") as progress:
        steps.measure(work, progress)


@task(**PRIVATE)
def publish(work: steps.Work) -> Outcome:
    """Gate, write the bundle, and show what the label says."""
    with told_publicly(work.run / "error.txt", "publish"), progress_of("publish") as progress:
        progress("writing the bundle", 0.0)
        verdict = steps.decide(work)
        bundle = work.run / "bundle"
        if (
            not bundle.exists()
        ):  # a finished run asks for nothing, also where it was charged otherwise once
            write_bundle(work, work.charge(), verdict)
        waiting = None
        if verdict.decision == APPROVED and work.run.config.approval == "person":
            waiting = Candidate.of(work.run.folder)
        outcome = Outcome(waiting.standing(work.ledger) if waiting else verdict.decision, bundle)
        _show(work, outcome, waiting)
    return outcome


def _show(work: steps.Work, outcome: Outcome, candidate: Candidate | None) -> None:
    guarantee, schema = work.run.config.guarantee, work.plan.schema
    facts = {
        "decision": outcome.decision,
        "ε": guarantee.epsilon,
        "δ": guarantee.delta,
        "unit": schema.unit or "row",
        "event": str(work.plan.event),
        "bundle": str(outcome.bundle),
    }
    if candidate is not None:
        facts["candidate"] = candidate.hash
        if outcome.decision == WAITS:
            facts["to decide"] = f"run the flow approve, or {candidate.command()}"
    key = artifact_key("release", work.run.name)
    create_table_artifact(
        [{"fact": k, "value": v} for k, v in facts.items()],
        key=key,
        description="What was decided, and at what cost",
    )
    for folder, words in ((PUBLIC, "the public card"), (CANDIDATE, "the candidate's card")):
        card = outcome.bundle / folder / "card.html"
        if card.exists():
            create_link_artifact(
                card.resolve().as_uri(),
                key=f"{key}-card",
                link_text=words,
                description="The page that goes with the synthetic rows",
            )


def artifact_key(flow: str, run: str) -> str:
    """A name that Prefect takes."""
    return "-".join([flow, *run.lower().replace("_", "-").split()])


@contextmanager
def progress_of(stage: str) -> Iterator[Progress]:
    """Progress to the listener, and to Prefect in steps of five per cent."""
    artifact = create_progress_artifact(0.0, description=stage)
    listener, shown = LISTENER.get(), 0.0

    def tell(what: str, share: float) -> None:
        nonlocal shown
        if listener is not None:
            listener(f"{stage}: {what}", share)
        if isinstance(artifact, UUID) and share - shown >= 0.05:
            shown = share
            update_progress_artifact(artifact, min(100.0, 100 * share))

    yield tell
    tell("done", 1.0)


@contextmanager
def told_publicly(story: Path, stage: str) -> Iterator[None]:
    """Turn every error into a message without private values; the whole story goes into the file ``story``."""
    try:
        yield
    except StageError:
        raise
    except Exception as error:
        message, code = _public(error, stage)
        told = error.private if isinstance(error, PrivateError) else traceback.format_exc()
        written: Path | None = story
        try:
            story.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(story, told.encode())
        except OSError:
            written = None
        about = type(error) if isinstance(error, DataError | PeopleError) else None
        raise StageError(message, code, written, about) from None


def _public(error: Exception, stage: str) -> tuple[str, int]:
    if isinstance(error, UnderstudyError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return (
            f"{stage}: {error.strerror or type(error).__name__}: {error.filename or 'no file named'}",
            2,
        )
    return f"{stage}: unexpected {type(error).__name__}", 2
