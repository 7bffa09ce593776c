"""``understudy export``: a published folder as a file of another kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.terminal import say
from privacy.errors import InputError


def export(
    bundle: Annotated[Path, typer.Argument(help="The published folder: label.json lies in it.")],
    out: Annotated[Path, typer.Option(help="The file to write: .duckdb.")],
) -> None:
    """Write a published release as one database file, its tables with their keys."""
    from flows.frames.database import write_duckdb

    if out.suffix != ".duckdb":
        raise InputError(f"{out}: expected a name that ends in .duckdb")
    names = write_duckdb(bundle, out)
    say(f"{out} holds {', '.join(names)}; the label of {bundle} goes with it")
