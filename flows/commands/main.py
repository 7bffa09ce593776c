"""``understudy``: the command line.

Exit codes: 0 approved, done or waiting for approval, 2 bad input, 3 veto, rejection or insufficient evidence,
4 budget exhausted. An error is one line. Only this terminal shows what an error quotes from private rows.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from typer.exceptions import TyperException

from flows.commands import deployments, ledger, mistakes, schema
from flows.commands.approve import approve
from flows.commands.export import export
from flows.commands.sample import sample
from flows.commands.terminal import (
    console,
    lasting,
    listened,
    progress_bar,
    say,
    say_unlinked,
    stderr,
)
from flows.commands.tracking import flow, tracked
from flows.commands.verify import verify
from flows.commands.wizard import wizard
from privacy.errors import DataError, EvidenceError, PeopleError, UnderstudyError

if TYPE_CHECKING:
    from flows.pipelines.outcome import Outcome
    from flows.stages.config import Loss

app = typer.Typer(
    help="Publish a differentially private synthetic copy of a table, with the evidence to sign for it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(schema.app, name="schema")
app.add_typer(ledger.app, name="ledger")
app.command()(wizard)
app.command()(approve)
app.command()(verify)
app.command()(export)
app.command()(sample)
app.command()(deployments.setup)
app.command()(deployments.serve)


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
    accept_unassessed: Annotated[
        bool,
        typer.Option(
            "--accept-unassessed",
            help="Go on where too few people would be held out to assess a group or target; nothing is "
            "claimed about it.",
        ),
    ] = False,
) -> None:
    """Train under a charge, evaluate, gate, and export a bundle or say why not."""
    from flows.pipelines.release import release as release_here
    from flows.stages.config import load_config
    from flows.stages.run import Run
    from privacy.ledger.address import shown
    from privacy.ledger.ledger import Ledger

    wanted = load_config(config, tuple(data or ()), run=run)
    place = Run.of(wanted, run)
    if not place.fitted:  # what is paid for cannot be had otherwise any more
        say_unlinked(wanted.load_schema())

    def walk() -> Any:
        if tracked():
            return flow("release")(
                config=config, data=data, run=run, accept_unassessed=accept_unassessed
            )
        return release_here(place, accept_unassessed=accept_unassessed)

    try:
        outcome: Outcome = listened(walk)
    except DataError as error:
        paid = any(
            c.run == place.name and c.purpose == "fit" for c in Ledger(wanted.ledger).charges()
        )
        charged = "this read was charged" if paid else "nothing was charged"
        told = f"{charged}; `understudy schema check` finds such rows at no cost"
        raise DataError(f"{error.private}. {told}") from None
    _say_decision(outcome, wanted.evaluation)
    say(f"the ledger is {shown(wanted.ledger) if '://' in wanted.ledger else wanted.ledger}")
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
    synthcity: Annotated[
        bool, typer.Option("--synthcity", help="Its metrics too; builds its environment.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Repeats the evaluation.")] = 0,
    csv: Annotated[
        list[str] | None,
        typer.Option(
            "--csv",
            help="How the synthetic files are written, where it is not as the schema says, all of it: "
            "'separator=;,encoding=latin-1,decimal=,'; left out are comma (tab: separator=tab), UTF-8, point.",
        ),
    ] = None,
) -> None:
    """Judge anybody's synthetic table against real rows; figures are for the custodian only."""
    if (epsilon is None) != (delta is None):
        given, lacking = ("--epsilon", "--delta") if delta is None else ("--delta", "--epsilon")
        raise UnderstudyError(f"{given} alone is no claim; give {lacking} too, as --delta 1e-6")
    from flows.judging import forms
    from flows.pipelines.evaluate import case_of
    from flows.pipelines.evaluate import evaluate as evaluate_here
    from flows.stages.places import inside

    asked: dict[str, Any] = {
        "schema_file": schema,
        "real": real,
        "synthetic": synthetic,
        "holdout": holdout,
        "policy": policy,
        "epsilon": epsilon,
        "delta": delta,
        "anonymeter": anonymeter,
        "synthcity": synthcity,
        "seed": seed,
        "csv": forms.parse(csv or ()),
    }
    case, folder = case_of(**asked), inside(out)

    def walk() -> Any:
        return flow("evaluate")(**asked, out=out) if tracked() else evaluate_here(case, folder)

    outcome: Outcome = listened(walk, "stopped; nothing was decided, and the command begins anew")
    _say_reasons(outcome.decision, _read_json(outcome.bundle / "verdict.json"))
    facts = _read_json(outcome.bundle / "facts.json")
    for told in ("reading", "histories"):
        if facts.get(told):
            say(f"{told}: {facts[told]}")
    say("open these; none of them may leave the house:")
    for name in ("report.html", "scores.parquet", "verdict.json"):
        if (outcome.bundle / name).exists():
            say(f"  {outcome.bundle / name}")
    raise typer.Exit(outcome.exit_code)


SHOWN = 8
"""Rules told on the terminal; report.html tells all."""


def _say_decision(outcome: Outcome, evaluation: Loss | None) -> None:
    from flows.bundle.candidate import REPORT, WAITS, Candidate

    _say_reasons(outcome.decision, _read_json(outcome.bundle / "internal" / "verdict.json"))
    decision = outcome.decision
    label = _read_json(outcome.bundle / "internal" / "label.json")
    guarantee, spent = label["guarantee"], label["accounting"]["ledger"]
    asked = (
        f", and ε={evaluation.epsilon:g} at δ={evaluation.delta:g} for each one held out, for figures"
        if evaluation is not None
        else ""
    )
    say(
        f"cost ε={guarantee['epsilon']:.4g} at δ={guarantee['delta']:g} for each {guarantee['unit']} trained on"
        f"{asked}; the data set has spent {spent['data_set_epsilon_spent']:.4g} of "
        f"{spent['data_set_epsilon_budget']:g} in all, at δ={spent['data_set_delta']:g}"
    )
    if label.get("people", {}).get("other_ledgers_seen_with_these_files"):
        say(
            "the same files were charged in another ledger before, perhaps one that is gone; that is not "
            "counted here, and the label says so"
        )
    say("open these:" if decision in ("approved", WAITS) else "nothing was exported; see why in")
    for name in (
        "public/card.html",
        "public/data.csv",
        "public/label.json",
        "candidate/card.html",
        "internal/report.html",
        "internal/histories.svg",
    ):
        if (outcome.bundle / name).exists():
            say(f"  {outcome.bundle / name}")
    if decision == WAITS:
        say(f"internal/report.html holds {REPORT}")
        say("nothing is public yet; when you have looked, say who approves it and why:")
        say(f"  {Candidate.of(outcome.bundle.parent).command()}")
    say("what stands in internal/ must not leave the house")


def _say_reasons(decision: str, verdict: dict[str, Any]) -> None:
    colour = {"approved": "green", "waits for approval": "yellow"}.get(decision, "red")
    console.print(f"[bold {colour}]{decision.upper()}[/]")
    say(verdict["in_short"])
    for text in verdict["told"][:SHOWN]:
        say(f"  • {text}")
    if (more := len(verdict["told"]) - SHOWN) > 0:
        say(f"  • and {more} more rules")
    for text in verdict["noticed"]:
        say(f"  noticed: {text}")
    outcomes = Counter(r["outcome"] for r in verdict["reasons"])
    say(
        f"{outcomes['pass']} checks passed, {outcomes['note']} could not be made and are not required"
    )


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


@app.command()
def benchmark(
    sweep: Annotated[
        Path, typer.Argument(help="Sweep (YAML): generators × ε × seeds × data sets.")
    ],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="NAME=FILE of a data set, repeatable; overrides `data:`."),
    ] = None,
) -> None:
    """Compare generators; resumes cell by cell, and every cell on private rows is charged."""
    from flows.judging.sweep import declare, load_sweep
    from flows.pipelines.benchmark import benchmark as benchmark_here

    files: dict[str, list[Path]] = {}
    for given in data or ():
        name, separator, path = given.partition("=")
        if not separator:
            raise UnderstudyError(f"--data {given}: expected NAME=FILE, as --data heart=heart.csv")
        files.setdefault(name, []).append(Path(path).resolve())
    named = {name: tuple(paths) for name, paths in files.items()}
    _, cells = load_sweep(sweep, named)
    for line in declare(cells):
        say(line)

    def walk() -> Any:
        if tracked():
            return flow("benchmark")(sweep=sweep, data=files)
        found = benchmark_here(sweep, named)
        found.check()
        return found.page

    say(f"open {listened(walk)}")


@app.command()
def forecast(
    config: Annotated[
        Path, typer.Argument(help="Release config (YAML); its data need not be there.")
    ],
) -> None:
    """Say what a release would cost and whom it can serve; reads no private row and charges nothing."""
    from flows.stages.config import load_config
    from flows.stages.forecast import forecast as forecast_release

    found = forecast_release(config)
    costs = Table(
        "partition",
        "this release",
        "spent so far",
        "after it",
        "budget",
        "",
        title=f"ε of {found.data_set} for each {found.unit}, at δ={found.delta:g}, its budget's",
    )
    for c in found.costs:
        fits = "fits" if c.fits else "[red]does not fit[/]"
        costs.add_row(
            c.partition,
            *(f"{x:.4g}" for x in (c.release.epsilon, c.before, c.after, c.budget)),
            fits,
        )
    console.print(costs)
    for c in found.costs:
        if c.fitting:
            say(c.fitting)
    groups = Table(
        "group", "people", "rate off by, at best", f"with {found.generator}", "", "ε it needs"
    )
    for g in found.groups:
        shown = ("–" if x is None else f"{x:.3f}" for x in (g.at_best, g.expected))
        needs = "–" if g.needs is None else f"{g.needs:.2g}"
        groups.add_row(g.name, f"{g.people:,}", *shown, g.verdict, needs)
    if found.groups:
        console.print(groups)
    best, expected = found.smallest
    also = "" if expected is None else f"; {found.generator} is expected to need {expected:,}"
    say(
        f"for event rates within {found.limit:g} a group needs {best:,} people at the very least{also}"
    )
    if found.seconds is None:
        fit = f"how long a fit by {found.generator} takes was not measured"
    else:
        fit = f"a fit by {found.generator} takes about {lasting(*found.seconds)}"
    say(f"{fit}; judging its rows takes about {lasting(*found.judging)}, on two idle cores")
    for line in found.advice:
        say(line)
    say_unlinked(load_config(config, reads=False).load_schema())
    if not all(c.fits for c in found.costs):
        raise typer.Exit(4)


@app.command()
def compare(
    releases: Annotated[
        list[Path],
        typer.Argument(help="Folders of runs, bundles or evaluations, or scores files in them."),
    ],
    out: Annotated[Path, typer.Option(help="The page; it must stay in the house.")],
) -> None:
    """Put several releases side by side: decisions, figures, privacy against utility and fairness."""
    from flows.judging.compare import compare as compare_releases

    compare_releases(releases, out)
    say(f"{out} compares {len(releases)} releases; it must not leave the house")


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
    from flows.audit import audit as audits
    from privacy.accounting.guarantee import Guarantee

    spec, claim = audits.parse(generator, set_ or []), Guarantee(epsilon, delta)
    with progress_bar() as tell:
        found = audits.audit(spec, claim, runs=runs, canaries=canaries, seed=seed, progress=tell)
    console.print(audits.table(found))
    say(f"lower bounds at δ={delta:g}: one above its claim refutes it, one below proves nothing")
    if any(line.refuted for line in found):
        raise typer.Exit(3)


def main() -> None:
    """Run the command line; every error we know is one line and an exit code."""
    try:
        code = app(standalone_mode=False, prog_name="understudy")
    except TyperException as error:
        if (told := mistakes.usage(error)) is None:
            typer.echo(error.format_message(), err=True)
            sys.exit(2)
        _fail(told, 2)
    except typer.Abort:
        _fail("stopped; nothing was done", 130)
    except (DataError, EvidenceError, PeopleError) as error:
        _fail(error.private, error.exit_code)
    except UnderstudyError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(f"{error.filename or 'no file named'}: {error.strerror or error}", 2)
    if code == 130:
        _fail("stopped", 130)
    sys.exit(code or 0)


def _fail(text: str, code: int) -> None:
    stderr.print(
        f"[bold red]error:[/] {escape(' '.join(text.split()))}", highlight=False, soft_wrap=True
    )
    sys.exit(code)


if __name__ == "__main__":
    main()
