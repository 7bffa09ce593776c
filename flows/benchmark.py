"""The Prefect flow ``benchmark``: every cell of a sweep, on threads, processes or a Dask cluster.

A thin shell around ``flows.pipelines.benchmark``. Each cell is a task, and what Prefect sees of it is its name.
Tasks are neither retried, cached nor persisted: a rerun of the flow goes on with the cells that are not done,
each on its own charge. A cell that fails does not stop the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_link_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from flows.gpu import gpu_if_wanted
from flows.judging.sweep import Workers
from flows.pipelines import benchmark as line
from flows.release import PRIVATE, artifact_key
from privacy.errors import InputError


@flow(name="benchmark", retries=0, persist_result=False, log_prints=False)
def benchmark(sweep: Path, data: dict[str, list[Path]] | None = None) -> State[Path]:
    """Run every cell of a sweep that is not done, then write its leaderboard.

    Args:
        sweep: the sweep, YAML.
        data: private files by the name of their data set, instead of those the sweep names.
    """
    files = {name: tuple(paths) for name, paths in (data or {}).items()}
    found = line.benchmark(sweep, files, as_flow)
    key = artifact_key("sweep", found.name)
    create_link_artifact(found.page.as_uri(), key=key, description="; ".join(found.said) or None)
    found.check()
    return Completed(message=f"{found.cells} cells", data=found.page)


def as_flow(asked: line.Task) -> list[str]:
    """Run the cells in a flow of their own, whose runner is the one that the sweep asks for."""
    return _cells.with_options(task_runner=task_runner(asked.workers))(asked)


@flow(name="cells", retries=0, persist_result=False, log_prints=False)
def _cells(asked: line.Task) -> list[str]:
    """Run the cells; returns the names of those that failed."""
    failed, done = [], line.told(asked)
    futures = {name: cell.submit(asked.sweep, asked.data, name) for name in asked.names}
    for more, (name, future) in enumerate(futures.items(), start=1):
        future.wait()
        done(more, name)
        if not future.state.is_completed():
            failed.append(name)
    return failed


@task(**PRIVATE, task_run_name="{name}")
def cell(sweep: Path, data: line.Data, name: str) -> None:
    """One cell, by its name: whoever runs it reads the sweep again."""
    line.run_one(sweep, data, name, gpu_if_wanted)


def task_runner(workers: Workers) -> TaskRunner[Any]:
    """Prefect's runner for these workers. Raises InputError where Dask is wanted and not installed."""
    if workers.kind == "threads":
        return ThreadPoolTaskRunner(max_workers=workers.count)
    if workers.kind == "processes":
        return ProcessPoolTaskRunner(max_workers=workers.count)
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise InputError(line.NO_DASK) from error
    if workers.address is not None:
        return DaskTaskRunner(address=workers.address)
    return DaskTaskRunner(cluster_kwargs=line.local(workers))
