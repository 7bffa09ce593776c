"""Masked diffusion over a table's codes, trained with DP-SGD.

Absorbing-state diffusion (D3PM, arXiv 2107.03006): forward, each column of a row is masked with a probability
that grows with time; backward, a network tells each masked column's distribution from the columns that are
not. Numbers and categories are codes of the same kind; numbers become uniform inside their bin when rows are
decoded. Masking and sampling are diffusers' ``AmusedScheduler``, one column a step in random order.

Rows are generated for a target and subgroup drawn from the opening's noisy joint counts, so base rates and
minorities do not depend on training; classifier-free guidance (arXiv 2207.12598) weighs them more. The network
starts at what the opening measured and learns the rest.

Privacy claim: one Poisson-sampled Gaussian a step beside the opening; masks are drawn without the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AmusedScheduler
from torch import Tensor, nn

from generators.deep.encoding import Layout
from generators.deep.generator import Prepared, average
from generators.deep.networks import Heads, begin_at
from generators.deep.training import DeepSgd, Schedule, SpentSoFar
from generators.dpsgd.checkpoint import Stateful, run
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.gradients import Rows
from generators.dpsgd.units import Units

RANDOM_ORDER = (20, 20)
"""The scheduler's temperature: high enough that the order of columns ignores how sure the network is."""


class MaskedDenoiser(nn.Module):
    """One-hot rows with holes → logits of every column; ``complete`` fills the holes."""

    def __init__(
        self, sizes: dict[str, int], width: int, depth: int, guidance: float, conditions: list[int]
    ) -> None:
        super().__init__()
        self.about = {
            "sizes": dict(sizes),
            "width": width,
            "depth": depth,
            "guidance": guidance,
            "conditions": conditions,
        }
        self.layout = Layout(sizes)
        self.guidance = guidance
        self.conditions = conditions
        self.heads = Heads(self.layout.width, self.layout.width, width, depth)

    def forward(self, codes: Tensor) -> Tensor:
        """Codes [n, columns], unknown ones ``layout.widest`` → logits [n, width]."""
        logits: Tensor = self.heads(self.layout.one_hot(codes))
        return logits

    def describe(self) -> dict[str, Any]:
        return self.about

    def complete(self, codes: Tensor, known: list[int], generator: torch.Generator) -> Tensor:
        """Sample what is not known, one column a step."""
        given = torch.zeros(len(self.layout.columns), dtype=torch.bool)
        given[known] = True
        steps = int((~given).sum())
        if not steps:
            return codes
        scheduler = masking(self.layout, steps, codes.device)
        rows = torch.where(given, codes, self.layout.widest)
        for timestep in scheduler.timesteps.tolist():
            logits = self.layout.padded(self.guided(rows))
            rows = scheduler.step(logits, timestep, rows, generator=generator).prev_sample
            rows = torch.where(given, codes, rows)
        return rows

    def guided(self, rows: Tensor) -> Tensor:
        """Log-probabilities, moved away from those without conditions: (1 + w)·with − w·without."""
        logits = self.layout.log_softmax(self(rows))
        if not self.guidance:
            return logits
        blind = rows.clone()
        blind[:, self.conditions] = self.layout.widest
        without = self.layout.log_softmax(self(blind))
        return (1 + self.guidance) * logits - self.guidance * without


def masking(layout: Layout, steps: int, device: torch.device) -> AmusedScheduler:
    """diffusers' scheduler, linear in time, in random order."""
    scheduler = AmusedScheduler(mask_token_id=layout.widest, masking_schedule="linear")
    scheduler.set_timesteps(steps, temperature=RANDOM_ORDER, device=device)
    return scheduler


def mask(
    layout: Layout, conditions: list[int], drop: float, rows: Rows, g: torch.Generator
) -> Rows:
    """Rows with a random part masked; conditions stay, or are dropped together with probability ``drop``.

    Each row has a time of its own, drawn by itself: times in turn would depend on how many rows stand before,
    and one unit more would then change the others' gradients.
    """
    codes = rows["codes"].long()
    scheduler = masking(layout, len(layout.columns) + 1, codes.device)
    n, times = len(codes), scheduler.timesteps
    turn = torch.randint(len(times), (n,), generator=g, device=codes.device)
    masked = torch.empty_like(codes)
    for i, time in enumerate(times.tolist()):
        now = turn == i
        masked[now] = scheduler.add_noise(codes[now], time, generator=g)
    dropped = torch.rand(n, 1, generator=g, device=codes.device) < drop
    kept = torch.where(dropped, layout.widest, codes[:, conditions])
    masked[:, conditions] = kept
    return {"codes": codes, "masked": masked}


def denoising_loss(layout: Layout, conditions: list[int], module: Any, rows: Rows) -> Tensor:
    """The mean cross-entropy of a row's masked columns; 0 where none is."""
    hidden = rows["masked"] == layout.widest
    hidden[:, conditions] = False
    losses = layout.cross_entropy(module(rows["masked"]), rows["codes"])
    return (losses * hidden).sum(1) / hidden.sum(1).clamp_min(1)


@dataclass(frozen=True)
class Diffusion(DeepSgd):
    """DP masked diffusion.

    ``draws``: masks drawn for each unit in a step, K. ``learning_rate``: how far a step moves the weights.
    ``ema``: how much of the average of the weights a step keeps. ``width``, ``depth``: hidden layers beside the
    linear path. ``guidance``: 0 samples the conditional distribution as it was learnt. ``drop``: how often
    training hides conditions.
    """

    draws: int = 2
    learning_rate: float = 5e-3
    ema: float = 0.98
    width: int = 128
    depth: int = 0
    guidance: float = 0.0
    drop: float = 0.1

    kind = "diffusion"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.refuse("must be at least 1", lambda x: x >= 1, "width")
        self.refuse("must be positive", lambda x: x > 0, "learning_rate")
        self.refuse("must not be negative", lambda x: x >= 0, "depth", "guidance")
        self.refuse("must lie in [0, 1]", lambda x: 0 <= x <= 1, "drop")
        self.refuse("must lie in [0, 1)", lambda x: 0 <= x < 1, "ema")

    def train(self, prepared: Prepared) -> nn.Module:
        layout, opening, device = prepared.layout, prepared.opening, self.pick_device()
        conditions = layout.place(*opening.roles.conditions)
        network = MaskedDenoiser(
            dict(layout.sizes), self.width, self.depth, self.guidance, conditions
        )
        begin_at(network.heads.linear, layout, opening)
        network.to(device)
        rows = {"codes": prepared.codes.to(device)}
        private = PrivateGradient(
            network,
            lambda module, batch: denoising_loss(layout, conditions, module, batch),
            Units.of(rows, prepared.units, prepared.schema.max_rows_per_unit, prepared.groups),
            self.plan(self.calibrated_noise),
            expected_units=opening.units,
            corrupt=lambda batch, g: mask(layout, conditions, self.drop, batch, g),
            n_groups=prepared.n_groups,
        )
        optimizer = torch.optim.Adam(network.parameters(), self.learning_rate, betas=(0.9, 0.99))
        schedule, mean = Schedule(optimizer, self.steps), average(network, self.ema)

        def step(t: int) -> None:
            private()
            schedule.set(t)
            optimizer.step()
            mean.update_parameters(network)

        parts: dict[str, Stateful] = {
            "network": network,
            "optimizer": optimizer,
            "mean": mean,
            "private": private,
        }
        told = SpentSoFar(self.opening_events, self.plan(self.calibrated_noise), self.delta)
        run(self.steps, step, parts, prepared.checkpoint, prepared.progress, told)
        return mean.module
