"""Processes that die at a chosen moment, and the disk they leave.

``killed_at_next`` kills a process at the first act on the disk at which none before it died; called until
all is done, it has killed at every one. ``full_at_next`` lets the disk be full from there on, ``run_within``
has the kernel refuse large files, and ``killed_after`` kills at a moment in time. An act is a rename, an
fsync, the making of a folder, or a commit that changed a SQLite database: a file is written before it is
synced, and kill -9 loses no byte that was written.

Children are forked of a server that has imported everything once and has no threads. A target is any function
at the top of a module that takes a folder; it does its work in there and returns.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy.engine.default import DefaultDialect

Target = Callable[[Path], object]
Watcher = Callable[[str], None]

ACTS = ("rename", "fsync", "mkdir", "commit")

STATE = "UNDERSTUDY_STATE"

LIMIT = 300.0
"""Seconds after which a child hangs."""

FORKS = multiprocessing.get_context("forkserver")
PRELOADED: list[str] = []


def preload(*modules: str) -> None:
    """What the server imports before it is first used, beside what others asked for."""
    PRELOADED.extend(modules)
    FORKS.set_forkserver_preload(PRELOADED)


def run(target: Target, folder: Path) -> int:
    """The exit code of ``target(folder)`` in a process of its own: 0, 1 for an exception, -9 for a kill."""
    return _ended(_started(target, folder))


def killed_after(seconds: float, target: Target, folder: Path) -> bool:
    """Whether the process was still at work after so long, and was killed."""
    child = _started(target, folder)
    child.join(seconds)
    if child.is_alive():
        child.kill()
    return _ended(child) == -signal.SIGKILL


def killed_at_next(target: Target, folder: Path, acts: Sequence[str] = ACTS) -> str | None:
    """Kill at the first act at which no process of this folder died; its name, None where all is done."""
    code = _ended(_started(_dying, target, folder, acts))
    if code == 0:
        return None
    assert code == -signal.SIGKILL, f"exit {code}"
    return _deaths(folder).read_text().splitlines()[-1]


def full_at_next(target: Target, folder: Path) -> str | None:
    """As ``killed_at_next``, but from that act on the disk is full and the process has to tell."""
    code = _ended(_started(_filling, target, folder))
    if code == 0:
        return None
    assert code == 1, f"exit {code}"
    return _deaths(folder).read_text().splitlines()[-1]


def run_within(size: int, target: Target, folder: Path) -> int:
    """Run with files of at most ``size`` bytes: the kernel refuses the write that goes beyond."""
    return _ended(_started(_limited, target, folder, size))


def watched(target: Target, folder: Path, watch: Watcher) -> None:
    """Run the target here; ``watch`` hears of every act before it happens, of a commit after it."""
    undo = _watch(watch)
    try:
        target(folder)
    finally:
        undo()


def _started(function: Callable[..., object], *arguments: object) -> multiprocessing.Process:
    child = FORKS.Process(target=_quietly, args=(os.environ.get(STATE, ""), function, *arguments))
    child.start()
    return child


def _ended(child: multiprocessing.Process) -> int:
    child.join(LIMIT)
    if child.is_alive():
        child.kill()
        raise AssertionError(f"a child hung for {LIMIT:g} s")
    code = child.exitcode
    assert code is not None
    return code


def _quietly(state: str, function: Callable[..., object], *arguments: object) -> None:
    """One line for an exception, so that a test's output stays readable; ``state`` is the asker's."""
    os.environ |= {"OMP_NUM_THREADS": "1", STATE: state}
    try:
        function(*arguments)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def _deaths(folder: Path) -> Path:
    """Beside the folder, not in it: what a test writes down is none of the run's files."""
    return folder.with_name(f"{folder.name}.deaths")


def _dying(target: Target, folder: Path, acts: Sequence[str]) -> None:
    _at_next(target, folder, acts, lambda: os.kill(os.getpid(), signal.SIGKILL))


def _filling(target: Target, folder: Path) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    _at_next(target, folder, ACTS, full)


def _at_next(target: Target, folder: Path, acts: Sequence[str], fault: Callable[[], None]) -> None:
    file = _deaths(folder)
    seen = set(file.read_text().splitlines()) if file.exists() else set()
    fell = threading.Event()

    def watch(act: str) -> None:
        if fell.is_set():
            fault()
        elif act.startswith(tuple(acts)) and act not in seen:
            fell.set()
            with file.open("a") as opened:
                opened.write(f"{act}\n")
            fault()

    watched(target, folder, watch)


def _limited(target: Target, folder: Path, size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    target(folder)


def _watch(watch: Watcher) -> Callable[[], None]:
    """Put ``watch`` before every act; returns what takes it away again."""
    replace, fsync, mkdir, commit = os.replace, os.fsync, os.mkdir, DefaultDialect.do_commit

    def watched_replace(source, target, **how):  # type: ignore[no-untyped-def]
        watch(f"rename {Path(target).name}")
        replace(source, target, **how)

    def watched_fsync(file):  # type: ignore[no-untyped-def]
        number = file if isinstance(file, int) else file.fileno()
        path = Path(os.readlink(f"/proc/self/fd/{number}"))
        watch(f"fsync {path.parent.name}/{path.name} {os.fstat(number).st_size}")
        fsync(file)

    def watched_mkdir(path, *how, **more):  # type: ignore[no-untyped-def]
        watch(f"mkdir {Path(path).name}")
        mkdir(path, *how, **more)

    def watched_commit(dialect, connection):  # type: ignore[no-untyped-def]
        commit(dialect, connection)
        file = connection.driver_connection.execute("PRAGMA database_list").fetchone()[2]
        watch(f"commit {hashlib.sha256(Path(file).read_bytes()).hexdigest()[:8]}")

    os.replace, os.fsync, os.mkdir = watched_replace, watched_fsync, watched_mkdir
    DefaultDialect.do_commit = watched_commit  # type: ignore[method-assign]

    def undo() -> None:
        os.replace, os.fsync, os.mkdir = replace, fsync, mkdir
        DefaultDialect.do_commit = commit  # type: ignore[method-assign]

    return undo
