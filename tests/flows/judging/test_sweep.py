"""Sweeps: cells, what they cost, how they resume, and where they run."""

import contextlib
import json
import os
import signal
import time

import pytest
import yaml
from dp_accounting import ZCDpEvent

from flows.judging import sweep as sweeps
from flows.judging.sweep import afford, declare, load_sweep, run_cell, write_results
from flows.pipelines.benchmark import die_with
from flows.stages.config import load_config
from flows.stages.run import Run, locked
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.errors import BudgetError, InputError
from privacy.ledger.ledger import Ledger
from tests.flows import clinic

pytestmark = pytest.mark.all_questions


def quiet(what, share):
    pass


def written(folder, **more):
    """A sweep over the clinic; returns its path."""
    clinic.write(folder, budget={"epsilon": 5.0, "delta": 1e-5})
    content = {
        "name": "trial",
        "public": True,
        "data_sets": [{"release": "config.yaml", "data": "clinic.csv"}],
        "generators": {"mst": None, "small": {"name": "aim", "megabytes": 1}},
        "epsilon": [1, 2],
        "delta": 1e-5,
        "seeds": [0],
        "measure": ["declared", "kmarginal"],
        "folder": "sweep",
    } | more
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_cells_are_the_product_and_named_apart(tmp_path):
    _, cells = load_sweep(written(tmp_path, epsilon=[0.5, 1], seeds=[0, 7]))
    names = [c.config.name for c in cells]
    assert len(set(names)) == len(names) == 8
    assert names[0] == "clinic-mst-e0_5-s0.cell"
    assert {c.config.seed for c in cells} == {0, 7}
    assert cells[1].config.generator == {"name": "aim", "megabytes": 1}


def test_public_cells_share_a_split_and_no_ledger(tmp_path):
    _, cells = load_sweep(written(tmp_path, seeds=[0, 1]))
    works = [cell.work() for cell in cells]
    keys = {c.config.seed: w.dataset.split.key for c, w in zip(cells, works, strict=True)}
    assert all(
        w.dataset.split.key == keys[c.config.seed] for c, w in zip(cells, works, strict=True)
    )
    assert keys[0] != keys[1]
    assert len({w.ledger.url for w in works}) == len(cells)


def test_a_sweep_resumes_cell_by_cell_and_its_page_says_how_far_it_is(tmp_path):
    path = written(tmp_path, epsilon=[1])
    sweep, cells = load_sweep(path)
    run_cell(cells[0], quiet)
    page = write_results(sweep, cells)
    assert "1 of 2 cells are done" in page.read_text("utf-8")
    before = (cells[0].run / "cell.json").stat().st_mtime_ns
    for cell in load_sweep(path)[1]:
        run_cell(cell, quiet)
    assert (cells[0].run / "cell.json").stat().st_mtime_ns == before
    page = write_results(sweep, cells)
    assert "2 of 2 cells are done" in page.read_text("utf-8")
    assert "declares these rows public" in page.read_text("utf-8")
    rows = json.loads((page.parent / "leaderboard.json").read_text("utf-8"))
    assert {r["generator"] for r in rows} == {"mst", "small"}
    assert all(r["figures"] for r in rows)
    assert not list((tmp_path / "sweep").rglob("public"))


def test_private_cells_are_charged_one_by_one_in_the_ledger_of_the_data_set(tmp_path):
    path = written(tmp_path, public=False, epsilon=[1])
    sweep, cells = load_sweep(path)
    afford(cells)
    for cell in cells:
        run_cell(cell, quiet)
    ledger = Ledger(str(tmp_path / "ledger.db"))
    fits = [c.run for c in ledger.charges("clinic") if c.purpose == "fit"]
    assert fits == [c.config.name for c in cells]
    assert "must not leave the house" in write_results(sweep, cells).read_text("utf-8")


def test_a_private_sweep_that_does_not_fit_the_budget_is_refused_whole(tmp_path):
    _, cells = load_sweep(written(tmp_path, public=False, epsilon=[1, 2, 4]))
    with pytest.raises(BudgetError, match="6 cells would bring its lifetime ε to"):
        afford(cells)
    assert Ledger(str(tmp_path / "ledger.db")).charges() == []


def test_a_cell_that_was_refused_is_not_taken_for_one_that_is_paid(tmp_path):
    _, (cell,) = load_sweep(written(tmp_path, public=False, epsilon=[2], generators={"mst": None}))
    ledger = Ledger(str(tmp_path / "ledger.db"))
    ledger.register("clinic", cell.config.lifetime, cell.config.holdout, cell.config.load_schema())
    event = ZCDpEvent(0.95 * zcdp_budget(cell.config.lifetime))
    ledger.charge("clinic", "train", run="r", attempt="a", purpose="fit", event=event)
    with pytest.raises(BudgetError, match="clinic/train"):
        run_cell(cell, quiet)
    assert cell.begun
    with pytest.raises(BudgetError, match="1 cells would bring"):
        afford([cell])


def test_a_cell_is_one_generator_whatever_its_release_chooses_among(tmp_path):
    path = written(tmp_path, public=False, epsilon=[1], generators={"mst": None})
    select = {"by": "holdout", "others": [{"name": "aim"}]}
    asked = {"epsilon": 1.0, "delta": 1e-5}
    clinic.write(tmp_path, budget={"epsilon": 5.0, "delta": 1e-5}, evaluation=asked, select=select)
    _, (cell,) = load_sweep(path)
    run_cell(cell, quiet)
    assert cell.result() is not None
    assert {c.purpose for c in cell.work().ledger.charges("clinic")} == {
        "recognise",
        "fit",
        "judge",
    }


def test_no_release_config_can_name_a_cell_and_export_it(tmp_path):
    _, (cell, _) = load_sweep(written(tmp_path, epsilon=[1]))
    with cell.run.locked():
        pass
    with pytest.raises(InputError, match="name"):
        load_config(clinic.write(tmp_path, name=cell.run.name))
    with pytest.raises(InputError, match="run"):
        Run.of(load_config(clinic.write(tmp_path, runs="sweep")), cell.run.name)


def test_rows_with_a_private_budget_are_not_declared_public_in_silence(tmp_path):
    _, cells = load_sweep(written(tmp_path))
    assert declare(cells) == []
    assert not (tmp_path / "ledger.db").exists()
    ledger = Ledger(str(tmp_path / "ledger.db"))
    assert declare(cells) == []
    ledger.register("clinic", Guarantee(5.0, 1e-5), 0.2)
    (said,) = declare(cells)
    assert declare(cells) == [said]
    assert "clinic has a privacy budget" in said
    found = [(c.run, c.partition, c.purpose) for c in ledger.charges()]
    purpose = "declared public by a sweep"
    assert found == [("trial", "train", purpose), ("trial", "holdout", purpose)]
    assert ledger.spent("clinic", "train").epsilon == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"generators": {"nobody": None}}, "no generator is called 'nobody'; take one of aim"),
        ({"generators": {"../../elsewhere": {"name": "mst"}}}, "a label is"),
        ({"epsilon": [1, 1]}, "twice"),
        ({"measure": ["luck"]}, "luck"),
        ({"workers": {"kind": "dask", "address": "file:///etc"}}, "address"),
    ],
)
def test_wrong_sweeps_are_refused_in_one_line(tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        load_sweep(written(tmp_path, **more))


def test_a_release_that_is_decided_on_charged_figures_is_no_base_for_cells(tmp_path):
    path = written(tmp_path)
    clinic.write(tmp_path, policy=clinic.POLICY | {"figures": "charged"})
    with pytest.raises(InputError, match="policy lenient, which decides on charged figures only"):
        load_sweep(path)


def test_files_of_a_data_set_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(InputError, match="no data set is called 'ward'"):
        load_sweep(written(tmp_path), {"ward": (tmp_path / "clinic.csv",)})


@pytest.mark.long  # by itself a sweep does so in the fast tests
@pytest.mark.parametrize("kind", ["processes", "dask"])
def test_two_workers_beside_each_other_finish_a_sweep(tmp_path, kind, server):
    """Real processes: what is sent to them must be found there, and nothing private comes back."""
    from flows.benchmark import benchmark

    path = written(tmp_path, epsilon=[1], workers={"kind": kind, "count": 2})
    page = benchmark(sweep=path)
    assert "2 of 2 cells are done" in page.read_text("utf-8")
    assert page == tmp_path / "sweep" / "leaderboard.html"


def hold_beside(folder) -> None:
    """A flow, asleep, and its worker, which holds the lock of a cell for longer than this test may take."""
    if os.fork() == 0:
        die_with(os.getppid())
        with locked(folder):
            (folder / "held").touch()
            time.sleep(300)
    time.sleep(300)


def test_no_worker_outlives_a_flow_that_was_killed(tmp_path):
    flow = os.fork()
    if flow == 0:
        hold_beside(tmp_path)
    until(lambda: (tmp_path / "held").exists())
    os.kill(flow, signal.SIGKILL)
    os.waitpid(flow, 0)
    until(lambda: is_free(tmp_path))


def is_free(folder) -> bool:
    with contextlib.suppress(InputError), locked(folder):
        return True
    return False


def until(condition, limit=100.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_cell_that_fails_stops_no_other_and_is_tried_again(tmp_path, server):
    from flows.benchmark import benchmark
    from privacy.errors import UnderstudyError

    path = written(tmp_path, epsilon=[1])
    blocked = tmp_path / "sweep" / "clinic-mst-e1-s0.cell"
    blocked.parent.mkdir()
    blocked.write_text("in the way")
    with pytest.raises(UnderstudyError, match="1 of 2 cells failed, clinic-mst-e1-s0"):
        benchmark(sweep=path)
    assert (tmp_path / "sweep" / "clinic-small-e1-s0.cell" / sweeps.CELL).exists()
    os.remove(blocked)
    assert "2 of 2 cells are done" in benchmark(sweep=path).read_text("utf-8")
