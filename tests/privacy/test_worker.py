"""Workers are built once, called through pipes, and stopped in time; what goes wrong is told in one line."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import pytest

from evaluators.attacks.anonymeter import WORKER as ANONYMETER
from privacy.errors import InputError, WorkerError
from privacy.worker import BUILDING, SYNTHCITY, Worker, call

SCRIPT = """
# /// script
# requires-python = ">=3.11"
# dependencies = []
# ///
import io, sys, zipfile
given = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
{body}
"""

needs_uv = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not here")


def worker(folder: Path, body: str) -> Worker:
    script = folder / "worker.py"
    script.write_text(SCRIPT.format(body=body))
    return Worker("theirs", script)


def stub(folder: Path, text: str) -> str:
    """A PATH with a program in place of uv."""
    path = folder / "uv"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_without_uv_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="pip install uv"):
        worker(tmp_path, "").ready(pytest.fail)


def test_the_first_build_is_announced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built = tmp_path / "built"
    text = f'test -e {built} || {{ case "$*" in *--offline*) exit 2;; esac; touch {built}; }}'
    monkeypatch.setenv("PATH", stub(tmp_path, text))
    said: list[str] = []
    for _ in range(2):
        worker(tmp_path, "").ready(said.append)
    assert said == ["building the environment of theirs; this happens once and takes minutes"]


def test_without_an_index_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", stub(tmp_path, "echo no network >&2; exit 2"))
    with pytest.raises(WorkerError, match="package index within reach") as refused:
        worker(tmp_path, "").ready(lambda text: None)
    assert refused.value.private == "no network"


def test_what_hangs_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    alive = tmp_path / "alive"
    code, _, told = call(["/bin/sh", "-c", f"echo on >&2; (sleep 3; touch {alive}) & wait"], 0.3)
    assert (code, told) == (None, "on")
    assert time.monotonic() - began < 2
    time.sleep(3.2)
    assert not alive.exists()


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ("echo 'a private value' >&2; exit 1", "theirs: the worker failed"),
        ("kill -9 $$", "theirs: 2 GB of memory were not enough"),
        ("echo 'DefaultCPUAllocator: can'\\''t allocate memory' >&2; exit 1", "2 GB of memory"),
    ],
)
def test_failures_are_told_without_their_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: str, says: str
) -> None:
    monkeypatch.setenv("PATH", stub(tmp_path, told))
    with pytest.raises(WorkerError, match=says) as failed:
        worker(tmp_path, "").ask({"x": b"1"}, 10, 2)
    assert "private value" not in str(failed.value)


def test_passwords_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a package index only to what builds an environment, before any row is near."""
    never = {
        "PGPASSWORD",
        "UNDERSTUDY_LEDGER",
        "PREFECT_API_KEY",
        "UV_PUBLISH_TOKEN",
        "UV_ENV_FILE",
    }
    index = {"UV_INDEX_PRIVATE_PASSWORD", "UV_PYTHON_INSTALL_MIRROR", "HTTPS_PROXY", "NETRC"}
    always = {"OMP_NUM_THREADS", "UV_CACHE_DIR", "DO_NOT_TRACK"}
    for name in never | index | always:
        monkeypatch.setenv(name, "7")

    def told(**sees: re.Pattern[str]) -> set[str]:
        _, answer, _ = call(["env"], 10, **sees)  # type: ignore[arg-type]
        return {line.partition("=")[0] for line in answer.decode().splitlines()}

    assert {"PATH", "UV_NO_ENV_FILE"} | always <= told()
    assert not told() & (never | index)
    assert always | index <= told(sees=BUILDING)
    assert not told(sees=BUILDING) & never


@needs_uv
def test_a_file_of_variables_is_not_read_for_a_worker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("UNDERSTUDY_LEDGER=postgresql://u:secret@host\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UV_ENV_FILE", ".env")
    ours = worker(
        tmp_path, "import os; sys.stdout.write(os.environ.get('UNDERSTUDY_LEDGER', 'no'))"
    )
    ours.ready(lambda text: None)
    assert ours.ask({}, 60, 2) == b"no"


def test_memory_is_bounded() -> None:
    """A process that asks for more than it may have gets none of it."""
    take = "import sys; b = bytearray(int(sys.argv[1]) * 2**20)"
    python = shutil.which("python3") or "python3"
    assert call([python, "-c", take, "10"], 20, gigabytes=1)[0] == 0
    code, _, told = call([python, "-c", take, "3000"], 20, gigabytes=1)
    assert code == 1
    assert "MemoryError" in told


@needs_uv
def test_rows_go_through_pipes(tmp_path: Path) -> None:
    echo = "sys.stdout.buffer.write(given.read('rows') * 2)"
    ours = worker(tmp_path, echo)
    ours.ready(lambda text: None)
    assert ours.ask({"rows": b"ab"}, 60, 4) == b"abab"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["worker.py"]


def test_the_worker_is_given_a_zip_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", stub(tmp_path, "cat"))
    answer = worker(tmp_path, "").ask({"a": b"1", "b/c": b"2"}, 10, 2)
    given = zipfile.ZipFile(io.BytesIO(answer))
    assert {n: given.read(n) for n in given.namelist()} == {"a": b"1", "b/c": b"2"}


@needs_uv
@pytest.mark.parametrize("ours", [SYNTHCITY, ANONYMETER], ids=lambda w: w.name)
def test_a_worker_ends_with_whoever_asked(ours: Worker) -> None:
    """A kill closes the pipes; the worker must not go on with private rows, unbounded in time."""
    ours.ready()
    command = ["uv", "run", "--offline", "--quiet", "--script", str(ours.script)]
    asked = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert asked.stdout is not None
    asked.stdout.close()
    try:
        assert asked.wait(120) == 1  # it was still waiting for its task
    finally:
        if asked.poll() is None:
            os.killpg(asked.pid, signal.SIGKILL)
