"""``understudy schema``: write and check what is public about a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.commands.terminal import console, say, say_unlinked, stderr
from privacy.errors import UnderstudyError

if TYPE_CHECKING:
    from privacy.schema.schema import Csv

app = typer.Typer(help="Write and check what is public about a data set.", no_args_is_help=True)

MANY = 0.1
"""A relation that a larger share of real rows breaks is probably none."""


@app.command("draft")
def schema_draft(
    data: Annotated[
        list[Path],
        typer.Argument(
            help="CSV (gz too) or Parquet file; or several that belong together (patients, their visits, what "
            "belongs to either), or a folder of them."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Where to write the draft.")] = Path(
        "schema.draft.yaml"
    ),
    separator: Annotated[str, typer.Option(help="Of a CSV file.")] = ",",
    encoding: Annotated[str, typer.Option(help="Of a CSV file.")] = "utf-8",
    decimal: Annotated[str, typer.Option(help="The sign before decimals, '.' or ','.")] = ".",
    unit: Annotated[
        str | None,
        typer.Option(help="The column that names whoever is protected; guessed where left out."),
    ] = None,
) -> None:
    """Draft a schema from PRIVATE rows; a person must then confirm every value as public."""
    from privacy.reading.draft import draft_schema, form_of
    from privacy.reading.several.draft import draft_of_several
    from privacy.reading.several.proposal import files_in

    if out.exists():
        raise UnderstudyError(f"{out}: exists already; name another file with --out")
    form = _form(separator, encoding, decimal)
    files = files_in(data)
    if len(files) == 1:
        found = form_of(files[0], form)
        for setting, value in found.model_dump(exclude_defaults=True).items():
            if value != getattr(form, setting):
                say(f"{files[0]}: read with {setting} {value!r}, as it seems to be written")
        draft = draft_schema(files[0], found, unit)
    else:
        draft = draft_of_several(files, form, unit)
    out.write_text(draft, encoding="utf-8")
    stderr.print(
        f"[bold red]This read private rows.[/] Every category, bound and name in {out} comes from them. "
        "A person must confirm each as public knowledge, or replace it, before the file is used.",
        highlight=False,
        soft_wrap=True,
    )


def _form(separator: str, encoding: str, decimal: str) -> Csv:
    """How a file is written, as a person says it; ``tab`` and ``\\t`` are a tab."""
    from pydantic import ValidationError

    from privacy.schema.schema import Csv

    tab = separator in ("tab", "\\t")
    said = {"separator": "\t" if tab else separator, "encoding": encoding, "decimal": decimal}
    wanted = {
        "separator": "one sign, as ';', or tab",
        "encoding": "the name of a text encoding, as utf-8 or latin-1",
        "decimal": "'.' or ','",
    }
    try:
        return Csv.model_validate(said)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise UnderstudyError(f"--{name} {said[name]!r}: expected {wanted[name]}") from None


@app.command("check")
def schema_check(
    schema: Annotated[Path, typer.Argument(help="Schema (YAML).")],
    data: Annotated[list[Path], typer.Argument(help="Private files.")],
    holdout: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The share of people that a release holds out.")
    ] = 0.2,
) -> None:
    """Count what the schema would refuse, clamp or map, and rows that break its relations; shows private
    values, to you alone.
    """
    import numpy as np
    from pandas import factorize

    from evaluators.assessable import smallest, unassessed
    from evaluators.original.unsaid import unsaid_orders
    from flows.frames.visits import remarks, unkept
    from privacy.people.order import first_rows
    from privacy.reading.conform import conform
    from privacy.reading.folded import by_table
    from privacy.reading.source import read_source, read_tables
    from privacy.records.broken import breaks
    from privacy.records.impossible import impossible_rows
    from privacy.schema.schema import load_schema

    declared = load_schema(schema)
    tables = by_table(data, declared)
    source = read_tables(tables, declared) if tables else read_source(tuple(data), declared)
    source.check_pictures(declared)
    texts = source.texts
    conformed, findings = conform(texts, declared)
    stderr.print("[bold red]This read private rows;[/] what it shows must stay in the house.")
    table = Table("column", "problem", "first value", "first row", "rows", "action")
    for f in findings:
        table.add_row(
            f.column, f.problem.rstrip(":"), f.value[:40], str(f.row), str(f.rows), f.action
        )
    console.print(table if findings else f"all {texts.num_rows} rows fit the schema")
    for f in findings:
        if f.hint:
            say(f"{f.column}: {f.hint}")
    if declared.unit is not None:
        k, rows = declared.max_rows_per_unit, texts[declared.unit].value_counts().field("counts")
        dropped = sum(max(0, n - k) for n in rows.to_pylist())
        say(
            f"{len(rows)} units; max_rows_per_unit is {k}: {dropped} of their rows will not be used"
        )
        say_unlinked(declared)
    for note in source.unfolded:
        say(f"tables: {note}{'; a release refuses such files' if note.fatal else ''}")
    if any(f.action == "refused" for f in findings) or any(n.fatal for n in source.unfolded):
        raise typer.Exit(2)
    frame = source.frame(conformed, declared, np.ones(len(conformed), dtype=bool))
    for relation in declared.relations:
        _, broken = breaks(frame, declared, relation)
        if broken.any():
            say(
                f"relations: {int(broken.sum())} of {len(frame)} rows break {relation.says!r}, first row"
                f" {int(broken.argmax()) + 1}; a release repairs each by itself, and no synthetic row breaks it"
            )
            if broken.mean() > MANY:
                say(
                    "  that is many: the relation is not one of these data, or counts otherwise (seconds where"
                    " dates have times); correct it or leave it out before a release"
                )
    for low, high, strict in unsaid_orders(frame, declared):
        order = f"{{order: [{low}, {high}]{', strict: true' if strict else ''}}}"
        say(
            f"relations: nearly all rows keep {low} {'<' if strict else '≤'} {high}, which the schema does "
            "not say and a release is judged by; where it is so by nature, add to `relations:`  - "
            f"{order}"
        )
    for line in (*unkept(frame, declared), *remarks(frame, declared)):
        say(f"visits: {line}")
    impossible = impossible_rows(frame, declared)
    if impossible.any():
        say(
            f"impossible: {int(impossible.sum())} of {len(frame)} rows meet a combination that the schema"
            f" rules out, first row {int(impossible.argmax()) + 1}"
        )
    units = np.arange(len(frame)) if declared.unit is None else factorize(frame[declared.unit])[0]
    counted = first_rows(frame, declared, units)
    small = unassessed(frame[counted].reset_index(drop=True), units[counted], declared, holdout)
    if small:
        say(
            f"with {holdout:g} of the people held out, too few would be there to assess these; a release asks "
            "for --accept-unassessed, or take wider bands, merged categories, or a larger `holdout:`"
        )
    for one in small:
        say(f"  {one}")
    if small and holdout > 0:
        say(f"{smallest(holdout)}.")


@app.command("editor")
def schema_editor(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")],
) -> None:
    """Write JSON schemas of schema, release, policy and sweep files, for editors that know YAML."""
    from flows.commands.editor import write

    for file in write(folder):
        say(f"{file}: first line of a {file.stem} file: # yaml-language-server: $schema={file}")
