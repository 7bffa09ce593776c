"""The Prefect flow ``benchmark``: every cell of a sweep, on threads, processes or a Dask cluster.

Each cell is a task, and what Prefect sees of it is its name. Tasks are neither retried, cached nor
persisted: a rerun of the flow goes on with the cells that are not done, each on its own charge. A cell that
fails does not stop the others.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from prefect import flow, task
from prefect.artifacts import create_link_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from flows import release
from flows.gpu import gpu_if_wanted
from flows.judging.sweep import Workers, afford, declare, load_sweep, run_cell, write_results
from flows.release import PRIVATE, told_publicly
from flows.stages.config import make_generator
from privacy.errors import InputError, UnderstudyError


@flow(name="benchmark", retries=0, persist_result=False, log_prints=False)
def benchmark(sweep: Path, data: dict[str, list[Path]] | None = None) -> State[Path]:
    """Run every cell of a sweep that is not done, then write its leaderboard.

    Args:
        sweep: the sweep, YAML.
        data: private files by the name of their data set, instead of those the sweep names.
    """
    files = {name: tuple(paths) for name, paths in (data or {}).items()}
    asked, cells = load_sweep(sweep, files)
    story = cells[0].run.folder.parent / "error.txt"
    with told_publicly(story, "prepare"):
        afford(cells)
        said = declare(cells)
        names = [cell.config.name for cell in cells if cell.result() is None]
    runner = task_runner(asked.workers)
    failed = _cells.with_options(task_runner=runner)(sweep.resolve(), files, names, len(cells))
    with told_publicly(story, "compare"):
        page = write_results(asked, cells)
    key = f"sweep-{asked.name}".replace("_", "-")
    create_link_artifact(page.as_uri(), key=key, description="; ".join(said) or None)
    if failed:
        raise UnderstudyError(
            f"{len(failed)} of {len(cells)} cells failed, {failed[0]} first; a rerun tries them again. "
            f"What is done stands in {page}"
        )
    return Completed(message=f"{len(cells)} cells", data=page)


@flow(name="cells", retries=0, persist_result=False, log_prints=False)
def _cells(
    sweep: Path, data: dict[str, tuple[Path, ...]], names: list[str], total: int
) -> list[str]:
    """Run the cells; returns the names of those that failed."""
    # by its module: Prefect sends this function to workers by value, and a ContextVar cannot travel
    tell, failed = release.LISTENER.get(), []
    if tell is not None:
        tell(f"{total - len(names)} of {total} cells done", 1 - len(names) / total)
    futures = {name: cell.submit(sweep, data, name) for name in names}
    for done, (name, future) in enumerate(futures.items(), start=total - len(names) + 1):
        future.wait()
        if tell is not None:
            tell(f"{done} of {total} cells done, {name} last", done / total)
        if not future.state.is_completed():
            failed.append(name)
    return failed


@task(**PRIVATE, task_run_name="{name}")
def cell(sweep: Path, data: Mapping[str, tuple[Path, ...]], name: str) -> None:
    """One cell, by its name: whoever runs it reads the sweep again."""
    (mine,) = (c for c in load_sweep(sweep, data)[1] if c.config.name == name)
    if mine.sweep.workers.kind == "processes":
        die_with(os.getppid())
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // mine.sweep.workers.count))
    generator = make_generator(mine.config.generator)
    with told_publicly(mine.run / "error.txt", name), gpu_if_wanted(generator):
        run_cell(mine, lambda what, done: None)


@cache
def die_with(parent: int) -> None:
    """End this process when ``parent`` is gone: a worker left behind holds its cell's lock, and its memory."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)  # as a kill -9, which every stage of a cell survives

    threading.Thread(target=watch, daemon=True).start()


def task_runner(workers: Workers) -> TaskRunner[Any]:
    """Prefect's runner for these workers. Raises InputError where Dask is wanted and not installed."""
    if workers.kind == "threads":
        return ThreadPoolTaskRunner(max_workers=workers.count)
    if workers.kind == "processes":
        return ProcessPoolTaskRunner(max_workers=workers.count)
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise InputError(
            "workers: dask is not installed here; pip install 'understudy[dask]'"
        ) from error
    if workers.address is not None:
        return DaskTaskRunner(address=workers.address)
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": workers.count,
            "threads_per_worker": 1,
            "dashboard_address": None,
            "host": "127.0.0.1",
        }
    )
