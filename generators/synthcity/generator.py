"""Generators of synthcity 0.2.12 (Qian et al., arXiv 2301.07573), called in an environment of their own.

synthcity gets integer codes of the public schema, and an encoder fitted to those codes, not to rows. Its model
would have to be unpickled to be used again; what is kept is a pool of rows drawn from it (``pool``).

Privacy claim: for ``Claimed`` ones that of synthcity, which nobody here has verified, and which an audit
contradicts (docs/audits.md). It is charged as claimed, beside a noisy number of rows that is ours.
``NonPrivate`` ones promise nothing, and their event says so: no ledger grants it.
"""

from __future__ import annotations

import base64
import io
import json
import math
import secrets
import zipfile
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from dp_accounting import ComposedDpEvent, DpEvent, NonPrivateDpEvent, ZCDpEvent

from generators.base import Progress
from generators.synthcity.pool import Pool, checked
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.composition import spent
from privacy.accounting.events import ClaimedDpEvent, DiscreteGaussianDpEvent
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError, WorkerError
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.noise import OPENDP, discrete_gaussian, gaussian_sigma
from privacy.records.codec import RecordCodec
from privacy.schema.schema import Schema, Survival
from privacy.stored.rows import AnyRows
from privacy.worker import SYNTHCITY as WORKER

CALIBRATED = {"calibrated": True}
OURS = {"ours": True}
"""Fields that are not parameters of the plugin."""

VERSION = "synthcity 0.2.12"

POOL, LEAST_POOL, MOST_POOL = 2, 20_000, 500_000
"""Rows drawn for each that there are to be, at least and at most: figures look at several draws."""
START = 600.0
"""Seconds that its imports may take the first time."""
MANY = 10
"""Codes beyond which a column of bins and nothing else is a number for synthcity."""


@dataclass(frozen=True)
class Synthcity(ABC):
    """Public parameters: those of the plugin, by its own names, and what the worker may take.

    ``n_iter``: passes over the rows. ``batch_size``: rows in a step. ``minutes``: how long the worker may take.
    ``gigabytes``: how much memory the worker may take.

    Privacy: nothing. ``n_iter``, ``batch_size``: budget; as claimed upstream, where anything is claimed.
    """

    n_iter: int = 100
    batch_size: int = 200
    minutes: float = field(default=60.0, metadata=OURS)
    gigabytes: float = field(default=16.0, metadata=OURS)

    plugin: ClassVar[str]

    def __post_init__(self) -> None:
        if min(self.n_iter, self.batch_size, self.minutes, self.gigabytes) <= 0:
            raise ValueError("n_iter, batch_size, minutes and gigabytes must be positive")

    @abstractmethod
    def event(self) -> DpEvent:
        """What ``fit`` costs."""

    @abstractmethod
    def count(self, rows: AnyRows, k: int, transcript: Transcript) -> int:
        """How many rows there are to be, as far as that may be known."""

    @abstractmethod
    def loss(self, k: int) -> dict[str, float]:
        """ε and δ of one row, where a unit has up to ``k``; empty where the plugin takes none."""

    def prepare(self, progress: Progress) -> None:
        """Build the worker's environment where it is not there, and see that it starts; reads no row."""
        WORKER.ready(lambda text: progress(text, 0.0))
        WORKER.ask({"task.json": b'{"do": "nothing"}'}, START, self.gigabytes)

    def fit(self, rows: AnyRows, schema: Schema, paid: Paid, progress: Progress) -> Pool:
        """Train in the worker, and keep rows drawn there; both answers stand in the transcript.

        So does a worker that gave none, or none that is of the schema: that may hang on the rows, and a second
        try would be a second draw under one charge. Raises WorkerError then, also when asked again.
        """
        paid.covers(self.event())
        number = self.count(rows, schema.max_rows_per_unit, paid.transcript)
        task = self.task(schema, min(max(POOL * number, LEAST_POOL), MOST_POOL))
        told = [""]

        def draw() -> str | dict[str, str]:
            progress(f"synthcity trains its {self.plugin}", 0.1)
            table = RecordCodec(schema).encode(rows.frame).to_parquet(None, index=False)
            # its noise follows from the seed, which nobody may know
            seeds = {"rows/0": secrets.randbits(31)}
            files = {"task.json": json.dumps(task | {"seeds": seeds}).encode(), "rows/0": table}
            try:
                packed = WORKER.ask(files, 60 * self.minutes, self.gigabytes)
                answer = zipfile.ZipFile(io.BytesIO(packed)).read("rows/0")
                checked(pd.read_parquet(io.BytesIO(answer)), schema)
            except WorkerError as error:
                told.append(error.private)
                return {"failed": str(error)}
            except (zipfile.BadZipFile, KeyError, ValueError) as error:
                told.append(str(error))
                return {"failed": f"{WORKER.name}: what the worker drew is not of the schema"}
            return base64.b64encode(answer).decode()

        answer = paid.transcript.answer([VERSION, task], draw)
        if isinstance(answer, dict):
            raise WorkerError(
                f"{answer['failed']}; another try is another run, charged anew", told[-1]
            )
        progress("keeping what was drawn", 0.9)
        codes = checked(pd.read_parquet(io.BytesIO(base64.b64decode(answer))), schema)
        return Pool(schema, codes, number, paid.charge)

    def task(self, schema: Schema, rows: int) -> dict[str, Any]:
        """What the worker is asked for; public."""
        columns = RecordCodec(schema).columns
        numbers = [n for n, c in columns.items() if MANY < c.size == c.n_bins]
        kept = [f for f in fields(self) if not f.metadata]
        return {
            "do": "generate",
            "plugin": self.plugin,
            "domain": RecordCodec(schema).domain,
            "numbers": numbers,
            "rows": rows,
            "options": {f.name: getattr(self, f.name) for f in kept},
            **self.loss(schema.max_rows_per_unit),
        }


@dataclass(frozen=True)
class Claimed(Synthcity):
    """One that claims (ε, δ).

    ``count_share``: the part of ρ that the number of rows is measured with.

    Privacy: nothing. ``count_share``: budget. ``n_iter``, ``batch_size``: budget; as claimed upstream.
    """

    count_share: float = field(default=0.02, metadata=OURS)
    claim: ClaimedDpEvent | None = field(default=None, metadata=CALIBRATED)
    count_event: DpEvent | None = field(default=None, metadata=CALIBRATED)
    count_rho: float | None = field(default=None, metadata=CALIBRATED)

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Self:
        """The rest of the guarantee, beside ``beside`` and the number of rows, goes to synthcity."""
        rho, delta = self.count_share * zcdp_budget(guarantee), DELTA_SHARE * guarantee.delta
        single = schema.max_rows_per_unit == 1
        count = DiscreteGaussianDpEvent(gaussian_sigma(rho)) if single else ZCDpEvent(rho)
        # the claim takes its δ off the guarantee's
        nothing = ClaimedDpEvent(1e-12, delta, "")
        epsilon = guarantee.epsilon - spent([beside, count, nothing], guarantee.delta).epsilon
        if epsilon <= 0:
            raise InputError(f"nothing of ε={guarantee.epsilon} is left for {self.plugin}")
        claim = ClaimedDpEvent(epsilon * (1 - 1e-9), delta, f"{VERSION}, {self.plugin}")
        return replace(self, claim=claim, count_event=count, count_rho=rho)

    def event(self) -> DpEvent:
        """The number of rows, and what synthcity claims; known without data."""
        if self.claim is None:
            raise ValueError("calibrate first")
        return ComposedDpEvent([self.count_event, self.claim])

    def count(self, rows: AnyRows, k: int, transcript: Transcript) -> int:
        """With noise; a unit moves it by up to ``k``."""
        assert self.count_rho is not None
        rho = self.count_rho
        noisy = transcript.answer(
            ["rows", k, rho],
            lambda: int(discrete_gaussian(np.array([len(rows.frame)]), rho, k)[0]),
        )
        return max(1, int(noisy))

    def loss(self, k: int) -> dict[str, float]:
        """So small that ``k`` rows together keep the claim (group privacy)."""
        assert self.claim is not None
        epsilon, delta = self.claim.epsilon / k, self.claim.delta
        return {"epsilon": epsilon, "delta": delta / (k * math.exp((k - 1) * epsilon))}

    def randomness(self) -> str:
        """Ours for the number of rows; theirs for everything else."""
        return (
            f"{OPENDP} That is the number of rows. All else is {VERSION}'s own: floating-point noise of "
            "ordinary generators, whose seed of 31 bits comes from the operating system and is forgotten."
        )


DELTA_SHARE = 0.1
"""The part of δ that synthcity gets: claims add up over releases, and so do their δs."""


@dataclass(frozen=True)
class Dpgan(Claimed):
    """DPGAN (Xie et al., arXiv 1802.06739): its discriminator is trained by Opacus.

    ``n_iter`` passes are what the noise is for; early stopping, which looks at real rows, is off.
    ``lr``: learning rate. ``generator_n_units_hidden``: width of the generator.
    ``discriminator_n_units_hidden``: width of the discriminator. ``dp_max_grad_norm``: the bound that gradients
    are clipped at.

    Privacy: nothing. ``count_share``: budget. ``n_iter``, ``batch_size``, ``dp_max_grad_norm``: budget; as
    claimed upstream.
    """

    plugin = "dpgan"
    lr: float = 1e-3
    generator_n_units_hidden: int = 500
    discriminator_n_units_hidden: int = 500
    dp_max_grad_norm: float = 2.0


@dataclass(frozen=True)
class Pategan(Claimed):
    """PATE-GAN (Jordon et al., ICLR 2019).

    ``n_iter`` rounds at most of ``generator_n_iter`` passes each. ``lr``: learning rate.
    ``generator_n_iter``: passes of the generator in a round. ``n_teachers``: how many teachers vote.
    ``teacher_template``: the kind of teacher, by synthcity's name. ``lamda``: its size of noise.

    Privacy: nothing. ``count_share``: budget. ``n_iter``, ``batch_size``, ``n_teachers``, ``lamda``: budget; as
    claimed upstream.
    """

    plugin = "pategan"
    lr: float = 1e-3
    generator_n_iter: int = 10
    n_teachers: int = 10
    teacher_template: str = "xgboost"
    lamda: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.generator_n_iter < 2:
            raise ValueError(
                "generator_n_iter must be at least 2: with 1, synthcity divides by zero"
            )


@dataclass(frozen=True)
class NonPrivate(Synthcity):
    """One that promises nothing: a line to compare with, on rows that are public.

    Privacy: nothing; it promises nothing, and is refused on private rows.
    """

    n_iter: int = 1000

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Self:
        """Nothing to set."""
        return self

    def event(self) -> DpEvent:
        """ε = ∞."""
        return NonPrivateDpEvent()

    def count(self, rows: AnyRows, k: int, transcript: Transcript) -> int:
        """As it is."""
        return len(rows.frame)

    def loss(self, k: int) -> dict[str, float]:
        return {}

    def randomness(self) -> str:
        """There is none that protects."""
        return "No noise."


@dataclass(frozen=True)
class Adsgan(NonPrivate):
    """ADS-GAN (Yoon et al. 2020): a GAN whose rows keep a distance from real ones."""

    plugin = "adsgan"


@dataclass(frozen=True)
class Ctgan(NonPrivate):
    """CTGAN (Xu et al., arXiv 1907.00503)."""

    plugin = "ctgan"


@dataclass(frozen=True)
class Ddpm(NonPrivate):
    """TabDDPM (Kotelnikov et al., arXiv 2209.15421)."""

    plugin = "ddpm"
    batch_size: int = 1024


@dataclass(frozen=True)
class SurvivalGan(NonPrivate):
    """SurvivalGAN (Norcliffe et al., arXiv 2302.12749), for a schema with a time to an event."""

    plugin = "survival_gan"

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Self:
        """Raises InputError where the schema has no such target: here, before a row is read."""
        survival_target(schema)
        return self

    def task(self, schema: Schema, rows: int) -> dict[str, Any]:
        """With the target's columns, and the code of an event that was observed."""
        target, codec = survival_target(schema), RecordCodec(schema)
        observed = codec.columns[target.event].labels.index(target.event_values[0])
        about = {"time": target.time, "event": target.event, "observed": observed}
        return super().task(schema, rows) | {"survival": about}


def survival_target(schema: Schema) -> Survival:
    """The first target with a time to a yes-or-no event."""
    for target in schema.targets:
        if isinstance(target, Survival):
            event: Any = schema.columns[target.event]
            if len(event.categories or ()) == 2 and event.missing != "keep":
                return target
    raise InputError("synthcity-survival_gan needs a survival target with a yes-or-no event")
