"""DP-CTGAN: a conditional tabular GAN of which only the critic is private.

CTGAN (arXiv 1907.00503) with the critic trained by DP-SGD (arXiv 1802.06739; many critic steps for one of the
generator, adaptively: arXiv 2302.02936). Fake rows are drawn for targets and subgroups from the opening's
noisy model, never for those of a real row, and the generator starts at what the opening measured and is held
near it (``distance``): training has to add what columns say about each other beyond the target. CTGAN's
mode-specific numbers are the codec's bins; its PacGAN is left out, since it would mix units, and so is its
training by sampling, which needs real rows picked by their values.

Privacy claim: one Poisson-sampled Gaussian a critic step beside the opening. The generator sees weights of
the critic; how many steps the critic takes for one of the generator follows from its scores of fake rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from generators.deep.adversaries import PairCritic, RowGenerator
from generators.deep.encoding import Layout
from generators.deep.generator import Prepared, average
from generators.deep.networks import begin_at
from generators.deep.opening import Opening
from generators.deep.training import DeepSgd, Schedule, SpentSoFar
from generators.dpsgd.adversarial import Turns, add_fake_gradient
from generators.dpsgd.checkpoint import RandomState, Stateful, run
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.gradients import Rows
from generators.dpsgd.randomness import secret_generator
from generators.dpsgd.units import Units
from generators.marginals.model import sample

POOL = 2**16
"""Conditions that are drawn from the opening's model, once."""


class Fakes:
    """Fake rows for conditions from the opening's model, by a generator of random numbers of their own."""

    def __init__(self, layout: Layout, opening: Opening, device: torch.device, n: int) -> None:
        self.known, self.n = layout.place(*opening.roles.conditions), n
        model = opening.model
        # the same pool again after a resume; it holds nothing that was not measured
        pool = sample(layout.sizes, model.tree, model.marginals, POOL, np.random.default_rng(0))
        self.pool = layout.to_codes(pool).to(device)
        self.random = secret_generator(device)

    def __call__(self, network: nn.Module) -> Tensor:
        """One-hot rows [n, width]; they carry the network's gradient."""
        size = (self.n,)
        pick = torch.randint(POOL, size, generator=self.random, device=self.pool.device)
        rows: Tensor = network(self.pool[pick], self.known, self.random)
        return rows


def on_real(layout: Layout, module: Any, rows: Rows) -> Tensor:
    """Hinge: a real row should score above 1."""
    return relu(1 - module(layout.one_hot(rows["codes"].long())))


def on_fake(module: Any, rows: Rows) -> Tensor:
    """Hinge: a fake row should score below −1."""
    return relu(1 + module(rows["x"]))


def distance(layout: Layout, opening: Opening, x: Tensor) -> Tensor:
    """How far fake rows are from what the opening measured of columns and targets: public, so free to look at.

    −Σ measured · log fake, over the tables of every column with each target (or alone where there is none).
    """
    place, total = layout.slices(), x.new_zeros(())
    for clique, table in opening.tables.items():
        if len(clique) == 2 or not opening.roles.targets:
            a, b = place[clique[0]], place[clique[-1]]
            fake = x[:, a].T @ x[:, b] / len(x) if len(clique) == 2 else x[:, a].mean(0)
            measured = torch.from_numpy(table).to(x)
            total = total - (measured * fake.clamp_min(1e-4).log()).sum()
    return total


@dataclass(frozen=True)
class Ctgan(DeepSgd):
    """DP-CTGAN.

    The mechanism's ``steps`` are the critic's.
    ``critic_rate``: learning rate of the critic. ``generator_rate``: learning rate of the generator.
    ``critic_decay``: how fast the critic forgets where the generator was. ``anchor``: the weight of the
    distance to what the opening measured beside the critic. ``fakes``: fake rows a step; they cost no privacy,
    and with few of them their own sampling noise drowns rare codes. ``most_critic_steps``: how many steps the
    critic takes at most before the generator's next one. ``floor``: the accuracy on fake rows below which the
    critic takes more steps.
    ``ema``: how much of the average of the weights a step keeps. ``noise``: random numbers that the generator
    reads.
    ``width``, ``depth``: the generator's hidden layers. ``critic_width``, ``critic_depth``: the critic's hidden
    layers beside its pairs. ``lipschitz``: the largest spectral norm of the critic's pairs. ``warm_start``:
    whether the generator begins at the opening.
    """

    critic_rate: float = 5e-3
    generator_rate: float = 1e-2
    critic_decay: float = 4.0
    anchor: float = 0.1
    fakes: int = 2048
    most_critic_steps: int = 3
    floor: float = 0.6
    ema: float = 0.98
    noise: int = 16
    width: int = 128
    depth: int = 0
    critic_width: int = 64
    critic_depth: int = 0
    lipschitz: float = 1.0
    warm_start: bool = True

    kind = "ctgan"

    def __post_init__(self) -> None:
        if self.clipping == "dpsgd-f":
            raise ValueError("clipping: dpsgd-f clips by group, and fake rows belong to none")
        super().__post_init__()
        sizes = ("fakes", "most_critic_steps", "noise", "width", "critic_width")
        self.refuse("must be at least 1", lambda x: x >= 1, *sizes)
        positive = ("critic_rate", "generator_rate", "lipschitz")
        self.refuse("must be positive", lambda x: x > 0, *positive)
        least = ("critic_decay", "anchor", "depth", "critic_depth")
        self.refuse("must not be negative", lambda x: x >= 0, *least)
        self.refuse("must lie in [0, 1)", lambda x: 0 <= x < 1, "ema")

    def train(self, prepared: Prepared) -> nn.Module:
        layout, device = prepared.layout, self.pick_device()
        plan = self.plan(self.calibrated_noise)
        network = RowGenerator(dict(layout.sizes), self.noise, self.width, self.depth)
        if self.warm_start:
            begin_at(network.heads.linear, layout, prepared.opening)
        network.to(device)
        critic = PairCritic(layout, self.critic_width, self.critic_depth, self.lipschitz).to(device)
        rows = {"codes": prepared.codes.to(device)}
        private = PrivateGradient(
            critic,
            lambda module, batch: on_real(layout, module, batch),
            Units.of(rows, prepared.units, prepared.schema.max_rows_per_unit, prepared.groups),
            plan,
            expected_units=prepared.opening.units,
            n_groups=prepared.n_groups,
        )
        fakes = Fakes(layout, prepared.opening, device, self.fakes)
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

        def step(t: int) -> None:
            for schedule in schedules:
                schedule.set(t)
            private()
            with torch.no_grad():
                drawn = fakes(network)
            add_fake_gradient(private, on_fake, {"x": drawn})
            teach.step()
            critic.project()
            if turns.due():
                learn.zero_grad()
                # writes into the critic's gradients too, which its next step replaces
                drawn = fakes(network)
                loss = -critic(drawn).mean()
                if self.anchor:
                    loss = loss + self.anchor * distance(layout, prepared.opening, drawn)
                loss.backward()
                learn.step()
                mean.update_parameters(network)
                with torch.no_grad():
                    turns.judge(critic(fakes(network)))

        parts: dict[str, Stateful] = {
            "network": network,
            "critic": critic,
            "learn": learn,
            "teach": teach,
            "mean": mean,
            "private": private,
            "public": RandomState(fakes.random),
            "turns": turns,
        }
        told = SpentSoFar(self.opening_events, plan, self.delta)
        run(self.steps, step, parts, prepared.checkpoint, prepared.progress, told)
        return mean.module
