"""What a ledger holds of its data sets beside the charges: budget, split, who is a unit, files and people.

One append-only, hash-chained table of entries; the newest entry of a kind holds. A data set may live on the
*account* of another: the same people under another name, with one budget and one split for both.

Privacy claim: none by itself; what is registered here is what every charge is held against.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from privacy.accounting.guarantee import Guarantee
from privacy.errors import LedgerError
from privacy.ledger import chain
from privacy.people.identity import AS_READ, PLAIN, Identity
from privacy.people.sketch import Sketch
from privacy.people.split import Split

_metadata = sa.MetaData()
_register = chain.chained(
    "register",
    _metadata,
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
)


@dataclass(frozen=True)
class Dataset:
    """What the ledger knows of a data set.

    ``account``: whose budget and split it has, its own name where it has its own. ``identity``: who is a
    unit; None where it was registered without. ``form``: in which form its texts are hashed. ``apart``: data
    sets that a person declared to be about other people.
    """

    name: str
    budget: Guarantee
    split: Split
    account: str
    identity: Identity | None = None
    form: str = PLAIN
    apart: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Register:
    """All entries, read in order."""

    secret: bytes = field(repr=False)
    datasets: Mapping[str, Dataset]
    sources: Mapping[str, str]
    """SHA-256 of a file → the data set it was read as."""
    people: Mapping[str, tuple[Sketch, ...]]

    @property
    def ledger_id(self) -> str:
        """A name for the ledger that gives nothing away."""
        return chain.row_hash({"ledger": self.secret.hex()})[:16]

    def account(self, dataset: str) -> str:
        return self.datasets[dataset].account

    def sharing(self, dataset: str) -> set[str]:
        """The data sets on the same account."""
        return {n for n, d in self.datasets.items() if d.account == self.account(dataset)}


def create(db: sa.Connection) -> None:
    """Make the table where it is not there, with a secret of the house and what older tables hold."""
    chain.create(db, _metadata)
    if db.execute(sa.select(sa.func.count()).select_from(_register)).scalar_one():
        return
    begun = "SELECT count(*) FROM charges WHERE purpose = 'recognise'"
    if db.execute(sa.text(begun)).scalar_one():
        raise LedgerError("the register of this ledger is gone; put the newest copy back")
    append(db, "house", "", {"secret": secrets.token_hex(32)})
    there = sa.inspect(db).get_table_names()
    for row in db.execute(sa.text("SELECT * FROM datasets")) if "datasets" in there else ():
        content = dict(row._mapping)
        append(db, "dataset", content.pop("name"), content | {"form": AS_READ})
    for row in db.execute(sa.text("SELECT * FROM sources")) if "sources" in there else ():
        append(db, "source", row.dataset, {"digest": row.digest})


def append(db: sa.Connection, kind: str, dataset: str, content: Mapping[str, Any]) -> None:
    """Write an entry behind the last one."""
    text = json.dumps(content, sort_keys=True)
    chain.append(db, _register, kind=kind, dataset=dataset, run="", content=text)


def read(db: sa.Connection) -> Register:
    """The register as its entries leave it."""
    secret, datasets, sources = b"", {}, {}
    people: dict[str, list[Sketch]] = {}
    for row in db.execute(sa.select(_register).order_by(_register.c.number)):
        name, content = row.dataset, json.loads(row.content)
        if row.kind == "house":
            secret = bytes.fromhex(content["secret"])
        elif row.kind == "dataset":
            datasets[name] = _dataset(name, content)
        elif row.kind == "source":
            sources[content["digest"]] = name
        elif row.kind == "people":
            people.setdefault(name, []).append(Sketch.from_plain(content))
    return Register(secret, datasets, sources, {n: tuple(s) for n, s in people.items()})


def _dataset(name: str, content: Mapping[str, Any]) -> Dataset:
    identity = content.get("identity")
    return Dataset(
        name,
        Guarantee(content["epsilon"], content["delta"]),
        Split(bytes.fromhex(content["split_key"]), content["holdout"]),
        content.get("account", name),
        identity and Identity.from_plain(identity),
        content.get("form", PLAIN),
        frozenset(content.get("apart", ())),
    )


def write(db: sa.Connection, dataset: Dataset) -> None:
    """Make this the newest entry of a data set."""
    content = {
        "epsilon": dataset.budget.epsilon,
        "delta": dataset.budget.delta,
        "holdout": dataset.split.holdout,
        "split_key": dataset.split.key.hex(),
        "account": dataset.account,
        "identity": dataset.identity and dataset.identity.to_plain(),
        "form": dataset.form,
        "apart": sorted(dataset.apart),
    }
    append(db, "dataset", dataset.name, content)
