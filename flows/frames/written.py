"""Canonical values as the texts of the source, and rows of them as CSV.

A column is its distinct texts and, for each row, the number of its own: each is written, and quoted, once.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

import re
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.schema.columns import Column, Datetime
from privacy.schema.schema import Schema

Numbered = tuple[np.ndarray, list[str]]
"""For each row the number of its text, −1 where a value is missing; and the texts."""

QUOTED = re.compile(r'[",\r\n]')
NOTHING = pa.scalar(b"", pa.large_binary())
AT_ONCE = 1 << 26
"""Bytes of lines that are put together at once."""


def texts(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Every value as the source would write it: times in the schema's format and zone, missing ones as
    its sign.

    Pictures have no text; their column is left out.
    """
    found = {}
    for name in schema.columns:
        if name != schema.image:
            numbers, distinct = _signed(frame[name], schema.columns[name])
            found[name] = pd.Series(np.array(distinct, dtype=object)[numbers], index=frame.index)
    return pd.DataFrame(found)


def write_csv(frame: pd.DataFrame, schema: Schema, file: BinaryIO, header: bool = True) -> None:
    """The lines of ``texts``; a field is quoted where it has to be, as ``DataFrame.to_csv`` does it."""
    names = [name for name in schema.columns if name != schema.image]
    lone = len(names) == 1
    if header:
        file.write((",".join(_field(n, lone) for n in names) + "\n").encode())
    numbers, fields, longest = [], [], 1
    for name in names:
        number, distinct = _signed(frame[name], schema.columns[name])
        end = "\n" if name == names[-1] else ","
        ended = [(_field(text, lone) + end).encode() for text in distinct]
        longest += max(map(len, ended))
        numbers.append(pa.array(number))
        fields.append(pa.array(ended, pa.large_binary()))
    lines = max(1, AT_ONCE // longest)
    for start in range(0, len(frame), lines):
        columns = [f.take(n[start : start + lines]) for f, n in zip(fields, numbers, strict=True)]
        joined = pc.binary_join_element_wise(*columns, NOTHING)
        _, offsets, text = joined.buffers()
        file.write(memoryview(text)[: np.frombuffer(offsets, np.int64)[len(joined)]])


def written_values(series: pd.Series) -> pd.Series:
    """Each value as ``str`` writes it, None for a missing one."""
    numbers, distinct = _numbered(series)
    return pd.Series(
        np.array([*distinct, None], dtype=object)[numbers], index=series.index, name=series.name
    )


def _numbered(series: pd.Series) -> Numbered:
    """Each value as ``str`` writes it; each distinct value is written once."""
    if series.dtype == object and pd.api.types.infer_dtype(series) != "string":
        # 1 and 1.0 are equal and are written otherwise
        series = series.map(lambda v: None if pd.isna(v) else str(v)).astype(object)
    numbers, distinct = pd.factorize(series)
    # as objects: pandas would hand whole numbers beside missing ones over as floats
    return numbers, [*map(str, pd.Series(distinct).astype(object))]


def _signed(series: pd.Series, column: Column) -> Numbered:
    """The texts of a column, missing ones as their sign."""
    if isinstance(column, Datetime):
        numbers, times = pd.factorize(series)
        distinct = column.written.write(pd.Series(times)).tolist()
    else:
        numbers, distinct = _numbered(series)
    sign = column.missing_values[0] if column.missing_values else ""
    return np.where(numbers < 0, len(distinct), numbers), [*distinct, sign]


def _field(text: str, lone: bool) -> str:
    """A field of a line; an empty line would be none."""
    if QUOTED.search(text) or (lone and not text):
        return '"' + text.replace('"', '""') + '"'
    return text
