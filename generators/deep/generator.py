"""What the deep tabular generators share: one opening, one calibration, one kind of saved model.

Privacy claim: ``event()`` is the opening's events and the mechanism's, both functions of public parameters
and the schema; ``calibrate`` gives the opening ``opening_share`` of the budget as zCDP and the mechanism the
largest rest that every accountant together allows (PLD where all events have one).
"""

from __future__ import annotations

import hashlib
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
import torch
from dp_accounting import ComposedDpEvent, DpEvent
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from generators.base import Progress
from generators.deep.encoding import Layout
from generators.deep.opening import Opening, Roles, events, measure
from generators.dpsgd.checkpoint import Checkpoint
from generators.dpsgd.randomness import describe
from generators.marginals.counting.coded import PART, CodedRows
from generators.marginals.counting.counter import Counter
from generators.marginals.model import Codes, GraphicalModel, sample, spread
from generators.rows import Drawn, draw_possible
from privacy.accounting.calibration import calibrate, zcdp_budget
from privacy.accounting.composition import spent
from privacy.accounting.events import event_to_json
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.noise import OPENDP
from privacy.records.codec import RecordCodec
from privacy.records.impossible import impossible_rows
from privacy.schema.schema import Schema, load_schema
from privacy.stored.growing import Growing
from privacy.stored.rows import AnyRows

CALIBRATED = {"calibrated": True}
MOST_NOISE, LEAST_NOISE = 4.0**8, 0.5
"""Noise multipliers that are looked at; below the least nothing is bounded in a useful way."""
COMPLETIONS = 20
"""How often an impossible row is completed again before its conditions are given up."""
AT_ONCE = 50_000
"""Rows that are drawn together."""


class Sampler(Protocol):
    """The networks of a trained generator, as one module that completes rows."""

    def complete(self, codes: Tensor, known: list[int], generator: torch.Generator) -> Tensor:
        """Merged codes [n, columns] with the columns ``known`` given → all of them."""
        ...

    def describe(self) -> dict[str, Any]:
        """The arguments from which the same module is built again."""
        ...


@dataclass(frozen=True)
class DeepModel:
    """A trained sampler, and the opening's model that draws targets and subgroups for it."""

    kind: str
    schema: Schema
    start: GraphicalModel
    conditions: tuple[str, ...]
    network: nn.Module
    charge: str

    @property
    def rows(self) -> int:
        """The noisy estimate of the number of train rows."""
        return max(1, round(self.start.total))

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """``n`` rows as a canonical frame; the same for the same generator state."""
        codec = RecordCodec(self.schema)
        return draw_possible(lambda more: self._draw(more, codec, rng), n, self.schema)

    def _draw(self, n: int, codec: RecordCodec, rng: np.random.Generator) -> Drawn:
        """Rows for targets and subgroups of the opening's model.

        Impossible rows are completed again for the same ones: dropping them would bend the conditions.
        """
        start = self.start
        given = sample(start.compression.domain, start.tree, start.marginals, n, rng)
        codes = self._complete(given, rng)
        frame, said = codec.draw(codes, rng)
        for _ in range(COMPLETIONS):
            bad = np.flatnonzero(impossible_rows(frame, self.schema) | ~said)
            if not len(bad):
                break
            codes.iloc[bad] = self._complete({c: v[bad] for c, v in given.items()}, rng)
            frame, said = codec.draw(codes, rng)
        return frame, np.ones(n, dtype=bool)  # what is left was made to keep its relations

    def _complete(self, given: Codes, rng: np.random.Generator) -> pd.DataFrame:
        """Codes of the whole domain, with the conditions taken from ``given``."""
        compression = self.start.compression
        layout = Layout(compression.domain)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        codes, known = layout.to_codes(given), layout.place(*self.conditions)
        network: Any = self.network
        with torch.no_grad():
            parts = [
                network.complete(part, known, generator) for part in torch.split(codes, AT_ONCE)
            ]
        done = torch.cat(parts).numpy().astype(np.uint16)
        return pd.DataFrame(
            {c: spread(done[:, i], compression, c, rng) for i, c in enumerate(layout.columns)}
        )

    def save(self, folder: Path) -> None:
        """schema.yaml, model.json and two safetensors files."""
        structure, arrays = self.start.to_plain()
        network: Any = self.network
        content = {
            "kind": self.kind,
            "charge": self.charge,
            "conditions": list(self.conditions),
            "structure": structure,
            "network": network.describe(),
        }
        (folder / "schema.yaml").write_text(self.schema.to_yaml(), encoding="utf-8")
        (folder / "model.json").write_text(json.dumps(content), encoding="utf-8")
        opening = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()}
        save_file(opening, folder / "opening.safetensors")
        weights = {k: v.detach().cpu().contiguous() for k, v in self.network.state_dict().items()}
        save_file(weights, folder / "network.safetensors")

    @classmethod
    def load(cls, folder: Path, build: Callable[..., nn.Module]) -> DeepModel:
        """The model that ``save`` wrote; ``build`` makes its network from ``describe()``."""
        content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        arrays = {k: v.numpy() for k, v in load_file(folder / "opening.safetensors").items()}
        start = GraphicalModel.from_plain(content["structure"], arrays)
        network = build(**content["network"])
        network.load_state_dict(load_file(folder / "network.safetensors"))
        return cls(
            content["kind"],
            load_schema(folder / "schema.yaml"),
            start,
            tuple(content["conditions"]),
            network.eval(),
            content["charge"],
        )


def least_noise(guarantee: Guarantee, event: Callable[[float], DpEvent]) -> float:
    """The noise multiplier whose event costs ``guarantee``, to a thousandth on the safe side.

    Looked for from above, since accounting is slow where there is little noise.
    """
    high = MOST_NOISE
    while (
        high > LEAST_NOISE and spent([event(high / 4)], guarantee.delta).epsilon < guarantee.epsilon
    ):
        high /= 4
    return calibrate(guarantee, event, max(high / 4, LEAST_NOISE), high, tolerance=1e-3)


@dataclass(frozen=True)
class Prepared:
    """All that training needs: rows and merged codes, who owns them, and the opening.

    ``rows``: the canonical ones, which hold the images of an image set. ``codes``: [n, columns] in the
    narrowest type, in a file where the rows are.
    """

    rows: AnyRows
    codes: Tensor
    units: np.ndarray
    groups: np.ndarray
    n_groups: int
    layout: Layout
    opening: Opening
    schema: Schema
    checkpoint: Checkpoint
    transcript: Transcript
    progress: Progress


def _matrix(rows: CodedRows, layout: Layout) -> Tensor:
    """Codes [n, columns], a row after the other, where the rows are."""
    whole = Growing(np.min_scalar_type(-layout.widest), rows.room, len(layout.columns))
    for start in range(0, len(rows), PART):
        part = rows.part(slice(start, start + PART))
        whole.append(np.stack([part.codes[c] for c in layout.sizes], axis=1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would have it writable: nobody writes
        return torch.from_numpy(whole.whole())


@dataclass(frozen=True)
class Deep(ABC):
    """Public parameters that every deep generator has.

    ``opening_share``: the part of the budget (as ρ of zCDP) that the opening measures with.
    ``group_by``: the subgroup that clipping by group looks at; the schema's first one where it is empty.
    ``device``: where networks train, "auto" for CUDA where there is one; no part of the mechanism.

    Privacy: nothing. ``opening_share``: budget. ``group_by``: budget.

    Example::

        {group_by: sex}
    """

    opening_share: float = 0.3
    group_by: str = ""
    device: str = "auto"
    opening_rho: float | None = field(default=None, metadata=CALIBRATED)
    opening_events: tuple[DpEvent, ...] = field(default=(), metadata=CALIBRATED)
    noise_multiplier: float | None = field(default=None, metadata=CALIBRATED)
    delta: float | None = field(default=None, metadata=CALIBRATED)
    roles: Roles | None = field(default=None, metadata=CALIBRATED)

    def __post_init__(self) -> None:
        self.refuse("must lie between 0 and 1", lambda x: 0 < x < 1, "opening_share")

    def refuse(self, rule: str, holds: Callable[[Any], bool], *names: str) -> None:
        """Raise ValueError for the first parameter that breaks the rule: before anything is charged."""
        for name in names:
            if not holds(getattr(self, name)):
                raise ValueError(f"{name} {rule}, got {getattr(self, name)}")

    @abstractmethod
    def mechanism(self, noise_multiplier: float) -> DpEvent:
        """What training costs with so much noise, beside the opening."""

    @abstractmethod
    def train(self, prepared: Prepared) -> nn.Module:
        """The private part; returns a ``Sampler`` module on the CPU."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """The name under which models are saved."""

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Self:
        """The generator with the least noise that, composed with ``beside``, costs ``guarantee``.

        Raises InputError where ``group_by`` is no subgroup: here, since ``fit`` comes after the charge.
        """
        names = [s.name for s in schema.subgroups]
        if self.group_by and self.group_by not in names:
            raise InputError(
                f"group_by: no subgroup {self.group_by!r}; there is {', '.join(names)}"
            )
        rho = self.opening_share * zcdp_budget(guarantee)
        opening = tuple(events(schema, rho))

        def event(noise_multiplier: float) -> DpEvent:
            return ComposedDpEvent([beside, *opening, self.mechanism(noise_multiplier)])

        noise = least_noise(guarantee, event)
        return replace(
            self,
            opening_rho=rho,
            opening_events=opening,
            noise_multiplier=noise,
            delta=guarantee.delta,
            roles=Roles.of(schema),
        )

    def prepare(self, progress: Progress) -> None:
        """See that ``device`` is there. Raises InputError where it is not."""
        try:
            torch.empty(0, device=self.pick_device())
        except (RuntimeError, AssertionError) as error:
            # torch built without CUDA raises the latter
            why = str(error).partition("\n")[0]
            raise InputError(f"device: {self.device!r} is not on this machine ({why})") from error

    def event(self) -> DpEvent:
        """Opening and training, known without data."""
        return ComposedDpEvent([*self.opening_events, self.mechanism(self.calibrated_noise)])

    @property
    def calibrated_noise(self) -> float:
        if self.noise_multiplier is None:
            raise ValueError("calibrate first")
        return self.noise_multiplier

    def fit(self, rows: AnyRows, schema: Schema, paid: Paid, progress: Progress) -> DeepModel:
        """Measure the opening, then train; ``rows`` canonical and ``schema`` complete."""
        paid.covers(self.event())
        assert self.opening_rho is not None
        transcript = paid.transcript
        codec = RecordCodec(schema)
        coded = CodedRows.gathered(codec.domain, map(codec.encode, rows.batches()), rows.room)
        counter = Counter(codec.domain, coded)
        progress("measuring the opening", 0.0)
        people = len(np.unique(rows.units))
        opening = measure(codec, counter, people, self.opening_rho, transcript.answer, self.roles)
        layout = Layout(opening.compression.domain)
        merged = coded.recode(opening.compression.domain, opening.compression.groups)
        groups, n_groups = self._groups(codec, coded)
        prepared = Prepared(
            rows=rows,
            codes=_matrix(merged, layout),
            units=rows.units,
            groups=groups,
            n_groups=n_groups,
            layout=layout,
            opening=opening,
            schema=schema,
            checkpoint=Checkpoint(
                transcript.scratch, self._identity(transcript, opening), transcript
            ),
            transcript=transcript,
            progress=progress,
        )
        network = self.train(prepared).to("cpu").eval()
        return self.keep(schema, opening, network, paid.charge)

    def keep(self, schema: Schema, opening: Opening, network: nn.Module, charge: str) -> DeepModel:
        """The model of a trained network."""
        return DeepModel(
            self.kind, schema, opening.model, opening.roles.conditions, network, charge
        )

    def _identity(self, transcript: Transcript, opening: Opening) -> str:
        """Names attempt, parameters and what was measured: all that a checkpoint goes on from."""
        plan = [repr(self), json.dumps(event_to_json(self.event())), str(opening.model.total)]
        digest = hashlib.sha256("\n".join(plan).encode()).hexdigest()
        return f"{transcript.attempt}:{digest}"

    def _groups(self, codec: RecordCodec, coded: CodedRows) -> tuple[np.ndarray, int]:
        """Each row's group by the schema's subgroup, and how many groups the schema has."""
        named = {s.name: s for s in codec.schema.subgroups}
        if not named:
            return np.zeros(len(coded), dtype=np.int64), 1
        subgroup = named[self.group_by] if self.group_by else next(iter(named.values()))
        number, labels = codec.groups(subgroup)
        return number[np.asarray(coded.codes[subgroup.column])], len(labels)

    def randomness(self) -> str:
        """Integer noise for the opening, floating-point noise for gradients."""
        drawn = describe(self.pick_device())
        return f"{OPENDP} Gradients are float32; sums of batches get floating-point noise: {drawn}."

    def pick_device(self) -> torch.device:
        """The device that ``device`` names."""
        if self.device != "auto":
            return torch.device(self.device)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def average(network: nn.Module, decay: float) -> torch.optim.swa_utils.AveragedModel:
    """An exponential moving average of a network's parameters."""
    mean = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=mean)
