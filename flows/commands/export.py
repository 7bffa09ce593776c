"""``understudy export``: a published folder as files of another kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.terminal import say
from privacy.errors import InputError


def export(
    bundle: Annotated[Path, typer.Argument(help="The published folder: label.json lies in it.")],
    out: Annotated[
        Path,
        typer.Option(
            help="The file to write: .duckdb, .dta (Stata), .sav or .zsav (SPSS), .xpt (SAS). Several tables "
            "become a file each, in a folder called so without the ending; in .duckdb they are in one."
        ),
    ],
) -> None:
    """Write a published release for DuckDB, Stata, SPSS or SAS, with lines that load it."""
    from flows.frames.statistics import ENDINGS

    if out.suffix in ENDINGS:
        _statistics(bundle, out)
    elif out.suffix == ".duckdb":
        from flows.frames.database import write_duckdb

        names = write_duckdb(bundle, out)
        say(f"{out} holds {', '.join(names)}; the label of {bundle} goes with it")
    else:
        known = ", ".join((".duckdb", *ENDINGS))
        raise InputError(f"{out}: expected a name that ends in {known}")


def _statistics(bundle: Path, out: Path) -> None:
    from flows.cards.scripts import scripts
    from flows.frames.published import ROWS, read_published
    from flows.frames.statistics import write_statistics

    published = read_published(bundle)
    written = write_statistics(published, out)
    for file in written:
        say(f"{file.path}")
        for name, new in file.renamed.items():
            say(f"  {name!r} is called {new}, as the format takes names; its label says so")
    files = {"rows" if w.table == ROWS else w.called: w.path for w in written}
    single = len(written) == 1
    for ending, text in scripts(files, published.notes).items():
        script = (
            out.with_suffix(f".load{ending}")
            if single
            else written[0].path.parent / f"load{ending}"
        )
        script.write_text(text, encoding="utf-8")
    say(f"{script.with_suffix('')}.R, .do, .sas and .py load {'it' if single else 'them'}")
    say(f"the label of {bundle} goes with {'it' if single else 'them'}")
