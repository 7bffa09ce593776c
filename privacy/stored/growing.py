"""An array to which rows are appended until it is whole: in memory, or in a file that has no name.

Privacy claim: none; keeps what it is given and writes it nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from privacy.unnamed import mapped, unnamed

Array = npt.NDArray[Any]


class Growing:
    """Rows of one type, [n] or [n, width]; ``room``: a folder for the file, in memory where there is none."""

    def __init__(self, dtype: npt.DTypeLike, room: Path | None = None, width: int = 0) -> None:
        self.dtype, self.room, self.width = np.dtype(dtype), room, width
        self.rows = 0
        self._held: list[Array] = []
        self._file: IO[bytes] | None = None if room is None else unnamed(room)

    def append(self, part: Array) -> None:
        """Some more rows."""
        part = np.ascontiguousarray(part, dtype=self.dtype)
        self.rows += len(part)
        if self._file is None:
            self._held.append(part)
        else:
            self._file.write(part.tobytes())  # dates have no buffer

    def whole(self) -> Array:
        """All rows, mapped where they lie in a file; nothing is appended after."""
        shape = (self.rows, self.width) if self.width else (self.rows,)
        if self._file is None:
            held, self._held = self._held, []
            return np.concatenate(held) if held else np.zeros(shape, self.dtype)
        with self._file as file:
            return (
                mapped(file)[: self.rows * self.dtype.itemsize * (self.width or 1)]
                .view(self.dtype)
                .reshape(shape)
            )


def taken(arrays: dict[str, Array], rows: Array | None, room: Path | None) -> dict[str, Array]:
    """Some rows of several arrays [n], or all: in memory, or in one file, since a process may have few open.

    ``rows``: whether each is taken, bool [n], or the places of those that are, in turn. ``arrays`` is
    emptied on the way, so that what each lies in is given back.
    """
    found: dict[str, Array] = {}
    if room is None:
        for name in [*arrays]:
            array = arrays.pop(name)
            found[name] = array if rows is None else array[rows]
        return found
    places = {}
    with unnamed(room) as file:
        for name in [*arrays]:
            array, begin = arrays.pop(name), file.tell()
            for part in _parts(array, rows):
                file.write(part.tobytes())
            places[name] = array.dtype, begin, file.tell()
            file.write(bytes(-file.tell() % ALIGNED))
        whole = mapped(file)
    return {n: whole[begin:end].view(dtype) for n, (dtype, begin, end) in places.items()}


def _parts(array: Array, rows: Array | None) -> Iterator[Array]:
    """Those rows, some after the other."""
    n = len(array) if rows is None or rows.dtype == np.bool_ else len(rows)
    for start in range(0, n, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        if rows is None:
            yield array[part]
        else:
            yield array[part][rows[part]] if rows.dtype == np.bool_ else array[rows[part]]


AT_ONCE, ALIGNED = 1 << 20, 8
"""Rows that are taken together from a file, and bytes at whose multiples an array begins."""
