"""The Prefect flow ``approve``: a candidate is shown, a person decides, and what was approved is exported.

A thin shell around ``flows.bundle.candidate``. It opens no private row and no figure on real rows: only the
files that would be public. A plain run waits where it is; the run of a deployment is suspended, gives its
worker back and begins again from the top when it is resumed. Prefect's key for the wait comes from the
candidate's hash, so a candidate that has changed meanwhile is asked about anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from prefect import flow, runtime, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.flow_runs import pause_flow_run, suspend_flow_run
from prefect.input import RunInput
from prefect.states import Completed
from pydantic import Field

from flows.bundle.candidate import PUBLIC, REPORT, WAITS, Candidate, settle
from flows.pipelines.outcome import Outcome
from flows.release import PRIVATE, artifact_key
from flows.stages.places import inside
from privacy.ledger.decisions import APPROVED, LONGEST, REJECTED, Decision

PATIENCE = 30 * 24 * 3600
"""Seconds that a candidate waits for somebody to decide."""

FORM = """\
**{release}** of data set {data set}: {guarantee}; {synthetic rows} rows of {generator}; {gate}.

Candidate `{candidate:.16}`…: whole in the artifact `{key}`, with where to look.

What you write here is kept in Prefect's database and in the ledger: write nothing of a patient's.
A decision is not taken back.
"""
KEPT = "Kept in Prefect's database and in the ledger."


class Answer(RunInput):
    """What the person who decides fills in."""

    decision: Literal["approve", "reject"]
    reviewer: Annotated[
        str, Field(min_length=1, max_length=LONGEST["reviewer"], description=f"Your name. {KEPT}")
    ]
    reason: Annotated[
        str, Field(min_length=1, max_length=LONGEST["reason"], description=f"Why. {KEPT}")
    ]


@flow(name="approve", retries=0, persist_result=False, log_prints=False)
def approve(run_folder: Path) -> State[Outcome]:
    """Ask a person about the candidate of a run; export it when they approve.

    Args:
        run_folder: the folder of a run whose release waits for approval.
    """
    candidate = Candidate.of(inside(run_folder))
    decision = candidate.standing(candidate.ledger())
    if decision == WAITS:
        show(candidate)
        answer = ask(candidate)
        words = APPROVED if answer.decision == "approve" else REJECTED
        decision = carry_out(candidate, words, answer.reviewer, answer.reason).decision
    outcome = Outcome(decision, candidate.run / "bundle")
    return Completed(name=decision.capitalize(), message=decision, data=outcome)


def ask(candidate: Candidate) -> Answer:
    """The answer of a person to exactly this candidate."""
    wait = suspend_flow_run if runtime.deployment.id else pause_flow_run
    text = FORM.format(**candidate.facts(), key=_key(candidate))
    form = Answer.with_initial_data(description=text)
    return wait(wait_for_input=form, timeout=PATIENCE, key=candidate.hash)


@task(**PRIVATE)
def show(candidate: Candidate) -> None:
    """Put what is to be decided where the run is looked at."""
    card = _card(candidate.folder)
    look = f"Look at the [card]({card}). In the house there is `{candidate.report.resolve()}`, with {REPORT}."
    create_markdown_artifact(
        f"# Waits for approval\n\n{_table(candidate)}\n{look}\n\nResume this run to decide.",
        key=_key(candidate),
        description="What is to be decided",
    )
    _link(candidate.folder, candidate, "the candidate's card")


@task(**PRIVATE)
def carry_out(candidate: Candidate, decision: str, reviewer: str, reason: str) -> Decision:
    """Record the decision, export what was approved, and show where it is."""
    made = settle(candidate.run, candidate.hash, decision, reviewer, reason)
    public = (candidate.run / "bundle" / PUBLIC).resolve()
    where = f"was exported to `{public}`" if made.decision == APPROVED else "stays in the house"
    create_markdown_artifact(
        f"# {made.decision.capitalize()}\n\nThe candidate {where}.\n\n{_table(candidate)}\n"
        f"Decision {made.number} of {made.time}, hash `{made.hash}`.",
        key=_key(candidate),
        description="What was decided",
    )
    if made.decision == APPROVED:
        _link(public, candidate, "the public card")
    return made


def _link(folder: Path, candidate: Candidate, words: str) -> None:
    create_link_artifact(
        _card(folder),
        key=f"{_key(candidate)}-card",
        link_text=words,
        description="The page that goes with the synthetic rows",
    )


def _card(folder: Path) -> str:
    return (folder / "card.html").resolve().as_uri()


def _key(candidate: Candidate) -> str:
    return artifact_key("approve", candidate.label["release"]["name"])


def _table(candidate: Candidate) -> str:
    rows = "".join(f"| {fact} | {value} |\n" for fact, value in candidate.facts().items())
    return f"| fact | value |\n|---|---|\n{rows}"
