"""Coded rows in parts on the workers of a Dask cluster, where they are counted: tables of counts come back.

Each worker is sent one part, once, which stays in its memory. A worker that is lost takes its part along: it is
counted here, where the rows still are, and sent to whoever is there then. So no worker, and no order of
answers, changes a count.

Privacy claim: none by itself. Workers hold exact codes of private rows: their network is the house's. None may
write what it holds to its disk: each is asked before it is given anything, whoever joins as soon as it is seen,
and a part that Dask itself hands on refuses to arrive at one that would.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import numpy as np

from generators.marginals.counting.coded import CodedRows, Counts, Domain, Groups
from privacy.errors import InputError

if TYPE_CHECKING:
    from distributed import Client, Future

Summed = Callable[[CodedRows], Counts]

CURRENT: ContextVar[_Checked | None] = ContextVar("CURRENT", default=None)
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
    except TypeError as error:
        raise InputError(
            f"scheduler: {address} needs certificates; name them in Dask's configuration"
            " (distributed.comm.tls)"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"scheduler: nothing answers at {address}; start one with `dask scheduler`, or leave it out"
        ) from error
    with client:
        checked = _Checked(client, address)
        checked.workers()
        before = CURRENT.set(checked)
        try:
            yield
        finally:
            CURRENT.reset(before)


def spread(rows: CodedRows) -> CodedRows | Spread:
    """The rows on the workers of ``workers_at``; as they are outside of it."""
    checked = CURRENT.get()
    return rows if checked is None else Spread.of(checked, rows)


class Held(NamedTuple):
    """What a worker has, or is asked for, and its address."""

    future: Future[Any]
    worker: str


@dataclass(frozen=True)
class Spread:
    """Rows in parts, ``size`` each, which ``recoded`` have changed one after the other.

    ``held``: each part where a worker has it.
    """

    cluster: _Checked = field(repr=False)
    rows: CodedRows
    size: int
    held: list[Held | None] = field(repr=False)
    recoded: tuple[tuple[Domain, Groups], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, cluster: _Checked, rows: CodedRows) -> Spread:
        """Send every worker its part."""
        size = max(1, -(-len(rows) // max(1, len(cluster.workers()))))
        made = cls(cluster, rows, size, [None] * max(1, -(-len(rows) // size)))
        for i in range(len(made.held)):
            made._send(i)
        return made

    def summed(self, of: Summed) -> Counts:
        """Σ of what ``of`` makes of each part."""
        asked = self._asked(_Narrow(of))
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
        held = self._asked(_Recode(domain, groups))
        return Spread(self.cluster, self.rows, self.size, held, (*self.recoded, (domain, groups)))

    def _part(self, i: int) -> CodedRows:
        """A part from the rows here, in memory or in files as they are."""
        rows = slice(i * self.size, (i + 1) * self.size)
        part = replace(self.rows.part(rows), room=self.rows.room)
        for domain, groups in self.recoded:
            part = part.recode(domain, groups)
        return part

    def _send(self, i: int) -> None:
        """Give a part to a worker, where there is one."""
        workers = self.cluster.workers()
        self.held[i] = None
        if not workers:
            return
        worker = workers[i % len(workers)]
        try:
            sent = self.cluster.client.scatter(  # type: ignore[no-untyped-call]
                _Sealed(replace(self._part(i), room=None)),  # a worker has no room on a disk
                workers=[worker],
                direct=True,
                hash=False,
            )
        except Exception as error:  # it went away meanwhile, in one of many ways
            _tell(error)
        else:
            self.held[i] = Held(sent, worker)

    def _asked(self, of: Callable[[_Sealed], Any]) -> list[Held | None]:
        """Ask whoever has a part and is there; keys say nothing of what is asked."""
        there = self.cluster.workers()
        asked: list[Held | None] = []
        for part in self.held:
            asked.append(None)
            if part is None or part.worker not in there:
                continue
            key, mine = f"counting-{uuid4().hex}", [part.worker]
            try:
                future = self.cluster.client.submit(
                    of, part.future, key=key, pure=False, workers=mine
                )
            except Exception as error:  # the scheduler is gone
                _tell(error)
            else:
                asked[-1] = Held(future, part.worker)
        return asked

    def _answered(self, asked: Held) -> Counts | None:
        """What a worker says; None where it is gone. What is wrong with the question is wrong here too."""
        while True:
            try:
                found: Counts = asked.future.result(timeout=SECONDS)
            except TimeoutError:  # it counts, or nobody was told that it is gone
                if asked.future.status != "pending" or asked.worker not in self.cluster.workers():
                    return None
            except Exception as error:
                _tell(error)
                return None
            else:
                return found


@dataclass(frozen=True)
class _Sealed:
    """Rows that cannot be unpacked where they could be written to a disk."""

    rows: CodedRows = field(repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (self.rows,)


def _opened(rows: CodedRows) -> _Sealed:
    """What arrives in a process. RuntimeError in one of a worker that may write it down."""
    from distributed import Worker

    if any(map(_writes, Worker._instances)):
        raise RuntimeError("this worker may write private rows to its disk")
    return _Sealed(rows)


def _writes(worker: Any) -> bool:
    """Whether a worker may write what it holds to its disk: what keeps things in memory alone is a dict."""
    return type(worker.data) is not dict


@dataclass(frozen=True)
class _Narrow:
    """Counts in the narrowest type that holds them, since they are what travels."""

    of: Summed = field(repr=False)

    def __call__(self, sealed: _Sealed) -> Counts:
        counts: Counts = _told_plainly(self.of, sealed.rows)
        least, most = (int(f(initial=0)) for f in (counts.min, counts.max))
        narrow: Counts = counts.astype(np.min_scalar_type(min(least, -most - 1)))
        return narrow


@dataclass(frozen=True)
class _Recode:
    domain: Domain = field(repr=False)
    groups: Groups = field(repr=False)

    def __call__(self, sealed: _Sealed) -> _Sealed:
        return _Sealed(_told_plainly(CodedRows.recode, sealed.rows, self.domain, self.groups))


def _told_plainly(do: Callable[..., Any], *given: Any) -> Any:
    """What it returns; an error without its words, which a worker's log would quote."""
    try:
        return do(*given)
    except Exception as error:
        raise RuntimeError(type(error).__name__) from None


def _tell(error: Exception) -> None:
    """Its kind alone: what it says may quote codes."""
    logging.getLogger(__name__).info("a worker did not answer: %s", type(error).__name__)


@dataclass
class _Checked:
    """A cluster whose workers have been asked."""

    client: Client
    address: str
    known: set[str] = field(default_factory=set)

    def workers(self) -> list[str]:
        """The addresses of those that there are now; none where the scheduler is gone.

        Raises InputError for one that is not fit to hold private rows, and where there was none to begin with.
        """
        found = self.client.scheduler_info(n_workers=-1).get("workers", {})
        start = f"start some with `dask worker {self.address} --nthreads 1 --memory-limit 0`"
        if not found and not self.known:
            raise InputError(f"scheduler: {self.address} has no workers; {start}")
        for worker in sorted(set(found) - self.known):
            self._ask(worker, start)
        return sorted(set(found) & self.known)

    def _ask(self, worker: str, start: str) -> None:
        try:
            said = self.client.run(_about, workers=[worker])
        except ImportError as error:
            raise InputError(
                "scheduler: a worker lacks Understudy; install there what is here"
            ) from error
        except Exception as error:  # it went away again
            _tell(error)
            return
        mine = version("understudy")
        for theirs, writes in said.values():
            if theirs != mine:
                raise InputError(
                    f"scheduler: {worker} has Understudy {theirs} and not {mine}; install there what is here"
                )
            if writes:
                raise InputError(
                    f"scheduler: {worker} may write private rows to its disk when memory is short; {start}"
                )
            self.known.add(worker)


def _about(dask_worker: Any) -> tuple[str, bool]:
    """A worker's version of this package, and whether it may write what it holds to its disk."""
    return version("understudy"), _writes(dask_worker)
