"""What a registration may say, and whose people are whose: the rules that ``Ledger`` holds data sets to.

Privacy claim: none by itself; no schema, config, format or later extract gives the same people a second
budget or another side of the split without a person saying so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from privacy.accounting import Guarantee
from privacy.charges import spent_on
from privacy.errors import InputError, LedgerError
from privacy.identity import Identity
from privacy.people import Sketch
from privacy.register import Dataset, Register
from privacy.schema import Schema


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
            f"{entry.split.holdout:g} held out; the config says ε={budget.epsilon}, δ={budget.delta}, "
            f"{holdout:g}"
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
                "`understudy ledger bind SCHEMA`, which must be that of the releases before"
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
    """People of one account are known by their names, or else by the very same columns."""
    by_name = host.unit is not None and fresh.unit is not None
    if not by_name and (host.unit, host.columns) != (fresh.unit, fresh.columns):
        raise LedgerError(
            f"{entry.name}: same_people_as: a row of one is not known by what a row of the other is; name a "
            "unit in both, or declare the same columns"
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


def check_people(
    db: sa.Connection, known: Register, dataset: str, sketches: Sequence[Sketch]
) -> None:
    """Raise LedgerError where people of a data set were charged under a name of another account."""
    apart = known.datasets[dataset].apart
    for other in sorted(known.people.keys() - known.sharing(dataset) - apart):
        theirs = known.people[other]
        alike = any(mine.resembles(one) for mine in sketches for one in theirs)
        if alike and spent_on(db, known.sharing(other)):
            raise LedgerError(
                f"people of {dataset!r} were charged as data set {other!r} before and would get a second "
                f"budget. Use the name {other!r}, or write in the config `same_people_as: {other}` (one budget "
                f"for both) or, where they only look alike, `other_people_than: [{other}]`, which the label "
                "will say"
            )
