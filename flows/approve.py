"""The Prefect flow ``approve``: a candidate is shown, a person decides, and what was approved is exported.

A thin shell around ``flows.candidate``. It opens no private row and no figure on real rows: only the files that
would be public. A plain run waits where it is; the run of a deployment is suspended, gives its worker back and
begins again from the top when it is resumed. Prefect's key for the wait comes from the candidate's hash, so a
candidate that has changed meanwhile is asked about anew.
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

from flows.candidate import WAITS, Candidate, settle
from flows.release import PRIVATE, Outcome, artifact_key
from privacy.decisions import APPROVED, LONGEST, REJECTED, Decision

PATIENCE = 30 * 24 * 3600
"""Seconds that a candidate waits for somebody to decide."""

ADVICE = """
Look at the [card]({card}) and, in the house, at `{report}`.

What you write here, your name among it, is kept in Prefect's database and in the ledger. Write nothing of a
patient's. A decision is not taken back.
"""


class Answer(RunInput):
    """What the person who decides fills in."""

    decision: Literal["approve", "reject"]
    reviewer: Annotated[str, Field(min_length=1, max_length=LONGEST["reviewer"])]
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST["reason"])]


@flow(name="approve", retries=0, persist_result=False, log_prints=False)
def approve(run_folder: Path) -> State[Outcome]:
    """Ask a person about the candidate of a run; export it when they approve.

    Args:
        run_folder: the folder of a run whose release waits for approval.
    """
    candidate = Candidate.of(run_folder)
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
    form = Answer.with_initial_data(description=f"{_table(candidate)}\n{_advice(candidate)}")
    return wait(wait_for_input=form, timeout=PATIENCE, key=candidate.hash[:16])


@task(**PRIVATE)
def show(candidate: Candidate) -> None:
    """Put what is to be decided where the run is looked at."""
    key = artifact_key("approve", candidate.label["release"]["name"])
    create_markdown_artifact(
        f"# Waits for approval\n\n{_table(candidate)}\n{_advice(candidate)}", key=key
    )
    create_link_artifact(_card(candidate), key=f"{key}-card", link_text="the candidate's card")


@task(**PRIVATE)
def carry_out(candidate: Candidate, decision: str, reviewer: str, reason: str) -> Decision:
    """Record the decision, export what was approved, and show where it is."""
    made = settle(candidate.run, candidate.hash, decision, reviewer, reason)
    name = candidate.label["release"]["name"]
    public = candidate.run / "bundle" / "public"
    where = f"exported to `{public}`" if made.decision == APPROVED else "stays in the house"
    create_markdown_artifact(
        f"# {made.decision.capitalize()}\n\nThe candidate {where}.\n\n{_table(candidate)}\n"
        f"Decision {made.number} of {made.time}, hash `{made.hash}`.",
        key=artifact_key("approve", name),
    )
    return made


def _table(candidate: Candidate) -> str:
    rows = "".join(f"| {fact} | {value} |\n" for fact, value in candidate.facts().items())
    return f"| | |\n|---|---|\n{rows}"


def _advice(candidate: Candidate) -> str:
    report = candidate.run / "bundle" / "internal" / "report.html"
    return ADVICE.format(card=_card(candidate), report=report)


def _card(candidate: Candidate) -> str:
    return (candidate.folder / "card.html").resolve().as_uri()
