"""What every table of texts is held to, wherever it came from: names that tell columns apart, and no odd signs.

Privacy claim: none; called behind ``PrivateTable.open``. What a file holds is quoted only in
``DataError.private``.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import DataError

NULL = "\ufdd0null"
"""Stands for a Parquet null: begins with a sign that Unicode keeps for such use, and no value may hold.

Not with NUL, where pandas' string hash tables end: rows that differ after a null were equal to them.
"""

Told = Callable[[str], str]
"""How an error names the place where a setting of a file is said."""

IN_SCHEMA: Told = "csv.{} in the schema".format

UNREADABLE = (pa.ArrowException, OSError, ValueError, EOFError, csv.Error, zlib.error)


def refuse_signs(path: Path, table: pa.Table, before: int) -> None:
    """Raise DataError for a value with a sign that no text holds; ``before``: rows of the file before these."""
    refuse(path, table, "\0", "a NUL byte; export the file as text", before)
    advice = "the sign U+FDD0, which is no character; export the file as text"
    refuse(path, table, NULL[0], advice, before)


def refuse(path: Path, table: pa.Table, sign: str, advice: str, before: int) -> None:
    """Refuse a table in which any value holds ``sign``; ``before``: rows of the file before these."""
    for name in table.column_names:
        found = pc.match_substring(table[name], sign)
        if pc.any(found).as_py():
            row = before + pc.index(found, pa.scalar(True)).as_py() + 1
            raise DataError(f"{path}: column {name!r}, row {row}: {advice}")


def check_names(path: Path, names: list[str], told: Told = IN_SCHEMA) -> None:
    """Raise DataError for a header that does not tell columns apart."""
    if not names:
        raise DataError(f"{path}: the header is empty; name the columns in the first line")
    if "" in names:
        raise DataError(f"{path}: column {names.index('') + 1} has no name in the header; name it")
    for name in names:
        if not name.isprintable():
            setting = told("separator" if "\t" in name else "encoding")
            raise DataError(f"{path}: the header names {name!r}: correct it, or {setting}")
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        raise DataError(f"{path}: the header names {repeated[0]!r} twice; rename one of them")
