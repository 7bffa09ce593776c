"""A release that is killed, or whose disk or database is gone: it goes on, on one charge, to the same bytes.

Noise on private rows cannot be seeded, so the uninterrupted run that a survivor is compared with replays the
survivor's own answers: a fresh folder with its finished transcripts and a copy of the ledger, and of the state
that training began with. Every file of a run but its lock must be equal to the last byte.

The last output of the long tests stands in benchmarks/results/crashes.txt.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluators import evaluate
from flows.frames import export
from flows.frames.written import texts
from flows.stages.config import load_config
from flows.stages.run import Run
from generators.dpsgd import checkpoint
from generators.marginals.counting import coded
from privacy import table
from privacy.accounting import composition
from privacy.errors import LedgerError
from privacy.ledger.ledger import Ledger
from privacy.reading.formats import delimited
from privacy.stored import rows
from tests import killing
from tests.flows import clinic, judge, made_histories
from tests.flows.stages.test_steps import release

killing.preload("tests.flows.test_crashes")

EVALUATION = {"epsilon": 1.5, "delta": 1e-5}
DEEP = {"name": "diffusion", "steps": 60, "width": 16}
RESULTS = ("model", "scores", "charged", "bundle")
NOT_COMPARED = ("lock", ".checkpoint")
FIRST = "first.checkpoint"


def whole(folder: Path) -> None:
    """A release as it is, but for a checkpoint every tenth of a second; the first is kept for a twin."""
    checkpoint.EVERY = 0.1
    kept, begun = folder / FIRST, Run.of(load_config(folder / "config.yaml")) / "attempt.jsonl"
    real = os.replace

    def replace(source, target):
        path = Path(target)
        if path.name == f"{begun.name}.checkpoint" and not path.exists():
            shutil.copy(source, kept)
        real(source, target)

    os.replace = replace
    release(folder / "config.yaml")


def quick(folder: Path) -> None:
    """A release whose judge asks two questions, and whose accountant is RDP alone: it writes the same files."""
    composition.FFT_ERROR = 1.0  # no δ is left for loss distributions
    with judge.in_short():
        whole(folder)


def spilled(folder: Path) -> None:
    """The same of a table that is read a few rows at a time and kept in files without a name."""
    table.LARGE, delimited.BLOCK, rows.AT_ONCE, coded.PART = 0, 1 << 12, 50, 50
    export.PART = 60
    quick(folder)


def without_its_server(folder: Path) -> None:
    """The Prefect flow, whose server stops for good while it judges."""
    os.environ |= {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PREFECT_CLIENT_MAX_RETRIES": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
    }
    from prefect.server.api.server import SubprocessASGIServer

    from flows.release import release as flow
    from flows.stages import scoring

    def judged(*tables, **how):
        for server in SubprocessASGIServer._instances.values():
            server.stop()
        return evaluate.evaluate(*tables, **how)

    scoring.evaluate = judged
    flow(folder / "config.yaml")


def made(folder: Path, **config) -> Run:
    """A small table and its config in ``folder``."""
    return _written(folder, clinic.rows(400), **config)


def visits(folder: Path) -> Run:
    """The same of patients with up to five visits each."""
    frame = texts(made_histories.made(300), made_histories.SCHEMA)
    run = _written(folder, frame, generator={"name": "aim"})
    (folder / "schema.yaml").write_text(made_histories.SCHEMA.to_yaml())
    return Run.of(run.config)


def _written(folder: Path, frame: pd.DataFrame, **config) -> Run:
    path = clinic.write(folder, frame=frame, **{"evaluation": EVALUATION, "holdout": 0.4} | config)
    return Run.of(load_config(path))


def charges(run: Run) -> list[tuple[str, str, str]]:
    if not Path(run.config.ledger).exists():
        return []
    ledger = Ledger(run.config.ledger)
    ledger.verify()
    return [(c.attempt, c.partition, c.purpose) for c in ledger.charges()]


def assert_sound(run: Run) -> None:
    """Never a lost or doubled charge, never a half result, at any moment."""
    found = charges(run)
    assert len(set(found)) == len(found)
    for name, purpose in (("attempt.jsonl", "fit"), ("evaluation.jsonl", "evaluate")):
        paid = [attempt for attempt, _, p in found if p == purpose]
        assert len(paid) <= 1
        lines = (run / name).read_text().splitlines() if (run / name).exists() else []
        if len(lines) > 1:  # something was read and answered
            assert [json.loads(lines[0])["attempt"]] == paid
    if (run / "bundle").exists():
        assert_whole(run / "bundle")


def assert_whole(bundle: Path) -> None:
    assert {"label.json", "verdict.json", "report.html", "scores.parquet", "model"} <= {
        f.name for f in (bundle / "internal").iterdir()
    }
    files = json.loads((bundle / "public" / "manifest.json").read_text())["files"]
    assert {f["name"].split("/")[0] for f in files} >= {
        "data.csv",
        "data.parquet",
        "label.json",
        "schema.yaml",
    }
    for entry in files:
        content = (bundle / "public" / entry["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]


def assert_finished(run: Run) -> None:
    """Whole, paid for once, and nothing left over."""
    assert_sound(run)
    assert_whole(run / "bundle")
    assert sorted(p for _, _, p in charges(run)) == [
        "evaluate",
        "fit",
        "judge",
        "judge",
        "recognise",
    ]
    assert not [f for f in run.folder.rglob(".*") if f.name.endswith(".partial")]
    assert not list(run.folder.glob("*.checkpoint"))


def content(run: Run) -> dict[str, bytes]:
    return {
        f.relative_to(run.folder).as_posix(): f.read_bytes()
        for f in run.folder.rglob("*")
        if f.is_file() and not f.name.endswith(NOT_COMPARED)
    }


def assert_as_if_uninterrupted(target: killing.Target, folder: Path, run: Run) -> None:
    """The twin, in the same place: same answers, same ledger, no interruption, same bytes."""
    survivor, paid = content(run), charges(run)
    kept = run.folder.rename(folder.with_name(f"{folder.name}.survivor"))
    run.folder.mkdir()
    for name in ("attempt.jsonl", "evaluation.jsonl"):
        shutil.copy(kept / name, run / name)
    if (folder / FIRST).exists():
        shutil.copy(folder / FIRST, run / "attempt.jsonl.checkpoint")
    assert killing.run(target, folder) == 0
    assert charges(run) == paid
    twin = content(run)
    assert set(twin) == set(survivor)
    assert [name for name in twin if twin[name] != survivor[name]] == []


def died(folder: Path, run: Run, acts=killing.ACTS, target: killing.Target = quick) -> list[str]:
    """Kill process after process, each one act further on, until one gets through."""
    deaths = []
    while (act := killing.killed_at_next(target, folder, acts)) is not None:
        deaths.append(act)
        assert_sound(run)
        assert_no_spill(run)
    assert_finished(run)
    assert_as_if_uninterrupted(target, folder, run)
    return deaths


def assert_no_spill(run: Run) -> None:
    """Nothing lies in the run's folder but what a release is known to leave there, dead or alive."""
    known = {*RESULTS, *NOT_COMPARED, "config.sha256", "synthetic.csv", "error.txt", FIRST}
    transcripts = {f"{n}.jsonl{e}" for n in ("attempt", "evaluation") for e in ("", ".checkpoint")}
    odd = {f.name for f in run.folder.iterdir()} - known - transcripts
    assert {name for name in odd if not name.endswith((".partial", ".tmp"))} == set()


@pytest.mark.parametrize(
    ("kind", "target"),
    [(made, quick), (made, spilled), pytest.param(visits, quick, marks=pytest.mark.long)],
)
def test_a_release_killed_at_every_rename_and_commit_ends_as_if_it_had_not_been(
    tmp_path, kind, target
):
    run = kind(tmp_path / "killed")
    deaths = died(tmp_path / "killed", run, ("rename", "commit"), target)
    renamed = {d.split()[1] for d in deaths if d.startswith("rename")}
    assert renamed >= {*RESULTS, "synthetic.csv", "config.sha256", "manifest.json", "label.json"}
    assert sum(d.startswith("commit") for d in deaths) == 8  # tables, entry, people, five charges


@pytest.mark.long
@pytest.mark.parametrize("generator", [{"name": "aim"}, DEEP], ids=lambda v: v["name"])
def test_a_release_killed_at_every_act_on_the_disk_ends_as_if_it_had_not_been(tmp_path, generator):
    deaths = died(tmp_path / "killed", made(tmp_path / "killed", generator=generator))
    print(f"\n{generator['name']}: killed at {len(deaths)} acts on the disk; twin identical")
    assert len(deaths) > 60


@pytest.mark.long
def test_a_disk_that_is_full_from_any_act_on_costs_no_second_charge(tmp_path):
    run = made(tmp_path / "full", generator={"name": "aim"})
    faults = 0
    while killing.full_at_next(quick, tmp_path / "full") is not None:
        faults += 1
        assert_sound(run)
    print(f"\naim: the disk was full from each of {faults} acts on; all went on")
    assert_finished(run)


def test_a_disk_with_ever_more_room_costs_no_second_charge(tmp_path):
    """The kernel refuses what goes beyond, also inside SQLite, Parquet and safetensors."""
    run = made(tmp_path / "small")
    sizes = [2000 * 2**i for i in range(16)]
    codes = []
    for size in sizes:
        codes.append(killing.run_within(size, quick, tmp_path / "small"))
        assert_sound(run)
        if codes[-1] == 0:
            break
    assert codes[-1] == 0
    assert set(codes[:-1]) == {1}
    assert len(codes) > 5
    assert_finished(run)


@pytest.mark.usefixtures("few_questions")
def test_a_ledger_that_is_gone_in_the_middle_stops_the_release_and_costs_nothing(
    tmp_path, monkeypatch
):
    """Between any two transactions: the file is no database any more; then it is put back."""
    run = made(tmp_path / "gone")
    ledger, kept = Path(run.config.ledger), tmp_path / "kept.db"
    real, told = Ledger.transaction, []
    for healthy in itertools.count(2):
        transactions = itertools.count()

        def transaction(self, transactions=transactions, healthy=healthy):
            if next(transactions) == healthy:
                shutil.copy(ledger, kept)
                ledger.write_bytes(b"no database " * 1000)
            return real(self)

        monkeypatch.setattr(Ledger, "transaction", transaction)
        try:
            release(tmp_path / "gone" / "config.yaml")
            break
        except LedgerError as error:
            told.append(str(error))
        assert not (run / "bundle").exists()
        monkeypatch.setattr(Ledger, "transaction", real)
        shutil.copy(kept, ledger)
        assert_sound(run)
    monkeypatch.setattr(Ledger, "transaction", real)
    assert len(told) >= 6
    assert all("not a database" in text and "\n" not in text for text in told)
    assert_finished(run)


@pytest.mark.long
def test_a_release_whose_prefect_server_is_gone_leaves_a_folder_that_goes_on(tmp_path):
    run = made(tmp_path / "alone")
    assert killing.run(without_its_server, tmp_path / "alone") == 1
    assert_sound(run)
    assert (run / "model").exists()
    assert not (run / "bundle").exists()
    before = [c for c in charges(run) if c[2] != "judge"]
    assert len(before) == 3
    assert killing.run(whole, tmp_path / "alone") == 0
    assert_finished(run)
    assert [c for c in charges(run) if c[2] != "judge"] == before


@pytest.mark.usefixtures("few_questions")
@pytest.mark.parametrize(
    ("name", "result"), [("attempt.jsonl", "model"), ("evaluation.jsonl", "charged")]
)
def test_a_transcript_deleted_beside_its_result_is_not_charged_again(tmp_path, name, result):
    """A new attempt would pay for what is there already."""
    run = made(tmp_path / "deleted")
    release(tmp_path / "deleted" / "config.yaml")
    before = charges(run)
    (run / name).rename(tmp_path / name)
    with pytest.raises(LedgerError, match=f"{name}: gone, though {result}/ came of it"):
        release(tmp_path / "deleted" / "config.yaml")
    assert charges(run) == before
    (tmp_path / name).rename(run / name)
    assert release(tmp_path / "deleted" / "config.yaml") == run / "bundle"
    assert charges(run) == before


@pytest.mark.long
@pytest.mark.parametrize(
    ("generator", "moments"),
    [({"name": "aim"}, 50), (DEEP, 10)],
    ids=lambda v: v["name"] if isinstance(v, dict) else str(v),
)
def test_a_release_killed_at_random_moments_ends_as_if_it_had_not_been(
    tmp_path, generator, moments
):
    """Moments are uniform over the length of one run, by a seed; each hits a release of its own.

    The judge is a quick one: it would take two thirds of the time, and writes nothing meanwhile.
    """
    name = generator["name"]
    made(tmp_path / "first", generator=generator)
    assert killing.run(quick, tmp_path / "first") == 0  # starts the server that forks
    made(tmp_path / "whole", generator=generator)
    began = time.monotonic()
    assert killing.run(quick, tmp_path / "whole") == 0
    length = time.monotonic() - began
    print(f"\n{name}: one release takes {length:.1f} s; killed at {moments} moments of it")
    print("moment  there was          charges then  answers  charges at the end  twin")
    drawn = np.sort(np.random.default_rng(0).uniform(0, length, moments))
    killed = 0
    for number, moment in enumerate(drawn):
        folder = tmp_path / str(number)
        run = made(folder, generator=generator)
        if not killing.killed_after(moment, quick, folder):
            print(f"{moment:5.2f}s  had ended before")
            continue
        killed += 1
        assert_sound(run)
        there = [r for r in RESULTS if (run / r).exists()]
        then, answers = len(charges(run)), _lines(run / "attempt.jsonl")
        assert killing.run(quick, folder) == 0
        assert_finished(run)
        assert_as_if_uninterrupted(quick, folder, run)
        last = there[-1] if there else "nothing"
        print(
            f"{moment:5.2f}s  {last:<18} {then:12}  {answers:7}  {len(charges(run)):18}  identical"
        )
        shutil.rmtree(folder)
        shutil.rmtree(folder.with_name(f"{folder.name}.survivor"))
    print(f"{killed} of {moments} were killed in time; all went on")
    assert killed >= 0.8 * moments


def _lines(path: Path) -> int:
    return max(0, len(path.read_text().splitlines()) - 1) if path.exists() else 0


@pytest.mark.parametrize("moments", [8, pytest.param(60, marks=pytest.mark.long)])
def test_a_release_that_spills_leaves_nothing_whenever_it_is_killed(tmp_path, moments):
    """Private rows lie in files that have no name, so that nobody finds them and nothing has to be removed."""
    made(tmp_path / "first")
    assert killing.run(spilled, tmp_path / "first") == 0
    run = made(tmp_path / "whole")
    began = time.monotonic()
    assert killing.run(spilled, tmp_path / "whole") == 0
    length = time.monotonic() - began
    assert_finished(run)
    run = made(tmp_path / "killed")
    for moment in np.random.default_rng(1).uniform(0, length, moments):
        killing.killed_after(moment, spilled, tmp_path / "killed")
        assert_sound(run)
        assert_no_spill(run)
    assert killing.run(spilled, tmp_path / "killed") == 0
    assert_finished(run)
