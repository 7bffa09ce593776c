"""What the command line says, and how: one console each for results and for everything else.

Only this terminal shows what an error quotes from private rows.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from privacy.errors import UnderstudyError

if TYPE_CHECKING:
    from privacy.schema.schema import Schema

console = Console()
stderr = Console(stderr=True)


def say(text: str) -> None:
    """One line of results, as it is."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def say_unlinked(schema: Schema) -> None:
    """That the rows of a unit are not linked, where they are not, and what to do about it."""
    from flows.label.histories import REMEDY, unlinked

    if said := unlinked(schema):
        say(f"{said} {REMEDY}.")


def lasting(low: float, high: float) -> str:
    """A range of seconds, in words that claim no more than a range does."""
    if high < 120:
        return f"{max(1, round(low))} to {math.ceil(high)} seconds"
    return f"{max(1, round(low / 60))} to {math.ceil(high / 60)} minutes"


@contextmanager
def progress_bar() -> Iterator:  # type: ignore[type-arg]
    """Yields what tells progress, words and a share: a bar, or plain lines where no terminal is."""
    if not stderr.is_terminal:
        yield _plain_lines()
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=stderr, transient=True) as bars:
        bar = bars.add_task("starting", total=1.0)

        def tell(what: str, share: float) -> None:
            bars.update(bar, description=what, completed=share)

        yield tell


def _plain_lines() -> Callable[[str, float], None]:
    """Tells in lines of their own, for a file or a log: a stage that begins, and each minute what is at work.

    Of what was read no share is told: with its time it would say how many rows there are.
    """
    began, told = time.monotonic(), {""}
    last = began

    def tell(what: str, share: float) -> None:
        nonlocal last
        stage, now = what.partition(":")[0], time.monotonic()
        if stage not in told and share < 1.0:
            told.add(stage)
            said = f"{stage} begins"
        elif now - last >= MINUTE and share < 1.0:
            said = what
        else:
            return
        last = now
        line = f"{elapsed(now - began)} {said}"
        stderr.print(line, highlight=False, markup=False, soft_wrap=True)

    return tell


MINUTE = 60.0
"""How often a stage that goes on is told of where no terminal is."""


def elapsed(seconds: float) -> str:
    """ "0:01:07"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def prefect_for_a_terminal() -> None:
    """Leave the terminal to us; where Prefect starts a server of its own for a command, give it time."""
    no_telemetry()
    for name, value in {
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }.items():
        os.environ.setdefault(name, value)


def no_telemetry() -> None:
    """Nobody outside is told that something runs here; processes that are started inherit it."""
    for name, value in {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}.items():
        os.environ.setdefault(name, value)


class StoppedError(UnderstudyError):
    """Somebody pressed Ctrl-C."""

    exit_code = 130


GOES_ON = "stopped; the same command goes on where this one was, and nothing is charged twice"


def listened(run: Callable[[], Any], stopped: str = GOES_ON) -> Any:
    """What a run returns, with its progress on this terminal, which alone shows why rows were refused.

    ``stopped``: what is told whoever presses Ctrl-C.
    """
    from flows.stages.telling import LISTENER, StageError

    with progress_bar() as tell:
        token = LISTENER.set(tell)
        try:
            return run()
        except StageError as error:
            if error.about is None:
                raise
            raise error.about(error.rest()) from None
        except KeyboardInterrupt:
            raise StoppedError(stopped) from None
        finally:
            LISTENER.reset(token)
