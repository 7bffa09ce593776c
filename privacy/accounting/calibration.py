"""The setting of a mechanism whose event costs the most that a guarantee allows.

Privacy claim: none of its own; arithmetic on public parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import dp_accounting
from dp_accounting import DpEvent, GaussianDpEvent
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


HALVINGS = 10
MARGIN = 0.98
"""How much of what is left is told, since no release costs to the last digit what a Gaussian does."""


def left(before: Sequence[DpEvent], budget: Guarantee) -> float:
    """About the ε, at the budget's δ, of the largest release that still fits beside ``before``; 0 for none.

    That of a Gaussian mechanism, rounded down to two digits.
    """
    fits, too_much = 3.0, -3.0  # logarithms of σ, base 10
    if not within([*before, GaussianDpEvent(10**fits)], budget):
        return 0.0
    for _ in range(HALVINGS):
        middle = (fits + too_much) / 2
        if within([*before, GaussianDpEvent(10**middle)], budget):
            fits = middle
        else:
            too_much = middle
    epsilon = MARGIN * spent([GaussianDpEvent(10**fits)], budget.delta).epsilon
    digit = 10.0 ** (math.floor(math.log10(epsilon)) - 1)
    return round(math.floor(epsilon / digit) * digit, 12)


def zcdp_budget(guarantee: Guarantee) -> float:
    """The largest ρ for which ρ-zCDP implies ``guarantee``."""
    return calibrate(guarantee, dp_accounting.ZCDpEvent, 1e-10, 1e4)
