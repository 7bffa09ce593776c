"""The concurrency limit ``gpu``: as many trainings on CUDA at once, over all workers, as the house allows.

``understudy setup`` makes the limit. Prefect would let a task run without one; here it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency

from flows.stages.cuda import wants_cuda
from privacy.errors import InputError

GPU = "gpu"


@contextmanager
def gpu_if_wanted(generator: object) -> Iterator[None]:
    """Wait for a slot, and hold it, where the generator, or one to choose from, trains on CUDA.

    A server that is away for a while does not end the training: better a slot lost than hours.
    Raises InputError where there is no such limit.
    """
    with ExitStack() as held:
        if wants_cuda(generator):
            slot = concurrency(GPU, strict=True, raise_on_lease_renewal_failure=False)
            try:
                held.enter_context(slot)
            except ConcurrencySlotAcquisitionError as error:
                raise InputError(
                    f"no slot of the concurrency limit {GPU!r}: {error}; `understudy setup` makes it"
                ) from error
        yield
