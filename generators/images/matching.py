"""Images whose features have the means that people's have: no private step on a network.

Three things are measured of images, each by Gaussian mechanisms: moments of low frequencies (``moments``),
which draws are made with; the mean scattering of each class (``means``); and the gradients of a linear
teacher (``teacher``). All else is free: a small network is trained until the features of what it makes of
draws have the measured means. The loss is a product of two independent halves of a batch, so that what it
pulls on is the distance of means alone and not the spread (an unbiased kernel estimate, arXiv 1502.02761).
DP-MERF (arXiv 2002.11603) matches means of random features so; FETA-Pro (arXiv 2601.06368) warms up a
diffusion model with it.

Privacy claim: ``event()`` is the opening's, the moments', one Gaussian mechanism of the features' means and the
plan's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from dp_accounting import ComposedDpEvent, DpEvent, GaussianDpEvent
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d
from torch.optim.swa_utils import AveragedModel

from generators.deep.generator import Prepared, average
from generators.deep.training import Schedule, SpentSoFar
from generators.dpsgd.checkpoint import Stateful, run
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.units import Units
from generators.images.coordinates import Coordinates
from generators.images.generator import Begun, ImageSgd
from generators.images.means import class_means, summed
from generators.images.networks import classes_of
from generators.images.refiner import Refiner
from generators.images.teacher import reading_loss, teacher_rate
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.schema.schema import Schema

LOOKED_AT = 4000
"""Draws that coordinates are found on."""
AT_ONCE = 1024
COARSE = 4
"""Pixels a side over which an image should stay what its draw was."""
MOMENTUM = 0.9
EVENNESS = 0.5
"""The power of a class's size that its weight falls with, for the teacher: 0 is everybody alike."""


@dataclass(frozen=True)
class ImageMatching(ImageSgd):
    """Images by matched features.

    The mechanism's ``steps`` are the teacher's. ``features_share``: the part of the budget (as ρ of zCDP)
    that the mean features of classes get; the teacher gets what is left. ``angles``: wavelets of each scale.
    ``components``: coordinates that the teacher reads. ``matched``: free steps in which the network learns.
    ``batch``: images in each of them. ``rate``: its learning rate. ``anchor``: the weight of coarse pixels
    beside features. ``width``: channels of the network.

    Privacy: nothing. ``features_share``: budget.
    """

    sampling_rate: float = 1.0
    steps: int = 150
    clip: float = 0.5
    moments_share: float = 0.4
    frequencies: int = 10
    features_share: float = 0.25
    angles: int = 4
    components: int = 400
    matched: int = 600
    batch: int = 300
    rate: float = 3e-3
    anchor: float = 0.1
    width: int = 32

    kind = "image-matching"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("angles", "components", "batch", "width")
        self.refuse("must be at least 1", lambda x: x >= 1, *sizes)
        self.refuse("must be positive", lambda x: 0 < x < math.inf, "features_share", "rate")
        self.refuse("must not be negative", lambda x: x >= 0, "matched", "anchor")
        if not self.opening_share + self.moments_share + self.features_share < 1:
            raise ValueError(
                "features_share: it, moments_share and opening_share must leave the teacher something"
            )

    @property
    def features_rho(self) -> float:
        assert self.moments_rho is not None, "calibrate first"
        return self.moments_rho * self.features_share / self.moments_share

    @property
    def before_training(self) -> tuple[DpEvent, ...]:
        return (*super().before_training, features_event(self.features_rho))

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Self:
        rho = self.features_share * zcdp_budget(guarantee)
        return super().calibrate(guarantee, schema, ComposedDpEvent([beside, features_event(rho)]))

    def randomness(self) -> str:
        """As for moments, mean features get floating-point noise."""
        return f"{super().randomness()} So do mean features."

    def learn(self, prepared: Prepared, begun: Begun, shape: tuple[int, int, int]) -> nn.Module:
        device = self.pick_device()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # a killed run begins at the same weights
            network = Refiner(
                list(shape),
                begun.sizes,
                self.width,
                self.frequencies,
                begun.moments.cells,
                self.angles,
                self.components,
            )
        network.begin(begun.moments)
        network.to(device)
        prepared.progress("reading features", 0.0)
        with torch.no_grad():
            drawn, _ = begun.draws(LOOKED_AT, torch.Generator().manual_seed(0))
            known = [network.features(part.to(device)) for part in torch.split(drawn, AT_ONCE)]
            network.look(Coordinates.of(torch.cat(known), self.components))
        means, seen = self._measured(prepared, begun, network)
        plan = self.plan(self.calibrated_noise)
        private = PrivateGradient(
            network.teacher,
            reading_loss,
            seen,
            plan,
            expected_units=prepared.opening.units,
            n_groups=prepared.n_groups,
        )
        rate = teacher_rate(self.calibrated_noise * self.clip / prepared.opening.units)
        teaching = torch.optim.SGD(network.teacher.parameters(), rate / self.clip, MOMENTUM)
        late = AveragedModel(network.teacher)
        drawing = [p for n, p in network.named_parameters() if not n.startswith("teacher")]
        matching = torch.optim.Adam(drawing, self.rate)
        schedule = Schedule(matching, self.matched)
        mean = average(network, self.ema)

        def on_people(t: int) -> None:
            private()
            teaching.step()
            if 2 * t >= self.steps - 1:
                late.update_parameters(network.teacher)

        def on_draws(t: int) -> None:
            schedule.set(t)
            matching.zero_grad()
            loss = self._distance(network, begun, means, torch.Generator().manual_seed(t))
            loss.backward()  # type: ignore[no-untyped-call]
            matching.step()
            mean.update_parameters(network)

        def step(t: int) -> None:
            if t < self.steps:
                on_people(t)
            else:
                on_draws(t - self.steps)

        parts: dict[str, Stateful] = {
            "network": network,
            "teaching": teaching,
            "late": late,
            "matching": matching,
            "mean": mean,
            "private": private,
        }
        spent = SpentSoFar(self.before_training, plan, self.delta)

        def told(t: int) -> str:
            if t <= self.steps:
                return spent(t)
            return f"step {t - self.steps} of {self.matched} on draws of the moments"

        total = self.steps + self.matched
        run(total, step, parts, prepared.checkpoint, prepared.progress, told)
        found: Any = mean.module if self.matched else network
        found.teacher.load_state_dict(late.module.state_dict())
        found.settle(begun.stock[:LOOKED_AT], torch.Generator().manual_seed(0))
        drawer: nn.Module = found
        return drawer

    def _measured(self, prepared: Prepared, begun: Begun, network: Refiner) -> tuple[Tensor, Units]:
        """Noisy mean features of classes [classes, d], and the rows as the teacher sees them."""
        units, device = begun.units, self.pick_device()
        counts = np.maximum(begun.counts, 1.0)
        pixels, told = units.rows["pixels"], classes_of(units.rows["told"])
        rows_of = (units.start[1:] - units.start[:-1]).cpu().numpy()
        share = np.repeat(1 / rows_of, rows_of)
        known = network.coordinates
        coordinates = Coordinates(known.centre.double(), known.directions.double())
        total, seen = np.zeros((len(counts), network.features.size)), []
        for part in torch.split(torch.arange(len(pixels)), AT_ONCE):
            vectors = network.features.of_bytes(pixels[part])
            seen.append(coordinates(vectors).float())
            rows = part.numpy()
            total += summed(vectors.cpu().numpy(), share[rows], told[rows], len(counts))
        means = class_means(
            "image features",
            total,
            counts,
            network.features.bands,
            features_event(self.features_rho).noise_multiplier,
            prepared.transcript.answer,
        )
        weights = (counts.mean() / counts) ** EVENNESS
        rows_seen = {
            "seen": torch.cat(seen),
            "label": torch.from_numpy(told).to(device),
            "weight": torch.from_numpy(weights[told]).float().to(device),
        }
        return torch.from_numpy(means).float().to(device), replace(units, rows=rows_seen)

    def _distance(
        self, network: Refiner, begun: Begun, means: Tensor, generator: torch.Generator
    ) -> Tensor:
        """How far the mean features of what is drawn for each class are from ``means``; unbiased."""
        classes = len(means)
        half = max(2, self.batch // (2 * classes))
        label = torch.arange(classes).repeat_interleave(2 * half)
        drawn = begun.moments.draw(label.numpy(), generator)
        noise = torch.randn(drawn.shape, generator=generator)
        drawn, noise = drawn.to(means.device), noise.to(means.device)
        images = network(drawn, noise)
        found = network.features(images).reshape(classes, 2, half, -1).mean(2)
        one, other = (found - means[:, None]).unbind(1)
        moved = avg_pool2d(images - drawn, COARSE).square().mean()
        distance: Tensor = (one * other).sum(1).mean() + self.anchor * moved
        return distance


def features_event(rho: float) -> GaussianDpEvent:
    """What the mean features cost."""
    return GaussianDpEvent(1 / math.sqrt(2 * rho))
