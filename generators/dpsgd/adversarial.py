"""What a GAN adds to private steps whose critic alone sees real rows: fake rows' gradient, and turns.

Privacy claim: post-processing. Fake rows are public, and so is a critic that the engine's gradients have moved.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.gradients import Loss, Rows

RUNGS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50)
"""Critic steps for one of the generator."""
MEMORY = 0.8
"""How much of the critic's accuracy so far is kept when a new one is seen."""


class Turns:
    """How many steps the critic takes before the generator's next one, by its accuracy on fake rows.

    Below ``floor`` the critic is too weak to teach: one rung up, at most to ``most`` steps.
    """

    def __init__(self, floor: float, most: int) -> None:
        self.floor, self.rungs = floor, [r for r in RUNGS if r <= most]
        self.rung, self.waited, self.accuracy = 0, 0, 1.0

    def due(self) -> bool:
        """Count one step of the critic; whether the generator's turn has come."""
        self.waited = (self.waited + 1) % self.rungs[self.rung]
        return self.waited == 0

    def judge(self, scores: Tensor) -> None:
        """Look at the critic's scores of fresh fake rows; below 0 is right."""
        seen = float((scores < 0).float().mean())
        self.accuracy = MEMORY * self.accuracy + (1 - MEMORY) * seen
        if self.accuracy < self.floor and self.rung + 1 < len(self.rungs):
            self.rung, self.accuracy = self.rung + 1, 1.0

    def state_dict(self) -> dict[str, Any]:
        return {"rung": self.rung, "waited": self.waited, "accuracy": self.accuracy}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rung, self.waited = state["rung"], state["waited"]
        self.accuracy = state["accuracy"]


def add_fake_gradient(private: PrivateGradient, on_fake: Loss, fakes: Rows) -> None:
    """Add fake rows' gradient, by the loss ``on_fake``, to the noised one of real rows; public, so no noise.

    Each is clipped as a real one is: otherwise the difference would not vanish where rows are alike.
    """
    assert private.method is not None
    n, device = len(next(iter(fakes.values()))), private.device
    found = private.method(on_fake, fakes, torch.ones(n, 1, device=device))
    group = torch.zeros(n, dtype=torch.int64, device=device)
    factors = private.plan.clipping.factors(private.state, found.norms, group)
    sums = found.weighted_sum(factors)
    for name, parameter in private.module.named_parameters():
        assert parameter.grad is not None
        parameter.grad += sums[name] / n
