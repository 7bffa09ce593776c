"""The pipeline of a sweep: every cell that is not done, then the leaderboard.

Free of Prefect. Whoever runs it says on what cells run: the command line on threads, processes or a Dask
cluster, the Prefect flow on its own runners of the same kinds. A cell that fails does not stop the others.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from flows.judging.sweep import Workers, afford, declare, load_sweep, run_cell, write_results
from flows.pipelines.release import Held
from flows.stages.config import make_generator
from flows.stages.cuda import one_on_cuda
from flows.stages.telling import LISTENER, told_publicly
from privacy.errors import InputError, UnderstudyError

Data = Mapping[str, tuple[Path, ...]]
"""Private files by the name of their data set."""


@dataclass(frozen=True)
class Task:
    """All cells of a sweep that are to be run: by name, since whoever runs one reads the sweep again."""

    sweep: Path
    data: Data
    names: tuple[str, ...]
    total: int
    workers: Workers


@dataclass(frozen=True)
class Swept:
    """A sweep's leaderboard, what was said of its data sets, and the cells that failed."""

    name: str
    page: Path
    said: tuple[str, ...]
    failed: tuple[str, ...]
    cells: int

    def check(self) -> None:
        """Raise UnderstudyError where cells failed."""
        if self.failed:
            raise UnderstudyError(
                f"{len(self.failed)} of {self.cells} cells failed, {self.failed[0]} first; a rerun tries them "
                f"again. What is done stands in {self.page}"
            )


def benchmark(
    sweep: Path, data: Data, run_all: Callable[[Task], Sequence[str]] | None = None
) -> Swept:
    """Run every cell of a sweep that is not done, then write its leaderboard.

    ``run_all``: runs cells and says which of them failed; here, where it is left out.
    """
    asked, cells = load_sweep(sweep, data)
    story = cells[0].run.folder.parent / "error.txt"
    with told_publicly(story, "prepare"):
        afford(cells)
        said = declare(cells)
        names = tuple(cell.config.name for cell in cells if cell.result() is None)
    failed = (run_all or run_here)(Task(sweep.resolve(), data, names, len(cells), asked.workers))
    with told_publicly(story, "compare"):
        page = write_results(asked, cells)
    return Swept(asked.name, page, tuple(said), tuple(failed), len(cells))


def told(task: Task) -> Callable[[int, str], None]:
    """What tells the listener how many cells are done, and which was the last."""
    tell, before = LISTENER.get(), task.total - len(task.names)

    def done(more: int, name: str = "") -> None:
        if tell is not None:
            last = f", {name} last" if name else ""
            tell(f"{before + more} of {task.total} cells done{last}", (before + more) / task.total)

    done(0)
    return done


def run_here(task: Task) -> list[str]:
    """Run the cells of a sweep without Prefect; the names of those that failed."""
    failed, done = [], told(task)
    with executor(task.workers) as workers:
        futures = {n: workers.submit(_went_well, task.sweep, task.data, n) for n in task.names}
        for more, (name, future) in enumerate(futures.items(), start=1):
            if not future.result():
                failed.append(name)
            done(more, name)
    return failed


def _went_well(sweep: Path, data: Data, name: str) -> bool:
    """Run one cell; why it failed stands in its folder."""
    try:
        run_one(sweep, data, name)
    except UnderstudyError:
        return False
    return True


def run_one(sweep: Path, data: Data, name: str, held: Held = one_on_cuda) -> None:
    """One cell; ``held`` holds the GPU for it."""
    import torch

    (mine,) = (c for c in load_sweep(sweep, data)[1] if c.config.name == name)
    if mine.sweep.workers.kind == "processes":
        die_with(os.getppid())
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // mine.sweep.workers.count))
    generator = make_generator(mine.config.generator)
    with told_publicly(mine.run / "error.txt", name), held(generator):
        run_cell(mine, lambda what, done: None)


@cache
def die_with(parent: int) -> None:
    """End this process when ``parent`` is gone: a worker left behind holds its cell's lock, and its memory."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)  # as a kill -9, which every stage of a cell survives

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def executor(workers: Workers) -> Iterator[Executor]:
    """What runs cells here. Raises InputError where Dask is wanted and not installed."""
    if workers.kind == "threads":
        with ThreadPoolExecutor(workers.count) as pool:
            yield pool
    elif workers.kind == "processes":
        with ProcessPoolExecutor(workers.count, get_context("spawn")) as pool:
            yield pool
    else:
        try:
            from distributed import Client
        except ImportError as error:
            raise InputError(NO_DASK) from error
        here = {} if workers.address else local(workers)
        with Client(workers.address, **here) as client:  # type: ignore[no-untyped-call]
            yield client.get_executor()


NO_DASK = "workers: dask is not installed here; pip install 'understudy[dask]'"


def local(workers: Workers) -> dict[str, object]:
    """Dask's own workers on this machine, which nobody else reaches."""
    return {
        "n_workers": workers.count,
        "threads_per_worker": 1,
        "dashboard_address": None,
        "host": "127.0.0.1",
    }
