"""The setting of a mechanism whose event costs the most that a guarantee allows.

Privacy claim: none of its own; arithmetic on public parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import dp_accounting
from dp_accounting import DpEvent
from scipy.optimize import brentq

from privacy.accounting.composition import spent, within
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError

FAR = 50.0
"""Beyond e to this an ε is as good as infinite, below its inverse as good as none."""


def calibrate(
    guarantee: Guarantee,
    event: Callable[[float], DpEvent],
    low: float,
    high: float,
    tolerance: float = 1e-7,
) -> float:
    """The parameter between ``low`` and ``high`` whose event costs the most that ``guarantee`` allows.

    ``event(x)`` may cost more or less as x grows; ``tolerance`` is relative, and on the cheap side. Raises
    InputError where even the cheaper end is too dear. The logarithm of ε is close to a line in that of x, so
    Brent's method asks the accountants a few times where bisection would ask dozens of times.
    """

    def over(log_x: float) -> float:
        """log(ε(x) / ε), within what Brent's method can reckon with."""
        ratio = spent([event(math.exp(log_x))], guarantee.delta).epsilon / guarantee.epsilon
        return min(max(math.log(ratio), -FAR), FAR) if ratio > 0 else -FAR

    ends = {math.log(x): over(math.log(x)) for x in (low, high)}
    cheap, dear = sorted(ends, key=lambda end: ends[end])
    if ends[cheap] > 0:
        raise InputError(f"no setting between {low} and {high} reaches ε={guarantee.epsilon}")
    if ends[dear] <= 0:
        return math.exp(dear)
    root = float(brentq(over, cheap, dear, xtol=tolerance / 4))
    back = math.copysign(tolerance / 4, cheap - dear)
    while abs(root - dear) < abs(cheap - dear):
        if within([event(math.exp(root))], guarantee):
            return math.exp(root)
        root, back = root + back, 2 * back
    return math.exp(cheap)


def zcdp_budget(guarantee: Guarantee) -> float:
    """The largest ρ for which ρ-zCDP implies ``guarantee``."""
    return calibrate(guarantee, dp_accounting.ZCDpEvent, 1e-10, 1e4)
