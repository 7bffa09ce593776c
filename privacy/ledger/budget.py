"""What a partition has spent under all names of its account, and whether one more charge fits its budget.

The ledger asks for this where it charges or tells, and only then are the accountants imported.

Privacy claim: the composed events of a partition never exceed the budget of its account.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from dp_accounting import DpEvent

from privacy.accounting.calibration import left
from privacy.accounting.composition import spent, within
from privacy.accounting.guarantee import Guarantee, Spent
from privacy.errors import BudgetError
from privacy.ledger.charges import recorded
from privacy.ledger.register import Dataset, Register

TOLERANCE = 1e-9
"""Relative slack when ε is compared with the budget: rounding, not privacy."""


def spent_with(
    db: sa.Connection, known: Register, entry: Dataset, partition: str, more: Iterable[DpEvent]
) -> Spent:
    """What a partition would have spent after ``more``, at the account's δ."""
    before = _charged(db, known, entry.name, partition)
    return spent([*before, *more], entry.budget.delta)


def check_budget(
    db: sa.Connection, known: Register, entry: Dataset, partition: str, event: DpEvent
) -> None:
    """Raise BudgetError where the composition with ``event`` would exceed the budget."""
    budget, before = entry.budget, _charged(db, known, entry.name, partition)
    allowed = Guarantee(budget.epsilon * (1 + TOLERANCE), budget.delta)
    if not within([*before, event], allowed):
        total = spent([*before, event], budget.delta).epsilon
        so_far = spent(before, budget.delta).epsilon
        raise BudgetError(
            f"{entry.account}/{partition}: this would bring the lifetime ε from {so_far:.4g} to {total:.4g} "
            f"at δ={budget.delta:g}; the budget is {budget.epsilon:g}. {fitting(before, budget)}. Nothing "
            "was read."
        )


def fitting(before: Sequence[DpEvent], budget: Guarantee) -> str:
    """What would still fit, in words; costs compose to less than their sum."""
    found = left(before, budget)
    if not found:
        return "Nothing more fits"
    return f"A release of about ε={found:g} at δ={budget.delta:g} would still fit"


def _charged(db: sa.Connection, known: Register, dataset: str, partition: str) -> list[DpEvent]:
    """What was charged to a partition under all names of its account."""
    rows = recorded(db, known.sharing(dataset))
    return [c.dp_event for c in rows if c.partition == partition]
