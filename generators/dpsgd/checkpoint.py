"""A training run that can be killed at any moment and goes on bit for bit.

All that the next step depends on — modules, optimizers, averages, every random generator — is written whole
or not at all, as safetensors without pickle, bound to the attempt that was charged. A resumed run takes the
same samples and the same noise again as the killed one would have, so that nothing is drawn twice.

Privacy claim: the file holds the noise to come and must stay in the run's folder; it goes when the model is
kept. A checkpoint of another attempt or of another plan is not continued, and an attempt whose checkpoint is
lost does not train again.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

from generators.base import Progress
from generators.dpsgd.processes import agreed, rank
from privacy.errors import LedgerError
from privacy.files import write_atomically
from privacy.ledger.transcript import Transcript

EVERY = 10.0
"""Seconds between two checkpoints; writing one takes milliseconds for the networks trained here."""
PACE = 20
"""Steps whose time says how long the others take: private ones take longer than those before them."""


class Stateful(Protocol):
    """Modules, optimizers, schedulers and our own: what torch calls a state dict."""

    def state_dict(self) -> Any: ...

    def load_state_dict(self, state: Any, /) -> Any: ...


class RandomState:
    """A torch generator as something stateful."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def state_dict(self) -> dict[str, Any]:
        return {"state": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self.generator.set_state(state["state"])


@dataclass(frozen=True)
class Checkpoint:
    """One file; ``identity`` names attempt and plan, ``transcript`` remembers that training began."""

    path: Path
    identity: str
    transcript: Transcript | None = None

    def save(self, step: int, parts: Mapping[str, Stateful]) -> None:
        """Write everything, atomically and readable by its owner only.

        In a process group all must call it, and the first one writes.
        """
        tensors: dict[str, torch.Tensor] = {}
        plain = {name: _plain(part.state_dict(), name, tensors) for name, part in parts.items()}
        if rank() != 0:
            return
        about = {"identity": self.identity, "step": str(step), "state": json.dumps(plain)}
        write_atomically(self.path, save({k: _own(v) for k, v in tensors.items()}, about))

    def load(self, parts: Mapping[str, Stateful]) -> int:
        """Put every part back and give the number of steps taken; 0 where there is nothing to go on from."""
        if not self.path.exists():
            return 0
        with safe_open(self.path, "pt") as file:
            about = file.metadata()
            if about["identity"] != self.identity:
                return 0
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        plain = json.loads(about["state"])
        for name, part in parts.items():
            part.load_state_dict(_restored(plain[name], tensors))
        return int(about["step"])

    def begin(self, parts: Mapping[str, Stateful]) -> None:
        """Record that training starts, once its randomness is on disk.

        Raises LedgerError where it started before and the randomness is lost: training with other noise
        would look at the rows a second time, on one charge.
        """
        found = self.path.exists() and self._about()["identity"] == self.identity
        if self.transcript is not None and self.transcript.recorded and not found:
            raise LedgerError(
                f"{self.path}: the checkpoint of a training that began is gone or of other parameters; this "
                "attempt cannot go on. Start a new run; it will be charged anew"
            )
        if not found:
            self.save(0, parts)
        if self.transcript is not None:
            self.transcript.answer(["training", self.identity], lambda: "begun")

    def go_on(self) -> None:
        """Move the transcript past the beginning of the training, which is not asked for again."""
        if self.transcript is not None:
            self.transcript.pass_over(["training", self.identity])

    def _about(self) -> dict[str, str]:
        with safe_open(self.path, "pt") as file:
            about: dict[str, str] = file.metadata()
        return about


def run(
    steps: int,
    step: Callable[[int], None],
    parts: Mapping[str, Stateful],
    checkpoint: Checkpoint,
    progress: Progress,
    describe: Callable[[int], str],
) -> None:
    """Take ``step(t)`` for t = 0 … steps−1, from the last checkpoint on."""
    taken, saved = checkpoint.load(parts), time.monotonic()
    recent = deque([saved], maxlen=PACE + 1)
    if taken == 0:
        checkpoint.begin(parts)
    else:
        checkpoint.go_on()
    while taken < steps:
        step(taken)
        taken += 1
        now = time.monotonic()
        recent.append(now)
        left = (now - recent[0]) / (len(recent) - 1) * (steps - taken)
        progress(f"{describe(taken)}, {left:.0f} s left", taken / steps)
        if agreed(now - saved >= EVERY or taken == steps, _device(parts)):
            checkpoint.save(taken, parts)
            saved = time.monotonic()


def _own(value: torch.Tensor) -> torch.Tensor:
    """In memory of its own: safetensors refuses tensors that share it, as tied parameters do."""
    return value.detach().cpu().clone(memory_format=torch.contiguous_format)


def _device(parts: Mapping[str, Stateful]) -> torch.device:
    """Where the networks are, and so what a process group talks about."""
    devices = (t.device for p in parts.values() if isinstance(p, nn.Module) for t in p.parameters())
    return next(devices, torch.device("cpu"))


def _plain(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """JSON with the tensors taken out; dictionaries as pairs, since their keys may be numbers."""
    if isinstance(value, torch.Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"pairs": [[k, _plain(v, f"{name}/{k}", tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_plain(v, f"{name}/{i}", tensors) for i, v in enumerate(value)]}
    return {"value": value}


def _restored(plain: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    ((kind, content),) = plain.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "pairs":
        return {k: _restored(v, tensors) for k, v in content}
    if kind == "list":
        return [_restored(v, tensors) for v in content]
    return content
