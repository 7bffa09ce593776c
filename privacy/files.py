"""Files for their owner's eyes, written whole or not at all, also after a power cut.

Whatever the umask says: a file is 0600 from its first moment on, so that nobody reads it in between.

Privacy claim: none; what is written is kept from other accounts of the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def owner_only(path: str | Path, flags: int) -> int:
    """An opener for ``open``: a new file is its owner's alone."""
    return os.open(path, flags, 0o600)


def sync(path: Path) -> None:
    """Put a file on disk, or a folder's entries: a whole file may else be gone after a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which is there under its name when all is written."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with open(partial, "xb", opener=owner_only) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    sync(path.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    with whole_file(path) as file:
        file.write(content)
