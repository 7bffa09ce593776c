"""The networks that are trained: small, and linear layers only, so that exact clipping costs next to nothing.

Under DP-SGD every parameter gets the same noise, so parameters have to be worth it. A linear path from a row's
one-hot to every column's logits (what pairs of columns say about each other) learns fastest; hidden layers
come beside it.

Privacy claim: none of their own.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, silu

from generators.deep.encoding import Layout
from generators.deep.opening import Opening

NEVER = -20.0
"""A logit's fall for what is impossible: further than training moves it."""


class Heads(nn.Module):
    """Inputs → a logit for every code of every column: a linear path, and ``depth`` hidden layers beside it."""

    def __init__(self, inputs: int, outputs: int, width: int, depth: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        widths = [inputs] + [width] * depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        if depth:
            self.out = nn.Linear(width, outputs, bias=False)
            nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(x)
        if not len(self.hidden):
            return logits
        h = silu(self.hidden[0](x))
        for layer in self.hidden[1:]:
            h = h + silu(layer(h))
        beside: Tensor = self.out(h)
        return logits + beside


class Critic(nn.Module):
    """A row, and what it was generated for, → a score."""

    def __init__(self, inputs: int, width: int, depth: int) -> None:
        super().__init__()
        widths = [inputs] + [width] * depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.out = nn.Linear(widths[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = leaky_relu(layer(x), 0.2)
        scores: Tensor = self.out(x)
        return scores[:, 0]


def begin_at(linear: nn.Linear, layout: Layout, opening: Opening) -> None:
    """Set a linear path from one-hot rows to logits so that it says what the opening measured.

    Bias log P(column); from each target log P(column | target) − log P(column), where it was measured; and
    next to nothing for what the schema says never goes with a code that is there.
    """
    slices, tables = layout.slices(), opening.tables
    with torch.no_grad():
        for column, to in slices.items():
            alone = torch.from_numpy(tables[(column,)]).clamp_min(1e-7).log()
            linear.bias[to] = alone.float()
            for target in opening.roles.targets:
                if target == column or opening.roles.clique(column, target) not in tables:
                    continue
                given = torch.from_numpy(opening.given(column, target)).clamp_min(1e-7).log()
                linear.weight[to, slices[target]] = (given - alone).T.float()
        for (a, b), zeros in opening.zeros.items():
            never = NEVER * torch.from_numpy(zeros).float()
            linear.weight[slices[a], slices[b]] += never
            linear.weight[slices[b], slices[a]] += never.T
