"""A DP-GAN for images of which only the critic is private, and whose generator refines draws of the moments.

The critic is trained by DP-SGD, many steps for one of the generator, adaptively ("Private GANs, Revisited",
arXiv 2302.02936). The generator begins as the identity on draws of each class's moments, so that classes and
coarse shape are there before the first step, and learns what to add to them (as refiners do, arXiv 1612.07828).
Public images are not taken: it learns from the critic alone, and only a critic of private images says how draws
of them differ from them.

Privacy claim: one Poisson-sampled Gaussian a critic step, beside the opening and the moments. The generator
sees weights of the critic and draws of the moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu, silu

from generators.deep.generator import Prepared, average
from generators.deep.training import Schedule, SpentSoFar
from generators.dpsgd.adversarial import Turns, add_fake_gradient
from generators.dpsgd.checkpoint import RandomState, Stateful, run
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.gradients import Rows
from generators.dpsgd.randomness import secret_generator
from generators.images.generator import Begun, ImageSgd
from generators.images.networks import Conditions, FromMoments


class Refiner(FromMoments):
    """Draws of the moments, noise and conditions → images: what it adds begins at nothing."""

    def __init__(
        self, shape: list[int], sizes: list[int], width: int, frequencies: int, cells: int
    ) -> None:
        super().__init__(shape, sizes, frequencies, cells)
        self.about = {
            "shape": list(shape),
            "sizes": list(sizes),
            "width": width,
            "frequencies": frequencies,
            "cells": cells,
        }
        channels = shape[2]
        self.into = nn.Conv2d(2 * channels, width, 3, padding=1)
        self.told = Conditions(sizes, width)
        self.inner = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.out = nn.Conv2d(width, channels, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def describe(self) -> dict[str, Any]:
        """The arguments from which the same module is built again."""
        return self.about

    def forward(self, drawn: Tensor, noise: Tensor, codes: Tensor) -> Tensor:
        """[n, channels, height, width] each, and codes [n, columns] → images in [−1, 1]."""
        h = self.into(torch.cat([drawn, noise], 1)) + self.told(codes)[:, :, None, None]
        for layer in self.inner:
            h = h + silu(layer(silu(h)))
        added: Tensor = self.out(silu(h))
        return (drawn + added).clamp(-1, 1)

    def _draw(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        drawn = self.drawn(codes, generator)
        noise = torch.randn(drawn.shape, generator=generator)
        images: Tensor = self(*(t.to(self.means.device) for t in (drawn, noise, codes)))
        return images


class ImageCritic(nn.Module):
    """Images and conditions → scores, by projection (arXiv 1802.05637); no layer mixes images."""

    def __init__(self, channels: int, sizes: list[int], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(channels, width, 4, stride=2, padding=1),
                nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            ]
        )
        self.score = nn.Linear(2 * width, 1)
        self.told = Conditions(sizes, 2 * width)

    def forward(self, x: Tensor, codes: Tensor) -> Tensor:
        """[n]."""
        for layer in self.layers:
            x = leaky_relu(layer(x), 0.2)
        h = x.mean((2, 3))
        scores: Tensor = self.score(h)[:, 0] + (self.told(codes) * h).sum(1)
        return scores


def on_real(module: Any, rows: Rows) -> Tensor:
    """Hinge: a real image should score above 1."""
    return relu(1 - module(rows["pixels"].float() / 127.5 - 1, rows["told"]))


def on_fake(module: Any, rows: Rows) -> Tensor:
    """Hinge: a fake image should score below −1."""
    return relu(1 + module(rows["images"], rows["told"]))


@dataclass(frozen=True)
class ImageGan(ImageSgd):
    """DP-GAN for images.

    The mechanism's ``steps`` are the critic's. ``critic_rate``: learning rate of the critic.
    ``generator_rate``: learning rate of the generator. ``critic_decay``: how fast the critic forgets where the
    generator was. ``anchor``: the weight of the squared distance to the draws of the moments beside the critic.
    ``fakes``: fake images a step. ``most_critic_steps``: how many steps the critic takes at most before the
    generator's next one. ``floor``: the accuracy on fake images below which the critic takes more steps.
    ``width``: channels of the generator. ``critic_width``: channels of the critic.
    """

    sampling_rate: float = 0.005
    steps: int = 400
    physical_batch: int = 512
    critic_rate: float = 2e-3
    generator_rate: float = 1e-3
    critic_decay: float = 1.0
    anchor: float = 0.1
    fakes: int = 128
    most_critic_steps: int = 5
    floor: float = 0.6
    width: int = 32
    critic_width: int = 16

    kind = "image-gan"

    def __post_init__(self) -> None:
        if self.clipping == "dpsgd-f":
            raise ValueError("clipping: dpsgd-f clips by group, and fake images belong to none")
        super().__post_init__()
        sizes = ("fakes", "most_critic_steps", "width", "critic_width")
        self.refuse("must be at least 1", lambda x: x >= 1, *sizes)
        self.refuse("must be positive", lambda x: x > 0, "critic_rate", "generator_rate")
        self.refuse("must not be negative", lambda x: x >= 0, "critic_decay", "anchor")

    def learn(self, prepared: Prepared, begun: Begun, shape: tuple[int, int, int]) -> nn.Module:
        device = self.pick_device()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # a killed run begins at the same weights
            about = begun.sizes, self.width, self.frequencies, begun.moments.cells
            network = Refiner(list(shape), *about)
            critic = ImageCritic(shape[2], begun.sizes, self.critic_width)
        network.begin(begun.moments)
        network.to(device)
        critic.to(device)
        plan = self.plan(self.calibrated_noise)
        private = PrivateGradient(
            critic,
            on_real,
            begun.units,
            plan,
            expected_units=prepared.opening.units,
            n_groups=prepared.n_groups,
        )
        turns = Turns(self.floor, self.most_critic_steps)
        teach = torch.optim.AdamW(
            critic.parameters(),
            self.critic_rate,
            betas=(0.5, 0.99),
            weight_decay=self.critic_decay,
        )
        learn = torch.optim.Adam(network.parameters(), self.generator_rate, betas=(0.5, 0.99))
        schedules = Schedule(teach, self.steps), Schedule(learn, self.steps)
        mean = average(network, self.ema)
        public = secret_generator(device)

        def fakes() -> tuple[Tensor, dict[str, Tensor]]:
            """Draws of the moments, and what the generator makes of them."""
            seed = torch.randint(2**62, (1,), generator=public, device=device)
            drawn, told = begun.draws(self.fakes, torch.Generator().manual_seed(int(seed)))
            drawn, told = drawn.to(device), told.to(device)
            noise = torch.randn(drawn.shape, generator=public, device=device)
            return drawn, {"images": network(drawn, noise, told), "told": told}

        def step(t: int) -> None:
            for schedule in schedules:
                schedule.set(t)
            private()
            with torch.no_grad():
                _, made = fakes()
            add_fake_gradient(private, on_fake, made)
            teach.step()
            if turns.due():
                learn.zero_grad()
                # writes into the critic's gradients too, which its next step replaces
                drawn, made = fakes()
                loss = -critic(made["images"], made["told"]).mean()
                loss = loss + self.anchor * (made["images"] - drawn).square().mean()
                loss.backward()
                learn.step()
                mean.update_parameters(network)
                with torch.no_grad():
                    _, made = fakes()
                    turns.judge(critic(made["images"], made["told"]))

        parts: dict[str, Stateful] = {
            "network": network,
            "critic": critic,
            "learn": learn,
            "teach": teach,
            "mean": mean,
            "private": private,
            "public": RandomState(public),
            "turns": turns,
        }
        told = SpentSoFar(self.before_training, plan, self.delta)
        run(self.steps, step, parts, prepared.checkpoint, prepared.progress, told)
        return mean.module
