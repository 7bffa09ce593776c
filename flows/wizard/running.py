"""A release that the wizard started: a process of its own, which goes on when the wizard is closed.

It is the very command that one types, so that what is charged, refused and resumed is the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from flows.wizard.project import LOG, RELEASE
from privacy.errors import InputError
from privacy.files import owner_only

LINES = 12

HEARD = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from flows.commands.main import main; main()"
)
"""The command line, which can be interrupted although whoever started the wizard ignores interrupts."""


@dataclass(frozen=True)
class Running:
    """``log``: what it says, for the custodian's eyes. ``run``: the folder of the run that it works on."""

    process: subprocess.Popen[bytes]
    log: Path
    run: Path

    @classmethod
    def started(cls, folder: Path, home: Path, run: Path, accept_unassessed: bool) -> Running:
        """`understudy release` on the project's config, in the working folder."""
        command = [sys.executable, "-c", HEARD, "release", str(folder / RELEASE)]
        command += ["--accept-unassessed"] if accept_unassessed else []
        environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
        with open(folder / LOG, "w", opener=owner_only) as log:
            process = subprocess.Popen(  # noqa: S603 (ourselves)
                command,
                cwd=home,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return cls(process, folder / LOG, run)

    @property
    def code(self) -> int | None:
        """Its exit code; None while it goes on."""
        return self.process.poll()

    def said(self) -> list[str]:
        """The last lines."""
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES:]

    def stop(self) -> None:
        """As Ctrl-C does; what was charged stays charged, and starting again goes on."""
        if self.code is None:
            os.killpg(self.process.pid, signal.SIGINT)


def error_in(lines: list[str]) -> str:
    """The line that says why a release stopped, "" where none does."""
    return next((line for line in reversed(lines) if line.startswith("error:")), "")


def check_free(running: Running | None) -> None:
    """Raise InputError where a release is going on."""
    if running is not None and running.code is None:
        raise InputError("a release is running already; wait for it, or stop it")
