"""What people decided about candidates, in the ledger's database: append-only and hash-chained as charges are.

A candidate is known by its hash, so a decision is about exactly those files. There is one decision for a
candidate: the same one again changes nothing, the opposite one is refused. A run that was rejected stays so,
also where its files are made up anew.

Privacy claim: none; a decision is made on what the guarantee covers and opens no row. Reviewer and reason are
words of a person and stay in the house.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from privacy.errors import InputError, LedgerError
from privacy.ledger import chain
from privacy.ledger.ledger import Ledger

APPROVED, REJECTED = "approved", "rejected"
LONGEST = {"reviewer": 64, "reason": 1000}
"""Letters that fit into each field that a person fills in."""

_metadata = sa.MetaData()
_decisions = chain.chained(
    "decisions",
    _metadata,
    sa.Column("candidate", sa.String(64), nullable=False, unique=True),
    sa.Column("decision", sa.String(8), nullable=False),
    sa.Column("reviewer", sa.String(LONGEST["reviewer"]), nullable=False),
    sa.Column("reason", sa.String(LONGEST["reason"]), nullable=False),
)


@dataclass(frozen=True)
class Decision:
    """One decision: by whom (``reviewer``, as they call themselves; ``who``, the account) and why."""

    number: int
    dataset: str
    run: str
    candidate: str
    decision: str
    reviewer: str
    reason: str
    who: str
    time: str
    previous: str
    hash: str


def decide(
    ledger: Ledger,
    *,
    dataset: str,
    run: str,
    candidate: str,
    decision: str,
    reviewer: str,
    reason: str,
) -> Decision:
    """Record a decision, or return the one that says the same; reviewer and reason of the first stand.

    Raises LedgerError where the opposite was decided, or where a chain of the ledger is broken.
    """
    words = {"reviewer": _words("reviewer", reviewer), "reason": _words("reason", reason)}
    if decision not in (APPROVED, REJECTED):
        raise InputError(f"a decision is {APPROVED!r} or {REJECTED!r}, found {decision!r}")
    with ledger.writing() as (db, _):
        before = _rows(db)
        known = next((d for d in before if d.candidate == candidate), None)
        if known is None:
            for d in before:
                if (d.dataset, d.run, d.decision) == (dataset, run, REJECTED):
                    raise LedgerError(
                        f"a candidate of {run} was rejected by {d.reviewer} on {d.time[:10]} (decision "
                        f"{d.number}), and this is the same run made up anew; a decision is not taken back"
                    )
            row = chain.append(
                db,
                _decisions,
                dataset=dataset,
                run=run,
                candidate=candidate,
                decision=decision,
                **words,
            )
            return Decision(**row)
    if known.decision != decision:
        raise LedgerError(
            f"this candidate was {known.decision} by {known.reviewer} on {known.time[:10]} (decision "
            f"{known.number}); a decision is not taken back"
        )
    return known


def decisions(ledger: Ledger) -> list[Decision]:
    """Every decision, oldest first."""
    with ledger.transaction() as db:
        return _rows(db)


def decision_on(ledger: Ledger, candidate: str) -> Decision | None:
    """What was decided about a candidate; None where nobody has."""
    return next((d for d in decisions(ledger) if d.candidate == candidate), None)


def _rows(db: sa.Connection) -> list[Decision]:
    chain.create(db, _metadata)
    found = db.execute(sa.select(_decisions).order_by(_decisions.c.number))
    return [Decision(**row._mapping) for row in found]


def _words(name: str, text: str) -> str:
    """One line of a person's words, as it is kept. Raises InputError where there are none or too many."""
    line = " ".join(text.split())
    if not line or not line.isprintable():
        raise InputError(f"{name}: expected words, found {text[:40]!r}")
    if len(line) > LONGEST[name]:
        raise InputError(f"{name}: at most {LONGEST[name]} letters, found {len(line)}")
    return line
