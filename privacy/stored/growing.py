"""An array to which rows are appended until it is whole: in memory, or in a file that has no name.

A file without a name is its owner's alone and gone with the process that opened it, also when that is killed,
so private rows are never left behind on a disk (Linux's ``O_TMPFILE``; elsewhere Python unlinks it).

Privacy claim: none; keeps what it is given and writes it nowhere else.
"""

from __future__ import annotations

import errno
import os
import resource
import tempfile
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Growing:
    """Rows of one type, [n] or [n, width]; ``room``: a folder for the file, in memory where there is none."""

    def __init__(self, dtype: npt.DTypeLike, room: Path | None = None, width: int = 0) -> None:
        self.dtype, self.room, self.width = np.dtype(dtype), room, width
        self.rows = 0
        self._held: list[Array] = []
        self._file: IO[bytes] | None = None if room is None else _unnamed(room)

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
                _mapped(file)[: self.rows * self.dtype.itemsize * (self.width or 1)]
                .view(self.dtype)
                .reshape(shape)
            )


def taken(
    arrays: dict[str, Array], rows: npt.NDArray[np.bool_] | None, room: Path | None
) -> dict[str, Array]:
    """Some rows of several arrays [n], or all: in memory, or in one file, since a process may have few open.

    ``arrays`` is emptied on the way, so that what each lies in is given back.
    """
    found: dict[str, Array] = {}
    if room is None:
        for name in [*arrays]:
            array = arrays.pop(name)
            found[name] = array if rows is None else array[rows]
        return found
    places = {}
    with _unnamed(room) as file:
        for name in [*arrays]:
            array, begin = arrays.pop(name), file.tell()
            for start in range(0, len(array), AT_ONCE):
                part = slice(start, start + AT_ONCE)
                kept = array[part] if rows is None else array[part][rows[part]]
                file.write(kept.tobytes())
            places[name] = array.dtype, begin, file.tell()
            file.write(bytes(-file.tell() % ALIGNED))
        whole = _mapped(file)
    return {n: whole[begin:end].view(dtype) for n, (dtype, begin, end) in places.items()}


AT_ONCE, ALIGNED = 1 << 20, 8
"""Rows that are taken together from a file, and bytes at whose multiples an array begins."""


def _unnamed(room: Path) -> IO[bytes]:
    """A file without a name; where too many are open, as many more are allowed as the system lets one."""
    try:
        file: IO[bytes] = tempfile.TemporaryFile(dir=room)  # noqa: SIM115 whoever asks closes it
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        file = tempfile.TemporaryFile(dir=room)  # noqa: SIM115
    return file


def _mapped(file: IO[bytes]) -> npt.NDArray[np.uint8]:
    """The bytes of a file, which stay when it is closed."""
    file.flush()
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        return np.zeros(0, np.uint8)
    return np.frombuffer(mmap(file.fileno(), size, access=ACCESS_READ), np.uint8)
