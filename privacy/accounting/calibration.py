"""The setting of a mechanism whose event costs the most that a guarantee allows.

Privacy claim: none of its own; arithmetic on public parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import dp_accounting
from dp_accounting import DpEvent

from privacy.accounting.composition import spent, within
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError


def calibrate(
    guarantee: Guarantee,
    event: Callable[[float], DpEvent],
    low: float,
    high: float,
    tolerance: float = 1e-7,
) -> float:
    """The parameter between ``low`` and ``high`` whose event costs the most that ``guarantee`` allows.

    ``event(x)`` may cost more or less as x grows; ``tolerance`` is relative, and on the cheap side. Raises
    InputError where even the cheaper end is too dear.
    """
    fits = {x: within([event(x)], guarantee) for x in (low, high)}
    if fits[low] == fits[high]:
        cost = {x: spent([event(x)], guarantee.delta).epsilon for x in (low, high)}
        safe, dear = (low, high) if cost[high] > cost[low] else (high, low)
    else:
        safe, dear = (low, high) if fits[low] else (high, low)
    if not fits[safe]:
        raise InputError(f"no setting between {low} and {high} reaches ε={guarantee.epsilon}")
    for _ in range(60):
        middle = math.sqrt(safe * dear)
        if within([event(middle)], guarantee):
            safe = middle
        else:
            dear = middle
        if abs(safe - dear) <= tolerance * safe:
            break
    return safe


def zcdp_budget(guarantee: Guarantee) -> float:
    """The largest ρ for which ρ-zCDP implies ``guarantee``."""
    return calibrate(guarantee, dp_accounting.ZCDpEvent, 1e-10, 1e4)
