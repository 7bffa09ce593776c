"""What a mechanism is charged as: dp-accounting's ``DpEvent``s, those that it does not name, and both as JSON.

Privacy claim: none of its own; each event says what its mechanism was proved to be.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import attr
import dp_accounting
import numpy as np
from dp_accounting import ComposedDpEvent, DpEvent
from dp_accounting.dp_event import RepeatAndSelectDpEvent

from privacy.errors import InputError


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


def parts_of(event: DpEvent) -> Iterator[DpEvent]:
    """An event, and all that it is composed or repeated of."""
    yield event
    if isinstance(event, ComposedDpEvent):
        for part in event.events:
            yield from parts_of(part)
    elif isinstance(event, RepeatAndSelectDpEvent):
        yield from parts_of(event.event)


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


def event_text(event: DpEvent) -> str:
    """An event as a ledger writes it."""
    return json.dumps(event_to_json(event), sort_keys=True)


def event_of(text: str) -> DpEvent:
    """The event that ``event_text`` wrote."""
    return event_from_json(json.loads(text))
