"""A run's folder: every stage writes its result whole or not at all, so that a killed run can go on.

attempt.jsonl   the attempt's name, then every noised answer (privacy.ledger.transcript)
model/          the fitted model
synthetic.parquet, scores.parquet, verdict.json
bundle/         public/ (only when approved; candidate/ while a person decides) and internal/
error.txt       why the last try stopped, with private values where there are any
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.stages.config import BEGUN, RunConfig
from flows.stages.places import inside
from privacy.errors import InputError
from privacy.files import owner_only, sync, write_atomically

NEIGHBOURS = "neighbours.png"
"""Synthetic images beside the real ones nearest to them, among the scores: it never leaves the house."""

CANDIDATES = "candidates"
"""The models to choose from, each fitted once under the charge."""

RESULTS = (
    "bundle",
    "model",
    CANDIDATES,
    "synthetic.csv",
    "synthetic.parquet",
    "scores",
    "charged",
)
"""What stages leave in a run's folder: it came of the config that the run was begun with."""


class TakenError(InputError):
    """A folder that another process, or another config, has: nothing may be written there."""


@dataclass(frozen=True)
class Run:
    """One release in progress: its name, its config and its folder."""

    name: str
    config: RunConfig

    @classmethod
    def of(cls, config: RunConfig, name: str | None = None) -> Run:
        """The run of a config, by its name or the config's own."""
        run = cls(config.folder(name).name, config)
        inside(run.folder)  # it may be a link
        return run

    @property
    def folder(self) -> Path:
        assert self.config.runs is not None, "load_config fills it in"
        return self.config.runs / self.name

    @property
    def fitted(self) -> bool:
        """Whether the model is there, or are those to choose from: what was charged for it is done."""
        return (self / "model").exists() or (self / CANDIDATES).exists()

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; a second process that wants it is turned away at once.

        Raises TakenError where it does, or where the folder belongs to another config.
        """
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        sync(self.folder.parent)
        with locked(self.folder):
            self._check_config()
            yield

    def _check_config(self) -> None:
        digest, known = self.config.digest(), self / BEGUN
        if not known.exists():
            if left := next((name for name in RESULTS if (self / name).exists()), None):
                raise TakenError(
                    f"{known}: gone, though {left} came of the config that it stands for; put the file back, "
                    "or start a new run under another --run name, which is charged anew"
                )
            write_atomically(known, digest.encode())
        elif known.read_bytes() != digest.encode():
            raise TakenError(
                f"{self.folder}: this run was begun with another config, schema or policy; "
                "use another --run name, or put them back"
            )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run's folder; a second process that wants it is turned away at once."""
    with open(folder / "lock", "w", opener=owner_only) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TakenError(f"{folder}: another process is working on this run") from error
        yield


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, readable by a person."""
    write_atomically(path, json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")


@contextmanager
def folder_atomically(path: Path) -> Iterator[Path]:
    """An empty folder to fill, for its owner's eyes; it takes its name only when the block ends well.

    Nobody else sees into it while it is filled, whatever the files in it allow.
    """
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.mkdir(mode=0o700)
    yield partial
    for found in partial.rglob("*"):
        found.chmod(0o700 if found.is_dir() else 0o600)
        sync(found)
    sync(partial)
    os.replace(partial, path)
    sync(path.parent)
