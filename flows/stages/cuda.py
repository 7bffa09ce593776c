"""One training on CUDA at a time on this machine, for runs without a Prefect server and its limit ``gpu``.

A lock in the account's state folder: the kernel gives it back when its process ends, however it ends. Where
there is no such folder, nobody waits.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from flows.stages.telling import LISTENER
from generators.base import OnDevice
from privacy.files import owner_only
from privacy.ledger import witness


def wants_cuda(generator: object) -> bool:
    """Whether the generator, or one to choose from, trains on CUDA."""
    among = getattr(generator, "among", (generator,))
    return any(isinstance(g, OnDevice) and g.pick_device().type == "cuda" for g in among)


@contextmanager
def one_on_cuda(generator: object) -> Iterator[None]:
    """Wait for a training that is under way, where this one wants the GPU too."""
    if not wants_cuda(generator):
        yield
        return
    try:
        folder = witness.folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open(folder / "gpu.lock", "w", opener=owner_only)  # noqa: SIM115 (closed below)
    except (OSError, RuntimeError):
        yield
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if (tell := LISTENER.get()) is not None:
                tell("fit: waits for another training on this GPU", 0.0)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
