"""A sweep: generators × ε × seeds × data sets, one cell a fit that is judged and never exported.

A cell is a run like any other: its folder resumes, its charge stands in a ledger, and its scores are
internal. On private rows every cell is charged to the ledger of the data set's release config, and the sweep
is refused as a whole, before the first charge, where all its cells together do not fit the budget. On
rows that whoever writes the sweep declares public nothing needs to be kept: each cell has a ledger of its own,
and the split follows from data set and seed, so that generators are compared on the same people. A ledger that
knows such a data set from private releases is told, at no cost.

Privacy claim: that of the cells' charges; ``leaderboard.html`` is internal unless the rows are public.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from evaluators.evaluate import FAMILIES
from evaluators.gate import gate
from evaluators.pages.leaderboard import Cell as Result
from evaluators.pages.leaderboard import write_leaderboard
from evaluators.pages.parts.facts import Claim, Facts
from evaluators.pages.parts.tradeoff import Release
from evaluators.score import Scorecard
from flows.label.label import CLAIMED
from flows.label.provenance import CELL_NAME, DECLARED
from flows.stages import steps
from flows.stages.config import Loss, RunConfig, Scheduler, load_config, make_generator
from flows.stages.places import inside
from flows.stages.plan import Plan
from flows.stages.run import Run, write_json
from flows.stages.work import Work
from generators.base import Progress
from privacy.errors import BudgetError, InputError, did_you_mean
from privacy.ledger.ledger import PARTITIONS, Ledger
from privacy.reading.formats.query import one_snapshot
from privacy.schema.documents import Frozen, load_yaml
from privacy.schema.schema import load_schema

CELL = "cell.json"
"""Written last: a cell that has it is done."""

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}")
"""Generators' labels: each is a part of a folder's name."""


class DataSet(Frozen):
    """A release config that says all but generator, ε and seed.

    ``release``: the config. ``data``: private files instead of those that it names.

    Privacy: house.

    Example::

        {release: releases/admissions.yaml, data: [patients.csv]}
    """

    release: Path
    data: tuple[Path, ...] = ()

    @field_validator("data", mode="before", json_schema_input_type=Path | tuple[Path, ...])
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Path) else value


class Workers(Frozen):
    """Where cells run: ``count`` at a time, in threads or processes here, or on a Dask cluster.

    ``kind``: threads or processes of this machine, or Dask. ``count``: how many cells at a time.
    ``address``: that of a running scheduler (``tcp://host:8786``), whose workers see the same folders and
    the same ledger; without it, Dask starts ``count`` workers here.

    Privacy: nothing. ``address``: house; rows travel to it, so its network must be yours alone.

    Example::

        {kind: dask, count: 2, address: "tcp://scheduler:8786"}
    """

    kind: Literal["threads", "processes", "dask"] = "threads"
    count: int = Field(default=1, ge=1, le=256)
    address: Scheduler | None = None


class Sweep(Frozen):
    """What a person writes to compare generators. Paths are relative to the file.

    ``name``: what the sweep is called.
    ``public``: whoever writes this declares every row of every data set public; cells cost nothing.
    ``data_sets``: on what generators are compared.
    ``generators``: a label for each spec, whose ``name`` is the label where it is left out.
    ``epsilon``: at which ε each is fitted. ``delta``: the δ of all of them.
    ``seeds``: how often; each is another split and another draw.
    ``measure``: families of metrics (first part of their name), all where it is left out.
    ``workers``: where cells run.
    ``folder``: where cells are kept, ``runs/NAME`` in the working folder where it is left out.

    Privacy: nothing; a sweep exports nothing.
    ``public``: budget; where it is false each cell is charged as a release is, and refused where all of them do
    not fit.
    ``data_sets``, ``folder``: house. ``generators``, ``epsilon``, ``delta``, ``seeds``: budget; on private rows
    every one of them is another charge.

    Example::

        name: small
        public: true
        data_sets: [{release: releases/demo.yaml, data: demo.csv}]
        generators: {aim: {}, large: {name: aim, megabytes: 20}, mst: null}
        epsilon: [0.5, 1, 3]
        delta: 1.0e-6
        seeds: [0, 1]
        measure: [utility, fairness]
        workers: {kind: processes, count: 2}
        folder: runs/small
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,30}$")
    public: bool = False
    data_sets: tuple[DataSet, ...] = Field(min_length=1)
    generators: dict[str, dict[str, Any]] = Field(min_length=1)
    epsilon: tuple[Annotated[float, Field(gt=0, le=100)], ...] = Field(min_length=1)
    delta: float = Field(gt=0, lt=1e-2)
    seeds: tuple[int, ...] = Field(min_length=1)
    measure: tuple[str, ...] = ()
    workers: Workers = Workers()
    folder: Path | None = None

    @field_validator(
        "generators", mode="before", json_schema_input_type=dict[str, dict[str, Any] | None]
    )
    @classmethod
    def _named(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        given = {label: {} if spec is None else spec for label, spec in value.items()}
        return {
            label: {"name": label, **spec} if isinstance(spec, Mapping) else spec
            for label, spec in given.items()
        }

    @field_validator("generators")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        for label, spec in value.items():
            if not LABEL.fullmatch(label):
                raise ValueError(
                    f"{label!r}: a label is up to 31 letters, digits, _ and -; call it otherwise, with its "
                    "`name:` inside"
                )
            try:
                make_generator(spec)
            except ValueError as error:
                raise ValueError(f"{label}: {error}") from None
        return value

    @field_validator("epsilon", "seeds")
    @classmethod
    def _distinct(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(value)) < len(value):
            twice = next(v for v in value if value.count(v) > 1)
            raise ValueError(f"{twice:g} stands there twice; take one out")
        return value

    @field_validator("measure")
    @classmethod
    def _families(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(value) - FAMILIES):
            near = did_you_mean(unknown[0], FAMILIES)
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(sorted(FAMILIES))}{near}")
        return value


@dataclass(frozen=True)
class Cell:
    """One generator at one ε and seed on one data set; ``house``: the ledger of that data set's releases."""

    label: str
    data_set: str
    config: RunConfig
    sweep: Sweep
    house: str

    @property
    def run(self) -> Run:
        return Run(self.config.name, self.config)

    def work(self) -> Work:
        """The cell's plan and its entry in the ledger."""
        return Work.of(self.run, self._public_key() if self.sweep.public else None)

    def _public_key(self) -> bytes:
        """Whom the split of public rows holds out."""
        return hashlib.sha256(f"{self.data_set}\0{self.config.seed}".encode()).digest()

    @property
    def begun(self) -> bool:
        """Whether there is an attempt to go on with."""
        return (self.run / "attempt.jsonl").exists()

    def _standing(self) -> str:
        """What stands behind the ε that a leaderboard puts a generator at, where it is not our proof."""
        standing = {"none": " (no privacy, ε = ∞)", "claimed": f" ({CLAIMED})", "proved": ""}
        return standing[self.config.standing]

    def result(self) -> Result | None:
        """What came of it; None while it is not done."""
        if not (self.run / CELL).exists():
            return None
        seconds = json.loads((self.run / CELL).read_text("utf-8"))["seconds"]
        asked = self.config.guarantee
        card = Scorecard.read(self.run / "scores" / "scores.parquet")
        facts = Facts(
            self.config.name,
            self.data_set,
            generator=f"{self.label}{self._standing()}",
            seed=self.config.seed,
            claim=Claim(asked.epsilon, asked.delta),
        )
        verdict = gate(card, self.config.load_policy(), self.config.standing, asked.guarantee)
        return Result(Release(facts, card, verdict), seconds["fit"])


def load_sweep(
    path: Path, data: Mapping[str, tuple[Path, ...]] | None = None
) -> tuple[Sweep, list[Cell]]:
    """A sweep and its cells, in the order in which they run.

    ``data``: files by the name of the data set, instead of those named in the file.
    """
    base = inside(path).parent
    sweep: Sweep = load_yaml(path, Sweep)
    folder = inside(base / sweep.folder if sweep.folder else Path.cwd() / "runs" / sweep.name)
    given, cells = dict(data or {}), []
    for one in sweep.data_sets:
        config = _base(base, one, given)
        name, policy = config.load_schema().name, config.load_policy()
        if policy.figures == "charged":
            raise InputError(
                f"{path}: the release config of {name} has policy {policy.name}, which decides on charged "
                "figures only, and cells have none; name a release config with another policy"
            )
        for seed in sweep.seeds:
            for epsilon in sweep.epsilon:
                for label, spec in sweep.generators.items():
                    cell = cell_name(name, label, epsilon, seed)
                    asked = _config(sweep, config, folder, cell, spec, epsilon, seed)
                    cells.append(Cell(label, name, asked, sweep, config.ledger))
    if given:
        raise InputError(
            f"{path}: no data set is called {sorted(given)[0]!r}, as --data says; its data sets are "
            f"{', '.join(dict.fromkeys(c.data_set for c in cells))}"
        )
    return sweep, cells


def _base(base: Path, one: DataSet, given: dict[str, tuple[Path, ...]]) -> RunConfig:
    """The release config of a data set, with its files."""
    path = inside(base / one.release)
    written: RunConfig = load_yaml(path, RunConfig)
    name = load_schema(inside(path.parent / written.schema_file)).name
    return load_config(path, given.pop(name, ()) or tuple(base / file for file in one.data))


def _config(
    sweep: Sweep,
    base: RunConfig,
    folder: Path,
    name: str,
    generator: dict[str, Any],
    epsilon: float,
    seed: int,
) -> RunConfig:
    """A release config for one cell."""
    asked = Loss(epsilon=epsilon, delta=sweep.delta)
    own: dict[str, Any] = {}
    if sweep.public:
        own = {"ledger": str(folder / name / "ledger.db"), "budget": asked}
    return base.model_copy(
        update={
            "name": name,
            "generator": generator,
            "guarantee": asked,
            "evaluation": None,
            "select": None,  # a cell is one generator
            "seed": seed,
            "runs": folder,
            **own,
        }
    )


def cell_name(data_set: str, label: str, epsilon: float, seed: int) -> str:
    """The name of a folder, and one that no release can have: a cell cannot be taken for one and exported."""
    return f"{data_set}-{label}-e{epsilon:g}-s{seed}".replace(".", "_") + CELL_NAME


def afford(cells: Sequence[Cell]) -> None:
    """Raise BudgetError where what is still to be charged does not fit; nothing is charged here."""
    if cells[0].sweep.public:
        return
    by_data_set: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        by_data_set.setdefault((cell.data_set, cell.config.ledger), []).append(cell)
    for (name, url), mine in by_data_set.items():
        ledger, config = Ledger(url), mine[0].config
        ledger.register(
            name,
            config.lifetime,
            config.holdout,
            config.load_schema(),
            same_people_as=config.same_people_as,
            other_people_than=config.other_people_than,
        )
        paid = {c.run for c in ledger.charges(name) if c.purpose == "fit"}
        unpaid = [c for c in mine if c.run.name not in paid or not c.begun]
        events = [Plan.of(cell.run).event for cell in unpaid]
        total = ledger.would_spend(name, "train", events)
        if total.epsilon > config.lifetime.epsilon:
            raise BudgetError(
                f"{name}: {len(unpaid)} cells would bring its lifetime ε to {total.epsilon:.4g} at "
                f"δ={total.delta:g}; the budget is {config.lifetime.epsilon:g}. Nothing was charged. "
                "A sweep costs nothing where its rows are public"
            )


def declare(cells: Sequence[Cell]) -> list[str]:
    """Record in the ledgers of private releases that a sweep calls their rows public; returns what to say."""
    said = []
    for name, url in dict.fromkeys((c.data_set, c.house) for c in cells if c.sweep.public):
        if "://" not in url and not Path(url).exists():
            continue
        ledger, sweep = Ledger(url), cells[0].sweep.name
        if name not in {d.name for d in ledger.datasets()}:
            continue
        attempt = hashlib.sha256(f"{sweep}\0{name}".encode()).hexdigest()
        for part in PARTITIONS:
            ledger.open_internally(name, part, run=sweep, attempt=attempt, purpose=DECLARED)
        said.append(
            f"{name} has a privacy budget in {ledger.address}; this sweep declares its rows public "
            "and charges nothing, which now stands there"
        )
    return said


def run_cell(cell: Cell, progress: Progress) -> None:
    """Charge, train, draw and judge; does nothing where that is done."""
    if (cell.run / CELL).exists():
        return
    with cell.run.locked(), one_snapshot():
        (cell.run / "error.txt").unlink(missing_ok=True)  # the story of an earlier try
        work, seconds = cell.work(), {}
        stages = {
            "fit": partial(steps.fit, work, progress),
            "sample": partial(steps.sample, work),
            "judge": partial(steps.judge, work, progress, cell.sweep.measure),
        }
        for name, stage in stages.items():
            began = time.perf_counter()
            stage()
            seconds[name] = round(time.perf_counter() - began, 1)
        write_json(cell.run / CELL, {"seconds": seconds})


def write_results(sweep: Sweep, cells: Sequence[Cell]) -> Path:
    """The leaderboard of what is done so far, as a page and as JSON; returns the page."""
    folder = cells[0].run.folder.parent
    found = [result for cell in cells if (result := cell.result())]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # no cell may have come so far
    page = folder / "leaderboard.html"
    rows = write_leaderboard(page, sweep.name, found, len(cells), public=sweep.public)
    write_json(folder / "leaderboard.json", rows)
    return page
