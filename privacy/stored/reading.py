"""Files → the rows of one partition, read in batches: conformed, bounded by unit and split.

Whose a row is, and how many equal ones stand before it, is known when all have been read. Until then rows of
both partitions are kept, in files without a name where they are many; those of the other are left out before
anything is handed over.

Privacy claim: that of ``privacy.table``; here nothing is computed of the rows of more than one unit together
but which of them are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from privacy.errors import DataError
from privacy.people.bound import by_lot
from privacy.people.keys import digests, numbered, plain_columns
from privacy.people.order import order_keys
from privacy.people.plain import plain_name
from privacy.people.split import Split
from privacy.reading.conform import Finding, conform_distinct, merged
from privacy.reading.read import batches
from privacy.reading.share import Reached, nobody
from privacy.reading.source import Source
from privacy.schema.schema import Schema
from privacy.stored.column import GrowingValues, Values
from privacy.stored.equals import before_and_first, fingerprints
from privacy.stored.growing import AT_ONCE, Array, Growing, taken
from privacy.stored.rows import StoredRows
from privacy.stored.turns import in_turn


def read_rows(
    paths: Sequence[Path],
    schema: Schema,
    split: Split,
    holdout: bool,
    room: Path | None,
    told: Reached = nobody,
) -> StoredRows:
    """The rows of those held out, or of train; ``room``: a folder for what is kept, in memory without one.

    ``told``: the share that has been read.

    Raises InputError for a file that is not there, DataError for what is inside it.
    """
    people: _People = (
        _Named(paths, schema, split, room) if schema.unit else _Alone(schema, split, room)
    )
    columns, _ = _gathered(batches(paths, schema, told), paths[0], schema, room, people.append)
    if schema.visits is not None:
        assert isinstance(people, _Named), "visits are of a unit"
        mine, units = people.in_turn(holdout, _order_keys(columns, schema))
        columns = {n: columns[n] for n in schema.informative}
    else:
        mine, units = people.of(holdout)
    distinct = {n: values.distinct for n, values in columns.items()}
    numbers = taken({n: columns.pop(n).numbers for n in [*columns]}, mine, room)
    kept = {n: Values(n, distinct[n], numbers[n]) for n in distinct}
    pa.default_memory_pool().release_unused()  # Arrow would keep what reading took
    return StoredRows(kept, units, room)


def read_all(
    paths: Sequence[Path], schema: Schema, room: Path | None
) -> tuple[StoredRows, list[Finding]]:
    """All rows of files, each a unit of its own and none left out, and what was refused, clamped or mapped."""
    read = batches(paths, schema)
    columns, findings = _gathered(read, paths[0], schema, room, lambda texts: None)
    rows = max((len(values.numbers) for values in columns.values()), default=0)
    return StoredRows(columns, np.arange(rows, dtype=np.uint32), room), findings


def _gathered(
    parts: Iterable[pa.Table],
    path: Path,
    schema: Schema,
    room: Path | None,
    also: Callable[[pa.Table], None],
) -> tuple[dict[str, Values], list[Finding]]:
    """All columns but identifiers, beside one that orders rows; ``also`` is told the texts, as long as nothing
    is refused.

    ``path``: of the rows, for errors.

    Raises DataError for the first value that is refused.
    """
    order = schema.visits.order if schema.visits is not None else None
    names = dict.fromkeys([*schema.informative, *([order] if order is not None else [])])
    columns = {n: GrowingValues(n, schema.columns[n], room) for n in names}
    findings: list[Finding] = []
    rows = 0
    for texts in parts:
        found, more = conform_distinct(texts, schema)
        findings = merged(findings, more, rows, schema)
        if not any(f.action == "refused" for f in findings):
            for name, growing in columns.items():
                growing.append(found[name])
            also(texts)
        rows += texts.num_rows
    refuse(path, findings)
    return {n: growing.whole() for n, growing in columns.items()}, findings


def _order_keys(columns: Mapping[str, Values], schema: Schema) -> Array | None:
    """What the rows of a unit are ordered by, [n]; None where they stay as they stand."""
    order = schema.visits.order if schema.visits is not None else None
    if order is None:
        return None
    values, column = columns[order], schema.columns[order]
    if values.distinct is None:
        return order_keys(pd.Series(values.numbers), column)
    return np.asarray(order_keys(values.distinct, column)[values.numbers])


def refuse(path: Path, findings: Sequence[Finding]) -> None:
    """Raise DataError for the first value that the schema refuses."""
    if refused := [f for f in findings if f.action == "refused"]:
        more = f" (and {len(refused) - 1} more columns or problems)" if len(refused) > 1 else ""
        raise DataError(f"{path}: {refused[0]}{more}")


class _People(Protocol):
    """Whose the rows are, of some after the other."""

    def append(self, texts: pa.Table) -> None: ...

    def of(self, holdout: bool) -> tuple[np.ndarray, np.ndarray]:
        """Which rows are of that partition, bool [n], and the unit of each of those as a number."""
        ...


class Told:
    """The sources of a sketch, and the keys of the units in them, which are known when all have come once."""

    def __init__(
        self,
        paths: Sequence[Path],
        schema: Schema,
        split: Split,
        secret: bytes,
        room: Path | None,
        told: Reached = nobody,
    ) -> None:
        self.paths, self.schema, self.secret, self.told = paths, schema, secret, told
        self.alone = None if schema.unit else _Alone(schema, split, room)
        self.named = Growing(np.uint64, room)
        self.complete = False

    def parts(self) -> Iterator[Source]:
        """The rows; whoever asks again is given them again."""
        before = 0.5 * self.complete  # they are asked for twice
        told = lambda share: self.told(before + share / 2)  # noqa: E731
        for texts in batches(self.paths, self.schema, told):
            if not self.complete:
                self._note(texts)
            yield Source(texts)
        self.complete = True

    def _note(self, texts: pa.Table) -> None:
        if self.alone is not None:
            self.alone.append(texts)
            return
        names = numbered(texts[self.schema.unit]).changed(plain_name)
        self.named.append(np.unique(names.hashed(self.secret)))

    def keys(self) -> Iterator[np.ndarray]:
        """Keyed hashes of all keys, some after the other."""
        if self.alone is None:
            named = self.named.whole()
            for start in range(0, len(named), AT_ONCE):
                yield named[start : start + AT_ONCE]
            return
        for names in self.alone.names():
            yield numbered(pa.array(names, pa.string())).hashed(self.secret)


@dataclass
class _Named:
    """Units have names, in a column."""

    paths: Sequence[Path]
    schema: Schema
    split: Split
    room: Path | None
    marks: Growing = field(init=False)
    sides: Growing = field(init=False)

    def __post_init__(self) -> None:
        self.marks = Growing(np.uint64, self.room, 2)
        self.sides = Growing(np.bool_, self.room)

    def append(self, texts: pa.Table) -> None:
        named = numbered(texts[self.schema.unit]).changed(plain_name)
        contents = (n.encode("utf-8", "surrogatepass") for n in named.distinct)
        self.marks.append(
            fingerprints(contents, len(named.distinct), self.split.key)[named.numbers]
        )
        side = self.split.is_holdout(pd.Series(named.distinct, dtype=object))
        self.sides.append(side[named.numbers])

    def of(self, holdout: bool) -> tuple[np.ndarray, np.ndarray]:
        mine, most = np.asarray(self.sides.whole()) == holdout, self.schema.max_rows_per_unit
        marks = self.marks.whole()
        before, first = before_and_first(marks)
        if before.max(initial=0) >= most:
            has_many = np.zeros(len(first), dtype=bool)
            has_many[first[before >= most]] = True
            many = mine & has_many[first]
            names = self._names(many, marks)
            mine[many] = by_lot(first[many], names, self.split, most)
        del before
        return mine, as_met(first[mine], len(first))

    def in_turn(self, holdout: bool, keys: Array | None) -> tuple[Array, np.ndarray]:
        """The places of the rows of that partition, unit by unit in order, and the unit of each."""
        mine, most = np.asarray(self.sides.whole()) == holdout, self.schema.max_rows_per_unit
        _, first = before_and_first(self.marks.whole())
        return in_turn(first, mine, keys, most, self.room)

    def _names(self, rows: np.ndarray, marks: np.ndarray) -> pd.Series:
        """The names of some rows' units, read again: few have too many rows."""
        found: list[str] = []
        start = 0
        for texts in batches(self.paths, self.schema):
            part = rows[start : start + texts.num_rows]
            start += texts.num_rows
            if start > len(rows):
                break
            found += map(plain_name, texts[self.schema.unit].filter(pa.array(part)).to_pylist())
        contents = [n.encode("utf-8", "surrogatepass") for n in found]
        known = marks[rows]
        if (
            start != len(rows)
            or (fingerprints(contents, len(found), self.split.key) != known).any()
        ):
            raise DataError(f"{self.paths[0]}: was changed while it was read; start again")
        return pd.Series(found, dtype=object)


@dataclass
class _Alone:
    """Each row is a unit of its own, known by what it holds and by how many equal ones stand before it."""

    schema: Schema
    split: Split
    room: Path | None
    marks: Growing = field(init=False)
    plain: Growing = field(init=False)

    def __post_init__(self) -> None:
        self.marks = Growing(np.uint64, self.room, 2)
        self.plain = Growing(np.uint8, self.room, 16)

    def append(self, texts: pa.Table) -> None:
        read = []
        for name in texts.column_names:
            column = numbered(texts[name])
            contents = (t.encode("utf-8", "surrogatepass") for t in column.distinct)
            read.append(
                fingerprints(contents, len(column.distinct), self.split.key)[column.numbers]
            )
        rows = np.concatenate(read, axis=1)
        self.marks.append(fingerprints((row.tobytes() for row in rows), len(rows), self.split.key))
        known = b"".join(map(bytes.fromhex, digests(plain_columns(Source(texts), self.schema))))
        self.plain.append(np.frombuffer(known, np.uint8).reshape(-1, 16))

    def names(self) -> Iterator[list[str]]:
        """The keys, in the order of the rows, some after the other."""
        plain, (before, _) = self.plain.whole(), before_and_first(self.marks.whole())
        for start in range(0, len(before), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            yield [
                f"{row.tobytes().hex()}\0{number}"
                for row, number in zip(plain[part], before[part], strict=True)
            ]

    def of(self, holdout: bool) -> tuple[np.ndarray, np.ndarray]:
        sides = [self.split.is_holdout(pd.Series(n, dtype=object)) for n in self.names()]
        mine = np.concatenate(sides) == holdout
        return mine, np.arange(int(mine.sum()), dtype=np.uint32)


def as_met(first: np.ndarray, n: int) -> np.ndarray:
    """Units numbered in the order in which they appear, uint32; ``first``: for each row where its unit first
    stands among ``n``.
    """
    number, units = np.zeros(n, dtype=np.uint32), np.zeros(len(first), dtype=np.uint32)
    met = 0
    for start in range(0, len(first), AT_ONCE):
        part = first[start : start + AT_ONCE]
        new, places = np.unique(part[number[part] == 0], return_index=True)
        number[new[np.argsort(places)]] = met + 1 + np.arange(len(new))  # nought is: not met
        met += len(new)
        units[start : start + AT_ONCE] = number[part] - 1
    return units
