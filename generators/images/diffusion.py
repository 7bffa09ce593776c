"""DP diffusion of images: diffusers' U-Net trained with DP-SGD from where the moments leave it.

DPDM (arXiv 2210.09929): EDM's loss at log-normal noise levels, K of them for each image inside the gradient
that is clipped, an average of the weights, classes told and sometimes withheld. Before the first private step
the network has learnt to denoise draws of each class's moments, and public images where there are some (as in
PrivImage, arXiv 2311.12850), which is free.

Privacy claim: one Poisson-sampled Gaussian a step, beside the opening and the moments; noise levels are drawn
without the rows. Images declared public have no part in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from dp_accounting import DpEvent
from torch import Tensor, nn

from generators.deep.generator import CALIBRATED, Prepared, average
from generators.deep.training import Schedule, SpentSoFar
from generators.dpsgd.checkpoint import RandomState, Stateful, run
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.gradients import Rows
from generators.images.generator import Begun, ImageSgd
from generators.images.networks import (
    GROUPS,
    PRECONDITION,
    SIGMA_DATA,
    ImageDenoiser,
    Sampler,
    untold_codes,
)
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError
from privacy.reading.public import PublicImages
from privacy.schema.schema import Schema

P_MEAN, P_STD = -1.2, 1.2
"""Of log σ, as in EDM and DPDM."""

PUBLIC_SHARE = 0.5
"""Of a warm-up batch, where there are public images; the rest are draws of the moments."""


def corrupt(sizes: list[int], drop: float, rows: Rows, g: torch.Generator) -> Rows:
    """Images [n, c, h, w] in bytes or in [−1, 1] with a noise level each, and conditions now and then withheld.

    Every row's draws are its own and do not depend on its place.
    """
    clean = rows["pixels"]
    if clean.dtype == torch.uint8:
        clean = clean.float() / 127.5 - 1
    n, device = len(clean), clean.device
    sigma = (P_MEAN + P_STD * torch.randn(n, generator=g, device=device)).exp()
    noise = torch.randn(clean.shape, generator=g, device=device) * sigma[:, None, None, None]
    withheld = torch.rand(n, 1, generator=g, device=device) < drop
    told = torch.where(withheld, untold_codes(rows["told"], sizes), rows["told"])
    return {"clean": clean, "noisy": clean + noise, "sigma": sigma, "told": told}


def denoising_loss(module: Any, rows: Rows) -> Tensor:
    """EDM's weighted squared error, a mean over pixels [n]."""
    sigma = rows["sigma"][:, None, None, None]
    x = PRECONDITION.precondition_inputs(rows["noisy"], sigma)
    f = module(x, PRECONDITION.precondition_noise(rows["sigma"]), rows["told"])
    denoised = PRECONDITION.precondition_outputs(rows["noisy"], f.float(), sigma)
    weight = (rows["sigma"] ** 2 + SIGMA_DATA**2) / (rows["sigma"] * SIGMA_DATA) ** 2
    losses: Tensor = weight * (denoised - rows["clean"]).square().mean((1, 2, 3))
    return losses


@dataclass(frozen=True)
class ImageDiffusion(ImageSgd):
    """DP diffusion on a U-Net.

    ``draws``: noise levels drawn for each unit in a step, K. ``learning_rate``: how far a private step moves
    the weights.
    ``widths``: channels of the U-Net's levels, multiples of 8. ``layers``: blocks in each level. ``patch``:
    pixels that become one, a side.
    ``warm_up``: steps on draws of the moments, before any private one. ``warm_up_batch``: draws in each step of
    the warm-up.
    ``warm_up_rate``: learning rate of the warm-up.
    ``public``: images to learn from in these steps too, told nothing about.
    ``drop``: how often training withholds conditions. ``guidance``: 0 draws images as they were learnt.
    ``sampler``: whether drawing adds noise on the way (sde) or not (ode). ``sampling_steps``: steps in which an
    image is drawn.
    ``start``: the noise that drawing begins with.
    """

    sampling_rate: float = 0.01
    steps: int = 300
    draws: int = 1
    physical_batch: int = 256
    learning_rate: float = 5e-4
    warm_up: int = 300
    warm_up_batch: int = 128
    warm_up_rate: float = 2e-3
    widths: tuple[int, ...] = (16, 32)
    layers: int = 1
    patch: int = 2
    drop: float = 0.1
    guidance: float = 0.0
    sampler: Sampler = "ode"
    sampling_steps: int = 12
    start: float = 1.0
    public: PublicImages | None = field(default=None, metadata=CALIBRATED)

    kind = "image-diffusion"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("layers", "patch", "sampling_steps", "warm_up_batch")
        self.refuse("must be at least 1", lambda x: x >= 1, *sizes)
        self.refuse("must be positive", lambda x: x > 0, "learning_rate", "warm_up_rate", "start")
        self.refuse("must not be negative", lambda x: x >= 0, "warm_up", "guidance")
        self.refuse("must lie in [0, 1)", lambda x: 0 <= x < 1, "drop")
        whole = f"must be multiples of {GROUPS}, one or more"
        self.refuse(
            whole, lambda x: len(x) > 0 and all(w > 0 and w % GROUPS == 0 for w in x), "widths"
        )

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Self:
        if self.public is not None and self.warm_up == 0:
            raise InputError("public_images: warm_up is 0, so that nothing would learn from them")
        return super().calibrate(guarantee, schema, beside)

    def learn(self, prepared: Prepared, begun: Begun, shape: tuple[int, int, int]) -> nn.Module:
        device = self.pick_device()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # a killed run begins at the same weights
            network = ImageDenoiser(
                list(shape),
                begun.sizes,
                list(self.widths),
                self.layers,
                self.patch,
                self.guidance,
                self.sampler,
                self.sampling_steps,
                self.start,
                self.frequencies,
                begun.moments.cells,
            )
        network.begin(begun.moments)
        network.to(device)
        plan = self.plan(self.calibrated_noise)
        private = PrivateGradient(
            network,
            denoising_loss,
            begun.units,
            plan,
            expected_units=prepared.opening.units,
            corrupt=lambda rows, g: corrupt(begun.sizes, self.drop, rows, g),
            n_groups=prepared.n_groups,
        )
        early = torch.optim.Adam(network.parameters(), self.warm_up_rate)
        late = torch.optim.Adam(network.parameters(), self.learning_rate)
        mean = average(network, self.ema)
        schedules = Schedule(early, self.warm_up), Schedule(late, self.steps)
        public = torch.Generator(device).manual_seed(0)
        free = self._free(begun, shape)
        looked_at = "draws of the moments" + (" and public images" if self.public else "")

        def on_draws(t: int) -> None:
            schedules[0].set(t)
            images, told = free(torch.Generator().manual_seed(t))
            rows = {"pixels": images.to(device), "told": told.to(device)}
            early.zero_grad()
            loss = denoising_loss(network, corrupt(begun.sizes, self.drop, rows, public)).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            early.step()

        def on_rows(t: int) -> None:
            schedules[1].set(t)
            private()
            late.step()

        def step(t: int) -> None:
            if t < self.warm_up:
                on_draws(t)
            else:
                on_rows(t - self.warm_up)
            mean.update_parameters(network)

        parts: dict[str, Stateful] = {
            "network": network,
            "early": early,
            "late": late,
            "mean": mean,
            "private": private,
            "public": RandomState(public),
        }
        spent = SpentSoFar(self.before_training, plan, self.delta)

        def told(t: int) -> str:
            if t <= self.warm_up:
                return f"step {t} of {self.warm_up} on {looked_at}"
            return spent(t - self.warm_up)

        total = self.warm_up + self.steps
        run(total, step, parts, prepared.checkpoint, prepared.progress, told)
        return mean.module

    def _free(
        self, begun: Begun, shape: tuple[int, int, int]
    ) -> Callable[[torch.Generator], tuple[Tensor, Tensor]]:
        """What makes a warm-up batch: images in [−1, 1] and their conditions."""
        if self.public is None:
            return lambda g: begun.draws(self.warm_up_batch, g)
        planes = torch.from_numpy(self.public.load(shape).transpose(0, 3, 1, 2).copy())
        n = round(PUBLIC_SHARE * self.warm_up_batch)
        untold = untold_codes(torch.zeros(n, len(begun.sizes), dtype=torch.int64), begun.sizes)

        def mixed(g: torch.Generator) -> tuple[Tensor, Tensor]:
            drawn, told = begun.draws(self.warm_up_batch - n, g)
            shown = planes[torch.randint(len(planes), (n,), generator=g)].float() / 127.5 - 1
            return torch.cat([drawn, shown]), torch.cat([told, untold])

        return mixed
