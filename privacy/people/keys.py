"""By what a unit and a row are known, whatever file they come in and whatever schema reads them.

A unit is known by its name. A row that is its own unit is known by what stands in its columns, in the order
of the columns' names, so that a schema that lists them otherwise changes nothing. Names and values are
brought into plain form first (``privacy.people.plain``).

Privacy claim: a key depends on its own unit only, so none moves another's. Two rows that differ may share a key
(then they share a side too); a row's number among its equals counts rows that were read as the very same texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.people.identity import AS_READ
from privacy.people.plain import plain_name, plain_value
from privacy.reading.source import Source
from privacy.schema.columns import Image
from privacy.schema.schema import Schema

Texts: TypeAlias = "pa.Array | pa.ChunkedArray"


@dataclass(frozen=True)
class Keys:
    """Each row's unit as a number, [n], and the key of each unit, by that number."""

    units: np.ndarray
    names: pd.Series


def keys_of(source: Source, schema: Schema, form: str) -> Keys:
    """Whose each row is. Equal rows that are units of their own are numbered, so that each has its own key.

    Removing one unit leaves the keys of all others as they are; of equal rows, which nobody can tell apart, as
    many are left as there were, less one.
    """
    if schema.unit is not None:
        units = numbered(source.texts[schema.unit])
        named = units if form == AS_READ else units.changed(plain_name)
        return Keys(named.numbers, pd.Series(named.distinct, dtype=object))
    read = {n: numbered(source.texts[n]) for n in source.texts.column_names}
    before = _equal_before(np.column_stack([r.numbers for r in read.values()]))
    known = _joined(source.texts) if form == AS_READ else digests(plain_columns(source, schema))
    names = [f"{name}\0{number}" for name, number in zip(known, before, strict=True)]
    return Keys(np.arange(len(names)), pd.Series(names, dtype=object))


@dataclass(frozen=True)
class Numbered:
    """A column as its distinct texts and, for each row, the number of its text, [n]."""

    numbers: np.ndarray
    distinct: list[str]

    def changed(self, change: Callable[[str], str]) -> Numbered:
        """``change`` of every text, each distinct one alone; those that become equal are one."""
        again = numbered(pa.array([change(t) for t in self.distinct], pa.string()))
        return Numbered(again.numbers[self.numbers], again.distinct)

    def hashed(self, key: bytes = b"") -> np.ndarray:
        """A hash of each row's text, uint64 [n]."""
        digests = (
            hashlib.blake2b(t.encode("utf-8", "surrogatepass"), key=key, digest_size=8).digest()
            for t in self.distinct
        )
        hashes = np.fromiter((int.from_bytes(d) for d in digests), np.uint64, len(self.distinct))
        return np.asarray(hashes[self.numbers])


def numbered(texts: Texts) -> Numbered:
    """A column of texts. (To pandas, texts that differ behind a NUL are one.)"""
    encoded = pc.dictionary_encode(texts)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return Numbered(encoded.indices.to_numpy(), encoded.dictionary.to_pylist())


def plain_columns(source: Source, schema: Schema, names: Iterable[str] = ()) -> dict[str, Numbered]:
    """These columns, or all that are declared, in plain form; a picture is the SHA-256 of its pixels."""
    return {n: _plain_column(source, schema, n) for n in sorted(names or schema.columns)}


def _plain_column(source: Source, schema: Schema, name: str) -> Numbered:
    column = schema.columns[name]
    if isinstance(column, Image):
        pixels = (p.decode(column).tobytes() for p in source.pictures)
        return numbered(pa.array([hashlib.sha256(p).hexdigest() for p in pixels], pa.string()))
    missing = set(column.missing_values)  # a null where another tool writes a text for it
    return numbered(source.texts[name]).changed(lambda t: "" if t in missing else plain_value(t))


def _equal_before(rows: np.ndarray) -> list[int]:
    """How many equal rows stand before each."""
    seen: dict[bytes, int] = {}
    found = []
    for row in np.ascontiguousarray(rows, dtype=np.int32):
        content = row.tobytes()
        found.append(seen.get(content, 0))
        seen[content] = found[-1] + 1
    return found


def digests(columns: dict[str, Numbered]) -> Iterable[str]:
    """One digest a row, of the hashes of its values."""
    rows = np.column_stack([column.hashed() for column in columns.values()])
    return (hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest() for row in rows)


def _joined(table: pa.Table) -> Iterable[str]:
    """Each row as one text; the length in front of each keeps ("a", "bc") from reading like ("ab", "c")."""
    parts = [pc.cast(pc.binary_length(table[n]), pa.string()) for n in table.column_names]
    columns = [c for pair in zip(parts, table.columns, strict=True) for c in pair]
    joined: Iterable[str] = pc.binary_join_element_wise(*columns, ":").to_pylist()
    return joined
