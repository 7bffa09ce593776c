"""A data set's privacy budget over all runs: charge first, read then.

Every table of the ledger is append-only and hash-chained: a row carries the hash of the one before it, so a
changed, removed or inserted row breaks the chain (``verify``). A charge is one transaction that locks the
ledger, holds all chains, and what this account saw of them before, to their word, composes every event of the
partition with the new one, and refuses what would overspend; several processes may charge at once. A crash
keeps the charge. The same attempt charging the same event again gets its permit back without paying; a new
attempt pays again.

A data set is people: its registration binds who is a unit and by what rows are known, and a charge is refused
where the people of a data set were charged under another name (``privacy.people.sketch``).

SQLite by default, Postgres by URL. Privacy claim: no permit exists without its charge, and the composed
events of a partition never exceed the budget of its account. Train and holdout hold disjoint units (one secret
split key per account), so each may spend the whole budget (parallel composition).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from privacy.accounting.guarantee import Guarantee, Spent
from privacy.errors import InputError, LedgerError, PermitError
from privacy.files import sync
from privacy.ledger import chain, register, witness
from privacy.ledger.address import address, shown
from privacy.ledger.chain import Head
from privacy.ledger.charges import (
    CHARGES,
    ISSUER,
    Charge,
    Permit,
    metadata,
    recorded,
    spent_on,
)
from privacy.ledger.register import Dataset, Register
from privacy.ledger.registration import (
    check_keys,
    check_people,
    check_sources,
    check_terms,
    entry_of,
    host_of,
    identity_of,
)
from privacy.people.identity import Identity
from privacy.people.sketch import Sketch
from privacy.people.split import Split
from privacy.schema.schema import Schema

if TYPE_CHECKING:
    from dp_accounting import DpEvent

PARTITIONS = ("train", "holdout")


@dataclass(frozen=True)
class Ledger:
    """The ledger at an SQLAlchemy URL, or at a path for SQLite."""

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        if "://" not in self.url:
            object.__setattr__(self, "url", f"sqlite:///{self.url}")
        try:
            backend = sa.make_url(self.url).get_backend_name()
            if backend not in chain.APPEND_ONLY:
                raise LedgerError(
                    f"ledger {shown(self.url)}: only SQLite and Postgres are supported"
                )
            # a long fit outlives a server's connection, so that each transaction opens its own
            pool = None if backend == "sqlite" else sa.NullPool
            engine = sa.create_engine(self.url, connect_args=self._connect_args(), poolclass=pool)
        except (SQLAlchemyError, ImportError, ValueError) as error:
            why = f": {error}" if isinstance(error, ImportError) else ""
            raise LedgerError(f"ledger {shown(self.url)} cannot be opened{why}") from None
        if engine.dialect.name == "sqlite":
            _make_private(Path(engine.url.database or ""))
            sa.event.listen(engine, "connect", _durable)
            sa.event.listen(engine, "begin", _immediate)
        object.__setattr__(self, "_engine", engine)
        with self.transaction() as db:
            chain.create(db, metadata)
            if "who" not in {c["name"] for c in sa.inspect(db).get_columns("charges")}:
                column = "ADD COLUMN who VARCHAR(64) DEFAULT '' NOT NULL"
                db.execute(sa.text(f"ALTER TABLE charges {column}"))
            register.create(db)

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

    @contextmanager
    def writing(self) -> Iterator[tuple[sa.Connection, Register]]:
        """A transaction on whole chains, none of which is older than what was seen of it before."""
        with self.transaction() as db:
            known = register.read(db)
            self._check_seen(db, known.ledger_id)
            chain.heads(db)
            yield db, known
            heads = chain.heads(db)
        # what is seen is what is committed; a kill before this line leaves an older witness, which holds too
        witness.remember(
            f"ledger-{known.ledger_id}", {n: [h.number, h.hash] for n, h in heads.items()}
        )

    def _check_seen(self, db: sa.Connection, ledger_id: str) -> None:
        name = f"ledger-{ledger_id}"
        for table, (number, digest) in witness.seen(name).items():
            if not chain.holds(db, table, Head(number, digest)):
                raise LedgerError(
                    f"ledger {shown(self.url)}: {chain.CHAINS[table]} {number}, which this account has seen, "
                    "is not in it: an older copy was put back, or rows were changed. Nothing was read. Put the "
                    f"newest copy back; what was seen stands in {witness.where(name)}"
                )

    def register(
        self,
        name: str,
        budget: Guarantee,
        holdout: float,
        schema: Schema | None = None,
        *,
        public_key: bytes | None = None,
        same_people_as: str | None = None,
        other_people_than: Iterable[str] = (),
    ) -> Dataset:
        """The data set's entry; its unit never changes once its people are known, nor budget and share held out
        once anything was charged for them.

        ``schema``: says who is a unit; without one, no private table can be opened. ``public_key``: what the
        split of public rows follows from, so that it can be repeated; a secret one is drawn otherwise.
        ``same_people_as``: the data set whose account it shares. ``other_people_than``: data sets that are
        about other people, on a person's word. Raises LedgerError where an earlier entry says otherwise.
        """
        if not 0 <= holdout < 1:
            raise InputError(f"holdout must lie in [0, 1), got {holdout}")
        with self.writing() as (db, known):
            there = known.datasets.get(name)
            host = host_of(known, name, same_people_as)
            entry = there or Dataset(name, budget, Split.drawn(holdout, public_key), name)
            if not _begun(
                db, known, entry
            ):  # nobody was looked at yet: what was said may still be corrected
                split = Split(entry.split.key, holdout)
                entry = Dataset(name, budget, split, name, form=entry.form)
            if host is not None and entry.account != host.account:
                if there is not None and spent_on(db, known.sharing(name)):
                    own = entry.account == name
                    advice = "leave it out" if own else f"write `same_people_as: {entry.account}`"
                    raise LedgerError(
                        f"{name}: same_people_as: its account, {entry.account}, was charged before and "
                        f"cannot be changed any more; {advice}"
                    )
                entry = replace(entry, budget=host.budget, split=host.split, account=host.account)
            if host is None and entry.account != name:
                raise LedgerError(
                    f"{name} shares the budget of {entry.account}; write `same_people_as: {entry.account}`"
                )
            if (
                there is not None and known.sharing(name) == {name} and not spent_on(db, {name})
            ):  # looked at, and not charged: nothing came of either side of the split yet
                entry = replace(entry, budget=budget, split=Split(entry.split.key, holdout))
            check_terms(entry, budget, holdout)
            if schema is not None:
                entry = replace(entry, identity=identity_of(db, entry, schema, host))
            entry = replace(entry, apart=entry.apart | frozenset(other_people_than))
            if unknown := sorted(entry.apart - known.datasets.keys()):
                raise LedgerError(
                    f"other_people_than: {unknown[0]!r} is not registered in this ledger"
                )
            if entry != there:
                register.write(db, entry)
        return entry

    def bind(self, schema: Schema) -> Dataset:
        """Say by which schema the earlier releases of a data set were made that was registered without one."""
        with self.writing() as (db, known):
            entry = entry_of(known, schema.name)
            if entry.identity is not None:
                raise LedgerError(f"{schema.name}: is bound to its unit already")
            bound = replace(entry, identity=Identity.of(schema, entry.form))
            register.write(db, bound)
        return bound

    def house_secret(self) -> bytes:
        """What sketches of people are keyed with; it never leaves the house."""
        with self.transaction() as db:
            return register.read(db).secret

    def knows(self, dataset: str, digests: Sequence[str]) -> bool:
        """Whether the people in these files were looked at as this data set.

        ``digests``: SHA-256 of each file. Raises LedgerError where one was charged as a data set of another
        account, InputError where two are the same.
        """
        if len(set(digests)) < len(digests):
            raise InputError(
                "data: two of the files are the same, so everybody in them would count twice; give each once"
            )
        with self.transaction() as db:
            known = register.read(db)
        check_sources(known, dataset, digests)
        return bool(known.people.get(dataset)) and all(d in known.sources for d in digests)

    def claim(self, dataset: str, digests: Iterable[str], sketch: Sketch) -> None:
        """Tie files and the people in them to a data set, so that no second name gives them a new budget.

        Raises LedgerError where files or people were charged as a data set of another account.
        """
        with self.writing() as (db, known):
            check_sources(known, dataset, digests)
            check_people(db, known, dataset, (sketch,))
            check_keys(known, dataset, sketch)
            for digest in digests:
                if digest not in known.sources:
                    register.append(db, "source", dataset, {"digest": digest})
            register.append(db, "people", dataset, sketch.to_plain())

    def charge(
        self, dataset: str, partition: str, *, run: str, attempt: str, purpose: str, event: DpEvent
    ) -> Permit:
        """Charge ``event`` and give the permit; the same attempt and purpose is charged once.

        Raises BudgetError where the composition would exceed the budget; nothing is written then. Raises
        LedgerError where a chain is broken or the people were charged under another name.
        """
        if partition not in PARTITIONS:
            raise PermitError(f"{partition!r} is no partition; a data set has {PARTITIONS}")
        from dp_accounting import NoOpDpEvent

        from privacy.accounting.events import event_text
        from privacy.ledger.budget import check_budget

        with self.writing() as (db, known):
            entry, text = entry_of(known, dataset), event_text(event)
            paid = db.execute(
                sa.select(CHARGES).where(
                    CHARGES.c.attempt == attempt,
                    CHARGES.c.partition == partition,
                    CHARGES.c.purpose == purpose,
                )
            ).one_or_none()
            if paid is not None:
                permit = Permit(Charge(**paid._mapping), entry, ISSUER)
                if (permit.dataset, permit.charge.run) != (dataset, run):
                    raise LedgerError(
                        f"attempt {attempt} belongs to run {permit.charge.run!r} of {permit.dataset!r}"
                    )
                if permit.charge.event != text:
                    raise PermitError(
                        f"attempt {attempt} was charged for other draws than code and config ask for now; "
                        "start a new run, which is charged anew. "
                        f"(Charged: {permit.charge.event}; asked: {text})"
                    )
                return permit
            if not isinstance(event, NoOpDpEvent):
                check_people(db, known, dataset, known.people.get(dataset, ()))
            check_budget(db, known, entry, partition, event)
            row = chain.append(
                db,
                CHARGES,
                dataset=dataset,
                partition=partition,
                run=run,
                attempt=attempt,
                purpose=purpose,
                event=text,
            )
        return Permit(Charge(**row), entry, ISSUER)

    def open_internally(
        self, dataset: str, partition: str, *, run: str, attempt: str, purpose: str
    ) -> Permit:
        """A permit that costs nothing and stands in the ledger: what it opens must stay in the house."""
        from dp_accounting import NoOpDpEvent

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
            known = register.read(db).datasets
        return [known[name] for name in sorted(known)]

    def charges(self, dataset: str | None = None) -> list[Charge]:
        """Every charge, or those to the people of a data set, under all names of its account; oldest first."""
        with self.transaction() as db:
            if dataset is None:
                return recorded(db)
            known = register.read(db)
            return recorded(db, known.sharing(dataset) if dataset in known.datasets else set())

    def spent(self, dataset: str, partition: str) -> Spent:
        """What a partition has spent at the account's δ, under all names of the account."""
        return self.would_spend(dataset, partition, ())

    def would_spend(self, dataset: str, partition: str, more: Iterable[DpEvent]) -> Spent:
        """What a partition would have spent after ``more``; charges nothing."""
        from privacy.ledger.budget import spent_with

        with self.transaction() as db:
            known = register.read(db)
            return spent_with(db, known, entry_of(known, dataset), partition, more)

    def verify(self) -> dict[str, Head]:
        """The head of every chain, when all of them hold. Raises LedgerError where one breaks, or is older
        than what this account has seen of it."""
        with self.transaction() as db:
            found = chain.heads(db)
            self._check_seen(db, register.read(db).ledger_id)
        return found

    def holds(self, heads: Mapping[str, Head]) -> bool:
        """Whether rows that once were the last ones of their chains still stand there."""
        with self.transaction() as db:
            return all(chain.holds(db, table, head) for table, head in heads.items())

    def standing(self, dataset: str) -> Standing:
        """What a label says of the ledger and of the people of a data set."""
        with self.transaction() as db:
            known, heads = register.read(db), chain.heads(db)
        others = known.datasets.keys() - known.sharing(dataset)
        return Standing(
            known.ledger_id,
            heads,
            compared=sum(bool(known.people.get(name)) for name in others),
            apart=len(known.datasets[dataset].apart),
            sketched=bool(known.people.get(dataset)),
            shares=known.account(dataset) != dataset,
        )


@dataclass(frozen=True)
class Standing:
    """What of a ledger may stand on a label.

    ``id``: the same for all releases of one ledger. ``compared``: how many other data sets the people were
    held against; ``apart``: how many of these a person declared to be about others; ``sketched``: whether
    they were looked at at all; ``shares``: whether another data set's budget is theirs.
    """

    id: str
    heads: dict[str, Head]
    compared: int
    apart: int
    sketched: bool
    shares: bool


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


def _begun(db: sa.Connection, known: Register, entry: Dataset) -> bool:
    """Whether people of a data set, or of another on its account, were looked at or charged."""
    if entry.name not in known.datasets:
        return False
    mine = known.sharing(entry.name)
    return len(mine) > 1 or bool(known.people.get(entry.name)) or spent_on(db, mine)
