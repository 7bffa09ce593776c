"""``understudy sample``: rows of a saved model, as many and such as are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.terminal import say
from privacy.errors import InputError


def sample(
    model: Annotated[Path, typer.Argument(help="Folder of a saved model (…/internal/model).")],
    n: Annotated[
        int | None,
        typer.Option("-n", min=1, help="How many rows; of histories, whole ones."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 0,
    where: Annotated[
        str, typer.Option(help="Only rows like these: 'sex=F, age>=65, stage=III|IV'.")
    ] = "",
    balance: Annotated[
        str, typer.Option(help="A column of which each category gets as many rows.")
    ] = "",
    like: Annotated[
        Path | None,
        typer.Option(
            help="A file with some of the columns: each of its rows is filled, the others drawn given these."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="File to write: .csv or .parquet; .parquet for pictures.")
    ] = Path("sample.csv"),
) -> None:
    """Draw synthetic rows from a saved model; costs nothing, and the label of its release holds for them."""
    import numpy as np

    from flows.frames.export import check_name, write_rows
    from flows.frames.part import read_part
    from flows.label.histories import units_in
    from generators.asked import balanced, draw_asked, fill
    from generators.registry import load_model
    from privacy.records.where import where as read_where

    loaded, rng = load_model(model), np.random.default_rng(seed)
    drawn = loaded.schema
    check_name(out, drawn)  # before minutes are spent on drawing
    if (n is None) == (like is None):
        raise InputError("say how many rows (-n), or which to fill (--like FILE)")
    if like is not None and (where or balance):
        raise InputError("--like: its rows say what each is to be; leave --where and --balance out")
    asked = read_where(where, drawn) if where else {}
    if balance in asked:
        raise InputError(f"--balance {balance}: --where says which of it; leave one of them out")
    each = [{**asked, **one} for one in balanced(balance, drawn)] if balance else [asked]
    if like is not None:
        known = read_part(like, drawn)
        frame = fill(loaded, known, rng)
        say(
            f"{', '.join(known.columns)} stand as in {like}: where that is about real people, what it says of "
            "them is in these rows too, and no guarantee covers it"
        )
    elif n is not None:
        frame = draw_asked(loaded, n, each, rng) if asked or balance else loaded.sample(n, rng)
    write_rows(frame, drawn, out)
    whose = (
        "" if drawn.visits is None else f" of {units_in(frame, drawn):,} synthetic {drawn.unit}s"
    )
    say(f"{len(frame)} rows{whose} in {out}")
