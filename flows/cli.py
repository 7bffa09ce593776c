"""``understudy``: the command line.

Exit codes: 0 approved or done, 2 bad input, 3 veto or insufficient evidence, 4 budget exhausted. An error is
one line. Only this terminal shows what an error quotes from private rows.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from privacy.errors import DataError, LedgerError, UnderstudyError

if TYPE_CHECKING:
    from flows.release import Outcome

app = typer.Typer(
    help="Publish a differentially private synthetic copy of a table, with the evidence to sign for it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
schema_app = typer.Typer(
    help="Write and check what is public about a data set.", no_args_is_help=True
)
ledger_app = typer.Typer(
    help="What was spent on whom, and whether the record is whole.", no_args_is_help=True
)
app.add_typer(schema_app, name="schema")
app.add_typer(ledger_app, name="ledger")

console = Console()
stderr = Console(stderr=True)

LedgerOption = Annotated[
    str, typer.Option("--ledger", help="Path (SQLite) or URL (Postgres) of the ledger.")
]


@app.command()
def release(
    config: Annotated[Path, typer.Argument(help="Release config (YAML).")],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Private file; repeat for several. Overrides `data:`."),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run", help="Run name. The same name resumes for free; a new name is charged anew."
        ),
    ] = None,
) -> None:
    """Train under a charge, evaluate, gate, and export a bundle or say why not."""
    _prefect_for_a_terminal()
    from flows.config import load_config

    wanted = load_config(config, tuple(data or ()))  # a mistake is told before a server is started
    from flows.release import release as release_flow

    try:
        outcome: Outcome = _listened(lambda: release_flow(config=config, data=data, run=run))
    except DataError as error:
        charged = "this read was charged; `understudy schema check` finds such rows at no cost"
        raise DataError(f"{error.private}. {charged}") from None
    _say_decision(outcome)
    _say(f"the ledger is {wanted.ledger}")
    raise typer.Exit(outcome.exit_code)


@app.command()
def evaluate(
    schema: Annotated[Path, typer.Argument(help="Schema (YAML): what is public about the table.")],
    real: Annotated[
        list[Path], typer.Option("--real", help="Rows the generator was trained on; repeatable.")
    ],
    synthetic: Annotated[
        list[Path],
        typer.Option(
            "--synthetic",
            help="Synthetic table of any tool; repeat for further releases, each from a fit of its own.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="A new folder; it must stay in the house.")],
    holdout: Annotated[
        list[Path] | None,
        typer.Option(
            "--holdout", help="Rows the generator never saw; without them no attack is run."
        ),
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="Policy (YAML) that decides.")] = None,
    epsilon: Annotated[float | None, typer.Option(help="The ε that its maker claims.")] = None,
    delta: Annotated[float | None, typer.Option(help="The δ of that claim.")] = None,
    anonymeter: Annotated[
        bool,
        typer.Option(
            "--anonymeter", help="Singling-out and linkability too; builds its environment."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Repeats the evaluation.")] = 0,
) -> None:
    """Judge anybody's synthetic table against real rows; figures are for the custodian only."""
    _prefect_for_a_terminal()
    if (epsilon is None) != (delta is None):
        raise UnderstudyError("a claim needs both --epsilon and --delta")
    from flows.evaluate import evaluate as evaluate_flow

    outcome: Outcome = _listened(
        lambda: evaluate_flow(
            schema_file=schema,
            real=real,
            synthetic=synthetic,
            out=out,
            holdout=holdout,
            policy=policy,
            epsilon=epsilon,
            delta=delta,
            anonymeter=anonymeter,
            seed=seed,
        )
    )
    _say_reasons(outcome.decision, _read_json(outcome.bundle / "verdict.json"))
    _say("open these; none of them may leave the house:")
    for name in ("report.html", "scores.parquet", "verdict.json"):
        if (outcome.bundle / name).exists():
            _say(f"  {outcome.bundle / name}")
    raise typer.Exit(outcome.exit_code)


def _listened(run: Callable[[], Any]) -> Any:
    """What a flow returns, with its progress on this terminal, which alone shows why rows were refused."""
    from flows.release import LISTENER, StageError

    with _progress_bar() as tell:
        token = LISTENER.set(tell)
        try:
            return run()
        except StageError as error:
            if not error.about_rows:
                raise
            raise DataError(error.rest()) from None
        finally:
            LISTENER.reset(token)


SHOWN = 8
"""Reasons told on the terminal; report.html tells all."""


def _say_decision(outcome: Outcome) -> None:
    _say_reasons(outcome.decision, _read_json(outcome.bundle / "internal" / "verdict.json"))
    approved = outcome.decision == "approved"
    label = _read_json(outcome.bundle / "internal" / "label.json")
    guarantee, spent = label["guarantee"], label["accounting"]["ledger"]
    _say(
        f"cost ε={guarantee['epsilon']:.4g} at δ={guarantee['delta']:g} for each {guarantee['unit']}; the data "
        f"set has spent {spent['data_set_epsilon_spent']:.4g} of {spent['data_set_epsilon_budget']:g} in all"
    )
    _say("open these:" if approved else "nothing was exported; see why in")
    for name in (
        "public/card.html",
        "public/data.csv",
        "public/label.json",
        "internal/report.html",
    ):
        if (outcome.bundle / name).exists():
            _say(f"  {outcome.bundle / name}")
    _say("what stands in internal/ must not leave the house")


def _say_reasons(decision: str, verdict: dict[str, Any]) -> None:
    console.print(f"[bold {'green' if decision == 'approved' else 'red'}]{decision.upper()}[/]")
    reasons = {o: [r["text"] for r in verdict["reasons"] if r["outcome"] == o] for o in OUTCOMES}
    grave = reasons["veto"] or reasons["insufficient evidence"]
    for text in grave[:SHOWN]:
        _say(f"  • {text}")
    if len(grave) > SHOWN:
        _say(f"  • and {len(grave) - SHOWN} more reasons")
    _say(
        f"{len(reasons['pass'])} checks passed, {len(reasons['note'])} groups were too small to assess"
    )


OUTCOMES = ("veto", "insufficient evidence", "note", "pass")


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _say(text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


@app.command()
def compare(
    releases: Annotated[
        list[Path],
        typer.Argument(help="Folders of runs, bundles or evaluations, or scores files in them."),
    ],
    out: Annotated[Path, typer.Option(help="The page; it must stay in the house.")],
) -> None:
    """Put several releases side by side: decisions, figures, privacy against utility and fairness."""
    from flows.compare import compare as compare_releases

    compare_releases(releases, out)
    _say(f"{out} compares {len(releases)} releases; it must not leave the house")


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(help="Folder of a saved model (…/internal/model).")],
    n: Annotated[int, typer.Option("-n", min=1, help="How many rows.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 0,
    out: Annotated[
        Path, typer.Option(help="File to write: .csv or .parquet; .parquet for pictures.")
    ] = Path("sample.csv"),
) -> None:
    """Draw synthetic rows from a saved model; costs nothing."""
    import numpy as np

    from flows.export import check_name, write_rows
    from generators.registry import load_model

    loaded = load_model(model)
    check_name(out, loaded.schema)  # before minutes are spent on drawing
    write_rows(loaded.sample(n, np.random.default_rng(seed)), loaded.schema, out)
    console.print(f"{n} rows in {out}", highlight=False)


@app.command()
def audit(
    generator: Annotated[str, typer.Argument(help="Name of a generator, as in a release config.")],
    epsilon: Annotated[float, typer.Option(help="What the generator is calibrated to.")] = 1.0,
    delta: Annotated[float, typer.Option(help="Of the claim.")] = 1e-6,
    runs: Annotated[int, typer.Option(min=0, help="Runs of each mechanism; 0 for none.")] = 100_000,
    canaries: Annotated[int, typer.Option(min=0, help="In one training; 0 for none.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the made-up table and of the coins.")] = 0,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Parameter of the generator: key=value.")
    ] = None,
) -> None:
    """Bound a generator's ε from below, on made-up rows; exit 3 where a bound exceeds the claim."""
    from flows import audit as audits
    from privacy.accounting import Guarantee

    spec, claim = audits.parse(generator, set_ or []), Guarantee(epsilon, delta)
    with _progress_bar() as tell:
        found = audits.audit(spec, claim, runs=runs, canaries=canaries, seed=seed, progress=tell)
    console.print(audits.table(found))
    _say(f"lower bounds at δ={delta:g}: one above its claim refutes it, one below proves nothing")
    if any(line.refuted for line in found):
        raise typer.Exit(3)


@schema_app.command("draft")
def schema_draft(
    data: Annotated[Path, typer.Argument(help="CSV (gz too) or Parquet file.")],
    out: Annotated[Path, typer.Option(help="Where to write the draft.")] = Path(
        "schema.draft.yaml"
    ),
    separator: Annotated[str, typer.Option(help="Of a CSV file.")] = ",",
    encoding: Annotated[str, typer.Option(help="Of a CSV file.")] = "utf-8",
) -> None:
    """Draft a schema from PRIVATE rows; a person must then confirm every value as public."""
    from privacy.draft import draft_schema
    from privacy.schema import Csv

    if out.exists():
        raise UnderstudyError(f"{out}: exists already; name another file with --out")
    out.write_text(
        draft_schema(data, Csv(separator=separator, encoding=encoding)), encoding="utf-8"
    )
    stderr.print(
        f"[bold red]This read private rows.[/] Every category, bound and name in {out} comes from them. "
        "A person must confirm each as public knowledge, or replace it, before the file is used.",
        highlight=False,
        soft_wrap=True,
    )


@schema_app.command("check")
def schema_check(
    schema: Annotated[Path, typer.Argument(help="Schema (YAML).")],
    data: Annotated[list[Path], typer.Argument(help="Private files.")],
) -> None:
    """Count what the schema would refuse, clamp or map; shows private values, to you alone."""
    from privacy.conform import conform
    from privacy.schema import load_schema
    from privacy.source import read_source

    declared = load_schema(schema)
    source = read_source(tuple(data), declared)
    source.check_pictures(declared)
    texts = source.texts
    _, findings = conform(texts, declared)
    stderr.print("[bold red]This read private rows;[/] what it shows must stay in the house.")
    table = Table("column", "problem", "first value", "first row", "rows", "action")
    for f in findings:
        table.add_row(
            f.column, f.problem.rstrip(":"), f.value[:40], str(f.row), str(f.rows), f.action
        )
    console.print(table if findings else f"all {texts.num_rows} rows fit the schema")
    if declared.unit is not None:
        k, rows = declared.max_rows_per_unit, texts[declared.unit].value_counts().field("counts")
        dropped = sum(max(0, n - k) for n in rows.to_pylist())
        _say(
            f"{len(rows)} units; max_rows_per_unit is {k}: {dropped} of their rows will not be used"
        )
    if any(f.action == "refused" for f in findings):
        raise typer.Exit(2)


@ledger_app.command("show")
def ledger_show(ledger: LedgerOption = "runs/ledger.db") -> None:
    """Budgets and charges of every data set."""
    opened = _open_ledger(ledger)
    budgets = Table(
        "data set", "partition", "ε spent", "ε budget", "δ", "share held out", title="Budgets"
    )
    for dataset in opened.datasets():
        for partition in ("train", "holdout"):
            spent = opened.spent(dataset.name, partition)
            budgets.add_row(
                dataset.name,
                partition,
                f"{spent.epsilon:.4g}",
                f"{dataset.budget.epsilon:g}",
                f"{dataset.budget.delta:g}",
                f"{dataset.split.holdout:g}",
            )
    console.print(budgets)
    charges = Table(
        "#", "time", "data set", "partition", "run", "purpose", "event", title="Charges"
    )
    for c in opened.charges():
        charges.add_row(str(c.number), c.time, c.dataset, c.partition, c.run, c.purpose, c.event)
    console.print(charges)


@ledger_app.command("verify")
def ledger_verify(
    ledger: LedgerOption = "runs/ledger.db",
    label: Annotated[
        Path | None, typer.Option(help="A release's label.json: is its charge in the ledger?")
    ] = None,
) -> None:
    """Recompute the hash chain; with --label also look for that release's charge."""
    opened = _open_ledger(ledger)
    head = opened.verify()
    charges = opened.charges()
    if label is not None:
        wanted = json.loads(label.read_text(encoding="utf-8"))["accounting"]["ledger"]
        if not any(c.number == wanted["charge"] and c.hash == wanted["hash"] for c in charges):
            raise LedgerError(
                f"{label}: charge {wanted['charge']} with its hash is not in this ledger"
            )
    found = f", holds the charge of {label}" if label else ""
    _say(f"{len(charges)} charges, chain whole, head {head}{found}")


def _open_ledger(url: str):  # type: ignore[no-untyped-def]  # privacy.ledger is imported late
    from privacy.ledger import Ledger

    if "://" not in url and not Path(url).exists():
        raise LedgerError(f"ledger {url}: no such file")
    return Ledger(url)


@contextmanager
def _progress_bar() -> Iterator:  # type: ignore[type-arg]
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=stderr, transient=True) as bars:
        bar = bars.add_task("starting", total=1.0)

        def tell(what: str, share: float) -> None:
            bars.update(bar, description=what, completed=share)

        yield tell


def _prefect_for_a_terminal() -> None:
    """Prefect's own server is started for one run: give it time, and leave the terminal to us."""
    for name, value in {
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "DO_NOT_TRACK": "1",
    }.items():
        os.environ.setdefault(name, value)


def main() -> None:
    """Run the command line; every error we know is one line and an exit code."""
    try:
        app()
    except UnderstudyError as error:
        _fail(error.private if isinstance(error, DataError) else str(error), error.exit_code)
    except OSError as error:
        _fail(f"{error.filename or 'no file named'}: {error.strerror or error}", 2)


def _fail(text: str, code: int) -> None:
    stderr.print(
        f"[bold red]error:[/] {escape(' '.join(text.split()))}", highlight=False, soft_wrap=True
    )
    sys.exit(code)


if __name__ == "__main__":
    main()
