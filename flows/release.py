"""The Prefect flow ``release``: a private table and a config in, a decided bundle out.

A thin shell around ``flows.pipelines.release``, which knows nothing of Prefect: each of its stages is a task
here. Prefect sees paths, stage names and what the label says; no private row, no uncharged figure and no
message that quotes one reaches its parameters, results, logs or artifacts. Private tasks are neither retried,
cached nor persisted: a rerun of the flow resumes from the run's folder on the first charge.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
from prefect.states import Completed
from pydantic import Field

from flows.bundle.candidate import CANDIDATE, PUBLIC, WAITS, Candidate
from flows.gpu import gpu_if_wanted
from flows.pipelines import release as pipeline
from flows.pipelines.outcome import Outcome
from flows.stages.config import load_config
from flows.stages.places import RUN_NAME
from flows.stages.run import Run
from flows.stages.telling import heard, told_publicly
from flows.stages.work import Work
from generators.base import Progress
from privacy.accounting.events import event_from_json

PRIVATE: dict[str, Any] = {
    "retries": 0,
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "log_prints": False,
}
"""A task on private rows: never again by itself, never remembered, never written down."""


@flow(name="release", retries=0, persist_result=False, log_prints=False)
def release(
    config: Path,
    data: list[Path] | None = None,
    run: Annotated[str, Field(pattern=f"^{RUN_NAME.pattern}$")] | None = None,
    accept_unassessed: bool = False,
) -> State[Outcome]:
    """Release a private table as the config says.

    Args:
        config: the release config, YAML.
        data: the private files, instead of those the config names.
        run: the run's name; the same name resumes, a new one is charged anew.
        accept_unassessed: go on where somebody, or something, has too few people held out to be assessed.
    """
    place = Run.of(load_config(config, tuple(data or ()), run=run), run)
    outcome = pipeline.release(place, as_task, accept_unassessed)
    with told_publicly(place / "error.txt", "publish"):
        _show(place, outcome)
    return Completed(name=outcome.decision.capitalize(), message=outcome.decision, data=outcome)


def as_task(stage: pipeline.Stage, work: Work) -> None:
    """Perform a stage as a task of the flow's."""

    @task(name=stage.name, description=stage.about, **PRIVATE)
    def perform(work: Work) -> None:
        stage.perform(work, progress_of, gpu_if_wanted)

    perform(work)


def _show(run: Run, outcome: Outcome) -> None:
    """What the label says, and where the card is."""
    label = json.loads((outcome.bundle / "internal" / "label.json").read_text(encoding="utf-8"))
    asked = run.config.guarantee
    facts = {
        "decision": outcome.decision,
        "ε": asked.epsilon,
        "δ": asked.delta,
        "unit": label["guarantee"]["unit"],
        "event": str(event_from_json(label["accounting"]["events"][0]["event"])),
        "bundle": str(outcome.bundle),
    }
    asks = run.config.approval == "person"
    if asks and any((outcome.bundle / f).exists() for f in (PUBLIC, CANDIDATE)):
        candidate = Candidate.of(run.folder)
        facts["candidate"] = candidate.hash
        if outcome.decision == WAITS:
            facts["to decide"] = f"run the flow approve, or {candidate.command()}"
    key = artifact_key("release", run.name)
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
    artifact, shown = create_progress_artifact(0.0, description=stage), 0.0
    with heard(stage) as listener:

        def tell(what: str, share: float) -> None:
            listener(what, share)
            show(share)

        def show(share: float) -> None:
            nonlocal shown
            if isinstance(artifact, UUID) and share - shown >= 0.05:
                shown = share
                update_progress_artifact(artifact, min(100.0, 100 * share))

        yield tell
        show(1.0)
