"""dp-accounting's accountants, taught the discrete Gaussian and selections of bounded range.

Privacy claim: none of its own; each bound is that of the paper named beside it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import dp_accounting
import numpy as np
from dp_accounting import DpEvent, NeighboringRelation
from dp_accounting.pld import PLDAccountant
from dp_accounting.pld.pld_pmf import create_pmf
from dp_accounting.pld.privacy_loss_distribution import (
    PrivacyLossDistribution,
    from_discrete_gaussian_mechanism,
)
from dp_accounting.rdp import RdpAccountant

from privacy.accounting.events import BoundedRangeDpEvent, DiscreteGaussianDpEvent

RELATION = NeighboringRelation.ADD_OR_REMOVE_ONE


class Rdp(RdpAccountant):  # type: ignore[misc]
    """Rényi accountant that also knows the discrete Gaussian, whose RDP is at most the Gaussian's, and
    selections of bounded range by their zCDP.
    """

    def _maybe_compose(self, event: DpEvent, count: int, do_compose: bool) -> Any:
        if isinstance(event, BoundedRangeDpEvent):
            event = dp_accounting.ZCDpEvent(event.epsilon**2 / 8)
        if isinstance(event, DiscreteGaussianDpEvent):
            event = dp_accounting.GaussianDpEvent(event.sigma)
        return super()._maybe_compose(event, count, do_compose)


class Pld(PLDAccountant):  # type: ignore[misc]
    """Privacy loss distributions, also of the discrete Gaussian and of selections of bounded range."""

    _pld: Any

    def _maybe_compose(self, event: DpEvent, count: int, do_compose: bool) -> Any:
        if not isinstance(event, DiscreteGaussianDpEvent | BoundedRangeDpEvent):
            return super()._maybe_compose(event, count, do_compose)
        if do_compose:
            interval = self._value_discretization_interval
            if isinstance(event, BoundedRangeDpEvent):
                alone = bounded_range_loss(event.epsilon, interval).self_compose(count)
            else:
                alone = discrete_gaussian_loss(event.sigma, count, interval)
            self._pld = self._pld.compose(alone)
        return None


@lru_cache(maxsize=16)
def discrete_gaussian_loss(sigma: float, count: int, interval: float) -> PrivacyLossDistribution:
    """The loss distribution of ``count`` discrete Gaussians; calibration asks for the same beside others."""
    return from_discrete_gaussian_mechanism(
        sigma, value_discretization_interval=interval, use_connect_dots=True
    ).self_compose(count)


def bounded_range_delta(epsilon: float, x: float) -> float:
    """The most that the hockey-stick divergence at ``x`` can be for a mechanism whose range is ``epsilon``.

    Such a mechanism is no worse than one of two outcomes with log ratios t and t − ε for some t in [0, ε]
    (arXiv 1909.13830), whose divergence (1 − e^(x−t) − e^(t−ε) + e^(x−ε)) / (1 − e^−ε) is largest at
    t = (x + ε)/2. The largest is convex in e^x, and so a pair's: one that dominates whatever t is.
    """
    if abs(x) >= epsilon:
        return max(0.0, -math.expm1(x)) if x < 0 else 0.0
    return math.expm1((x - epsilon) / 2) ** 2 / -math.expm1(-epsilon)


def bounded_range_loss(epsilon: float, interval: float) -> PrivacyLossDistribution:
    """The loss distribution of ``bounded_range_delta``, its dots connected (arXiv 2207.04380) on a grid.

    In closed form, since second differences of a curve would lose all digits; both directions are alike.
    """
    top = math.ceil(epsilon / interval)
    inner = np.arange(2 - top, top - 1)
    rate = 2 * math.tanh(interval / 4) / -math.expm1(-epsilon)
    mass = dict(zip(inner.tolist(), rate * np.exp((inner * interval - epsilon) / 2), strict=True))
    last, before = (bounded_range_delta(epsilon, (top - i) * interval) for i in (1, 2))
    grow = math.expm1(interval)
    ends = {top - 1: ((before - last) * (1 + grow) - last) / grow, top: last * (1 + grow) / grow}
    for (
        i,
        p,
    ) in ends.items():  # the outcome that is e^x times as likely with the unit, and its mirror
        mass |= {i: p, -i: p * math.exp(-i * interval)}
    return PrivacyLossDistribution(create_pmf(mass, interval, 0.0, True))
