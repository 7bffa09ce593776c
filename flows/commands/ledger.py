"""``understudy ledger``: what was spent on whom, and whether the record is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from flows.commands.terminal import console, say
from privacy.errors import LedgerError

if TYPE_CHECKING:
    from privacy.ledger.charges import Charge
    from privacy.ledger.decisions import Decision
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
def ledger_show(
    ledger: LedgerOption = "runs/ledger.db",
    events: Annotated[
        bool, typer.Option("--events", help="Each charge's event in full, as accountants take it.")
    ] = False,
) -> None:
    """Budgets, charges and decisions of every data set."""
    from privacy.ledger.decisions import decisions

    opened = open_ledger(ledger)
    budgets = Table("data set", "unit", "people", "ε spent", "of", "δ", "held out", box=SIMPLE_HEAD)
    budgets.title = "Budgets"
    charges = opened.charges()
    for dataset in opened.datasets():
        for partition in ("train", "holdout"):
            spent = opened.spent(dataset.name, partition)
            shared = "" if dataset.account == dataset.name else f", on that of {dataset.account}"
            share = dataset.split.holdout
            budgets.add_row(
                f"{dataset.name}{shared}",
                _unit(dataset),
                partition,
                f"{spent.epsilon:.4g}"
                + (f" ({spent.claimed:.4g} as claimed, not verified)" if spent.claimed else ""),
                f"{dataset.budget.epsilon:g}",
                f"{dataset.budget.delta:g}",
                f"{share if partition == 'holdout' else 1 - share:.0%}",
            )
    console.print(budgets)
    console.print(_charges(charges, {d.name: d.budget.delta for d in opened.datasets()}, events))
    console.print(_decisions(decisions(opened)))


def _charges(charges: Sequence[Charge], deltas: Mapping[str, float], events: bool) -> Table:
    """Each charge in a line or two; its ε is what it would cost by itself, at its data set's δ."""
    from privacy.accounting.composition import spent
    from privacy.accounting.events import event_of

    @cache
    def alone(event: str, delta: float) -> str:
        return f"{spent([event_of(event)], delta).epsilon:.4g}"

    shown = Table("#", "time, who", "data set, run", "what for", "ε alone", box=SIMPLE_HEAD)
    shown.title = "Charges"
    for c in charges:
        cost = "" if c.free else alone(c.event, deltas[c.dataset])
        what = f"{c.purpose} ({c.partition})"
        about = f"{c.dataset}\n{c.run}" + (f"\n{c.event}" if events else "")
        shown.add_row(str(c.number), f"{_minute(c.time)}\n{c.who}", about, what, cost)
    return shown


def _decisions(made: Sequence[Decision]) -> Table:
    """Each decision with the word of whoever made it."""
    shown = Table("#", "time, who", "data set, run", "decision", box=SIMPLE_HEAD)
    shown.title = "Decisions"
    if not made:
        shown.caption = "none so far"
    for d in made:
        said = f"{d.decision} by {d.reviewer}: {d.reason}\nof candidate {d.candidate}"
        shown.add_row(str(d.number), f"{_minute(d.time)}\n{d.who}", f"{d.dataset}\n{d.run}", said)
    return shown


def _minute(time: str) -> str:
    """A time of the ledger, to the minute."""
    return time[:16].replace("T", " ")


def _unit(dataset: Dataset) -> str:
    if dataset.identity is None:
        return "not bound yet"
    if dataset.identity.unit is None:
        return "row"
    k = dataset.identity.max_rows_per_unit
    return f"{dataset.identity.unit}, {k} row{'s' if k > 1 else ''}"


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
