"""What the generators under DP-SGD share: the plan's parameters, a schedule, and what is told of a run.

Privacy claim: ``mechanism`` is the plan's event; learning rates follow the step number only; what is told of a
run is public.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from dp_accounting import DpEvent

from generators.deep.generator import Deep
from generators.dpsgd.clipping import CLIPPINGS, ClippingName
from generators.dpsgd.plan import Performance, Plan, Precision, sampled_gaussian
from privacy.accounting.composition import spent

WARM_UP = 20
TOLD = 10
"""How often ε is computed during a run; it is told as of the last time."""


@dataclass(frozen=True)
class DeepSgd(Deep):
    """A deep generator whose private steps are those of the engine.

    ``sampling_rate``: the share q of the people whom a step looks at. ``steps``: how many steps there are, T.
    ``clipping``: how a person's gradient is bounded: at ``clip``, adaptively, or by group. ``clip``: the bound
    C on that.
    ``physical_batch``: people whose gradients are computed at once, at most 4,096; less takes less memory.
    ``precision``: of the network's passes; noise is float64 with either.

    Privacy: nothing. ``sampling_rate``, ``steps``, ``clipping``, ``clip``: budget.
    """

    sampling_rate: float = 0.1
    steps: int = 600
    clipping: ClippingName = "flat"
    clip: float = 1.0
    physical_batch: int = 4096
    precision: Precision = "float32"

    draws = 1  # a field where a unit's loss is drawn more than once

    def __post_init__(self) -> None:
        super().__post_init__()
        self.plan(1.0)  # refuses what no plan can be made of

    def plan(self, noise_multiplier: float) -> Plan:
        """The engine's plan."""
        return Plan(
            self.sampling_rate,
            self.steps,
            noise_multiplier,
            self.draws,
            CLIPPINGS[self.clipping](clip=self.clip),
            Performance(self.physical_batch, self.precision),
        )

    def mechanism(self, noise_multiplier: float) -> DpEvent:
        return self.plan(noise_multiplier).event()


class Schedule:
    """Linear warm-up, then half a cosine down to nothing."""

    def __init__(self, optimizer: torch.optim.Optimizer, steps: int) -> None:
        self.optimizer, self.steps = optimizer, steps
        self.top = [group["lr"] for group in optimizer.param_groups]

    def set(self, step: int) -> None:
        """The learning rate of this step."""
        share = min(1.0, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / self.steps)) / 2
        for group, top in zip(self.optimizer.param_groups, self.top, strict=True):
            group["lr"] = top * share


class SpentSoFar:
    """ "step 120 of 600, ε 0.41 so far": what the opening and the steps until now cost at δ."""

    def __init__(self, opening: Sequence[DpEvent], plan: Plan, delta: float | None) -> None:
        assert delta is not None, "calibrate first"
        self.opening, self.plan, self.delta = opening, plan, delta
        self.told: tuple[int, float] = (-1, 0.0)

    def __call__(self, step: int) -> str:
        every = max(1, self.plan.steps // TOLD)
        if step // every != self.told[0]:
            plan = self.plan
            so_far = sampled_gaussian(plan.sampling_rate, plan.noise_multiplier, step)
            self.told = step // every, spent([*self.opening, so_far], self.delta).epsilon
        return f"step {step} of {self.plan.steps}, ε {self.told[1]:.3g} so far"
