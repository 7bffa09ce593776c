"""What a Prefect server needs before the deployments of prefect.yaml run, and a way to do without a worker."""

from __future__ import annotations

from typing import Any

from prefect import serve
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from flows.approve import approve
from flows.benchmark import benchmark
from flows.evaluate import evaluate
from flows.gpu import GPU
from flows.release import release
from flows.server import named

POOLS = {"cpu": "Everything that needs no GPU.", "gpu": "Training on CUDA, one at a time."}
FLOWS = (release, evaluate, approve, benchmark)
SERVED = "served"
"""The deployments of ``understudy serve``, beside those of prefect.yaml."""


def setup() -> dict[str, bool]:
    """Make both work pools and the limit ``gpu``; says of each whether it was made or was there.

    What is there stays as it is, so a limit that somebody raised stays raised.
    """
    made = {}
    with get_client(sync_client=True) as client:
        for name, description in POOLS.items():
            try:
                client.read_work_pool(name)
                made[f"work pool {name}"] = False
            except ObjectNotFound:
                template = ProcessWorker.get_default_base_job_template()
                client.create_work_pool(
                    WorkPoolCreate(
                        name=name,
                        type="process",
                        description=description,
                        base_job_template=template,
                    )
                )
                made[f"work pool {name}"] = True
        try:
            client.read_global_concurrency_limit_by_name(GPU)
            made[f"concurrency limit {GPU}"] = False
        except ObjectNotFound:
            limit = GlobalConcurrencyLimitCreate(name=GPU, limit=1)
            client.create_global_concurrency_limit(limit)
            made[f"concurrency limit {GPU}"] = True
    return made


def server() -> str:
    """Which server that was."""
    return named() or "a server that Prefect starts for one command"


def serve_all(limit: int) -> None:
    """Serve every flow from this process until it is stopped; each run is a process of its own."""
    flows: tuple[Any, ...] = FLOWS
    deployments: list[Any] = [
        flow.to_deployment(SERVED, description=flow.description, tags=["understudy"])
        for flow in flows
    ]
    serve(*deployments, limit=limit)
