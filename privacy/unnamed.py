"""Files without a name: their owner's alone, and gone with the process that opened them, also a killed one.

So private rows are never left behind on a disk (Linux's ``O_TMPFILE``; elsewhere Python unlinks the file).

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


def unnamed(room: Path | None = None) -> IO[Any]:
    """A file without a name, in a folder or where temporary files go; whoever asks closes it.

    Where too many are open, as many more are allowed as the system lets one.
    """
    try:
        file: IO[Any] = tempfile.TemporaryFile(dir=room)  # noqa: SIM115
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        file = tempfile.TemporaryFile(dir=room)  # noqa: SIM115
    return file


def mapped(file: IO[Any]) -> npt.NDArray[np.uint8]:
    """The bytes of a file, which stay when it is closed."""
    file.flush()
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        return np.zeros(0, np.uint8)
    return np.frombuffer(mmap(file.fileno(), size, access=ACCESS_READ), np.uint8)
