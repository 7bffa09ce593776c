"""What a run tells, and whom: progress to whoever started it, and errors without a private value to everybody.

Privacy claim: the message of a ``StageError`` quotes nothing from a row; what does stands in one file of the
house, which the terminal of whoever started the run may show.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path

from flows.stages.run import TakenError
from generators.base import Progress
from privacy.errors import DataError, EvidenceError, PeopleError, PrivateError, UnderstudyError
from privacy.files import write_atomically
from privacy.reading.share import Reached, nobody

LISTENER: ContextVar[Progress | None] = ContextVar("LISTENER", default=None)
"""Whoever shows progress to the person who started the run in this process (the command line)."""

Heard = Callable[[str], AbstractContextManager[Progress]]
"""Takes the progress of a stage, by its name."""


@contextmanager
def heard(stage: str) -> Iterator[Progress]:
    """Progress to the listener."""
    listener = LISTENER.get()

    def tell(what: str, share: float) -> None:
        if listener is not None:
            listener(f"{stage}: {what}", share)

    yield tell
    tell("done", 1.0)


def read_share(stage: str, what: str) -> Reached:
    """Tells the listener alone what share of the rows was read.

    Privacy: shares and their times tell how many rows there are, so neither Prefect nor a log may have them.
    """
    listener = LISTENER.get()
    return nobody if listener is None else partial(listener, f"{stage}: {what}")


HERE = DataError, EvidenceError, PeopleError
"""Errors that the terminal of whoever started the run shows with their private part."""

About = type[DataError] | type[EvidenceError] | type[PeopleError] | None


class StageError(UnderstudyError):
    """A stage that failed, told without a private value.

    ``story``: the file that holds the rest of it; one line to show the custodian where ``about`` makes
    an error of it.
    """

    def __init__(self, message: str, exit_code: int, story: Path | None, about: About) -> None:
        super().__init__(message if story is None else f"{message.rstrip('.')}; see {story}")
        self.exit_code = exit_code
        self.story = story
        self.about = about

    def rest(self) -> str:
        """What must not leave the house, for the terminal of whoever started the run."""
        return "" if self.story is None else self.story.read_text(encoding="utf-8")


@contextmanager
def told_publicly(story: Path, stage: str) -> Iterator[None]:
    """Turn every error into a message without private values; the whole story goes into the file ``story``.

    A TakenError has no more to tell, and ``story`` may lie in the folder of whoever is there.
    """
    try:
        yield
    except StageError:
        raise
    except Exception as error:
        message, code = _public(error, stage)
        if isinstance(error, TakenError):
            raise StageError(message, code, None, None) from None
        told = error.private if isinstance(error, PrivateError) else traceback.format_exc()
        written: Path | None = story
        try:
            story.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(story, told.encode())
        except OSError:
            written = None
        about = type(error) if isinstance(error, HERE) else None
        raise StageError(message, code, written, about) from None


def _public(error: Exception, stage: str) -> tuple[str, int]:
    if isinstance(error, UnderstudyError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return (
            f"{stage}: {error.strerror or type(error).__name__}: {error.filename or 'no file named'}",
            2,
        )
    return f"{stage}: unexpected {type(error).__name__}", 2
