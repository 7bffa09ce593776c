"""A sketch of the people of a data set, by which they are known again under another name.

Bottom-k sketches (Cohen and Kaplan, PODC 2007) of keyed hashes, three ways of looking at the same rows: the
names of the units; whole rows, whatever their columns are called and in whichever order; and pairs of
columns, in which values that occur once stay what they are when other columns come or go. The share that two
data sets have in common follows from the hashes below the point to which both sketches are whole. The key is
a secret of the house, so a sketch names nobody to whoever lacks the ledger; with the ledger one can ask
whether a known person is in it.

Privacy claim: none; made of all rows of a data set and kept in its ledger. It is never published: what it
decides is whether the house may go on.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np

from privacy.columns import Column, Datetime, Identifier
from privacy.conform import instant
from privacy.keys import Numbered, numbered, plain_columns
from privacy.plain import plain_name, plain_value
from privacy.schema import Schema
from privacy.source import Source

NAMES, ROWS, PAIR = 8192, 4096, 256
"""Most hashes that are kept of the units' names, of whole rows, and of each pair of columns."""

PAIRS = 40
"""Most pairs of columns; which ones follows from their names, so that two schemas mostly choose the same."""

SAMPLE = 20_000
"""About so many rows are looked at for a pair."""

ALL = 2**64 - 1

SMALL = 0.05
"""The share of people that two data sets may have in common without being taken for one."""

LIKELY = 0.6
"""The same for values of a pair that occur once: of two samples of one population at most e⁻¹ agree by
chance."""

ENOUGH, NEARLY_ALL, FEW = 20, 0.9, 3
"""Fewer than ``ENOUGH`` rows in common say nothing, unless they are nearly all, and a few at least."""

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
class Sketch:
    """The people of one set of files. ``repeated``: the share of rows that have an equal."""

    names: View | None
    rows: View
    pairs: Mapping[str, View]
    repeated: float

    @classmethod
    def of(cls, source: Source, schema: Schema, secret: bytes) -> Self:
        """Of all rows of a source; ``secret`` is the house's, since sketches made with two cannot be
        compared."""
        names: View | None = None
        if schema.unit is not None:
            units = numbered(source.texts[schema.unit]).changed(_name)
            names = View.of(np.unique(units.hashed(secret)), NAMES)
        values = {
            n: _dated(column, schema.columns[n]).hashed(secret)
            for n, column in plain_columns(source, schema).items()
            if not isinstance(schema.columns[n], Identifier)
        }
        # a sum, so that neither the columns' names nor their order matters
        rows, times = np.unique(_mixed(np.sum([*values.values()], axis=0)), return_counts=True)
        counted = np.unique(_mixed(rows + times.astype(np.uint64)))
        pairs = {f"{a}\0{b}": _once(values[a], values[b]) for a, b in _chosen(values)}
        n = source.texts.num_rows
        return cls(names, View.of(counted, ROWS), pairs, 1 - int((times == 1).sum()) / n)

    def resembles(self, other: Sketch) -> bool:
        """Whether more than a small share of the people of one are people of the other, as far as can be
        seen."""
        if self.names and other.names:
            agree, of = self.names.common(other.names)
            if agree > SMALL * of:
                return True
        agree, of = self.rows.common(other.rows)
        # where rows repeat within a data set they also do by chance in another
        limit = min(NEARLY_ALL, SMALL + 2 * max(self.repeated, other.repeated))
        if agree > limit * of and (agree >= ENOUGH or (agree > NEARLY_ALL * of and agree >= FEW)):
            return True
        both = [
            self.pairs[p].common(other.pairs[p]) for p in self.pairs.keys() & other.pairs.keys()
        ]
        shares = [agree / of for agree, of in both if of >= ENOUGH]
        return bool(shares) and float(np.median(shares)) > LIKELY

    def to_plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "names": self.names and self.names.to_plain(),
            "rows": self.rows.to_plain(),
            "pairs": {name: view.to_plain() for name, view in self.pairs.items()},
            "repeated": self.repeated,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What ``to_plain`` gave."""
        names = plain["names"] and View.from_plain(plain["names"])
        pairs = {name: View.from_plain(view) for name, view in plain["pairs"].items()}
        return cls(names, View.from_plain(plain["rows"]), pairs, plain["repeated"])


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


def _once(a: Hashes, b: Hashes) -> View:
    """The values of a pair of columns that occur in one row only."""
    both = _mixed(a + _mixed(b))
    below = ALL if len(both) <= SAMPLE else int(ALL * (SAMPLE / len(both)))
    values, times = np.unique(both[both <= np.uint64(below)], return_counts=True)
    return View.of(values[times == 1], PAIR, below)


def _chosen(columns: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs of columns that are looked at."""

    def lot(pair: tuple[str, str]) -> str:
        return hashlib.sha256("\0".join(pair).encode()).hexdigest()

    return sorted(combinations(sorted(columns), 2), key=lot)[:PAIRS]
