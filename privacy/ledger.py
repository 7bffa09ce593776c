"""A data set's privacy budget over all runs: charge first, read then.

The ledger is append-only and hash-chained: every row carries the hash of the one before it, so a changed,
removed or inserted row breaks the chain (``verify``). A charge is one transaction that locks the ledger,
composes every event of the data set's partition with the new one, and refuses what would overspend; several
processes may charge at once. A crash keeps the charge. The same attempt charging the same event again gets
its permit back without paying; a new attempt pays again.

SQLite by default, Postgres by URL. Privacy claim: no permit exists without its charge, and the composed
events of a partition never exceed the data set's budget. Train and holdout hold disjoint units (one secret
split key per data set), so each may spend the whole budget (parallel composition).
"""

from __future__ import annotations

import datetime as dt
import getpass
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dp_accounting import ComposedDpEvent, DpEvent, NoOpDpEvent
from dp_accounting.dp_event import RepeatAndSelectDpEvent
from sqlalchemy.exc import SQLAlchemyError

from privacy import chain
from privacy.accounting import Guarantee, Spent, event_from_json, event_to_json, spent
from privacy.errors import BudgetError, InputError, LedgerError, PermitError
from privacy.files import sync
from privacy.split import Split

PARTITIONS = ("train", "holdout")
TOLERANCE = 1e-9
"""Relative slack when ε is compared with the budget: rounding, not privacy."""

_metadata = sa.MetaData()
_datasets = sa.Table(
    "datasets",
    _metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("epsilon", sa.Float, nullable=False),
    sa.Column("delta", sa.Float, nullable=False),
    sa.Column("holdout", sa.Float, nullable=False),
    sa.Column("split_key", sa.String(64), nullable=False),
)
_sources = sa.Table(
    "sources",
    _metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("dataset", sa.String(64), nullable=False),
)
_charges = sa.Table(
    "charges",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("dataset", sa.String(64), nullable=False, index=True),
    sa.Column("partition", sa.String(16), nullable=False),
    sa.Column("run", sa.String(128), nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("attempt", sa.String(64), nullable=False),
    sa.Column("purpose", sa.String(128), nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("time", sa.String(32), nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.UniqueConstraint("attempt", "partition", "purpose"),
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
        return event_from_json(json.loads(self.event))


_ISSUER = object()


@dataclass(frozen=True)
class Permit:
    """The ledger's word that one event on one partition has been charged; only the ledger makes one.

    A permit whose event is NoOpDpEvent opens rows for internal use: what is computed must stay in the house.
    """

    charge: Charge
    split: Split
    issuer: object = field(repr=False)
    public: bool = False
    """Whether a person declared the rows public: it then covers whatever is done with them."""

    def __post_init__(self) -> None:
        if self.issuer is not _ISSUER:
            raise PermitError("a permit comes from Ledger.charge and from nowhere else")

    @property
    def dataset(self) -> str:
        return self.charge.dataset

    @property
    def partition(self) -> str:
        return self.charge.partition

    def covers(self, event: DpEvent, attempt: str) -> None:
        """Raise PermitError unless ``event``, or what is made of it, was charged for ``attempt``."""
        if attempt != self.charge.attempt:
            raise PermitError(f"the permit is of attempt {self.charge.attempt}, not of {attempt}")
        if self.public:
            return
        charged = self.charge.dp_event
        if event not in _within(charged):
            raise PermitError(f"the permit was charged for {charged}, not for {event}")


def _within(event: DpEvent) -> Iterator[DpEvent]:
    """An event, and all that it is composed or repeated of."""
    yield event
    if isinstance(event, ComposedDpEvent):
        for part in event.events:
            yield from _within(part)
    elif isinstance(event, RepeatAndSelectDpEvent):
        yield from _within(event.event)


@dataclass(frozen=True)
class Dataset:
    """What the ledger knows of a data set: lifetime budget and split."""

    name: str
    budget: Guarantee
    split: Split


@dataclass(frozen=True)
class Ledger:
    """The ledger at an SQLAlchemy URL, or at a path for SQLite."""

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        if "://" not in self.url:
            object.__setattr__(self, "url", f"sqlite:///{self.url}")
        try:
            if sa.make_url(self.url).get_backend_name() not in chain.APPEND_ONLY:
                raise LedgerError(
                    f"ledger {shown(self.url)}: only SQLite and Postgres are supported"
                )
            # a long fit outlives its connection; one that a server has closed is opened again
            engine = sa.create_engine(
                self.url, connect_args=self._connect_args(), pool_pre_ping=True
            )
        except (SQLAlchemyError, ImportError, ValueError) as error:
            why = f": {error}" if isinstance(error, ImportError) else ""
            raise LedgerError(f"ledger {shown(self.url)} cannot be opened{why}") from None
        if engine.dialect.name == "sqlite":
            _make_private(Path(engine.url.database or ""))
            sa.event.listen(engine, "connect", _durable)
            sa.event.listen(engine, "begin", _immediate)
        object.__setattr__(self, "_engine", engine)
        with self.transaction() as db:
            chain.create(db, _metadata)
            if "who" not in {c["name"] for c in sa.inspect(db).get_columns("charges")}:
                column = "ADD COLUMN who VARCHAR(64) DEFAULT '' NOT NULL"
                db.execute(sa.text(f"ALTER TABLE charges {column}"))

    def _connect_args(self) -> dict[str, Any]:
        return {"timeout": 60} if self.url.startswith("sqlite") else {}

    @property
    def address(self) -> str:
        """The path of a SQLite file, or the URL without its password: libpq knows PGPASSWORD and ~/.pgpass."""
        return address(self.url)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction that holds the ledger's only write lock; every failure is a LedgerError."""
        engine: sa.Engine = self._engine  # type: ignore[attr-defined]
        try:
            with engine.begin() as db:
                if engine.dialect.name == "postgresql":
                    db.execute(sa.text("SELECT pg_advisory_xact_lock(7041776)"))
                yield db
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
            raise LedgerError(f"ledger {shown(self.url)}: {reason}; nothing was read") from error

    def register(
        self, name: str, budget: Guarantee, holdout: float, public_key: bytes | None = None
    ) -> Dataset:
        """The data set's entry, made at the first call; budget and share held out never change.

        ``public_key``: what the split of public rows follows from, so that it can be repeated; a secret one is
        drawn otherwise. Raises LedgerError where an earlier entry says otherwise.
        """
        if not 0 <= holdout < 1:
            raise InputError(f"holdout must lie in [0, 1), got {holdout}")
        with self.transaction() as db:
            row = db.execute(sa.select(_datasets).where(_datasets.c.name == name)).one_or_none()
            if row is None:
                key = (public_key or secrets.token_bytes(32)).hex()
                db.execute(
                    _datasets.insert().values(
                        name=name,
                        epsilon=budget.epsilon,
                        delta=budget.delta,
                        holdout=holdout,
                        split_key=key,
                    )
                )
                return Dataset(name, budget, Split(bytes.fromhex(key), holdout))
        if (row.epsilon, row.delta, row.holdout) != (budget.epsilon, budget.delta, holdout):
            raise LedgerError(
                f"{name} has the lifetime budget ε={row.epsilon}, δ={row.delta} with {row.holdout:g} held "
                f"out; the config says ε={budget.epsilon}, δ={budget.delta}, {holdout:g}"
            )
        return Dataset(name, budget, Split(bytes.fromhex(row.split_key), holdout))

    def claim_source(self, digest: str, dataset: str) -> None:
        """Tie a file's digest to a data set, so that no second name gives the same people a new budget."""
        with self.transaction() as db:
            owner = db.execute(
                sa.select(_sources.c.dataset).where(_sources.c.digest == digest)
            ).scalar_one_or_none()
            if owner is None:
                db.execute(_sources.insert().values(digest=digest, dataset=dataset))
        if owner not in (None, dataset):
            raise LedgerError(
                f"this file was charged as data set {owner!r} before; under the name {dataset!r} the same "
                "people would get a second budget"
            )

    def charge(
        self, dataset: str, partition: str, *, run: str, attempt: str, purpose: str, event: DpEvent
    ) -> Permit:
        """Charge ``event`` and give the permit; the same attempt and purpose is charged once.

        Raises BudgetError where the composition would exceed the budget; nothing is written then.
        """
        if partition not in PARTITIONS:
            raise PermitError(f"{partition!r} is no partition; a data set has {PARTITIONS}")
        with self.transaction() as db:
            budget, split = _entry(db, dataset)
            known = db.execute(
                sa.select(_charges).where(
                    _charges.c.attempt == attempt,
                    _charges.c.partition == partition,
                    _charges.c.purpose == purpose,
                )
            ).one_or_none()
            if known is not None:
                permit = Permit(Charge(**known._mapping), split, _ISSUER)
                if (permit.dataset, permit.charge.run) != (dataset, run):
                    raise LedgerError(
                        f"attempt {attempt} belongs to run {permit.charge.run!r} of {permit.dataset!r}"
                    )
                if permit.charge.event != _event_text(event):
                    raise PermitError(
                        f"attempt {attempt} was charged for {permit.charge.event}, not for {event}"
                    )
                return permit
            before = [c.dp_event for c in _rows(db, dataset) if c.partition == partition]
            total = spent([*before, event], budget.delta).epsilon
            if total > budget.epsilon * (1 + TOLERANCE):
                so_far = spent(before, budget.delta).epsilon
                raise BudgetError(
                    f"{dataset}/{partition}: this would bring the lifetime ε from {so_far:.4g} to {total:.4g} "
                    f"at δ={budget.delta:g}; the budget is {budget.epsilon:g}. Nothing was read."
                )
            last = db.execute(
                sa.select(_charges).order_by(_charges.c.number.desc()).limit(1)
            ).one_or_none()
            charge = Charge(
                number=1 if last is None else last.number + 1,
                dataset=dataset,
                partition=partition,
                run=run,
                who=whoami(),
                attempt=attempt,
                purpose=purpose,
                event=_event_text(event),
                time=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                previous=chain.GENESIS if last is None else last.hash,
                hash="",
            )
            charge = replace(charge, hash=chain.row_hash(charge))
            db.execute(_charges.insert().values(**asdict(charge)))
        return Permit(charge, split, _ISSUER)

    def open_internally(
        self, dataset: str, partition: str, *, run: str, attempt: str, purpose: str
    ) -> Permit:
        """A permit that costs nothing and stands in the ledger: what it opens must stay in the house."""
        return self.charge(
            dataset, partition, run=run, attempt=attempt, purpose=purpose, event=NoOpDpEvent()
        )

    def open_public(
        self, dataset: str, partition: str, *, run: str, attempt: str, purpose: str
    ) -> Permit:
        """A permit for rows that a person declared public: costs nothing, stands in the ledger, covers all."""
        permit = self.open_internally(dataset, partition, run=run, attempt=attempt, purpose=purpose)
        return replace(permit, public=True)

    def datasets(self) -> list[Dataset]:
        """Every data set, by name."""
        with self.transaction() as db:
            rows = db.execute(sa.select(_datasets).order_by(_datasets.c.name)).all()
        return [
            Dataset(
                r.name, Guarantee(r.epsilon, r.delta), Split(bytes.fromhex(r.split_key), r.holdout)
            )
            for r in rows
        ]

    def charges(self, dataset: str | None = None) -> list[Charge]:
        """Every charge, oldest first."""
        with self.transaction() as db:
            return _rows(db, dataset)

    def spent(self, dataset: str, partition: str) -> Spent:
        """What a partition has spent at the data set's δ."""
        return self.would_spend(dataset, partition, ())

    def would_spend(self, dataset: str, partition: str, more: Iterable[DpEvent]) -> Spent:
        """What a partition would have spent after ``more``; charges nothing."""
        with self.transaction() as db:
            budget, _ = _entry(db, dataset)
            events = [c.dp_event for c in _rows(db, dataset) if c.partition == partition]
        return spent([*events, *more], budget.delta)

    def verify(self) -> str:
        """The hash of the last charge, when the whole chain holds. Raises LedgerError where it breaks."""
        return chain.head(self.charges(), "charge")


def shown(url: str) -> str:
    """A ledger's URL as it may be told: without a password."""
    try:
        parsed = sa.make_url(url)
        hidden = parsed.update_query_dict({k: "***" for k in parsed.query if "password" in k})
        return hidden.render_as_string(hide_password=True)
    except (SQLAlchemyError, ValueError):
        return "(not a URL)"


def address(url: str) -> str:
    """Where a ledger lies, without a password."""
    parsed = sa.make_url(url)
    file = parsed.database if parsed.get_backend_name() == "sqlite" else None
    return file or parsed.set(password=None).render_as_string()


def check_url(where: str, url: str) -> str | None:
    """The file of an SQLite URL, None of any other. Raises InputError where it holds a password, or a URI in
    place of a file.

    ``where``: what the error begins with; it never quotes the URL.
    """
    try:
        parsed = sa.make_url(url)
    except (SQLAlchemyError, ValueError):
        raise InputError(f"{where}: not a URL of a database") from None
    if parsed.password is not None or any("password" in key for key in parsed.query):
        raise InputError(
            f"{where}: holds a password, which no file should; take it out, and set PGPASSWORD or, for the "
            "whole URL, UNDERSTUDY_LEDGER"
        )
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database.startswith((":", "file:")):
        raise InputError(f"{where}: a ledger in SQLite is a file; give its path")
    return parsed.database


def whoami() -> str:
    """Who is at work, as the ledger writes it: UNDERSTUDY_WHO, or the account's name."""
    return (os.environ.get("UNDERSTUDY_WHO") or getpass.getuser())[:64]


def _event_text(event: DpEvent) -> str:
    return json.dumps(event_to_json(event), sort_keys=True)


def _entry(db: sa.Connection, dataset: str) -> tuple[Guarantee, Split]:
    row = db.execute(sa.select(_datasets).where(_datasets.c.name == dataset)).one_or_none()
    if row is None:
        raise LedgerError(f"{dataset!r} is not registered in this ledger")
    return Guarantee(row.epsilon, row.delta), Split(bytes.fromhex(row.split_key), row.holdout)


def _rows(db: sa.Connection, dataset: str | None = None) -> list[Charge]:
    query = sa.select(_charges).order_by(_charges.c.number)
    if dataset is not None:
        query = query.where(_charges.c.dataset == dataset)
    return [Charge(**row._mapping) for row in db.execute(query)]


def _make_private(file: Path) -> None:
    """The file of a ledger, its owner's alone: it holds the split keys."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not file.exists():
        file.touch(mode=0o600)
        sync(file.parent)


def _durable(connection: Any, _: Any) -> None:
    """A charge that was reported must survive a power cut; transactions begin where we say."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")


def _immediate(connection: sa.Connection) -> None:
    """Take SQLite's write lock at the start, so that what was read cannot change before the insert."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
