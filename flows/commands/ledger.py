"""``understudy ledger``: what was spent on whom, and whether the record is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.commands.terminal import console, say
from privacy.errors import LedgerError

if TYPE_CHECKING:
    from privacy.ledger.register import Dataset

app = typer.Typer(
    help="What was spent on whom, and whether the record is whole.", no_args_is_help=True
)

LedgerOption = Annotated[
    str,
    typer.Option(
        "--ledger",
        envvar="UNDERSTUDY_LEDGER",
        help="Path (SQLite) or URL (Postgres) of the ledger.",
    ),
]


@app.command("show")
def ledger_show(ledger: LedgerOption = "runs/ledger.db") -> None:
    """Budgets, charges and decisions of every data set."""
    from privacy.ledger.decisions import decisions

    opened = open_ledger(ledger)
    budgets = Table("data set", "unit", "partition", "ε spent", "ε budget", "δ", "share held out")
    budgets.title = "Budgets"
    for dataset in opened.datasets():
        for partition in ("train", "holdout"):
            spent = opened.spent(dataset.name, partition)
            shared = "" if dataset.account == dataset.name else f", on that of {dataset.account}"
            budgets.add_row(
                f"{dataset.name}{shared}",
                _unit(dataset),
                partition,
                f"{spent.epsilon:.4g}"
                + (f" ({spent.claimed:.4g} as claimed, not verified)" if spent.claimed else ""),
                f"{dataset.budget.epsilon:g}",
                f"{dataset.budget.delta:g}",
                f"{dataset.split.holdout:g}",
            )
    console.print(budgets)
    charges = Table(
        "#", "time", "who", "data set", "partition", "run", "purpose", "event", title="Charges"
    )
    for c in opened.charges():
        charges.add_row(
            str(c.number), c.time, c.who, c.dataset, c.partition, c.run, c.purpose, c.event
        )
    console.print(charges)
    made = Table(
        "#", "time", "who", "data set", "run", "candidate", "decision", "reviewer", "reason"
    )
    made.title = "Decisions"
    for d in decisions(opened):
        row = str(d.number), d.time, d.who, d.dataset, d.run, d.candidate, d.decision
        made.add_row(*row, d.reviewer, d.reason)
    console.print(made)


def _unit(dataset: Dataset) -> str:
    if dataset.identity is None:
        return "not bound yet"
    if dataset.identity.unit is None:
        return "row"
    return f"{dataset.identity.unit}, {dataset.identity.max_rows_per_unit} rows"


@app.command("verify")
def ledger_verify(
    ledger: LedgerOption = "runs/ledger.db",
    label: Annotated[
        Path | None,
        typer.Option(help="A release's label.json: are its charge and decision in the ledger?"),
    ] = None,
) -> None:
    """Recompute every hash chain of the ledger; with --label also look for what a release names."""
    from flows.bundle.candidate import trace

    opened = open_ledger(ledger)
    heads = opened.verify()
    found = f", holds {trace(label, opened)}" if label else ""
    for table, head in heads.items():
        also = found if table == "charges" else ""
        say(f"{head.number} {WORDS[table]}, chain whole, head {head.hash}{also}")


WORDS = {"charges": "charges", "decisions": "decisions", "register": "entries of the register"}


@app.command("bind")
def ledger_bind(
    schema: Annotated[
        Path, typer.Argument(help="The schema that the releases before were made with.")
    ],
    data: Annotated[
        list[Path],
        typer.Option("--data", help="The private files of these releases; repeat for several."),
    ],
    ledger: LedgerOption = "runs/ledger.db",
) -> None:
    """Tell a ledger from before it knew people whose its budgets are; once for each data set, at no cost."""
    from privacy.recognise import recognise
    from privacy.schema.schema import load_schema

    opened, declared = open_ledger(ledger), load_schema(schema)
    bound = opened.bind(declared)
    recognise(opened, declared, tuple(data), run="bind", attempt=f"bind {declared.name}")
    say(f"{bound.name}: a unit is {_unit(bound)}; no release will have it otherwise")


def open_ledger(url: str):  # type: ignore[no-untyped-def]  # privacy.ledger.ledger is imported late
    from privacy.ledger.ledger import Ledger

    if "://" not in url and not Path(url).exists():
        raise LedgerError(f"ledger {url}: no such file")
    return Ledger(url)
