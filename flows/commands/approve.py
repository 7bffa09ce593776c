"""``understudy approve``: a person's word on a candidate, from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.ledger import open_ledger
from flows.commands.terminal import console, say
from privacy.errors import InputError


def approve(
    run_folder: Annotated[Path, typer.Argument(help="Folder of a run that waits for approval.")],
    reviewer: Annotated[str, typer.Option(help="Who decides; kept in the ledger.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; kept in the ledger.")],
    reject: Annotated[
        bool, typer.Option("--reject", help="Keep it in the house for good.")
    ] = False,
    candidate: Annotated[
        str | None, typer.Option(help="The hash of what you looked at; another is refused.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; needs --candidate, so that you say of what.")
    ] = False,
    ledger: Annotated[
        str | None, typer.Option("--ledger", help="Ledger, if it lies elsewhere by now.")
    ] = None,
) -> None:
    """Approve a candidate, or reject it; what is exported is exactly what was approved."""
    from flows.bundle.candidate import REPORT, Candidate, settle
    from flows.bundle.manifest import APPROVAL
    from privacy.ledger.decisions import APPROVED, REJECTED

    found = Candidate.of(run_folder)
    for fact, value in found.facts().items():
        say(f"{fact:>15}  {value}")
    say(f"look at {found.folder / 'card.html'}")
    say(f"in the house there is {found.report}")
    say(f"with {REPORT}")
    if yes and candidate is None:
        raise InputError("--yes needs --candidate HASH: say which files you approve")
    verb = "reject" if reject else "approve"
    if not yes:
        if not sys.stdin.isatty():
            raise InputError("nobody to ask: this is no terminal; pass --candidate HASH --yes")
        if not typer.confirm(f"{verb} this candidate?"):
            say("nothing was decided")
            raise typer.Exit(2)
    made = settle(
        run_folder,
        candidate or found.hash,
        REJECTED if reject else APPROVED,
        reviewer,
        reason,
        open_ledger(ledger) if ledger else None,
    )
    colour = "red" if reject else "green"
    console.print(f"[bold {colour}]{made.decision.upper()}[/]")
    say(f"decision {made.number} of {made.time} by {made.reviewer}, hash {made.hash}")
    if made.decision == APPROVED:
        public = found.run / "bundle" / "public"
        say(f"open {public}; {APPROVAL} in it says which decision it was")
    else:
        say("the candidate stays in the house")
