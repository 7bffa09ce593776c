"""Coded rows in parts on the workers of a Dask cluster, where they are counted: tables of counts come back.

Each worker is sent one part, once, which stays in its memory. A worker that is lost takes its part along: it is
counted here, where the rows still are, and sent to whoever is there then. So no worker, and no order of
answers, changes a count.

Privacy claim: none by itself. Workers hold exact codes of private rows: their network is the house's, and none
may write what it holds to its disk, which is asked of each before it is given anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import numpy as np

from generators.marginals.counting.coded import CodedRows, Counts, Domain, Groups
from privacy.errors import InputError

if TYPE_CHECKING:
    from distributed import Client, Future

Summed = Callable[[CodedRows], Counts]

CURRENT: ContextVar[Client | None] = ContextVar("CURRENT", default=None)
"""Whose workers count."""

SECONDS = 20
"""How long a scheduler has to answer, and after how long it is asked whether a worker is still there."""


@contextmanager
def workers_at(address: str | None) -> Iterator[None]:
    """Inside, ``Counter.gathered`` counts on the workers of that scheduler; without one, here.

    Raises InputError where there is none, or where its workers are not fit to hold private rows.
    """
    if address is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "scheduler: dask is not installed here; pip install 'understudy[dask]'"
        ) from error
    try:
        client = Client(address, timeout=SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError(
            f"scheduler: nothing answers at {address}; start one with `dask scheduler`, or leave it out"
        ) from error
    with client:
        _check(client, address)
        before = CURRENT.set(client)
        try:
            yield
        finally:
            CURRENT.reset(before)


def spread(rows: CodedRows) -> CodedRows | Spread:
    """The rows on the workers of ``workers_at``; as they are outside of it."""
    client = CURRENT.get()
    return rows if client is None else Spread.of(client, rows)


class Held(NamedTuple):
    """What a worker has, or is asked for, and its address."""

    future: Future[Any]
    worker: str


@dataclass(frozen=True)
class Spread:
    """Rows in parts, ``size`` each, which ``recoded`` have changed one after the other.

    ``held``: each part where a worker has it.
    """

    client: Client = field(repr=False)
    rows: CodedRows
    size: int
    held: list[Held | None] = field(repr=False)
    recoded: tuple[tuple[Domain, Groups], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, client: Client, rows: CodedRows) -> Spread:
        """Send every worker its part."""
        size = max(1, -(-len(rows) // max(1, len(_workers(client)))))
        made = cls(client, rows, size, [None] * max(1, -(-len(rows) // size)))
        for i in range(len(made.held)):
            made._send(i)
        return made

    def summed(self, of: Summed) -> Counts:
        """Σ of what ``of`` makes of each part."""
        asked = [self._asked(_Narrow(of), part) for part in self.held]
        total: Counts | None = None
        for i, part in enumerate(asked):
            counts = None if part is None else self._answered(part)
            if counts is None:
                logging.getLogger(__name__).warning(
                    "a worker is gone: some rows are counted here, and sent to another"
                )
                counts = of(self._part(i))
                self._send(i)
            total = counts.astype(np.int64) if total is None else total + counts
        assert total is not None, "of no rows there is a part too"
        return total

    def recode(self, domain: Domain, groups: Groups) -> Spread:
        """The same rows with every code replaced by that of its group, each part where it lies."""
        recode = _Recode(domain, groups)
        held = [self._asked(recode, part) for part in self.held]
        return Spread(self.client, self.rows, self.size, held, (*self.recoded, (domain, groups)))

    def _part(self, i: int) -> CodedRows:
        """A part from the rows here."""
        part = self.rows.part(slice(i * self.size, (i + 1) * self.size))
        for domain, groups in self.recoded:
            part = part.recode(domain, groups)
        return part

    def _send(self, i: int) -> None:
        """Give a part to a worker, where there is one."""
        workers = _workers(self.client)
        self.held[i] = None
        if not workers:
            return
        worker = workers[i % len(workers)]
        try:
            sent = self.client.scatter(  # type: ignore[no-untyped-call]
                self._part(i), workers=[worker], direct=True, hash=False
            )
        except Exception as error:  # it went away meanwhile, in one of many ways
            _tell(error)
        else:
            self.held[i] = Held(sent, worker)

    def _asked(self, of: Callable[[CodedRows], Any], part: Held | None) -> Held | None:
        """Ask whoever has the part; keys say nothing of what is asked."""
        if part is None:
            return None
        there = {"workers": [part.worker], "allow_other_workers": True}  # it may be gone
        key = f"counting-{uuid4().hex}"
        asked = self.client.submit(of, part.future, key=key, pure=False, **there)
        return Held(asked, part.worker)

    def _answered(self, asked: Held) -> Counts | None:
        """What a worker says; None where it is gone. What is wrong with the question is wrong here too."""
        while True:
            try:
                found: Counts = asked.future.result(timeout=SECONDS)
            except TimeoutError:  # it counts, or nobody was told that it is gone
                if asked.worker not in _workers(self.client):
                    return None
            except Exception as error:
                _tell(error)
                return None
            else:
                return found


@dataclass(frozen=True)
class _Narrow:
    """Counts in the narrowest type that holds them, since they are what travels."""

    of: Summed = field(repr=False)

    def __call__(self, rows: CodedRows) -> Counts:
        counts = self.of(rows)
        least, most = (int(f(initial=0)) for f in (counts.min, counts.max))
        return counts.astype(np.min_scalar_type(min(least, -most - 1)))


@dataclass(frozen=True)
class _Recode:
    domain: Domain = field(repr=False)
    groups: Groups = field(repr=False)

    def __call__(self, rows: CodedRows) -> CodedRows:
        return rows.recode(self.domain, self.groups)


def _tell(error: Exception) -> None:
    """Its kind alone: what it says may quote codes."""
    logging.getLogger(__name__).info("a worker did not answer: %s", type(error).__name__)


def _workers(client: Client) -> list[str]:
    """The addresses of those that there are now."""
    return sorted(client.scheduler_info(n_workers=-1)["workers"])


def _check(client: Client, address: str) -> None:
    """Raise InputError where there are no workers, or one that is not fit."""
    start = f"start some with `dask worker {address} --nthreads 1 --memory-limit 0`"
    if not _workers(client):
        raise InputError(f"scheduler: {address} has no workers; {start}")
    try:
        said = client.run(_about)
    except ImportError as error:
        raise InputError(
            "scheduler: a worker lacks Understudy; install there what is here"
        ) from error
    mine = version("understudy")
    for worker, (theirs, writes) in sorted(said.items()):
        if theirs != mine:
            raise InputError(
                f"scheduler: {worker} has Understudy {theirs} and not {mine}; install there what is here"
            )
        if writes:
            raise InputError(
                f"scheduler: {worker} may write private rows to its disk when memory is short; {start}"
            )


def _about(dask_worker: Any) -> tuple[str, bool]:
    """A worker's version of this package, and whether it may write what it holds to its disk."""
    memory = dask_worker.memory_manager
    spills = memory.memory_target_fraction, memory.memory_spill_fraction
    return version("understudy"), bool(memory.memory_limit) and any(s is not False for s in spills)
