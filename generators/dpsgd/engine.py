"""One private step: Poisson sample → exact gradient of each unit → clip → sum → noise → / (q·N).

Abadi et al. (arXiv 1607.00133), over units instead of rows, with K draws of the loss averaged inside a unit's
gradient before it is clipped (noise multiplicity, arXiv 2210.09929), so that K multiplies the work and not
the sensitivity.

Privacy claim: ``steps`` calls cost ``Plan.event()`` and the next one is refused. The divisor q·N is public
(a public row count or a charged noisy one), never the size of the sample. Noise has the multiplier that the
plan says, on the bound that the clipping says; it is drawn once over all processes of a group.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from generators.dpsgd.gradients import (
    Loss,
    Method,
    Rows,
    UnitGradients,
    method_for,
    refuse_mixing,
    trainable,
)
from generators.dpsgd.plan import Plan
from generators.dpsgd.processes import gathered, rank, world
from generators.dpsgd.randomness import normal, secret_generator
from generators.dpsgd.units import Units

Corrupt = Callable[[Rows, torch.Generator], Rows]
"""Rows → rows with the random draws that the loss needs (noise levels, masks).

Draws must be independent from unit to unit and not depend on where a unit stands in the batch: otherwise one
unit more, which moves the others, changes their gradients too.
"""


def as_they_are(rows: Rows, generator: torch.Generator) -> Rows:
    """No draws."""
    return rows


@dataclass
class PrivateGradient:
    """Noised mean gradients of ``module`` over ``units``; ``expected_units`` is the public N of q·N.

    Calling it writes the gradient into ``parameter.grad``. In a torch process group every process holds the
    same module and all units, works on its own shard and gets the same gradient.
    """

    module: nn.Module
    loss: Loss
    units: Units
    plan: Plan
    expected_units: float
    corrupt: Corrupt = as_they_are
    method: Method | None = None
    n_groups: int = 1
    taken: int = 0
    state: Tensor = field(init=False)
    coins: torch.Generator = field(init=False)
    noise: torch.Generator = field(init=False)
    draws: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        if not self.expected_units > 0:
            raise ValueError(f"expected_units must be positive, got {self.expected_units}")
        refuse_mixing(self.module)
        for name, parameter in trainable(self.module).items():
            if parameter.dtype != torch.float32:
                raise ValueError(f"{name}: sums are float32, got {parameter.dtype}")
        groups = self.units.groups
        if len(groups) and not 0 <= int(groups.min()) <= int(groups.max()) < self.n_groups:
            raise ValueError(f"n_groups: units have groups beyond {self.n_groups}")
        self.device = next(self.module.parameters()).device
        self.coins, self.noise, self.draws = (secret_generator(self.device) for _ in range(3))
        self.state = self.plan.clipping.start(self.n_groups)
        if self.method is None:
            self.method = method_for(self.module)
        if world() > 1:
            self.units = self.units.shard(rank(), world())
            for tensor in (*self.module.parameters(), *self.module.buffers()):
                dist.broadcast(tensor.data, src=0)

    @property
    def expected(self) -> float:
        """q·N, the public expected size of a sample."""
        return self.plan.sampling_rate * self.expected_units

    def __call__(self) -> None:
        """Take one of the plan's steps. Raises ValueError when all have been taken."""
        if self.taken >= self.plan.steps:
            raise ValueError(
                f"steps: all {self.plan.steps} were taken; another one was not charged"
            )
        if torch.get_float32_matmul_precision() != "highest":
            raise ValueError(
                "float32 products are rounded to less: norms would not bound gradients"
            )
        self.taken += 1
        clipping = self.plan.clipping
        gradient, statistics = self._clipped_sums()
        parts = [*gradient.values(), statistics]
        bound = clipping.bound(self.state)
        scales = [self.plan.gradient_multiplier * bound] * len(gradient)
        if clipping.share:
            scales.append(self.plan.statistics_multiplier * clipping.radius)
        else:
            scales.append(0.0)
        noisy = self._noised(parts, scales)
        parameters = trainable(self.module)
        for name, total in zip(gradient, noisy[:-1], strict=True):
            parameters[name].grad = (total / self.expected).to(parameters[name])
        self.state = clipping.update(self.state, noisy[-1].cpu().float(), self.expected)

    def _clipped_sums(self) -> tuple[dict[str, Tensor], Tensor]:
        """The clipped gradients and the statistics, summed over a fresh Poisson sample.

        In float64 from batch to batch: in a float32 sum of many people, one is rounded to more than its bound.
        """
        clipping = self.plan.clipping
        # a step's sample fits into one batch of public size nearly always, and into several otherwise
        mine = self.expected / world()
        ample = math.ceil(mine + 3 * math.sqrt(mine))
        physical = math.ceil(ample / math.ceil(ample / self.plan.performance.physical_batch))
        sums = {
            n: torch.zeros_like(p, dtype=torch.float64) for n, p in trainable(self.module).items()
        }
        width = clipping.statistics(
            self.state, torch.zeros(1), torch.zeros(1, dtype=torch.int64)
        ).shape[1]
        statistics = torch.zeros(width, device=self.device, dtype=torch.float64)
        sample = self.units.poisson(self.plan.sampling_rate, self.coins)
        for chosen in torch.split(sample, physical) if len(sample) else ():
            # static shapes are worth padding on a GPU only
            padded = len(chosen) if self.device.type == "cpu" else physical
            gradients = self._gradients(chosen, padded)
            norms = gradients.norms[: len(chosen)]
            # a gradient that is not finite cannot be clipped: it counts as one that was removed
            norms = torch.where(torch.isfinite(norms), norms, torch.inf)
            groups = self.units.groups[chosen]
            factors = norms.new_zeros(padded)
            factors[: len(chosen)] = clipping.factors(self.state, norms, groups)
            for name, total in gradients.weighted_sum(factors).items():
                sums[name] += total
            statistics += clipping.statistics(self.state, norms, groups).sum(0)
        return sums, statistics

    def _gradients(self, chosen: Tensor, pad_to: int) -> UnitGradients:
        rows, weights = self.units.gather(chosen, pad_to, self.plan.draws)
        assert self.method is not None
        return self.method(self._loss, self.corrupt(rows, self.draws), weights)

    def _loss(self, module: Callable[..., Any], rows: Rows) -> Tensor:
        """The loss at the plan's precision, which ends here: norms and sums are float32."""
        low = self.plan.performance.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=low):
            return self.loss(module, rows)

    def _noised(self, parts: list[Tensor], scales: list[float]) -> list[Tensor]:
        """Sums over all processes, with Gaussian noise of these scales drawn in the first of them."""
        for part in parts:
            if world() > 1:
                dist.all_reduce(part)
        for part, scale in zip(parts, scales, strict=True):
            if rank() == 0:
                part.add_(normal(part.shape, self.noise), alpha=scale)
            if world() > 1:
                dist.broadcast(part, src=0)
        return parts

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on but module and data. Holds the noise to come: keep it inside.

        In a process group: the generators of all processes, so every process must call it.
        """
        mine = torch.stack([g.get_state() for g in (self.coins, self.noise, self.draws)])
        return {"taken": self.taken, "state": self.state, "generators": gathered(mine, self.device)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if len(state["generators"]) != world():
            raise ValueError(f"the run was begun by {len(state['generators'])} processes")
        self.taken, self.state = state["taken"], state["state"]
        generators = (self.coins, self.noise, self.draws)
        for generator, saved in zip(generators, state["generators"][rank()], strict=True):
            generator.set_state(saved.clone())
