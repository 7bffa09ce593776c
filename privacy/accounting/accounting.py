"""Guarantees, and what a composition of ``DpEvent``s costs, by dp-accounting.

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

import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import attr
import dp_accounting
import numpy as np
from dp_accounting import DpEvent, NeighboringRelation
from dp_accounting.dp_event import RepeatAndSelectDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.pld.pld_pmf import create_pmf
from dp_accounting.pld.privacy_loss_distribution import (
    PrivacyLossDistribution,
    from_discrete_gaussian_mechanism,
)
from dp_accounting.rdp import RdpAccountant

from privacy.errors import InputError

RELATION = NeighboringRelation.ADD_OR_REMOVE_ONE

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

LARGE = 4.0
"""An ε beyond which a coarser privacy loss distribution is precise enough, and ten times as fast."""

FFT_ERROR = 1e-12
"""What the Fourier transforms of a privacy loss distribution may get wrong of a δ (about 2e-13 was seen)."""

SAMPLED_ORDERS = (*np.linspace(1.5, 6, 19).tolist(), *range(7, 64), 80, 96, 128, 192, 256)
"""Fewer of them, since each takes a sum over the order for a sampled Gaussian."""


def _finite(event: Any, attribute: Any, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be finite, got {value}")


@attr.s(frozen=True, slots=True, auto_attribs=True)
class ApproximateZCDpEvent(DpEvent):  # type: ignore[misc]
    """δ-approximate ρ-zCDP (arXiv 1605.02065, definition 8.1), as DP partition selection gives it.

    ρ composes as zCDP; the δs add up and come off the δ of the guarantee.
    """

    rho: float = attr.ib(validator=attr.validators.and_(attr.validators.ge(0), _finite))
    delta: float = attr.ib(
        validator=attr.validators.and_(attr.validators.ge(0), attr.validators.lt(1))
    )


@attr.s(frozen=True, slots=True, auto_attribs=True)
class DiscreteGaussianDpEvent(DpEvent):  # type: ignore[misc]
    """Counts with integer noise N_Z(0, σ²), of which one unit moves a single one, and by one.

    (arXiv 2004.00010.) 1/(2σ²)-zCDP, and with an exact privacy loss distribution. Where a unit may move several
    counts, or one by more, only the zCDP holds: use ``ZCDpEvent``.
    """

    sigma: float = attr.ib(validator=attr.validators.and_(attr.validators.gt(0), _finite))


@attr.s(frozen=True, slots=True, auto_attribs=True)
class BoundedRangeDpEvent(DpEvent):  # type: ignore[misc]
    """A selection of bounded range: no two outcomes' log odds move apart by more than ε with one unit.

    (Dong, Durfee, Rogers, arXiv 1909.13830.) The exponential mechanism with ε = 2Δ/s; ε²/8-zCDP, and dominated
    by ``bounded_range_loss``.
    """

    epsilon: float = attr.ib(validator=attr.validators.and_(attr.validators.gt(0), _finite))


@attr.s(frozen=True, slots=True, auto_attribs=True)
class ClaimedDpEvent(DpEvent):  # type: ignore[misc]
    """(ε, δ)-differential privacy on somebody's word: ``by`` says whose; nobody here has proved it.

    Composes by adding up, which holds for any mechanism; the δs come off the δ of the guarantee.
    """

    epsilon: float = attr.ib(validator=attr.validators.and_(attr.validators.gt(0), _finite))
    delta: float = attr.ib(
        validator=attr.validators.and_(attr.validators.ge(0), attr.validators.lt(1))
    )
    by: str = attr.ib(validator=attr.validators.instance_of(str))


FURTHER: dict[str, type[DpEvent]] = {
    kind.__name__: kind
    for kind in (
        ApproximateZCDpEvent,
        BoundedRangeDpEvent,
        ClaimedDpEvent,
        DiscreteGaussianDpEvent,
        RepeatAndSelectDpEvent,
    )
}
"""Events that ``dp_accounting`` itself does not name."""


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


class _Rdp(RdpAccountant):  # type: ignore[misc]
    """Rényi accountant that also knows the discrete Gaussian, whose RDP is at most the Gaussian's, and
    selections of bounded range by their zCDP.
    """

    def _maybe_compose(self, event: DpEvent, count: int, do_compose: bool) -> Any:
        if isinstance(event, BoundedRangeDpEvent):
            event = dp_accounting.ZCDpEvent(event.epsilon**2 / 8)
        if isinstance(event, DiscreteGaussianDpEvent):
            event = dp_accounting.GaussianDpEvent(event.sigma)
        return super()._maybe_compose(event, count, do_compose)


class _Pld(PLDAccountant):  # type: ignore[misc]
    """Privacy loss distributions, also of the discrete Gaussian and of selections of bounded range."""

    _pld: Any

    def _maybe_compose(self, event: DpEvent, count: int, do_compose: bool) -> Any:
        if not isinstance(event, DiscreteGaussianDpEvent | BoundedRangeDpEvent):
            return super()._maybe_compose(event, count, do_compose)
        if do_compose:
            interval = self._value_discretization_interval
            if isinstance(event, BoundedRangeDpEvent):
                alone = bounded_range_loss(event.epsilon, interval)
            else:
                alone = from_discrete_gaussian_mechanism(
                    event.sigma, value_discretization_interval=interval, use_connect_dots=True
                )
            self._pld = self._pld.compose(alone.self_compose(count))
        return None


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


def _bounds(event: DpEvent, sampled: bool, delta: float) -> Iterator[tuple[str, float]]:
    """Valid ε's, each by another accountant, as far as one more may be better than those before.

    RDP is quick and comes first, but for sampled events, where it is slow and asked only if PLD cannot answer.
    """
    asked = _Asked(_name(event), event)
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
    rdp = _Rdp(orders=orders, neighboring_relation=RELATION)
    if not rdp.supports(asked.event):
        return math.inf
    return float(rdp.compose(asked.event).get_epsilon(delta))


@lru_cache(maxsize=10_000)
def _by_pld(asked: _Asked, interval: float, delta: float) -> float:
    """The ε by privacy loss distributions of this interval; inf where they cannot answer."""
    pld = _Pld(neighboring_relation=RELATION, value_discretization_interval=interval)
    if not pld.supports(asked.event):
        return math.inf
    return float(pld.compose(asked.event).get_epsilon(delta))


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
        name = _name(once)
        times[name] = once, n + times.get(name, (once, 0))[1]
    return [dp_accounting.SelfComposedDpEvent(e, n) if n > 1 else e for e, n in times.values()]


def _name(event: DpEvent) -> str:
    """What an event is known by: not all events can be hashed."""
    return json.dumps(event_to_json(event), sort_keys=True)


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
    pld = _Pld(neighboring_relation=RELATION, value_discretization_interval=1e-3)
    if pld.supports(event):
        return "PLD", pld.compose(event).get_delta(grid) + FFT_ERROR
    orders = SAMPLED_ORDERS if any(map(_is_sampled, pure)) else ORDERS
    rdp = _Rdp(orders=orders, neighboring_relation=RELATION)
    if not rdp.supports(event):
        return "none", np.ones_like(grid)
    rdp.compose(event)
    apart = math.sqrt(max(0.0, float(min(rdp._rdp))) / 2)
    return "RDP", np.minimum([rdp.get_delta(float(e)) for e in grid], apart)


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


def _is_finite(event: DpEvent) -> bool:
    """Whether every number in an event is finite, so that its cost means something."""
    numbers = (getattr(event, a.name) for a in attr.fields(type(event)))
    return all(
        _is_finite(n) if isinstance(n, DpEvent) else math.isfinite(n)
        for n in numbers
        if isinstance(n, DpEvent | float | int)
    )


def _flat(event: DpEvent) -> Iterator[DpEvent]:
    """The parts of nested compositions."""
    if isinstance(event, dp_accounting.ComposedDpEvent):
        for part in event.events:
            yield from _flat(part)
    else:
        yield event


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


def event_to_json(event: DpEvent) -> dict[str, Any]:
    """A ``DpEvent`` as plain JSON: its class name and its parameters."""
    return {"type": type(event).__name__} | {
        field.name: _plain(getattr(event, field.name)) for field in attr.fields(type(event))
    }


def _plain(value: Any) -> Any:
    if isinstance(value, DpEvent):
        return event_to_json(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def event_from_json(data: dict[str, Any]) -> DpEvent:
    """The ``DpEvent`` that ``event_to_json`` wrote."""
    known = {k: v for k, v in data.items() if k != "type"}
    name = str(data.get("type"))
    kind = FURTHER.get(name) or getattr(dp_accounting, name, None)
    if not (isinstance(kind, type) and issubclass(kind, DpEvent)):
        raise InputError(f"{name!r} is not an event that dp-accounting knows")

    def read(value: Any) -> Any:
        if isinstance(value, dict):
            return event_from_json(value)
        return [read(v) for v in value] if isinstance(value, list) else value

    event: DpEvent = kind(**{k: read(v) for k, v in known.items()})
    return event
