"""By what a unit and a row are known, whatever file they come in and whatever schema reads them.

A unit is known by its name. A row that is its own unit is known by what stands in its columns, in the order
of the columns' names, so that a schema that lists them otherwise changes nothing. Names and values are
brought into a *plain* form first, each by itself: the same value written by CSV, by Parquet or by another
tool stays the same person. ``Identity`` is what a data set is registered with: a schema that would know its
people otherwise is refused.

Privacy claim: none; a key depends on its own unit only, so none moves another's.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Self, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.columns import Image
from privacy.read import NULL
from privacy.schema import Schema
from privacy.source import Source

PLAIN, AS_READ = "plain-1", "as-read-0"
"""How texts are brought into the form that is hashed. ``AS_READ``: not at all, and columns in schema order,
as it was for data sets that were registered before there was another way."""

_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(\.\d+)?")
_TRUTH = {"true", "false"}


@dataclass(frozen=True)
class Identity:
    """Who is a unit of a data set, and by what rows are known.

    ``columns``: what a row that is its own unit is known by; empty where a column names the unit.
    ``reading``: what of the schema decides which text is whose (``csv`` and ``npz``).
    """

    unit: str | None
    max_rows_per_unit: int
    columns: tuple[str, ...]
    reading: Mapping[str, Any]
    form: str = PLAIN

    @classmethod
    def of(cls, schema: Schema, form: str = PLAIN) -> Self:
        """What a schema says of it."""
        names = tuple(schema.columns) if form == AS_READ else tuple(sorted(schema.columns))
        reading: dict[str, Any] = {"encoding": codecs.lookup(schema.csv.encoding).name}
        if schema.csv.comment is not None:
            reading["comment"] = schema.csv.comment
        if not schema.csv.header:
            reading["columns without a header"] = list(schema.columns)
        if schema.npz:
            reading["npz"] = {name: list(schema.npz[name]) for name in sorted(schema.npz)}
        own = () if schema.unit else names
        return cls(schema.unit, schema.max_rows_per_unit, own, reading, form)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What ``to_plain`` gave."""
        return cls(**{**plain, "columns": tuple(plain["columns"])})

    def to_plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self) | {"columns": list(self.columns), "reading": dict(self.reading)}

    def against(self, schema: Schema) -> str:
        """How a schema would know people otherwise, and what to do about it; "" where it would not."""
        now = Identity.of(schema, self.form)
        if now.unit != self.unit:
            return (
                f"its unit is {_unit(self.unit)}, and the schema says {_unit(now.unit)}; "
                f"{'leave `unit:` out' if self.unit is None else f'write `unit: {self.unit}`'}"
            )
        if now.max_rows_per_unit != self.max_rows_per_unit:
            return (
                f"{self.max_rows_per_unit} rows of each {self.unit} count, and the schema says "
                f"{now.max_rows_per_unit}; write `max_rows_per_unit: {self.max_rows_per_unit}`"
            )
        if now.columns != self.columns:
            return f"its rows are known by their columns, and the schema {_columns(self, now)}"
        for what in sorted({*self.reading, *now.reading}):
            if self.reading.get(what) != now.reading.get(what):
                return (
                    f"its files are read with {what} {_said(self.reading, what)}, and the schema says "
                    f"{_said(now.reading, what)}; put that back, and write the file so"
                )
        return ""


def _unit(unit: str | None) -> str:
    return "each row" if unit is None else repr(unit)


def _columns(known: Identity, now: Identity) -> str:
    if gone := [n for n in known.columns if n not in now.columns]:
        return f"lacks {gone[0]!r}; declare it again"
    if new := [n for n in now.columns if n not in known.columns]:
        return f"adds {new[0]!r}; take it out (`surplus_columns: drop` passes over it in the file)"
    return "lists them in another order; put them back in the first one"


def _said(reading: Mapping[str, Any], what: str) -> str:
    return repr(reading[what]) if what in reading else "left out"


def plain_name(text: str) -> str:
    """The name of a unit: as 12 where it is written 12.0, without blanks around it, in one Unicode form."""
    name = unicodedata.normalize("NFC", text).strip()
    whole = _WHOLE.fullmatch(name)
    return whole[1] if whole else name


def plain_value(text: str) -> str:
    """A value as it stays through CSV and Parquet: numbers, truth values and times in one form, "" for none."""
    if text == NULL:
        return ""
    value = unicodedata.normalize("NFC", text).strip()
    if _NUMBER.fullmatch(value):
        number = Decimal(value)
        return _without_zeros(f"{number:f}") if number else "0"
    if found := _INSTANT.fullmatch(value):
        day, minutes, seconds, part = found.groups("")
        clock = f"{minutes}{seconds or ':00'}{part.rstrip('0').rstrip('.')}"
        return day if clock == "00:00:00" else f"{day} {clock}"
    return value.lower() if value.lower() in _TRUTH else value


Texts: TypeAlias = "pa.Array | pa.ChunkedArray"


def _without_zeros(number: str) -> str:
    """A decimal number without zeros at its end and without a plus."""
    return (number.rstrip("0").rstrip(".") if "." in number else number).removeprefix("+")


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
        texts = source.texts[schema.unit]
        units, names = numbered(texts if form == AS_READ else mapped(texts, plain_name))
        return Keys(units, pd.Series(names, dtype=object))
    as_read = _joined(source.texts)
    alike = pd.Series(numbered(as_read)[0])
    equal_before = alike.groupby(alike).cumcount().astype(str)
    # rows that are equal in plain form only share a key, and so a side: neither moves the other
    known = as_read if form == AS_READ else _joined(plain_table(source, schema))
    return Keys(np.arange(source.texts.num_rows), known.to_pandas() + "\0" + equal_before)


def plain_table(source: Source, schema: Schema) -> pa.Table:
    """All declared columns in plain form, by name; a picture is the SHA-256 of its pixels."""
    return pa.table({n: _plain_column(source, schema, n) for n in sorted(schema.columns)})


def _plain_column(source: Source, schema: Schema, name: str) -> Texts:
    column = schema.columns[name]
    if isinstance(column, Image):
        pixels = (p.decode(column).tobytes() for p in source.pictures)
        return pa.array([hashlib.sha256(p).hexdigest() for p in pixels], pa.string())
    return mapped(source.texts[name], plain_value)


def mapped(texts: Texts, change: Callable[[str], str]) -> pa.Array:
    """``change`` of every text, each distinct one alone."""
    numbers, distinct = numbered(texts)
    return pa.array([change(t) for t in distinct], pa.string()).take(pa.array(numbers))


def numbered(texts: Texts) -> tuple[np.ndarray, list[str]]:
    """Each text's number, [n], and the distinct texts. (To pandas texts that differ behind a NUL are one.)"""
    encoded = pc.dictionary_encode(texts)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def _joined(table: pa.Table) -> Texts:
    """Each row as one text; the length in front of each keeps ("a", "bc") from reading like ("ab", "c")."""
    parts = [pc.cast(pc.binary_length(table[n]), pa.string()) for n in table.column_names]
    columns = [c for pair in zip(parts, table.columns, strict=True) for c in pair]
    joined: Texts = pc.binary_join_element_wise(*columns, ":")
    return joined
