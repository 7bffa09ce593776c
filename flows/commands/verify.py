"""``understudy verify``: a published folder held against itself, for whoever receives it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.terminal import say

SIGNS = {"holds": "✓", "wrong": "✗", "lacking": "–", "unchecked": "?"}


def verify(
    bundle: Annotated[Path, typer.Argument(help="The published folder: label.json lies in it.")],
) -> None:
    """Check a published release offline: files, rows, ε, δ and risk; exit 3 where something is wrong."""
    from flows.bundle.verify import Bundle
    from flows.bundle.verify import verify as verify_bundle

    found = verify_bundle(bundle)
    told = False
    for finding in found:
        if finding.status == "unchecked" and not told:
            say("cannot be checked here:")
            told = True
        text = "".join(c if c.isprintable() else "�" for c in finding.text)
        say(f"{SIGNS[finding.status]} {text}")
    say(f"the manifest's SHA-256 is {Bundle.of(bundle).digest}")
    wrong = sum(f.status == "wrong" for f in found)
    say(
        f"{wrong} of these {'is' if wrong == 1 else 'are'} wrong"
        if wrong
        else "all that can be checked holds"
    )
    if wrong:
        raise typer.Exit(3)
