"""Which of several files is the table of units, which that of visits, and what the others belong to: guesses.

Files belong together by a column of one name: its values name the rows of one file, and are found in the other.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import InputError
from privacy.reading.formats.strict import NULL
from privacy.reading.guesses.names import NAMES_SOMEBODY

NAMED = 0.98
"""A column names the rows of a file where so many values are different; the rest is told as a fault."""
FOUND = 0.9
"""So many of the values in another file have to be found in it."""
LINKED = 0.5
"""So many rows of the other file have to have one."""

OF_ANY_FILE = re.compile(r"(row_?)?(id|nr|no|num|number|key|index)|unnamed", re.I).fullmatch
"""What a file may call its own rows, so that two files mean two things by it."""
A_PERSON = re.compile(
    "patient|person|people|subject|participant|client|member|pseudonym|mrn", re.I
).search
A_VISIT = re.compile(
    "visit|encounter|stay|admission|episode|appointment|contact|examination|hospitali", re.I
).search


@dataclass(frozen=True)
class Belonging:
    """``root``, ``main``: the files of units and of visits. ``key``: the column that names visits, if any.

    ``of``: the file, of these two, that each other one belongs to.
    """

    unit: str
    root: str
    main: str
    key: str | None
    of: Mapping[str, str]


def belonging(
    files: Mapping[str, pa.Table], paths: Mapping[str, Path], unit: str | None = None
) -> Belonging:
    """The best guess. Raises InputError for files that do not make one of units and one of visits.

    ``unit``: the column that names whoever is protected, where a person says it.
    """
    known = _Links(files)
    reached = {
        (name, key): known.below(name, key)
        for name in files
        for key in known.names[name]
        if unit is None or key == unit
    }
    reached = {at: found for at, found in reached.items() if found}
    if not reached:
        raise InputError(_strange(known, paths, next(iter(files)), unit))
    root, key = max(
        reached,
        key=lambda at: (
            len(reached[at]),
            A_PERSON(at[0]) is not None,
            files[at[0]].num_columns,
        ),
    )
    if unit is None:
        _check_nobody_above(files[root], paths[root], key)
    if strange := [n for n in files if n != root and n not in reached[root, key]]:
        raise InputError(_strange(known, paths, strange[0], None))
    main = _visits(known, paths, root, key)
    own = _key(known, main, key)
    of = {}
    for name in files:
        if name in (root, main):
            continue
        if own is not None and known.linked(name, main, own):
            of[name] = main
        elif known.linked(name, root, key):
            of[name] = root
            for column, other, called in known.alike(name):
                if other == main and _stem(main) in column.lower():  # it would count as the unit's
                    raise InputError(_otherwise(paths[main], called, column))
        else:
            raise InputError(
                f"{paths[name]}: its rows belong neither to rows of {paths[root]} nor to those of "
                f"{paths[main]}; leave it out, or join it to the file that it belongs to"
            )
    return Belonging(key, root, main, own, of)


class _Links:
    """What names the rows of each file, and which files hold it."""

    def __init__(self, files: Mapping[str, pa.Table]) -> None:
        self.files = files
        self.names = {n: [c for c in t.column_names if names_rows(t[c])] for n, t in files.items()}

    def linked(self, name: str, of: str, key: str) -> bool:
        """Whether rows of one file belong to rows of another by a column of both."""
        if name == of or key not in self.files[name].column_names:
            return False
        if OF_ANY_FILE(key) and key in self.names[name]:
            return False
        return self.held(name, key, of, key)

    def held(self, name: str, column: str, of: str, key: str) -> bool:
        """Whether a column's values are found among those that name the rows of a file."""
        texts = self.files[name][column]
        there = texts.filter(pc.invert(_absent(texts)))
        found = pc.is_in(there, value_set=self.files[of][key].combine_chunks())
        share = pc.mean(found).as_py() or 0.0
        return len(there) >= LINKED * len(texts) and share >= FOUND

    def children(self, of: str, key: str) -> list[str]:
        return [n for n in self.files if self.linked(n, of, key)]

    def below(self, root: str, key: str) -> set[str]:
        """The files whose rows belong to rows of a file, or to rows of those."""
        found, left = {root}, self.children(root, key)
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += [c for k in self.names[name] for c in self.children(name, k)]
        return found - {root}

    def alike(self, name: str) -> Iterator[tuple[str, str, str]]:
        """Columns that seem to link a file, called otherwise in the other: column, whose rows, their column."""
        for of, keys in self.names.items():
            for other in self.files:
                if other == of or name not in (of, other):
                    continue
                for column in self.files[other].column_names:
                    if NAMES_SOMEBODY(column) and not OF_ANY_FILE(column):
                        found = (k for k in keys if k != column and self.held(other, column, of, k))
                        yield from ((column, of, key) for key in found)


def names_rows(column: pa.ChunkedArray) -> bool:
    """Whether a column says which row is which: (nearly) every value is there, and another."""
    if len(column) < 2 or pc.any(_absent(column)).as_py():
        return False
    return bool(pc.count_distinct(column).as_py() >= NAMED * len(column))


def _absent(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(column, value_set=pa.array(["", NULL]))


def _strange(known: _Links, paths: Mapping[str, Path], name: str, unit: str | None) -> str:
    """Why a file belongs to no other, and what to do."""
    if unit is not None and all(unit not in t.column_names for t in known.files.values()):
        return f"{paths[name]}: none of the files has a column {unit!r}; name another with --unit"
    if unit is not None:
        return (
            f"{paths[name]}: no file has one row for each {unit!r} that other files name; give that file too, "
            f"with what stays the same of each {unit!r}"
        )
    for column, of, key in sorted(known.alike(name), key=lambda x: _stem(x[1]) not in x[0].lower()):
        return _otherwise(paths[of], key, column)
    return (
        f"{paths[name]}: shares no column with another file that names the rows of one of them; leave it out, "
        "or call what links them alike in both"
    )


def _stem(name: str) -> str:
    """What a column that names rows of a file has in common with the file's name."""
    return name.lower()[:4]


def _otherwise(path: Path, key: str, column: str) -> str:
    return (
        f"{path}: {key!r} is what another file calls {column!r}, so it seems; call it {column!r} in both, since"
        " files belong together by columns of one name"
    )


def _check_nobody_above(table: pa.Table, path: Path, key: str) -> None:
    """Raise InputError where the rows of the file of units are of somebody who has several."""
    for name in table.column_names:
        count = pc.count_distinct(table[name]).as_py()
        if name != key and A_PERSON(name) and not A_PERSON(key) and 1 < count < table.num_rows:
            raise InputError(
                f"{path}: several rows have one {name!r}, and no file has a row for each {name!r}; give one "
                f"too, with what stays the same, or say --unit {key} if nobody else is protected"
            )


def _visits(known: _Links, paths: Mapping[str, Path], root: str, unit: str) -> str:
    """The file of visits, of those that have several rows of a unit."""
    several = [n for n in known.children(root, unit) if unit not in known.names[n]]
    several = [n for n in several if pc.max(_counts(known.files[n][unit])).as_py() > 1]
    if not several:
        raise InputError(
            f"{paths[root]}: no other file has several rows of one {unit!r}, so there are no visits; join "
            "the files into one, with a row for each, and draft that"
        )

    def standing(name: str) -> tuple[int, bool, int]:
        own = (known.children(name, k) for k in known.names[name])
        most = max((len(found) for found in own), default=0)
        return most, A_VISIT(name) is not None, known.files[name].num_rows

    return max(several, key=standing)


def _counts(column: pa.ChunkedArray) -> pa.Array:
    return pc.value_counts(column.filter(pc.invert(_absent(column)))).field("counts")


def _key(known: _Links, main: str, unit: str) -> str | None:
    """The column that names visits: the one by which most files belong to them, else one called so."""
    keys = [k for k in known.names[main] if k != unit]
    by = {k: len(known.children(main, k)) for k in keys}
    linking: str | None = max(keys, key=lambda k: by[k], default=None)
    if linking is not None and by[linking]:
        return linking
    return next((k for k in keys if NAMES_SOMEBODY(k)), None)
