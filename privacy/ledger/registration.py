"""What a registration may say, and whose people are whose: the rules that ``Ledger`` holds data sets to.

Privacy claim: none by itself; no schema, config, format or later extract gives the same people a second
budget or another side of the split without a person saying so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError, LedgerError, PeopleError
from privacy.ledger.charges import spent_on
from privacy.ledger.register import Dataset, Register
from privacy.people.identity import AS_READ, Identity
from privacy.people.sketch import Sketch
from privacy.schema.schema import Schema


def entry_of(known: Register, dataset: str) -> Dataset:
    if dataset not in known.datasets:
        raise LedgerError(f"{dataset!r} is not registered in this ledger")
    return known.datasets[dataset]


def host_of(known: Register, name: str, other: str | None) -> Dataset | None:
    """The entry whose account a data set is to share."""
    if other is None:
        return None
    if other == name:
        raise InputError(f"same_people_as: {name!r} is the data set itself; leave it out")
    if other not in known.datasets:
        raise LedgerError(f"same_people_as: {other!r} is not registered in this ledger")
    return known.datasets[other]


def check_terms(entry: Dataset, budget: Guarantee, holdout: float) -> None:
    if (entry.budget, entry.split.holdout) != (budget, holdout):
        whose = entry.name if entry.account == entry.name else f"{entry.name}, as {entry.account},"
        raise LedgerError(
            f"{whose} has the lifetime budget ε={entry.budget.epsilon}, δ={entry.budget.delta} with "
            f"{entry.split.holdout:g} held out, as said when its people were first read; the config says "
            f"ε={budget.epsilon}, δ={budget.delta}, {holdout:g}. Write `budget:` and `holdout:` as they were"
        )


def identity_of(
    db: sa.Connection, entry: Dataset, schema: Schema, host: Dataset | None
) -> Identity:
    """Who is a unit, as it was registered or, at the first time, as the schema says.

    Raises LedgerError where the two would know people otherwise.
    """
    if entry.identity is None:
        if host is None and spent_on(db, {entry.name}):
            raise LedgerError(
                f"{entry.name}: charged before the ledger knew who its units are; say by which schema, with "
                "`understudy ledger bind SCHEMA --data FILE`, those of the releases before"
            )
        form = entry.form if host is None else host.form
        fresh = Identity.of(schema, form)
        if host is not None and host.identity is not None:
            check_shared(entry, host.identity, fresh)
        return fresh
    if different := entry.identity.against(schema):
        raise LedgerError(
            f"{entry.name}: {different}. The same people would get another side of the split, or count "
            "otherwise"
        )
    return entry.identity


def check_shared(entry: Dataset, host: Identity, fresh: Identity) -> None:
    """People of one account are counted and known alike, so that each has one side and one bound."""
    mine, theirs = (
        (i.unit, i.max_rows_per_unit, i.columns, i.form, i.reading) for i in (fresh, host)
    )
    if mine != theirs:
        raise LedgerError(
            f"{entry.name}: same_people_as: its people are not known by what theirs are; both need the same "
            "`unit:`, `max_rows_per_unit:` and encoding or, without a unit, the same columns, read alike"
        )


def check_sources(known: Register, dataset: str, digests: Iterable[str]) -> None:
    """Raise LedgerError where a file was charged as a data set of another account."""
    for owner in filter(None, map(known.sources.get, digests)):
        if owner not in known.sharing(dataset):
            raise LedgerError(
                f"this file was charged as data set {owner!r} before; under the name {dataset!r} the same "
                f"people would get a second budget. Use the name {owner!r}, or write in the config "
                f"`same_people_as: {owner}` (one budget for both)"
            )


def check_keys(known: Register, dataset: str, sketch: Sketch) -> None:
    """Raise PeopleError where people of an account come under keys that are not theirs, and so change sides."""
    before = [s for name in known.sharing(dataset) for s in known.people.get(name, ())]
    if any(sketch.under_other_keys(one) for one in before):
        raise PeopleError(
            f"people of {dataset!r} are in this file under other names, or written otherwise, than in the "
            "files before (0001 and 1, small letters, new pseudonyms, edited values): they would change sides "
            "of the split. Write them as they were"
        )


def check_people(
    db: sa.Connection, known: Register, dataset: str, sketches: Sequence[Sketch]
) -> None:
    """Raise PeopleError where people of a data set were charged under a name of another account."""
    said_of_it = {n for n, d in known.datasets.items() if dataset in d.apart}
    apart = known.datasets[dataset].apart | said_of_it
    for other, entry in known.datasets.items():
        unseen = entry.form == AS_READ and not known.people.get(other)
        if unseen and other not in known.sharing(dataset) | apart and spent_on(db, {other}):
            raise LedgerError(
                f"data set {other!r} was charged before people were looked at, so nobody can say that those "
                f"of {dataset!r} are others; run `understudy ledger bind SCHEMA --data FILE` for {other!r}, or "
                f"write `other_people_than: [{other}]` in the config"
            )
    for other in sorted(known.people.keys() - known.sharing(dataset) - apart):
        ways = (mine.likeness(one) for mine in sketches for one in known.people[other])
        way = next(filter(None, ways), "")
        if way and spent_on(db, known.sharing(other)):
            raise PeopleError(
                f"people of {dataset!r} look, by {way}, like those of data set {other!r}, which was charged "
                f"before: they would get a second budget. If they are the same, use the name {other!r}, or "
                f"write `same_people_as: {other}` in the config (one budget for both); if they are others who "
                f"only look alike, `other_people_than: [{other}]`, which the label will say"
            )
