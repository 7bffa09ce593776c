"""Runs a worker under one clock for all: one core, a time limit, and the memory of all its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import psutil

ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LOOK_SECONDS = 0.2
WALL = 3
"""The limit is on processor seconds, so that other work on the machine costs nobody a result; a worker
that waits, or shares its core with more than two others, has this many times the limit on the clock."""


def call(command: Sequence[str], environment: Mapping[str, str], limit: float) -> dict[str, Any]:
    """How a worker ended, after how long, and the most resident memory it was seen with.

    A crash, a lack of memory and a time limit passed are results: ``outcome`` names them, ``error`` is
    the last line of what the worker said.
    """
    start = time.perf_counter()
    peak = processor = 0.0
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            env={**os.environ, **ONE_CORE, **environment},
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            preexec_fn=partial(os.sched_setaffinity, 0, {max(os.sched_getaffinity(0))}),
        )
        watched = psutil.Process(process.pid)
        try:
            while process.poll() is None:
                memory, seconds = used(watched)
                peak, processor = max(peak, memory), max(processor, seconds)
                if seconds > limit or time.perf_counter() - start > WALL * limit:
                    break
                time.sleep(LOOK_SECONDS)
        finally:
            code = process.poll()
            if code is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines()
    found: dict[str, Any] = {
        "worker_seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(processor, 1),
        "peak_gib": round(peak / 2**30, 2),
    }
    if code == 0:
        return {"outcome": "done", **found}
    if code is None:
        return {"outcome": "timeout", **found}
    return {"outcome": "failed", "error": (lines[-1] if lines else f"exit {code}")[:300], **found}


def used(process: psutil.Process) -> tuple[float, float]:
    """Resident bytes and processor seconds of a process and all it has started."""
    memory = seconds = 0.0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    for member in family:
        try:
            memory += member.memory_info().rss
            seconds += sum(member.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return memory, seconds
