"""Risk in words: what the events of a release let any attack reach at most, for its label.

Figures are rounded up where they are shown.

Privacy claim: none; arithmetic on public parameters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from dp_accounting import DpEvent

from privacy.accounting.risk import risk

THEOREM = (
    "from the trade-off function of all that was charged for these rows (arXiv 1905.02383); secrets by arXiv "
    "2302.07225"
)
HOLDS_FOR = (
    "any attack on one unit, whatever it knows of everybody else; for these rows alone, not for what else was "
    "released of the same people"
)


def told_risk(events: Iterable[DpEvent], unit: str, unverified: bool) -> dict[str, Any]:
    """The figures of ``privacy.accounting.risk``, in words first."""
    most = risk(events)
    return {
        "in_words": _in_words(most.one_in_two, unit, unverified),
        "membership_advantage": most.advantage,
        "tpr_at_1_percent_fpr": most.tpr,
        "right_about_1_in_2": most.one_in_two,
        "right_about_1_in_100": most.one_in_hundred,
        "accountant": most.accountant,
        "theorem": THEOREM,
        "holds_for": HOLDS_FOR,
    }


def _in_words(one_in_two: float, unit: str, unverified: bool) -> str:
    """One sentence for whoever has to answer for the release."""
    whom, rows = (
        ("whoever a row stands for", "that row")
        if unit == "row"
        else (f"any one {unit}", "their rows")
    )
    said = (
        "somebody who knows everything about everybody else and tries whatever there is will guess a yes-or-no "
        f"secret of {whom} right at most {in_hundred(one_in_two)} times in 100; without {rows} it would be 50 "
        "times."
    )
    return (
        f"If what is claimed upstream holds, {said}" if unverified else said[0].upper() + said[1:]
    )


def in_hundred(chance: float) -> str:
    """A chance as times in 100, rounded up to three digits."""
    percent = 100 * chance
    if percent <= 0:
        return "0"
    step = 10.0 ** (math.floor(math.log10(percent)) - 2)
    return f"{min(100.0, math.ceil(percent / step - 1e-6) * step):.4g}"
