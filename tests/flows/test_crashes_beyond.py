"""Sweeps and approvals that are killed at random moments: each goes on, on what was paid and decided before.

Beside test_crashes.py, which is about releases and says how a twin is made. The last output of these tests
stands in benchmarks/results/crashes.txt as well.
"""

from __future__ import annotations

import itertools
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from flows.bundle.candidate import Candidate, settle
from flows.judging.sweep import CELL, Cell, load_sweep, run_cell, write_results
from privacy.ledger.decisions import APPROVED, decisions
from privacy.ledger.ledger import Ledger
from tests import killing
from tests.flows import clinic
from tests.flows.stages.test_steps import release
from tests.flows.test_crashes import content

killing.preload("tests.flows.test_crashes_beyond")

MOMENTS = 50
TIMED = (CELL, "lock", "ledger.db")
"""Files of a cell that hold seconds, nothing, or times."""


class Moments:
    """Uniform over the length of one run, by a seed, until so many processes were killed.

    A run that had ended before was shorter than the one that was timed: those to come are drawn closer.
    """

    def __init__(self, length: float) -> None:
        self.length, self.killed = length, 0

    def __iter__(self) -> Iterator[float]:
        rng = np.random.default_rng(0)
        for _ in range(3 * MOMENTS):
            if self.killed < MOMENTS:
                yield rng.uniform(0, self.length)

    def kill(self, moment: float, target: killing.Target, folder: Path) -> bool:
        """Whether the process was killed in time."""
        hit = killing.killed_after(moment, target, folder)
        self.killed += hit
        self.length *= 1 if hit else 0.95
        return hit


def timed(target: killing.Target, folder: Path) -> float:
    began = time.monotonic()
    assert killing.run(target, folder) == 0
    return time.monotonic() - began


def swept(folder: Path) -> None:
    """Every cell that is not done, then the page."""
    sweep, cells = load_sweep(folder / "sweep.yaml")
    for cell in cells:
        run_cell(cell, lambda what, done: None)
    write_results(sweep, cells)


def planned(folder: Path) -> list[Cell]:
    """Two generators at two ε on private rows, one ledger for all."""
    clinic.write(folder, frame=clinic.rows(400), budget={"epsilon": 9.0, "delta": 1e-4})
    plan = {
        "name": "trial",
        "data_sets": [{"release": "config.yaml", "data": "clinic.csv"}],
        "generators": {"mst": None, "aim": {"megabytes": 1}},
        "epsilon": [0.5, 1],
        "delta": 1e-6,
        "seeds": [0],
        "measure": ["declared"],
        "folder": "sweep",
    }
    (folder / "sweep.yaml").write_text(yaml.safe_dump(plan))
    return load_sweep(folder / "sweep.yaml")[1]


def paid(folder: Path) -> dict[str, list[str]]:
    """The attempts that were charged for a fit, by the cell."""
    if not (folder / "ledger.db").exists():
        return {}
    ledger = Ledger(str(folder / "ledger.db"))
    ledger.verify()
    fits = sorted((c.run, c.attempt) for c in ledger.charges() if c.purpose == "fit")
    return {
        run: [attempt for _, attempt in found]
        for run, found in itertools.groupby(fits, lambda fit: fit[0])
    }


def assert_each_paid_once(folder: Path, cells: list[Cell]) -> None:
    """No cell was charged twice, and none has answers that were not charged."""
    charges = paid(folder)
    for cell in cells:
        mine, transcript = charges.get(cell.run.name, []), cell.run / "attempt.jsonl"
        assert len(mine) <= 1
        lines = transcript.read_text().splitlines() if transcript.exists() else []
        if len(lines) > 1:
            assert [json.loads(lines[0])["attempt"]] == mine
        if (cell.run / CELL).exists():
            assert (cell.run / "scores" / "scores.parquet").exists()
            assert len(mine) == 1


def contents(cells: list[Cell]) -> dict[str, bytes]:
    return {
        f"{cell.run.name}/{name}": data
        for cell in cells
        for name, data in content(cell.run).items()
        if name not in TIMED
    }


def assert_as_a_twin(folder: Path, cells: list[Cell]) -> None:
    """An uninterrupted sweep with the same answers and the same ledger: same bytes, no further charge."""
    survivor, charges = contents(cells), paid(folder)
    kept = (folder / "sweep").rename(folder / "survivor")
    for cell in cells:
        cell.run.folder.mkdir(parents=True)
        shutil.copy(kept / cell.run.name / "attempt.jsonl", cell.run / "attempt.jsonl")
    assert killing.run(swept, folder) == 0
    assert paid(folder) == charges
    twin = contents(cells)
    assert set(twin) == set(survivor)
    assert [name for name in twin if twin[name] != survivor[name]] == []


@pytest.mark.long
def test_a_sweep_killed_at_random_moments_goes_on_cell_by_cell_on_one_charge_each(tmp_path):
    planned(tmp_path / "first")
    assert killing.run(swept, tmp_path / "first") == 0  # starts the server that forks
    planned(tmp_path / "whole")
    length = timed(swept, tmp_path / "whole")
    print(f"\nsweep: four cells take {length:.1f} s; killed at {MOMENTS} moments of it")
    print("moment  cells done  cells paid  cells paid at the end  twin")
    moments = Moments(length)
    for number, moment in enumerate(moments):
        folder = tmp_path / str(number)
        cells = planned(folder)
        if not moments.kill(moment, swept, folder):
            continue
        assert_each_paid_once(folder, cells)
        done, then = sum((cell.run / CELL).exists() for cell in cells), len(paid(folder))
        assert killing.run(swept, folder) == 0
        assert_each_paid_once(folder, cells)
        assert len(paid(folder)) == len(cells) == sum((c.run / CELL).exists() for c in cells)
        assert_as_a_twin(folder, cells)
        print(f"{moment:5.2f}s  {done:10}  {then:10}  {len(paid(folder)):21}  identical")
        shutil.rmtree(folder)
    print(f"{moments.killed} killed; all went on")
    assert moments.killed == MOMENTS


def approved(folder: Path) -> None:
    """What ``understudy approve`` does once it was told the hash."""
    run = next((folder / "runs").iterdir())
    shown = (folder / "shown").read_text()
    settle(run, shown, APPROVED, "Ada", "the card is fine")


def approved_slowly(folder: Path) -> None:
    """On a slow disk: an approval takes a few hundredths of a second, too short for a clock to choose in."""
    killing.watched(approved, folder, lambda act: time.sleep(0.02))


def shown(folder: Path) -> str:
    """Write down the hash of the candidate that waits in ``folder``, and return it."""
    found = Candidate.of(next((folder / "runs").iterdir())).hash
    (folder / "shown").write_text(found)
    return found


@pytest.mark.long
def test_an_approval_killed_at_random_moments_exports_what_was_approved_or_nothing(
    tmp_path, monkeypatch
):
    """Every moment hits the same place, put back as it was before anybody decided."""
    place, before, times = tmp_path / "place", tmp_path / "before", itertools.count()
    release(clinic.write(place, approval="person"))
    candidate = shown(place)
    shutil.copytree(place, before)
    bundle = next((place / "runs").iterdir()) / "bundle"
    assert killing.run(approved, place) == 0  # starts the server that forks

    def again() -> None:
        shutil.rmtree(place)
        shutil.copytree(before, place)
        # an older ledger put back would be found: each time it is another account's
        monkeypatch.setenv(killing.STATE, str(tmp_path / f"state-{next(times)}"))

    again()
    length = timed(approved_slowly, place)
    whole = {
        n: (bundle / "public" / n).read_bytes() for n in Candidate.read(bundle / "public").files
    }
    print(f"\napproval: one takes {length:.2f} s on a slow disk; killed at {MOMENTS} moments of it")
    print("moment  decided then  exported then  decisions at the end  exported files")
    moments = Moments(length)
    for moment in moments:
        again()
        if not moments.kill(moment, approved_slowly, place):
            continue
        ledger = Ledger(str(place / "ledger.db"))
        then, public = len(decisions(ledger)), (bundle / "public").exists()
        assert Candidate.of(bundle.parent).hash == candidate
        assert not public or then == 1
        assert killing.run(approved, place) == 0
        (made,) = decisions(ledger)
        told = json.loads((bundle / "public" / "approval.json").read_text())
        assert (told["candidate"], told["hash"]) == (candidate, made.hash)
        assert {p.name for p in bundle.iterdir()} == {"public", "internal"}
        assert {n: (bundle / "public" / n).read_bytes() for n in whole} == whole
        print(f"{moment:5.3f}s  {then:12}  {public!s:>13}  {1:20}  identical")
    print(f"{moments.killed} killed; all were finished by the same command")
    assert moments.killed == MOMENTS
