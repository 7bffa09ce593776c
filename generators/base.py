"""What every generator is: a frozen value of public parameters that turns paid-for rows into a model.

A generator's event is known before a private row is read; ``fit`` is the only place where one is. A model
draws rows for free, repeatably by seed, and is saved without pickle.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:  # whoever only tells progress needs none of it
    import numpy as np
    import pandas as pd
    import torch
    from dp_accounting import DpEvent

    from privacy.accounting.guarantee import Guarantee
    from privacy.ledger.paid import Paid
    from privacy.schema.schema import Schema
    from privacy.stored.rows import AnyRows

Progress = Callable[[str, float], None]
"""Called with what is going on and the share done, 0 to 1; told nothing that is not charged or public."""


class Model(Protocol):
    """What is left of the private rows: post-processing only from here on."""

    @property
    def schema(self) -> Schema: ...

    @property
    def rows(self) -> int:
        """A public estimate of how many rows the model was trained on."""
        ...

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """``n`` synthetic rows as a canonical frame, identifiers fresh; the same for the same ``rng``."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into an empty folder, arrays and JSON only."""
        ...


class Generator(Protocol):
    """Frozen public parameters; no field may hold anything that came from private rows."""

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Generator:
        """The same generator with its noise set: ``event()`` beside ``beside`` costs ``guarantee``."""
        ...

    def event(self) -> DpEvent:
        """What ``fit`` costs; needs no data. Raises ValueError before ``calibrate``."""
        ...

    def randomness(self) -> str:
        """What noise is drawn with and in which numbers, for the label."""
        ...

    def fit(self, rows: AnyRows, schema: Schema, paid: Paid, progress: Progress) -> Model:
        """Train on the rows that a permit opened, canonical in a complete schema.

        Every noised answer goes through the transcript of ``paid``, so that a killed run resumes. Raises
        PermitError unless ``event()`` was paid for.
        """
        ...


@runtime_checkable
class Needing(Protocol):
    """A generator that needs what a machine may not have."""

    def prepare(self, progress: Progress) -> None:
        """Get it, or raise InputError or WorkerError: before anything is charged, and without a row."""
        ...


@runtime_checkable
class OnDevice(Protocol):
    """A generator that trains on a GPU where there is one."""

    def pick_device(self) -> torch.device:
        """Where it trains."""
        ...
