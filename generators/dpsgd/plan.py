"""What a private training run does, as public numbers; the event follows from them alone.

Privacy claim: ``event()`` is what ``steps`` calls of ``PrivateGradient`` cost: each is a Gaussian mechanism of
noise multiplier σ on a Poisson sample of the units, the statistics of adaptive clipping included. The fields
of ``Performance`` change neither mechanism nor event.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from dp_accounting import DpEvent, GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent

from generators.dpsgd.clipping import Clipping, Flat

Precision = Literal["float32", "bfloat16"]

LARGEST = 4096
"""Units in a batch: what float32 does to the sum of more may be above what clipping leaves for it."""


@dataclass(frozen=True)
class Performance:
    """How fast and in how much memory the same mechanism runs.

    ``physical_batch``: the most units whose gradients are computed at once; the sums are exact for any.
    ``precision``: of forward and backward passes; norms and the sums of a batch are always float32, sums of
    batches and noise float64.
    """

    physical_batch: int = 4096
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if not 1 <= self.physical_batch <= LARGEST:
            raise ValueError(
                f"physical_batch must lie in [1, {LARGEST}], got {self.physical_batch}"
            )


@dataclass(frozen=True)
class Plan:
    """T steps on Poisson samples with rate q, noise multiplier σ and K draws of each unit's loss."""

    sampling_rate: float
    steps: int
    noise_multiplier: float
    draws: int = 1
    clipping: Clipping = field(default_factory=Flat)
    performance: Performance = Performance()

    def __post_init__(self) -> None:
        if not 0 < self.sampling_rate <= 1:
            raise ValueError(f"sampling_rate must lie in (0, 1], got {self.sampling_rate}")
        for name in ("steps", "draws"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.noise_multiplier < math.inf:
            raise ValueError(f"noise_multiplier must be positive, got {self.noise_multiplier}")

    def event(self) -> DpEvent:
        """T-fold Poisson-sampled Gaussian."""
        return sampled_gaussian(self.sampling_rate, self.noise_multiplier, self.steps)

    @property
    def gradient_multiplier(self) -> float:
        """The noise multiplier of the gradient, when the clipping's statistics take their share of 1/σ²."""
        return self.noise_multiplier / math.sqrt(1 - self.clipping.share)

    @property
    def statistics_multiplier(self) -> float:
        """The noise multiplier of the clipping's statistics."""
        return self.noise_multiplier / math.sqrt(self.clipping.share)


def sampled_gaussian(q: float, sigma: float, steps: int) -> DpEvent:
    """``steps`` Gaussian mechanisms of noise multiplier σ, each on a Poisson sample of rate q."""
    return SelfComposedDpEvent(PoissonSampledDpEvent(q, GaussianDpEvent(sigma)), steps)
