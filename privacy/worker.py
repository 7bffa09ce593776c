"""Scripts in an environment of their own: what must not be installed beside us is called through pipes.

A worker is one file with inline metadata (PEP 723). ``uv`` builds its environment once, from the package index,
and starts it offline from then on. It reads a zip file from its stdin and answers on its stdout.

Privacy claim: none of its own. Rows go through pipes, so that a kill leaves none of them on disk; what a worker
writes to its stderr may quote them, so it is kept apart (``WorkerError.private``), for the house only.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from privacy.errors import InputError, WorkerError

BUILD_LIMIT = 1800.0
"""Seconds that building an environment may take."""

TOO_LARGE = ("MemoryError", "can't allocate memory", "not enough memory", "bad_alloc")
"""What libraries say when they get no more memory."""
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)

RUNNING = re.compile(
    r"PATH|HOME|USER|LOGNAME|TMPDIR|TMP|TEMP|TZ|LANG|LC_.*|XDG_.*|LD_LIBRARY_PATH|DYLD_.*|NIX_LD.*|PYENV_ROOT"
    r"|UV_(CACHE_DIR|LINK_MODE|CONFIG_FILE|NO_CONFIG|PYTHON(_INSTALL_DIR|_PREFERENCE|_DOWNLOADS)?)"
    r"|.*_NUM_THREADS|(OMP|KMP|MKL|CUDA|CUBLAS|PYTORCH|MALLOC)_.*|DO_NOT_TRACK|HF_HUB_OFFLINE"
)
"""What a worker sees of our environment: no password of the ledger, of Prefect or of a package index.

No wall: whoever runs as the same user can read more of us. Workers are not suspected, but what they never held
they cannot write into a log.
"""
BUILDING = re.compile(
    rf"{RUNNING.pattern}|UV_(?!ENV_FILE|PUBLISH).*|SSL_.*|NETRC|(?i:https?|all|no)_(?i:proxy)"
)
"""What uv sees while it builds an environment from a package index; no row is near."""

Announce = Callable[[str], None]


def to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Worker:
    """A script by the name that people know it by; ``minutes``: what building it takes, in words."""

    name: str
    script: Path
    minutes: str = "minutes"

    def ready(self, announce: Announce = to_stderr) -> None:
        """Build the environment where it is not there. Raises WorkerError where it cannot be."""
        sync = [self._uv, "sync", "--quiet", "--script", str(self.script)]
        if call([*sync, "--offline"], BUILD_LIMIT)[0] == 0:
            return
        announce(
            f"building the environment of {self.name}; this happens once and takes {self.minutes}"
        )
        code, _, errors = call(sync, BUILD_LIMIT, sees=BUILDING)
        if code != 0:
            raise WorkerError(
                f"{self.name}: its environment cannot be built; is the package index within reach?",
                errors,
            )

    def ask(self, given: Mapping[str, bytes], seconds: float, gigabytes: float) -> bytes:
        """The answer to a zip file of these files. Raises WorkerError where there is none."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as packed:
            for name, content in given.items():
                packed.writestr(name, content)
        command = [self._uv, "run", "--offline", "--quiet", "--script", str(self.script)]
        code, answer, errors = call(command, seconds, file.getvalue(), gigabytes)
        if code == 0:
            return answer
        if code is None:
            raise WorkerError(f"{self.name}: not done in {seconds:g} seconds", errors)
        if code in KILLED or any(sign in errors for sign in TOO_LARGE):
            raise WorkerError(f"{self.name}: {gigabytes:g} GB of memory were not enough", errors)
        raise WorkerError(f"{self.name}: the worker failed", errors)

    @property
    def _uv(self) -> str:
        found = shutil.which("uv")
        if found is None:
            raise InputError(
                f"{self.name} lives in an environment that `uv` builds; install it (pip install uv)"
            )
        return found


SYNTHCITY = Worker("synthcity", Path(__file__).parent / "workers" / "synthcity_worker.py")
"""Its generators and its metrics."""


def call(
    command: Sequence[str],
    seconds: float,
    given: bytes = b"",
    gigabytes: float | None = None,
    sees: re.Pattern[str] = RUNNING,
) -> tuple[int | None, bytes, str]:
    """Exit code, None past the limit, and what was written to stdout and stderr; nothing is left running.

    ``gigabytes`` bounds the private memory of each process (RLIMIT_DATA; address space that CUDA reserves does
    not count). ``sees``: the names of our environment's variables that it is given.
    """
    if gigabytes is not None:
        limit = f'ulimit -d {int(gigabytes * 2**20)} && exec "$@"'
        command = ["/bin/sh", "-c", limit, "worker", *command]
    process = subprocess.Popen(  # noqa: S603 our own worker
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # uv would add what stands in a file .env
        env={k: v for k, v in os.environ.items() if sees.fullmatch(k)} | {"UV_NO_ENV_FILE": "1"},
    )
    code: int | None = None
    try:
        answer, told = process.communicate(given, seconds)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        answer, told = process.communicate()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return code, answer, told.decode(errors="replace").strip()
