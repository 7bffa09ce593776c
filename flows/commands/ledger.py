"""``understudy ledger``: what was spent on whom, and whether the record is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.terminal import console, say
from privacy.errors import LedgerError

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
    from privacy.decisions import decisions

    opened = open_ledger(ledger)
    budgets = Table(
        "data set", "partition", "ε spent", "ε budget", "δ", "share held out", title="Budgets"
    )
    for dataset in opened.datasets():
        for partition in ("train", "holdout"):
            spent = opened.spent(dataset.name, partition)
            budgets.add_row(
                dataset.name,
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


@app.command("verify")
def ledger_verify(
    ledger: LedgerOption = "runs/ledger.db",
    label: Annotated[
        Path | None,
        typer.Option(help="A release's label.json: are its charge and decision in the ledger?"),
    ] = None,
) -> None:
    """Recompute the hash chains of charges and decisions; with --label also look for what a release names."""
    from flows.candidate import trace
    from privacy import decisions

    opened = open_ledger(ledger)
    head, last = opened.verify(), decisions.verify(opened)
    charges, made = opened.charges(), decisions.decisions(opened)
    found = f", holds {trace(label, opened)}" if label else ""
    say(f"{len(charges)} charges, chain whole, head {head}{found}")
    say(f"{len(made)} decisions, chain whole, head {last}")


def open_ledger(url: str):  # type: ignore[no-untyped-def]  # privacy.ledger is imported late
    from privacy.ledger import Ledger

    if "://" not in url and not Path(url).exists():
        raise LedgerError(f"ledger {url}: no such file")
    return Ledger(url)
