"""What the questions to the people held out cost, all of them together; see ``questions`` for why."""

from __future__ import annotations

from dp_accounting import DpEvent, ZCDpEvent


def evaluation_event(rho: float) -> DpEvent:
    """What all questions together are charged as."""
    return ZCDpEvent(rho)
