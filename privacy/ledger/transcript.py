"""The noised answers of one attempt, kept so that a killed run goes on instead of asking again.

Each answer is on disk before anybody acts on it. A rerun of the same attempt gets the recorded answers back,
in order, and then draws new ones; a half-written last line was seen by nobody and is drawn again. The first
line names the attempt that the ledger was charged for: whoever deletes the transcript has a new attempt,
which pays again. How many answers there were is remembered elsewhere too (``privacy.ledger.witness``), so
that an older copy, from which answers would be drawn a second time, is refused.

Privacy claim: replay adds no loss, since an answer is drawn once; the file holds noised values only.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from privacy.errors import LedgerError
from privacy.files import owner_only, sync
from privacy.ledger import witness


@dataclass
class Transcript:
    """The answers recorded at ``path``; ``at`` is how many of them have been replayed."""

    path: Path
    attempt: str = field(init=False)
    answers: list[dict[str, Any]] = field(init=False, repr=False)
    at: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        lines = _whole_lines(self.path)
        if not lines:
            lines = [{"attempt": secrets.token_hex(16)}]
            _append(self.path, lines[0])
            sync(self.path.parent)
        self.attempt = str(lines[0]["attempt"])
        self.answers = lines[1:]
        self._check_newest()

    def _check_newest(self) -> None:
        """Raise LedgerError where more was answered than stands here, also by another process meanwhile."""
        if len(self.answers) < witness.seen(self._name).get("answers", 0):
            raise LedgerError(
                f"{self.path}: an older copy, or a second one, from which answers would be drawn twice on one "
                "charge; put the newest copy back, or start a new run, which is charged anew"
            )

    @property
    def _name(self) -> str:
        return f"attempt-{self.attempt}"

    @property
    def recorded(self) -> bool:
        """Whether the next question was answered before this process."""
        return self.at < len(self.answers)

    @property
    def scratch(self) -> Path:
        """Where a long fit keeps its checkpoint; whoever keeps the model removes it."""
        return self.path.with_name(f"{self.path.name}.checkpoint")

    @property
    def tried(self) -> Path:
        """Where a fit that tries several candidates keeps their models; removed like ``scratch``."""
        return self.path.with_name(f"{self.path.name}.tried")

    def clear(self) -> None:
        """Remove what only a fit that goes on would need."""
        self.scratch.unlink(missing_ok=True)
        shutil.rmtree(self.tried, ignore_errors=True)

    def answer(self, question: list[Any], draw: Callable[[], Any]) -> Any:
        """The recorded answer to ``question``, or a new one that is recorded before it is returned.

        ``question`` and the answer must be plain JSON. Raises LedgerError where the record is of another
        question: the run cannot go on from it, and a new attempt must pay.
        """
        if self.at < len(self.answers):
            recorded = self.answers[self.at]
            if recorded["question"] != question:
                raise LedgerError(
                    f"{self.path}: answer {self.at + 1} was given to another question; this attempt cannot be "
                    "resumed with the present code and config. Start a new run; it will be charged anew"
                )
        else:
            self._check_newest()
            recorded = {"question": question, "answer": draw()}
            _append(self.path, recorded)
            self.answers.append(recorded)
            witness.remember(self._name, {"answers": len(self.answers)})
        self.at += 1
        return recorded["answer"]

    def pass_over(self, question: list[Any]) -> None:
        """Go on behind ``question`` where it is the next that was answered."""
        if self.recorded and self.answers[self.at]["question"] == question:
            self.at += 1

    def go_to(self, at: int) -> None:
        """Go on behind the first ``at`` answers, which a checkpoint already holds; never beyond the record."""
        if not 0 <= at <= len(self.answers):
            raise LedgerError(
                f"{self.path}: a checkpoint goes on behind answer {at}, but {len(self.answers)} are recorded. "
                "Start a new run; it will be charged anew"
            )
        self.at = at


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    """The complete lines; what a kill left of the last one is cut off the file."""
    if not path.exists():
        return []
    raw = path.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return [json.loads(line) for line in whole.splitlines()]


def _append(path: Path, line: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(path, "ab", opener=owner_only) as file:
        file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
