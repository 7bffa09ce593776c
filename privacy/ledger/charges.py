"""The charges of a ledger, and the permits they give.

Privacy claim: a permit is the word of a charge that stands in the ledger; nothing else makes one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from privacy.errors import PermitError
from privacy.ledger.chain import chained
from privacy.ledger.register import Dataset
from privacy.people.split import Split

if TYPE_CHECKING:  # dp-accounting takes a second to import, and a ledger is often only looked at
    from dp_accounting import DpEvent

metadata = sa.MetaData()
CHARGES = chained(
    "charges",
    metadata,
    sa.Column("partition", sa.String(16), nullable=False),
    sa.Column("attempt", sa.String(64), nullable=False),
    sa.Column("purpose", sa.String(128), nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.UniqueConstraint("attempt", "partition", "purpose"),
    sa.Index("ix_charges_dataset", "dataset"),
)


@dataclass(frozen=True)
class Charge:
    """One row of the ledger: who was charged for what, and the hashes that chain it."""

    number: int
    dataset: str
    partition: str
    run: str
    who: str
    attempt: str
    purpose: str
    event: str
    time: str
    previous: str
    hash: str

    @property
    def dp_event(self) -> DpEvent:
        """The event that was charged."""
        from privacy.accounting.events import event_of

        return event_of(self.event)

    @property
    def free(self) -> bool:
        """Whether it only records that rows were opened."""
        return bool(json.loads(self.event)["type"] == "NoOpDpEvent")


ISSUER = object()


@dataclass(frozen=True)
class Permit:
    """The ledger's word that one event on one partition has been charged; only the ledger makes one.

    A permit whose event is NoOpDpEvent opens rows for internal use: what is computed must stay in the house.
    """

    charge: Charge
    entry: Dataset
    issuer: object = field(repr=False)
    public: bool = False
    """Whether a person declared the rows public: it then covers whatever is done with them."""

    def __post_init__(self) -> None:
        if self.issuer is not ISSUER:
            raise PermitError("a permit comes from Ledger.charge and from nowhere else")

    @property
    def dataset(self) -> str:
        return self.charge.dataset

    @property
    def partition(self) -> str:
        return self.charge.partition

    @property
    def split(self) -> Split:
        return self.entry.split

    def covers(self, event: DpEvent, attempt: str) -> None:
        """Raise PermitError unless ``event``, or what is made of it, was charged for ``attempt``."""
        if attempt != self.charge.attempt:
            raise PermitError(f"the permit is of attempt {self.charge.attempt}, not of {attempt}")
        if self.public:
            return
        from privacy.accounting.events import parts_of

        charged = self.charge.dp_event
        if event not in parts_of(charged):
            raise PermitError(f"the permit was charged for {charged}, not for {event}")


def recorded(db: sa.Connection, datasets: set[str] | None = None) -> list[Charge]:
    """The charges of some data sets, or all; oldest first."""
    query = sa.select(CHARGES).order_by(CHARGES.c.number)
    if datasets is not None:
        query = query.where(CHARGES.c.dataset.in_(sorted(datasets)))
    return [Charge(**row._mapping) for row in db.execute(query)]


def spent_on(db: sa.Connection, datasets: set[str]) -> bool:
    """Whether anything was ever charged to one of them."""
    return any(not c.free for c in recorded(db, datasets))
