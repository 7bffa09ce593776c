"""(ε, δ) as a person writes it and as it was spent: public numbers, without the accountants behind them.

Privacy claim: none of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from privacy.errors import InputError


@dataclass(frozen=True)
class Guarantee:
    """(ε, δ)-differential privacy for adding or removing one unit; δ is fixed by a person, never by data."""

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise InputError(f"epsilon must be positive and finite, got {self.epsilon}")
        if not 0 < self.delta < 1e-2:
            raise InputError(f"delta must lie between 0 and 0.01, got {self.delta}")


@dataclass(frozen=True)
class Spent:
    """What a composition costs: ε at the given δ, and the accountant that says so.

    ``claimed``: the part of ε that is somebody's word.
    """

    epsilon: float
    delta: float
    accountant: str
    claimed: float = 0.0
