"""What share of its files has been read: by rows of Parquet, whose number it says first, by bytes of CSV.

Privacy claim: none; told to whoever runs a release, and to nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from privacy.reading.formats.holders import apart
from privacy.reading.formats.kinds import kind_of
from privacy.reading.formats.parts import parts_of

Reached = Callable[[float], None]
"""Is given the share that has been read."""


def nobody(share: float) -> None:
    """Whoever is told without having asked."""


def bytes_of(path: Path) -> int:
    """How large a file is, or all parts of a folder; nothing where it is not there, which reading tells."""
    path = apart(path)[0]
    files = parts_of(path) if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.exists())


def reached(path: Path, paths: Sequence[Path]) -> Callable[[pa.Table], float]:
    """What share of all ``paths`` some rows of one are: nothing of a kind that is read whole, or zipped.

    Of a file of which a row was read already.
    """
    part = bytes_of(path) / max(1, sum(map(bytes_of, paths)))
    kind = kind_of(path)
    if kind in ("parquet", "parts"):
        files = parts_of(path) if kind == "parts" else [path]
        rows = max(1, sum(pq.read_metadata(file).num_rows for file in files))
        return lambda table: part * table.num_rows / rows
    if kind == "csv" and path.suffix != ".gz":
        size = max(1, bytes_of(path))
        return lambda table: part * _written(table) / size
    return lambda table: 0.0


def _written(table: pa.Table) -> int:
    """About how many bytes texts take in a file: themselves, and a separator each."""
    held: int = table.get_total_buffer_size()
    ends: int = 4 * (table.num_rows + 1) - table.num_rows
    return held - ends * int(table.num_columns)
