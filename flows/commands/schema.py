"""``understudy schema``: write and check what is public about a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.commands.terminal import console, say, stderr
from privacy.errors import UnderstudyError

if TYPE_CHECKING:
    from privacy.schema.schema import Csv

app = typer.Typer(help="Write and check what is public about a data set.", no_args_is_help=True)


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
    from flows.checking.drafting import draft

    if out.exists():
        raise UnderstudyError(f"{out}: exists already; name another file with --out")
    drafted = draft(data, _form(separator, encoding, decimal), unit)
    for line in drafted.told:
        say(line)
    out.write_text(drafted.text, encoding="utf-8")
    stderr.print(
        f"[bold red]This read private rows.[/] Every category, bound and name in {out} comes from them. "
        "A person must confirm each as public knowledge, or replace it, before the file is used.",
        highlight=False,
        soft_wrap=True,
    )


@app.command("from")
def schema_from_document(
    document: Annotated[
        Path,
        typer.Argument(
            help="A REDCap data dictionary, a Frictionless or CSVW table schema, OMOP's field-level "
            "definitions or a JSON schema; which it is, is seen from what is in it."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Where to write the schema.")] = Path("schema.yaml"),
    table: Annotated[
        str | None, typer.Option(help="Which table, of a document that describes several.")
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="The export of REDCap has labels in place of codes.")
    ] = False,
) -> None:
    """Write a schema from a document that describes the table; no row is read, so nothing is to confirm."""
    from privacy.dictionaries.document import schema_from

    if out.exists():
        raise UnderstudyError(f"{out}: exists already; name another file with --out")
    described = schema_from(document, table, labels)
    out.write_text(described.text, encoding="utf-8")
    for line in described.told:
        say(line)
    say(
        f"{out}: loads as it is; what is asked in it makes the copies better. Next: understudy schema check"
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
    from flows.checking.check import check
    from privacy.schema.schema import load_schema

    checked = check(load_schema(schema), data, holdout)
    stderr.print("[bold red]This read private rows;[/] what it shows must stay in the house.")
    table = Table("column", "problem", "first value", "first row", "rows", "action")
    for f in checked.findings:
        table.add_row(
            f.column, f.problem.rstrip(":"), f.value[:40], str(f.row), str(f.rows), f.action
        )
    console.print(table if checked.findings else f"all {checked.rows} rows fit the schema")
    for remark in checked.remarks:
        for line in remark.lines:
            say(line)
    if checked.refused:
        raise typer.Exit(2)


@app.command("editor")
def schema_editor(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")],
) -> None:
    """Write JSON schemas of schema, release, policy and sweep files, for editors that know YAML."""
    from flows.commands.editor import write

    for file in write(folder):
        say(f"{file}: first line of a {file.stem} file: # yaml-language-server: $schema={file}")


@app.command("reference")
def schema_reference(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")],
) -> None:
    """Write pages that explain every key of schema, release, policy and sweep files."""
    from flows.commands.reference.pages import write

    for file in write(folder):
        say(str(file))
