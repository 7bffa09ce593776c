"""Features in the directions in which draws differ, each made as long as the others.

A private model of few, even coordinates learns in few steps and from little noise. Which directions those are
is found on draws of moments that were paid for, so it costs nothing: principal components of their features,
each divided by the root of its deviation. What draws do not show (which is sharp detail above all) is left
out.

Privacy claim: none of its own. Coordinates of an image depend on it and on draws alone, and have norm 1 at
most.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

EVEN = 0.5
"""The power of a component's deviation that it is divided by: 0 leaves all as they are, 1 makes them equal."""
CONSTANT = 0.3
"""What every vector gets as one more coordinate, so that a linear model has an intercept."""
BELOW = 1e-4
"""Components of a smaller deviation, as a share of the largest, are taken to be rounding."""


@dataclass(frozen=True)
class Coordinates:
    """z = (f − centre) · directions [d, k], of norm 1 at most, and a constant beside it."""

    centre: Tensor
    directions: Tensor

    @classmethod
    def of(cls, features: Tensor, k: int) -> Coordinates:
        """The ``k`` first of the features of draws [n, d], so long that a draw has norm 1 on average."""
        centre = features.mean(0)
        apart = features - centre
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            _, values, vectors = torch.pca_lowrank(apart, min(k, *apart.shape), center=False)
        kept = values > BELOW * values[:1].clamp(min=BELOW)
        lengths = torch.where(kept, values.clamp(min=BELOW) ** -EVEN, 0.0)
        directions = vectors * lengths
        size = (apart @ directions).norm(dim=1).mean().clamp(min=BELOW)
        return cls(centre, pad(directions / size, (0, k - directions.shape[1])))

    def __call__(self, features: Tensor) -> Tensor:
        """[n, d] → [n, k + 1]."""
        z = (features - self.centre) @ self.directions
        z = torch.cat(
            [z / z.norm(dim=1, keepdim=True).clamp(min=1), z.new_full((len(z), 1), CONSTANT)], 1
        )
        whole: Tensor = z / (1 + CONSTANT**2) ** 0.5
        return whole
