"""What a composition of ``DpEvent``s costs, by dp-accounting.

Every accountant that understands all the events is asked; each bound is valid, so the smallest ε holds, and
the accountant it came from is named. zCDP reaches (ε, δ) through RDP at the best of many orders
(arXiv 1605.02065, 2004.00010); Gaussian, sampled Gaussian and bounded-range events also through PLD. RDP of
sampled events is slow and looser, so it is asked only where PLD cannot answer, and at fewer orders.

Each event of a composition names a dominating pair that is fixed before the data, whatever is asked for with
it; the composition of the pairs then dominates also where every mechanism is chosen after the answers before it
(Zhu, Dong, Wang, arXiv 2106.08567), and one that stops early is the same with nothing asked at the
end.

Privacy claim: none of its own; arithmetic on public parameters.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version

import attr
import dp_accounting
import numpy as np
from dp_accounting import DpEvent
from dp_accounting.dp_event import RepeatAndSelectDpEvent

from privacy.accounting.accountants import RELATION, Pld, Rdp
from privacy.accounting.events import (
    ApproximateZCDpEvent,
    ClaimedDpEvent,
    event_text,
)
from privacy.accounting.guarantee import Guarantee, Spent

ORDERS = (
    *np.linspace(1.05, 11.95, 110).tolist(),
    *range(12, 257),
    320,
    400,
    512,
    768,
    1024,
    2048,
    4096,
)
"""Rényi orders; dense where ε between .01 and 20 and δ between 1e-12 and 1e-3 have their optimum."""

SAMPLED_ORDERS = (*np.linspace(1.5, 6, 19).tolist(), *range(7, 64), 80, 96, 128, 192, 256)
"""Fewer of them, since each takes a sum over the order for a sampled Gaussian."""

LARGE = 4.0
"""An ε beyond which a coarser privacy loss distribution is precise enough, and ten times as fast."""

FFT_ERROR = 1e-12
"""What the Fourier transforms of a privacy loss distribution may get wrong of a δ (about 2e-13 was seen)."""


def spent(events: Iterable[DpEvent], delta: float) -> Spent:
    """The composed ε of ``events`` at ``delta``: the smallest that any accountant proves; inf if none can."""
    return min(_answers(events, delta), key=lambda answer: answer.epsilon)


def within(events: Iterable[DpEvent], guarantee: Guarantee) -> bool:
    """Whether any accountant proves that ``events`` cost no more than ``guarantee``."""
    return any(a.epsilon <= guarantee.epsilon for a in _answers(events, guarantee.delta))


def _answers(events: Iterable[DpEvent], delta: float) -> Iterator[Spent]:
    """What each accountant says, as far as one more may say less."""
    pure, slack, claimed = _apart(events)
    yield Spent(math.inf, delta, "none", claimed)
    # an accountant that is given nonsense may answer zero for it
    if slack >= delta or not all(map(_is_finite, pure)):
        return
    event = dp_accounting.ComposedDpEvent(pure)
    with _without_warnings():
        for name, epsilon in _bounds(event, any(map(_is_sampled, pure)), delta - slack):
            yield Spent(claimed + epsilon, delta, _named(name, claimed), claimed)


def _bounds(event: DpEvent, sampled: bool, delta: float) -> Iterator[tuple[str, float]]:
    """Valid ε's, each by another accountant, as far as one more may be better than those before.

    RDP is quick and comes first, but for sampled events, where it is slow and asked only if PLD cannot answer.
    """
    asked = _Asked(event_text(event), event)
    if not sampled:
        yield "RDP", _by_rdp(asked, ORDERS, delta)
    best = math.inf
    for interval in (1e-3, 1e-4):
        if delta <= 2 * FFT_ERROR:
            break
        best = _by_pld(asked, interval, delta - FFT_ERROR)
        yield "PLD", best
        if best > LARGE:
            break
    if sampled and best == math.inf:
        yield "RDP", _by_rdp(asked, SAMPLED_ORDERS, delta)


@dataclass(frozen=True)
class _Asked:
    """An event, known by its name: calibration, ledger and label ask what the same one costs."""

    name: str
    event: DpEvent = field(compare=False)


@lru_cache(maxsize=10_000)
def _by_rdp(asked: _Asked, orders: Sequence[float], delta: float) -> float:
    """The ε by RDP; inf where it cannot answer."""
    rdp = Rdp(orders=orders, neighboring_relation=RELATION)
    if not rdp.supports(asked.event):
        return math.inf
    return float(rdp.compose(asked.event).get_epsilon(delta))


@lru_cache(maxsize=10_000)
def _by_pld(asked: _Asked, interval: float, delta: float) -> float:
    """The ε by privacy loss distributions of this interval; inf where they cannot answer."""
    pld = Pld(neighboring_relation=RELATION, value_discretization_interval=interval)
    if not pld.supports(asked.event):
        return math.inf
    return float(pld.compose(asked.event).get_epsilon(delta))


@dataclass(frozen=True)
class Profile:
    """Pairs of ε and δ that hold all at once, and the accountant that says so."""

    epsilon: np.ndarray
    delta: np.ndarray
    accountant: str


def profile(events: Iterable[DpEvent]) -> Profile:
    """The δ of a composition at many ε: its privacy profile, exact but for rounding up where PLD can answer.

    From RDP, δ is at most the total variation too, which by Pinsker's inequality is at most √(divergence / 2).
    Events that no accountant knows leave δ = 1.
    """
    pure, slack, claimed = _apart(events)
    grid = np.concatenate([np.linspace(0, 1, 401), np.geomspace(1, 200, 800)[1:]])
    name, delta = "none", np.ones_like(grid)
    if all(map(_is_finite, pure)):
        with _without_warnings():
            name, delta = _profile(pure, grid)
    return Profile(claimed + grid, np.minimum(1, delta + slack), _named(name, claimed))


def _profile(pure: list[DpEvent], grid: np.ndarray) -> tuple[str, np.ndarray]:
    event = dp_accounting.ComposedDpEvent(pure)
    pld = Pld(neighboring_relation=RELATION, value_discretization_interval=1e-3)
    if pld.supports(event):
        return "PLD", pld.compose(event).get_delta(grid) + FFT_ERROR
    orders = SAMPLED_ORDERS if any(map(_is_sampled, pure)) else ORDERS
    rdp = Rdp(orders=orders, neighboring_relation=RELATION)
    if not rdp.supports(event):
        return "none", np.ones_like(grid)
    rdp.compose(event)
    apart = math.sqrt(max(0.0, float(min(rdp._rdp))) / 2)
    return "RDP", np.minimum([rdp.get_delta(float(e)) for e in grid], apart)


def _apart(events: Iterable[DpEvent]) -> tuple[list[DpEvent], float, float]:
    """What an accountant composes, the δ beside it, and the ε that is claimed: both of these add up."""
    pure, slack, claimed = [], 0.0, 0.0
    for part in events:
        for e in _flat(part):
            if isinstance(e, ApproximateZCDpEvent | ClaimedDpEvent):
                slack += e.delta
            if isinstance(e, ClaimedDpEvent):
                claimed += e.epsilon
                continue
            if isinstance(e, ApproximateZCDpEvent):
                e = dp_accounting.ZCDpEvent(e.rho) if e.rho else dp_accounting.NoOpDpEvent()
            pure.append(e)
    return _together(pure), slack, claimed


def _together(events: Iterable[DpEvent]) -> list[DpEvent]:
    """Equal events as one that is repeated: the same composition, whose loss is found once for all of them."""
    times: dict[str, tuple[DpEvent, int]] = {}
    for event in events:
        once, n = event, 1
        while isinstance(once, dp_accounting.SelfComposedDpEvent):
            once, n = once.event, n * once.count
        name = event_text(once)  # not all events can be hashed
        times[name] = once, n + times.get(name, (once, 0))[1]
    return [dp_accounting.SelfComposedDpEvent(e, n) if n > 1 else e for e, n in times.values()]


def _flat(event: DpEvent) -> Iterator[DpEvent]:
    """The parts of nested compositions."""
    if isinstance(event, dp_accounting.ComposedDpEvent):
        for part in event.events:
            yield from _flat(part)
    else:
        yield event


def _named(accountant: str, claimed: float) -> str:
    """The accountant with its version, and that claims were added to what it says."""
    if accountant == "none":
        return accountant
    by = f"{accountant} (dp-accounting {version('dp-accounting')})"
    return by + (", and what is claimed added to it" if claimed else "")


def _is_sampled(event: DpEvent) -> bool:
    if isinstance(event, dp_accounting.SelfComposedDpEvent | RepeatAndSelectDpEvent):
        return _is_sampled(event.event)
    if isinstance(event, dp_accounting.ComposedDpEvent):  # within a repeated one
        return any(map(_is_sampled, event.events))
    return isinstance(event, dp_accounting.PoissonSampledDpEvent)


def _is_finite(event: DpEvent) -> bool:
    """Whether every number in an event is finite, so that its cost means something."""
    numbers = (getattr(event, a.name) for a in attr.fields(type(event)))
    return all(
        _is_finite(n) if isinstance(n, DpEvent) else math.isfinite(n)
        for n in numbers
        if isinstance(n, DpEvent | float | int)
    )


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Rényi orders that cannot be computed are left out, each with a warning; the bound holds without them."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
