"""A folder of Parquet parts, as Spark, Dask and DuckDB write one table: the parts in the order of their names.

What a folder's name says (``year=2024/``) is a column of the parts in it, as Hive writes partitions. Names that
begin with . or _ are no parts.

Privacy claim: none; called only behind ``PrivateTable.open`` and by commands that say they read private data.
Which columns a part has is looked at before, and no row.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from privacy.errors import DataError
from privacy.reading.formats.kinds import kind_of

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def parts_of(folder: Path) -> list[Path]:
    """The parts below a folder, in order."""
    found = (p for p in folder.rglob("*") if p.name.lower().endswith(".parquet") and p.is_file())
    return sorted(p for p in found if not any(n[0] in "._" for n in p.relative_to(folder).parts))


def is_parts(folder: Path) -> bool:
    """Whether a folder is one table: called .parquet, or of nothing but Parquet files with the same columns."""
    if not folder.is_dir() or not (parts := parts_of(folder)):
        return False
    if folder.name.lower().endswith(".parquet"):
        return True
    others = (p for p in folder.iterdir() if p.is_file() and kind_of(p) not in (None, "parquet"))
    return not any(others) and len({_names(p) for p in parts}) == 1


def _names(part: Path) -> tuple[str, ...] | Path:
    try:
        return tuple(sorted(pq.read_schema(part).names))
    except (pa.ArrowException, OSError):
        return part  # read_parquet says what is wrong with it


def with_partition(folder: Path, part: Path, table: pa.Table) -> pa.Table:
    """A part with what the folders between say of all its rows."""
    for between in part.relative_to(folder).parts[:-1]:
        name, equals, value = between.partition("=")
        if not equals:
            continue
        if name in table.column_names:
            raise DataError(
                f"{part}: column {name!r} stands in the file and in its folder's name; leave one out"
            )
        text = None if value == NO_VALUE else unquote(value)
        table = table.append_column(name, pa.array([text] * table.num_rows, pa.string()))
    return table
