"""What any attack can reach at most, whoever runs it and whatever they know: a privacy profile as chances.

Every pair (ε, δ) of a profile bounds the true positive rate of every test at every false positive rate
(Kairouz, Oh and Viswanath 2015); the smallest of these bounds is one minus the trade-off function f of the
mechanism, as exact as the profile is (Dong, Roth and Su, arXiv 1905.02383). From it follow the largest
difference between both rates, and the chance of guessing a secret of one unit: whoever would be right with
probability p from a release that the unit had no part in is right with probability at most 1 − f(p) from this
one, since each guess is a test between both worlds and 1 − f is concave (Hayes, Mahloujifar and Balle, arXiv
2302.07225; Kulynych et al., arXiv 2507.06969).

Privacy claim: none; arithmetic on public parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from dp_accounting import DpEvent

FPR = 0.01


@dataclass(frozen=True)
class Risk:
    """The most that any attack on one unit reaches.

    ``advantage``: true minus false positive rate in telling whether a unit took part. ``tpr``: the true
    positive rate of that at 1 % false ones. ``one_in_two``, ``one_in_hundred``: the chance of guessing a secret
    of the unit right that would be guessed right with probability 1/2 and 1/100 without it.
    """

    advantage: float
    tpr: float
    one_in_two: float
    one_in_hundred: float
    accountant: str


def risk(events: Iterable[DpEvent]) -> Risk:
    """What ``events`` allow; all figures are 1 where no accountant knows them."""
    from privacy.accounting.composition import (
        profile,  # accountants, which the formulas below do without
    )

    curve = profile(events)

    def right(chance: float) -> float:
        return float(most_tpr(chance, curve.epsilon, curve.delta).min())

    apart = most_advantage(curve.epsilon, curve.delta).min()
    return Risk(float(apart), right(FPR), right(1 / 2), right(1 / 100), curve.accountant)


def most_tpr(fpr: npt.ArrayLike, epsilon: npt.ArrayLike, delta: npt.ArrayLike) -> np.ndarray:
    """The largest true positive rate at a false positive rate under (ε, δ)-differential privacy."""
    a, e, d = (np.asarray(x, dtype=float) for x in (fpr, epsilon, delta))
    bound = np.minimum(np.exp(e) * a + d, 1 - np.exp(-e) * (1 - d - a))
    return np.asarray(np.clip(bound, 0, 1))


def most_advantage(epsilon: npt.ArrayLike, delta: npt.ArrayLike) -> np.ndarray:
    """The largest difference between true and false positive rate, at any threshold."""
    e, d = np.asarray(epsilon, dtype=float), np.asarray(delta, dtype=float)
    return np.asarray(1 - 2 * (1 - d) / (1 + np.exp(e)))
