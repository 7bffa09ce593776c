"""A sweep without Prefect: on threads, processes or Dask, and a cell that fails stops no other."""

import os

import pytest

from flows.judging import sweep as sweeps
from flows.pipelines.benchmark import benchmark
from flows.stages.telling import LISTENER
from privacy.errors import UnderstudyError
from tests.flows.judging.test_sweep import written


@pytest.mark.parametrize(
    "kind", ["threads", pytest.param("processes", marks=pytest.mark.long), "dask"]
)
def test_a_cell_that_fails_stops_no_other_wherever_cells_run(tmp_path, kind):
    path = written(tmp_path, epsilon=[1], workers={"kind": kind, "count": 2})
    blocked = tmp_path / "sweep" / "clinic-mst-e1-s0.cell"
    blocked.parent.mkdir()
    blocked.write_text("in the way")
    told = []
    token = LISTENER.set(lambda what, share: told.append((what, share)))
    try:
        found = benchmark(path, {})
    finally:
        LISTENER.reset(token)
    assert found.failed == ("clinic-mst-e1-s0.cell",)
    with pytest.raises(UnderstudyError, match="1 of 2 cells failed, clinic-mst-e1-s0"):
        found.check()
    assert (tmp_path / "sweep" / "clinic-small-e1-s0.cell" / sweeps.CELL).exists()
    assert told[0] == ("0 of 2 cells done", 0.0)
    assert told[-1][1] == 1.0
    os.remove(blocked)
    assert "2 of 2 cells are done" in benchmark(path, {}).page.read_text("utf-8")
