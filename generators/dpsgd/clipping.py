"""Four ways to bound a unit's gradient, as factors on it.

A clipping holds public parameters; its state is a vector that only noised numbers ever changed. In every step
it gives a factor for each unit, a bound on what the clipped gradient may be, and, where it adapts, statistics:
one vector a unit, of norm at most ``radius``, whose noised sum moves the state. Gradient sum and statistics
leave as one Gaussian mechanism: multipliers σ_g and σ_s with 1/σ² = 1/σ_g² + 1/σ_s², so adapting is paid for
by a little more noise on the gradient and the event stays the same (Andrew et al., arXiv 1905.03871).

Privacy claim: a unit's clipped gradient has norm ≤ ``bound(state)`` whatever its rows are, and its statistics
have norm ≤ ``radius``. State is post-processing of noised sums over the public expected batch, never over the
actual one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor

ROUNDED = 5e-4
"""What a bound is left for rounding: one of 4,096 people that are alike moves a float32 sum by 1.3e-4 more."""


class Clipping(Protocol):
    """``norms``: [units]; ``groups``: [units] whole numbers; padding has norm 0 and factor 0 already."""

    @property
    def share(self) -> float:
        """The share of 1/σ² that pays for the statistics; 0 where there are none."""
        ...

    @property
    def radius(self) -> float:
        """The largest norm of one unit's statistics."""
        ...

    def start(self, n_groups: int) -> Tensor:
        """The state before any step, float64."""
        ...

    def bound(self, state: Tensor) -> float:
        """The largest norm of one unit's clipped gradient, over all groups whether sampled or not."""
        ...

    def factors(self, state: Tensor, norms: Tensor, groups: Tensor) -> Tensor:
        """What each unit's gradient is multiplied by."""
        ...

    def statistics(self, state: Tensor, norms: Tensor, groups: Tensor) -> Tensor:
        """[units, d] statistics, d public."""
        ...

    def update(self, state: Tensor, noisy: Tensor, expected: float) -> Tensor:
        """The next state, from the noised sum of statistics [d] and the public expected batch q·N."""
        ...


def shrink(norms: Tensor, bound: Tensor | float) -> Tensor:
    """min(1, bound / norm), so much below that float32 products and sums of a batch stay within the bound."""
    return torch.clamp(bound * (1 - ROUNDED) / norms.clamp_min(1e-30), max=1.0)


def _check(clipping: Clipping, *positive: str) -> None:
    """Raise ValueError for parameters no bound follows from, or whose statistics would go without noise."""
    for name in positive:
        if not 0 < getattr(clipping, name) < math.inf:
            raise ValueError(f"{name} must be positive, got {getattr(clipping, name)}")
    if clipping.radius and not 0 < clipping.share < 1:
        raise ValueError(f"share must lie in (0, 1), got {clipping.share}")


@dataclass(frozen=True)
class Flat:
    """g · min(1, C/‖g‖)."""

    clip: float = 1.0
    share: float = field(default=0.0, init=False)
    radius: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        _check(self, "clip")

    def start(self, n_groups: int) -> Tensor:
        return torch.zeros(0, dtype=torch.float64)

    def bound(self, state: Tensor) -> float:
        return self.clip

    def factors(self, state: Tensor, norms: Tensor, groups: Tensor) -> Tensor:
        return shrink(norms, self.clip)

    def statistics(self, state: Tensor, norms: Tensor, groups: Tensor) -> Tensor:
        return norms.new_zeros(len(norms), 0)

    def update(self, state: Tensor, noisy: Tensor, expected: float) -> Tensor:
        return state


@dataclass(frozen=True)
class BoundedAdaptive:
    """C follows a quantile of the norms and never falls below ``lower`` (arXiv 1905.03871, 2506.01396).

    C ← max(C_LB, C·exp(−η(b̃ − γ))) with b̃ the noised share of units whose norm is at most C. Each unit gives
    ±½, recentred, so that the denominator is public: b̃ = ½ + noised Σ(b − ½) / qN.
    """

    clip: float = 1.0
    lower: float = 0.1
    quantile: float = 0.5
    rate: float = 0.2
    share: float = 0.02
    radius: float = field(default=0.5, init=False)

    def __post_init__(self) -> None:
        _check(self, "clip", "lower", "rate")

    def start(self, n_groups: int) -> Tensor:
        return torch.tensor([max(self.clip, self.lower)], dtype=torch.float64)

    def bound(self, state: Tensor) -> float:
        return float(state[0])

    def factors(self, state: Tensor, norms: Tensor, groups: Tensor) -> Tensor:
        return shrink(norms, self.bound(state))

    def statistics(self, state: Tensor, norms: Tensor, groups: Tensor) -> Tensor:
        return ((norms <= self.bound(state)).float() - 0.5)[:, None]

    def update(self, state: Tensor, noisy: Tensor, expected: float) -> Tensor:
        share_below = 0.5 + float(noisy[0]) / expected
        step = torch.exp(torch.tensor(-self.rate * (share_below - self.quantile)))
        return torch.clamp(state * step, min=self.lower, max=1e6)


@dataclass(frozen=True)
class DpsgdF:
    """A bound for each group, larger where more of the group is clipped (DPSGD-F, arXiv 2003.03699).

    C_k = C·(1 + (m_k/b_k)/(m/b)), with b_k the group's units and m_k those with norm above C: noised counts,
    here smoothed over ``memory`` steps because a small group's count is mostly noise. The ratio is limited to
    ``ratio``. A unit belongs to one group and to one of its two counts: radius 1. The noise follows the
    largest C_k over all groups, also those nobody was sampled of.
    """

    clip: float = 1.0
    ratio: float = 3.0
    memory: float = 20.0
    share: float = 0.05
    radius: float = field(default=1.0, init=False)

    def __post_init__(self) -> None:
        _check(self, "clip", "ratio", "memory")

    def start(self, n_groups: int) -> Tensor:
        return torch.zeros(2 * n_groups, dtype=torch.float64)

    def bounds(self, state: Tensor) -> Tensor:
        """C_k of every group."""
        above, below = state.chunk(2)
        size = (above + below).clamp_min(1e-9)
        if state.sum() <= 0:
            return torch.full_like(size, self.clip)
        rate = (above / size).clamp(0, 1)
        overall = (above.sum() / state.sum()).clamp(1e-6, 1)
        return self.clip * (1 + (rate / overall).clamp(max=self.ratio))

    def bound(self, state: Tensor) -> float:
        return float(self.bounds(state).max())

    def factors(self, state: Tensor, norms: Tensor, groups: Tensor) -> Tensor:
        return shrink(norms, self.bounds(state).to(norms)[groups])

    def statistics(self, state: Tensor, norms: Tensor, groups: Tensor) -> Tensor:
        n_groups = len(state) // 2
        place = groups + n_groups * (norms <= self.clip)
        return torch.nn.functional.one_hot(place, 2 * n_groups).to(norms)

    def update(self, state: Tensor, noisy: Tensor, expected: float) -> Tensor:
        fresh = noisy.to(state)
        mixed = state + (fresh - state) / self.memory if state.any() else fresh
        return mixed.clamp_min(0.0)


@dataclass(frozen=True)
class GlobalAdapt:
    """Scale by C/Z what is below Z, clip the rest to C (DPSGD-Global-Adapt, arXiv 2206.04155 and Esipova 2023).

    Small gradients keep their proportions, so no group is clipped away from the others. Z ← max(C,
    Z·exp(η(b̃ − γ))) with b̃ the noised share of units above Z over the public expected batch.
    """

    clip: float = 1.0
    above: float = 0.05
    rate: float = 0.2
    share: float = 0.02
    radius: float = field(default=1.0, init=False)

    def __post_init__(self) -> None:
        _check(self, "clip", "rate")

    def start(self, n_groups: int) -> Tensor:
        return torch.tensor([2 * self.clip], dtype=torch.float64)

    def bound(self, state: Tensor) -> float:
        return self.clip

    def factors(self, state: Tensor, norms: Tensor, groups: Tensor) -> Tensor:
        z = float(state[0])
        return self.clip / z * shrink(norms, z)

    def statistics(self, state: Tensor, norms: Tensor, groups: Tensor) -> Tensor:
        return (norms > float(state[0])).to(norms)[:, None]

    def update(self, state: Tensor, noisy: Tensor, expected: float) -> Tensor:
        step = torch.exp(torch.tensor(self.rate * (float(noisy[0]) / expected - self.above)))
        return torch.clamp(state * step, min=self.clip, max=1e6)


ClippingName = Literal["flat", "bounded-adaptive", "dpsgd-f", "global-adapt"]

CLIPPINGS: dict[
    ClippingName, type[Flat] | type[BoundedAdaptive] | type[DpsgdF] | type[GlobalAdapt]
] = {
    "flat": Flat,
    "bounded-adaptive": BoundedAdaptive,
    "dpsgd-f": DpsgdF,
    "global-adapt": GlobalAdapt,
}
