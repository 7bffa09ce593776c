"""A private softmax regression on features: what classes look like, told without drawing anything.

Steps look at everybody (Gaussian mechanisms, no sampling), since what limits a linear model of few
coordinates is noise and not work. The average of the second half of its steps is kept. T steps of rate η leave
an error like 1 / ηT of not having come far enough and one like η²Tσ² of the noise that was gathered on the way:
their sum is least at a rate like σ^(−2/3).

Privacy claim: the gradients are the engine's and cost its plan; weights of classes are noisy counts that were
paid for.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from generators.dpsgd.gradients import Rows

RATE = 0.1
"""``benchmarks/pictures/settings.py`` on images that a script draws: half as much, or twice, is better at one ε
and worse at another."""
NOISELESS = 1e-5
"""Below this, steps are limited by the loss and not by noise."""


class Teacher(nn.Module):
    """Coordinates [n, k] → logits [n, classes]; begins at nothing."""

    def __init__(self, k: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.head = nn.Linear(k, classes, bias=False)
        nn.init.zeros_(self.head.weight)

    def forward(self, z: Tensor) -> Tensor:
        logits: Tensor = self.head(z)
        return logits


def teacher_rate(noise: float) -> float:
    """The learning rate, times the bound of gradients; ``noise``: the deviation of a mean gradient's noise."""
    return RATE * math.pow(max(noise, NOISELESS), -2 / 3)


def reading_loss(module: Any, rows: Rows) -> Tensor:
    """Cross-entropy of each row, times the weight of its class, [n]."""
    return cross_entropy(module(rows["seen"]), rows["label"], reduction="none") * rows["weight"]
