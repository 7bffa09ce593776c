"""Which rows a table has for each row that it belongs to: one of each kind, or a first, a second, … : guesses.

A column tells kinds where its values are few and hardly any stands twice with one row, though by chance (dealt
out anew) many would.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from privacy.reading.formats.strict import NULL
from privacy.reading.guesses.column import IDENTIFIER, kind_of
from privacy.reading.guesses.lines import quoted
from privacy.reading.guesses.missing import MISSING
from privacy.reading.guesses.names import NAMES_SOMEBODY
from privacy.reading.numerals import numbers_in
from privacy.schema.tables import Slot, Table

ABSENT = [*MISSING, NULL]

NEARLY = 0.97
"""What holds in so many rows is taken to hold; the others are told by ``schema check``."""
CONSTANT = 0.99
"""What says one thing in so many rows of a kind is known by it; the others are no row then."""
CHANCE = 0.2
"""Of the values that would stand twice by chance, at most so many may."""
LEAST = 5
"""So many have to be expected by chance, or nothing is shown."""
MOST_KINDS = 25
COVERED = 0.9
"""The most frequent kinds are taken where they make up so many of the rows."""
ENOUGH = 0.95
"""Places are proposed that so many of those who have rows can do with."""
MOST_PLACES = 6
MOSTLY_WORDS = 0.5
"""Where more of the texts hold a few letters in a row they are words, not codes."""
EMPTY = 0.01
"""A row that holds no value in more than so many cases has a column that says whether it is there."""

TELLS_KINDS = re.compile(
    r"concept|code|type|kind|name|drug|medic|substance|test|item|analyte|diagnos|procedure|condition|icd|atc|loinc",
    re.I,
).search


@dataclass(frozen=True)
class Rows:
    """What a table's rows are, as ``tables:`` says it, and what a person is told of them.

    ``left_out``: columns of its file that nothing holds.
    """

    table: Table
    left_out: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def rows_of(
    name: str,
    part: pd.DataFrame,
    own: np.ndarray,
    parents: pd.DataFrame,
    link: tuple[str, str],
    taken: Collection[str],
) -> Rows:
    """A table's rows. ``own``: the row of ``parents`` that each belongs to, -1 for none, int [n].

    ``link``: the table that they belong to, and by which column. ``taken``: names that columns of the schema
    have.
    """
    of, by = link
    owned = part[own >= 0].reset_index(drop=True)
    at = own[own >= 0]
    key = _key(owned.drop(columns=by))
    copies = _copies(owned.drop(columns=[by, *([key] if key else [])]), parents, at)
    rest = owned.drop(columns=[by, *copies, *([key] if key else [])])
    empty = [str(c) for c in rest if rest[c].isin(ABSENT).all()]
    free = [str(c) for c in rest if c not in empty and _is_identifier(rest[c])]
    found = _Finding(name, rest.drop(columns=[*empty, *free]), at, _Names(taken))
    slots = found.slots()
    table = Table(of=of, key=key, copies=copies, rows=slots)
    held = {*table.fixed, *table.values}
    left = [str(c) for c in rest if c not in held and c not in empty]
    told = [f"left out, since nearly every row has its own: {quoted(c)}" for c in free]
    return Rows(table, (*empty, *left), (*told, *found.told))


def _key(part: pd.DataFrame) -> str | None:
    """The column that names the table's own rows."""
    for name in part:
        whole = part[name].is_unique and not part[name].isin(ABSENT).any() and len(part) > 1
        if whole and NAMES_SOMEBODY(str(name)):
            return str(name)
    return None


def _copies(part: pd.DataFrame, parents: pd.DataFrame, at: np.ndarray) -> dict[str, str]:
    """Columns that repeat what the row says that theirs belongs to."""
    found = {}
    dealt = np.random.default_rng(0).permutation(len(at))
    for name in part:
        own, same = part[name].to_numpy(), {}
        for other in parents:
            texts = parents[other].to_numpy()[at]
            share = (own == texts).mean()
            if share >= NEARLY and (own[dealt] == texts).mean() < COVERED:
                same[str(other)] = (share, other == name)
        if same:
            found[str(name)] = max(same, key=lambda other: same[other])
    return found


def _is_identifier(column: pd.Series) -> bool:
    """Whether nearly every row has a text of its own, which no category or number is."""
    there = column[~column.isin(ABSENT)]
    return kind_of(pd.Series(there.unique(), dtype=object), len(there)) is IDENTIFIER


class _Names:
    """Names of new columns, each once."""

    def __init__(self, taken: Collection[str]) -> None:
        self.taken = set(taken)

    def new(self, name: str) -> str:
        found, n = name, 1
        while found in self.taken:
            n += 1
            found = f"{name}_{n}"
        self.taken.add(found)
        return found


@dataclass
class _Finding:
    """The rows of one table, all of which belong somewhere. ``at``: where, int [n]; ``rest``: what they say."""

    name: str
    rest: pd.DataFrame
    at: np.ndarray
    names: _Names
    told: list[str] = field(default_factory=list)

    def slots(self) -> tuple[Slot, ...]:
        """The rows, those of kinds where a column tells them."""
        first = np.unique(self.at)
        kind = self._kind() if len(self.at) > (1 + EMPTY) * len(first) else None
        return tuple(self._in_file_order(self._places()) if kind is None else self._of_kinds(kind))

    def _places(self) -> int:
        """How many rows nearly all that have any can do with."""
        sizes = np.sort(np.unique(self.at, return_counts=True)[1])
        return int(sizes[min(len(sizes) - 1, int(np.ceil(ENOUGH * len(sizes))) - 1)])

    def _kind(self) -> str | None:
        """The column that tells kinds, if one does and they are few; else one that counts rows."""
        n = len(self.at)
        dealt = np.random.default_rng(0).permutation(n)
        found = {}
        for name in map(str, self.rest):
            codes, texts = pd.factorize(self.rest[name])
            if not 2 <= len(texts) <= n / 5 or not _is_code(texts):
                continue
            twice, chance = self._twice(codes), self._twice(codes[dealt])
            if twice <= (1 - NEARLY) * n and chance >= LEAST and twice <= CHANCE * chance:
                most = np.sort(np.bincount(codes))[::-1][:MOST_KINDS].sum() / n
                counts = name in self.counting
                found[name] = (most < COVERED, counts, not TELLS_KINDS(name), len(texts))
        best = min(found, key=lambda name: found[name], default=None)
        if best is None or (found[best][0] and self._places() <= MOST_PLACES):
            return None
        return best

    def _twice(self, codes: np.ndarray) -> int:
        """How many rows repeat the code of another row that belongs to the same."""
        pairs = self.at.astype(np.int64) * (int(codes.max()) + 1) + codes
        return len(pairs) - len(np.unique(pairs))

    @cached_property
    def counting(self) -> frozenset[str]:
        """The columns that count the rows that belong together: 1, 2, 3, …"""
        return frozenset(str(name) for name in self.rest if self._counts(str(name)))

    def _counts(self, name: str) -> bool:
        codes, texts = pd.factorize(self.rest[name])
        numbers = numbers_in(texts)
        if not np.isfinite(numbers).all():
            return False
        by = pd.DataFrame({"at": self.at, "n": numbers[codes]}).sort_values(["at", "n"])
        return bool((by["n"] == by.groupby("at").cumcount() + 1).mean() >= NEARLY)

    def _of_kinds(self, kind: str) -> Iterator[Slot]:
        """A row of each kind."""
        counts = kind in self.counting
        every = [str(t) for t in self.rest[kind].value_counts().index if t not in ABSENT]
        texts = every[: min(self._places(), MOST_PLACES) if counts else MOST_KINDS]
        if texts != every:
            self.told.append(
                f"these are the {len(texts)} most frequent of {len(every)} values of {quoted(kind)}"
            )
        parts = {t: self.rest[self.rest[kind] == t] for t in texts}
        fixed = {kind: dict(zip(texts, texts, strict=True))}
        for name in map(str, self.rest):
            if name != kind and name not in self.counting:
                said = {t: _only(part[name]) for t, part in parts.items()}
                if None not in said.values():
                    fixed[name] = {t: str(one) for t, one in said.items()}
        values = [str(c) for c in self.rest if c not in fixed and c not in self.counting]
        labels = {t: t for t in texts} if counts else _labels(texts, fixed, kind)
        alone = len(values) == 1 and not counts
        for text, part in parts.items():
            held = [c for c in values if (~part[c].isin(ABSENT)).mean() > EMPTY]
            known = {f: said[text] for f, said in fixed.items()}
            yield self._slot(part, held, known, labels[text], alone)

    def _in_file_order(self, places: int) -> Iterator[Slot]:
        """A first row, a second, … as they stand."""
        rank = pd.Series(self.at).groupby(self.at).cumcount().to_numpy()
        places = min(places, MOST_PLACES)
        fixed = {str(c): one for c in self.rest if (one := _only(self.rest[c])) is not None}
        values = [str(c) for c in self.rest if c not in fixed]
        for k in range(places):
            part = self.rest[rank == k]
            held = [c for c in values if not part[c].isin(ABSENT).all()]
            if places == 1:
                names = {c: c if c not in self.names.taken else f"{self.name}_{c}" for c in held}
                yield self._slot(part, held, fixed, self.name, names=names)
            else:
                names = {c: f"{c}_{k + 1}" for c in held}
                yield self._slot(part, held, fixed, f"{self.name}_{k + 1}", names=names)

    def _slot(
        self,
        part: pd.DataFrame,
        held: list[str],
        fixed: Mapping[str, str],
        label: str,
        alone: bool = False,
        names: Mapping[str, str] | None = None,
    ) -> Slot:
        """One row that there may be: by its values, or where they say nothing, by a column of its own."""
        empty = part[held].isin(ABSENT).all(axis=1).mean() if held else 0.0
        flagged = not held or (empty > EMPTY and not any(_is_open(self.rest[c]) for c in held))
        where = self.names.new(label) if flagged else None
        called = names or {c: label if alone and not flagged else f"{c}_{label}" for c in held}
        return Slot(
            fixed=fixed, where=where, values={c: self.names.new(n) for c, n in called.items()}
        )


def _is_code(texts: Collection[str]) -> bool:
    """Whether a column may tell kinds: no dates, and no numbers with decimals."""
    numbers = numbers_in(texts)
    there = [t for t in texts if t not in ABSENT]
    if (numbers[np.isfinite(numbers)] % 1 != 0).any():
        return False
    return "datetime" not in kind_of(pd.Series(there, dtype=object))[0]


def _is_open(column: pd.Series) -> bool:
    """Whether a draft leaves it open which categories a column has."""
    there = pd.Series(column[~column.isin(ABSENT)].unique(), dtype=object)
    return any("categories: null" in line for line in kind_of(there))


def _only(column: pd.Series) -> str | None:
    """The one text that a column says, as good as always; None where it says several."""
    counts = column.replace(NULL, "").value_counts()
    text = str(counts.index[0])
    share = 1.0 if text in ABSENT else CONSTANT  # who rarely says something would lose all of it
    return text if counts.iloc[0] >= share * len(column) else None


def _labels(texts: list[str], fixed: Mapping[str, Mapping[str, str]], kind: str) -> dict[str, str]:
    """A name for each kind: a word that goes with it, or else its code behind the column's name."""
    for said in fixed.values():
        words = [said.get(t, "") for t in texts]
        spelt = [re.search("[A-Za-z]{3}", w) is not None for w in words]
        lettered = all(re.search("[^\\W\\d_]", w) for w in words)
        if len(set(words)) == len(words) and lettered and np.mean(spelt) > MOSTLY_WORDS:
            return {t: _slug(said[t]) for t in texts}
    stem = re.sub(r"(_concept)?_?(id|code|nr|no|key)$", "", kind, flags=re.I) or kind
    return {t: f"{stem}_{_slug(t)}" for t in texts}


def _slug(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_")[:40] or "sign"
