"""A sketch of the people of a data set, by which they are known again under another name.

Bottom-k sketches (Cohen and Kaplan, PODC 2007) of keyed hashes, several ways of looking at the same rows,
none of which goes by what columns are called or where they stand: the names of the units; the distinct rows;
rows with how often each occurs; and pairs of columns, which stay what they are when other columns come, go or
are written otherwise. Of tables that belong together the names of visits are kept too: any of them could be
given by itself, with the visit as the unit. The share that two data sets have in common follows from the hashes
below the point to which both sketches are whole. ``keys`` are those by which units are split: where people are
known again and their keys are not, the same people would change sides.

The key of the hashes is a secret of the house, so a sketch names nobody to whoever lacks the ledger; with the
ledger one can ask whether a known person is in it.

Privacy claim: none; made of all rows of a data set and kept in its ledger. It is never published: what it
decides is whether the house may go on.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
import pyarrow as pa

from privacy.people.keys import Numbered, keys_of, numbered, plain_columns
from privacy.people.plain import plain_name, plain_value
from privacy.reading.source import Source
from privacy.schema.columns import Column, Datetime, Identifier
from privacy.schema.schema import Schema
from privacy.schema.tables import visits_table
from privacy.schema.times import instant

NAMES, ROWS, PAIR = 8192, 4096, 256
"""Most hashes that are kept of names and keys, of rows, and of each pair of columns."""

COLUMNS = 9
"""Pairs are made of so many columns, those with the most values."""

MANY = 1_000_000
"""Values of a column beyond which it is estimated how many there are."""

TOGETHER = 1 << 22
"""About so many rows are counted together."""

SAMPLE = 20_000
"""About so many rows are looked at for a pair."""

ALL, LOW = 2**64 - 1, np.uint64(2**16 - 1)
"""All hashes, and the bits of one that tell how often it occurs."""

SMALL = 0.05
"""The share of people that two data sets may have in common without being taken for one."""

SPARSE = 0.4
"""Where fewer rows than these repeat, a row says who it is; otherwise how often it occurs has to agree too."""

LIKELY = 0.6
"""Of the values of a pair, with how often they occur, two samples of one population agree on fewer by chance
(at most e⁻¹ of those that occur once)."""

PART = 0.25
"""So many of the pairs have to agree: others may have been rounded, recoded or left out."""

ENOUGH, NEARLY_ALL, FEW = 20, 0.9, 3
"""Fewer than ``ENOUGH`` rows in common say nothing, unless they are nearly all, and a few at least."""

KEPT = 0.8
"""Of the people that are known again, the share whose keys must be what they were."""

Hashes = np.ndarray
"""uint64, each of one item."""


@dataclass(frozen=True)
class View:
    """The smallest hashes of a set, increasing; all there are up to ``below``."""

    smallest: Hashes
    below: int = ALL

    @classmethod
    def of(cls, hashes: Hashes, most: int, below: int = ALL) -> Self:
        """The view of distinct hashes, of which those up to ``below`` are given."""
        found = np.sort(hashes)
        return cls(found, below) if len(found) <= most else cls(found[:most], int(found[most - 1]))

    def common(self, other: View) -> tuple[int, int]:
        """How many hashes agree, of how many of the smaller set; both are whole as far as is looked."""
        below = np.uint64(min(self.below, other.below))
        mine, theirs = (v.smallest[v.smallest <= below] for v in (self, other))
        return len(np.intersect1d(mine, theirs, assume_unique=True)), min(len(mine), len(theirs))

    def to_plain(self) -> dict[str, Any]:
        kept = base64.b64encode(self.smallest.astype("<u8").tobytes()).decode()
        return {"smallest": kept, "below": self.below}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        kept = np.frombuffer(base64.b64decode(plain["smallest"]), "<u8").astype(np.uint64)
        return cls(kept, int(plain["below"]))


@dataclass(frozen=True)
class Counted:
    """The values of a column, a pair or whole rows: all, those that occur once, and all with how often they
    occur."""

    every: View
    once: View
    often: View

    def to_plain(self) -> list[dict[str, Any]]:
        return [v.to_plain() for v in (self.every, self.once, self.often)]

    @classmethod
    def from_plain(cls, plain: list[Mapping[str, Any]]) -> Self:
        return cls(*map(View.from_plain, plain))


class _Smallest:
    """The smallest of distinct hashes that come some after the other."""

    def __init__(self, most: int) -> None:
        self.most, self.kept = most, np.zeros(0, np.uint64)

    def add(self, hashes: Hashes) -> None:
        """Some more; one beyond the most is kept, so that it is known whether there are more."""
        if len(self.kept) > self.most:
            hashes = hashes[hashes < self.kept[-1]]
        self.kept = np.union1d(self.kept, hashes)[: self.most + 1]

    @property
    def rank(self) -> tuple[float, int]:
        """Less for a set of more, of the same size by what is in it; how many there are is estimated beyond the
        most."""
        if not len(self.kept):
            return 0.0, 0
        many = len(self.kept)
        of = many if many <= self.most else many * (ALL / int(self.kept[-1]))
        return -of, int(self.kept[0])

    def view(self, below: int = ALL) -> View:
        """Of hashes of which those up to ``below`` were given."""
        return View.of(self.kept, self.most, below)


class _Counting:
    """How often values occur, of which all equal ones come together. ``alone``: how many occur once."""

    def __init__(self, most: int) -> None:
        self.views, self.alone = tuple(_Smallest(most) for _ in range(3)), 0

    def add(self, hashes: Hashes) -> None:
        """One hash a row."""
        values, times = np.unique(hashes, return_counts=True)
        once = values[times == 1]
        # the count goes where it does not change the order
        often = (values & ~LOW) | (_mixed(times.astype(np.uint64)) & LOW)
        for view, some in zip(self.views, (values, once, often), strict=True):
            view.add(some)
        self.alone += len(once)

    def counted(self, below: int = ALL) -> Counted:
        """Of values of which those up to ``below`` were given."""
        return Counted(*(v.view(below) for v in self.views))


@dataclass(frozen=True)
class Sketch:
    """The people of one set of files. ``repeated``: the share of rows that have an equal. ``visits``: the names
    of what other tables' rows belong to."""

    names: View | None
    keys: View
    rows: Counted
    pairs: tuple[Counted, ...]
    repeated: float
    visits: View | None = None

    @classmethod
    def of(cls, source: Source, schema: Schema, form: str, secret: bytes) -> Self:
        """Of all rows of a source.

        ``form``: in which keys are made. ``secret``: the house's, since sketches made with two cannot be
        compared.
        """
        names = numbered(pa.array(keys_of(source, schema, form).names, pa.string()))
        return cls.of_parts(lambda: (source,), schema, (names.hashed(secret),), secret)

    @classmethod
    def of_parts(
        cls,
        parts: Callable[[], Iterable[Source]],
        schema: Schema,
        keys: Iterable[Hashes],
        secret: bytes,
    ) -> Self:
        """Of rows that come some after the other, and are asked for twice.

        ``keys``: keyed hashes of the keys of the units, some after the other; asked for after all rows came.
        """
        visits = schema.tables[visits_table(schema.tables)].key if schema.tables else None
        units, seen = _Smallest(NAMES), _Smallest(NAMES)
        distinct: dict[str, _Smallest] = {}
        of_rows = []
        for source in parts():
            for column, smallest in ((schema.unit, units), (visits, seen)):
                if column is not None:
                    names = numbered(source.texts[column]).changed(_name)
                    smallest.add(names.hashed(secret))
            hashes = _hashed(source, schema, secret)
            for name, mine in hashes.items():
                if name not in distinct:
                    distinct[name] = _Smallest(MANY)
                distinct[name].add(mine)
            of_rows.append(_mixed(np.sum([*hashes.values()], axis=0)))
        known = _Smallest(NAMES)
        for some in keys:
            known.add(some)
        n, rows = sum(map(len, of_rows)), _Counting(ROWS)
        for some in _by_range(of_rows):
            rows.add(some)
        telling = sorted(distinct, key=lambda c: distinct[c].rank)[:COLUMNS]
        return cls(
            units.view() if schema.unit else None,
            known.view(),
            rows.counted(),
            _pairs(parts, schema, secret, telling, ALL if n <= SAMPLE else int(ALL * (SAMPLE / n))),
            1 - rows.alone / n,
            seen.view() if visits else None,
        )

    def likeness(self, other: Sketch) -> str:
        """By what more than a small share of the people of one seem to be of the other; "" where by nothing."""
        ways = {
            "their names": self._names_agree,
            "their rows": self._rows_agree,
            "what pairs of their columns hold": self._pairs_agree,
        }
        return next((way for way, agree in ways.items() if agree(other)), "")

    def _names_agree(self, other: Sketch) -> bool:
        """Of units, or where one's units are the other's visits."""
        pairs = (self.names, other.names), (self.visits, other.names), (self.names, other.visits)
        both = [mine.common(theirs) for mine, theirs in pairs if mine and theirs]
        return any(agree > SMALL * of for agree, of in both)

    def _rows_agree(self, other: Sketch) -> bool:
        repeated = min(self.repeated, other.repeated)
        if repeated < SPARSE:
            agree, of = self.rows.every.common(other.rows.every)
            # where rows repeat within a data set they also do by chance in another
            limit = SMALL + 2 * repeated
        else:
            agree, of = self.rows.often.common(other.rows.often)
            limit = NEARLY_ALL
        return agree > limit * of and (
            agree >= ENOUGH or (agree > NEARLY_ALL * of and agree >= FEW)
        )

    def _pairs_agree(self, other: Sketch) -> bool:
        """Each pair is held against every one of the other, since columns may be called otherwise."""
        fewer, more = sorted((self.pairs, other.pairs), key=len)
        said = [s for p in fewer if (s := _found(p, more)) is not None]
        return sum(said) > PART * len(said)

    def under_other_keys(self, before: Sketch) -> bool:
        """Whether people of ``before`` are known again, by names or rows, and their keys are not what they
        were."""
        keys = self.keys.common(before.keys)[0]
        names = self.names and before.names and self.names.common(before.names)[0]
        if names:
            return keys < KEPT * names
        agree, of = self.rows.every.common(before.rows.every)
        likely = agree >= ENOUGH and agree > (LIKELY + max(self.repeated, before.repeated)) * of
        share, every = self.keys.common(before.keys)
        return likely and share < KEPT * every * agree / of

    def to_plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "names": self.names and self.names.to_plain(),
            "keys": self.keys.to_plain(),
            "rows": self.rows.to_plain(),
            "pairs": [p.to_plain() for p in self.pairs],
            "repeated": self.repeated,
            "visits": self.visits and self.visits.to_plain(),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What ``to_plain`` gave."""
        return cls(
            plain["names"] and View.from_plain(plain["names"]),
            View.from_plain(plain["keys"]),
            Counted.from_plain(plain["rows"]),
            tuple(map(Counted.from_plain, plain["pairs"])),
            plain["repeated"],
            plain.get("visits") and View.from_plain(plain["visits"]),
        )


def _hashed(source: Source, schema: Schema, secret: bytes) -> dict[str, Hashes]:
    """Keyed hashes of the values of each column that names nobody, one a row."""
    telling = [n for n, column in schema.columns.items() if not isinstance(column, Identifier)]
    return {
        n: _dated(column, schema.columns[n]).hashed(secret)
        for n, column in plain_columns(source, schema, telling).items()
    }


def _pairs(
    parts: Callable[[], Iterable[Source]],
    schema: Schema,
    secret: bytes,
    columns: Sequence[str],
    below: int,
) -> tuple[Counted, ...]:
    """Of each two columns the values up to ``below``."""
    found: dict[tuple[str, str], list[Hashes]] = {pair: [] for pair in combinations(columns, 2)}
    for source in parts():
        hashes = _hashed(source, schema, secret)
        for (a, b), kept in found.items():
            both = _mixed(_mixed(hashes[a]) + _mixed(hashes[b]))
            kept.append(both[both <= np.uint64(below)])
    counted = [_Counting(PAIR) for _ in found]
    for counting, kept in zip(counted, found.values(), strict=True):
        counting.add(np.concatenate(kept))
    return tuple(counting.counted(below) for counting in counted)


def _by_range(parts: Sequence[Hashes]) -> Iterator[Hashes]:
    """All hashes again, increasing from one part to the next, so that equal ones come together."""
    bits = (sum(map(len, parts)) // TOGETHER).bit_length()
    for first in range(1 << bits):
        mine = parts if not bits else [h[h >> np.uint64(64 - bits) == first] for h in parts]
        yield np.concatenate(mine)


def _found(pair: Counted, among: Sequence[Counted]) -> bool | None:
    """Whether a pair of columns is one of others, by most of its values; None where there is too little to
    say."""
    shares = [
        agree / of
        for other in among
        for agree, of in (pair.once.common(other.once), pair.often.common(other.often))
        if of >= ENOUGH
    ]
    return max(shares) > LIKELY if shares else None


def _name(text: str) -> str:
    """A name as it may be written in another file: also without zeros in front, and in small letters."""
    return plain_value(plain_name(text)).lower()


def _dated(values: Numbered, column: Column) -> Numbered:
    """Days in one form, whatever format a file writes them in."""
    if not isinstance(column, Datetime) or column.format is None:
        return values

    def day(text: str) -> str:
        found = instant(text, column.format)
        return text if np.isnat(found) else plain_value(str(found))

    return values.changed(day)


def _mixed(hashes: Hashes) -> Hashes:
    """The finaliser of SplitMix64, so that sums of hashes are spread evenly again."""
    mixed = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
