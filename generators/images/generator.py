"""What the image generators share: rows from the opening's model, images from a network told about them.

An image set is a table with an image column. Every other column is drawn by the opening's graphical model
(noisy counts, ``generators.deep.opening``), so class sizes and subgroups do not depend on training; targets and
subgroups are what the network is told. The budget has three parts: those counts, the moments of each class
(``moments``), and training.

Privacy claim: ``event()`` is the opening's events, the two Gaussian mechanisms of the moments and the plan's;
learning from draws of the moments is free.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from dp_accounting import ComposedDpEvent, DpEvent
from torch import Tensor, nn

from generators.deep.encoding import Layout
from generators.deep.generator import CALIBRATED, DeepModel, Prepared
from generators.deep.opening import Opening
from generators.deep.training import DeepSgd
from generators.dpsgd.units import Units
from generators.images.moments import Basis, Moments, events, measure
from generators.images.networks import classes_of
from generators.marginals.model import sample, spread
from generators.rows import Drawn, draw_possible
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError
from privacy.records.codec import RecordCodec
from privacy.schema.columns import Image
from privacy.schema.schema import Schema


@dataclass(frozen=True)
class ImageModel(DeepModel):
    """A trained network that draws images for rows of the opening's model."""

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """``n`` rows as a canonical frame with images; the same for the same generator state."""
        assert self.schema.image is not None
        codec = RecordCodec(self.schema)
        frame = draw_possible(lambda more: self._rows(more, codec, rng), n, self.schema)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        network: Any = self.network
        images = network.draw(self.told(frame), generator).permute(0, 2, 3, 1).numpy()
        frame[self.schema.image] = pd.Series(list(np.ascontiguousarray(images)), dtype=object)
        return frame

    def _rows(self, n: int, codec: RecordCodec, rng: np.random.Generator) -> Drawn:
        compression = self.start.compression
        codes = sample(compression.domain, self.start.tree, self.start.marginals, n, rng)
        whole = {c: spread(codes[c], compression, c, rng) for c in compression.domain}
        return codec.draw(pd.DataFrame(whole), rng)

    def told(self, frame: pd.DataFrame) -> Tensor:
        """Merged codes of the conditions, [n, conditions]."""
        codes, groups = RecordCodec(self.schema).encode(frame), self.start.compression.groups
        told = [groups[c][codes[c].to_numpy()] for c in self.conditions]
        table = np.array(told, dtype=np.int64).reshape(len(told), len(frame)).T
        return torch.from_numpy(table.copy())


@dataclass(frozen=True)
class Begun:
    """What is there before training: who is told what, and the moments.

    ``sizes``: codes of each condition column. ``told``: conditions of the private rows.
    ``stock``: conditions of synthetic rows, to learn from draws with. ``counts``: noisy numbers of units in
    each class.
    """

    sizes: list[int]
    told: Tensor
    stock: Tensor
    units: Units
    moments: Moments
    counts: np.ndarray

    def draws(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """``n`` images in [−1, 1] by the moments, and their conditions; free."""
        chosen = self.stock[torch.randint(len(self.stock), (n,), generator=generator)]
        return self.moments.draw(classes_of(chosen), generator), chosen


POSITIVE = ("moments_share", "frequencies", "spread")

STOCK = 20_000
"""Conditions that are kept to learn from draws with."""


@dataclass(frozen=True)
class ImageSgd(DeepSgd):
    """An image generator whose private steps are those of the engine.

    ``moments_share``: the part of the budget (as ρ of zCDP) that the moments get. ``frequencies``: the moments
    are of m × m low cosine frequencies a channel; this is m. ``spread``: the norm at which what an image has
    beside the mean of its class is clipped. ``ema``: how much of the average of the weights a step keeps.

    Privacy: nothing. ``moments_share``, ``frequencies``, ``spread``: budget. ``sampling_rate``, ``steps``,
    ``clipping``, ``clip``: budget. ``opening_share``, ``group_by``: budget.
    """

    opening_share: float = 0.05
    moments_share: float = 0.25
    frequencies: int = 8
    spread: float = 0.3
    ema: float = 0.98
    moments_rho: float | None = field(default=None, metadata=CALIBRATED)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.refuse("must be positive", lambda x: 0 < x < math.inf, *POSITIVE)
        self.refuse("must lie in [0, 1)", lambda x: 0 <= x < 1, "ema")
        if not self.opening_share + self.moments_share < 1:
            raise ValueError(
                "moments_share: it and opening_share must leave something to train with"
            )

    @abstractmethod
    def learn(self, prepared: Prepared, begun: Begun, shape: tuple[int, int, int]) -> nn.Module:
        """Train; returns a module with ``draw`` and ``describe``."""

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Self:
        if schema.image is None:
            raise InputError(f"generator: {self.kind} needs a column of kind image")
        rho = self.moments_share * zcdp_budget(guarantee)
        ready = super().calibrate(guarantee, schema, ComposedDpEvent([beside, *events(rho)]))
        return replace(ready, moments_rho=rho)

    def randomness(self) -> str:
        """As for tables; moments get floating-point noise too."""
        return (
            f"{super().randomness()} Moments of images are float64 and get such noise on the CPU."
        )

    @property
    def before_training(self) -> tuple[DpEvent, ...]:
        """Opening and moments."""
        if self.moments_rho is None:
            raise ValueError("calibrate first")
        return (*self.opening_events, *events(self.moments_rho))

    def event(self) -> DpEvent:
        """Opening, moments and training, known without data."""
        return ComposedDpEvent([*self.before_training, self.mechanism(self.calibrated_noise)])

    def train(self, prepared: Prepared) -> nn.Module:
        schema, opening = prepared.schema, prepared.opening
        assert schema.image is not None
        assert self.moments_rho is not None
        column = schema.columns[schema.image]
        assert isinstance(column, Image)
        pixels = np.array(list(prepared.rows.frame[schema.image]), dtype=np.uint8)
        images = pixels.reshape(-1, *column.shape)  # also where there is no row
        conditions = prepared.layout.place(*opening.roles.conditions)
        told = prepared.codes[:, conditions].long()
        sizes = [list(prepared.layout.sizes.values())[i] for i in conditions]
        prepared.progress("measuring moments", 0.0)
        counts = _units_in_classes(opening)
        moments = measure(
            Basis(column.shape, self.frequencies),
            images,
            prepared.units,
            classes_of(told),
            counts,
            self.spread,
            self.moments_rho,
            prepared.transcript.answer,
        )
        planes = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        device = self.pick_device()
        units = Units.of(
            {"pixels": planes.to(device), "told": told.to(device)},
            prepared.units,
            schema.max_rows_per_unit,
            prepared.groups,
        )
        stock = _stock(opening, prepared.layout, conditions)
        begun = Begun(sizes, told, stock, units, moments, counts)
        return self.learn(prepared, begun, column.shape)

    def keep(self, schema: Schema, opening: Opening, network: nn.Module, charge: str) -> ImageModel:
        return ImageModel(
            self.kind, schema, opening.model, opening.roles.conditions, network, charge
        )


def _units_in_classes(opening: Opening) -> np.ndarray:
    """The noisy number of units of each class: the codes of the first condition."""
    if not opening.roles.conditions:
        return np.array([opening.units])
    return np.asarray(opening.tables[(opening.roles.conditions[0],)] * opening.units)


def _stock(opening: Opening, layout: Layout, conditions: list[int]) -> Tensor:
    """Conditions of rows that the opening's model draws."""
    model, rng = opening.model, np.random.default_rng(0)
    codes = sample(model.compression.domain, model.tree, model.marginals, STOCK, rng)
    return layout.to_codes(codes)[:, conditions]


def load_image_model(folder: Path, build: Callable[..., nn.Module]) -> ImageModel:
    """The model that ``save`` wrote."""
    return ImageModel(**vars(DeepModel.load(folder, build)))
