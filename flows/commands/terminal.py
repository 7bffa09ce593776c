"""What the command line says, and how: one console each for results and for everything else.

Only this terminal shows what an error quotes from private rows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

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
    """Yields what tells progress: words and a share."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=stderr, transient=True) as bars:
        bar = bars.add_task("starting", total=1.0)

        def tell(what: str, share: float) -> None:
            bars.update(bar, description=what, completed=share)

        yield tell


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


def listened(run: Callable[[], Any]) -> Any:
    """What a run returns, with its progress on this terminal, which alone shows why rows were refused."""
    from flows.stages.telling import LISTENER, StageError

    with progress_bar() as tell:
        token = LISTENER.set(tell)
        try:
            return run()
        except StageError as error:
            if error.about is None:
                raise
            raise error.about(error.rest()) from None
        finally:
            LISTENER.reset(token)
