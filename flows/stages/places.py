"""Where a deployment may read and write: below the folder UNDERSTUDY_ROOT, links followed.

Whoever starts a deployment's run names files: a config, data, a folder to write. With the variable set, none of
them, nor what a config names, may lie elsewhere. Without it every path is the caller's own business, as on a
command line.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from privacy.errors import InputError
from privacy.reading.formats.holders import apart, joint

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def inside(path: Path) -> Path:
    """The path, absolute and without links, of a table in it too (``clinic.xlsx#Visits``).

    Raises InputError where it leaves UNDERSTUDY_ROOT.
    """
    try:
        file, table = apart(path.expanduser())
        resolved = joint(file.resolve(), table)
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, no such user, a NUL
        raise InputError(f"{str(path)!r}: no usable path: {error}") from error
    root = os.environ.get("UNDERSTUDY_ROOT")
    if root is not None and not resolved.is_relative_to(Path(root).resolve()):
        raise InputError(f"{path}: lies outside UNDERSTUDY_ROOT, {root}")
    return resolved


def run_name(name: str) -> str:
    """The name, if it can only be that of a folder among the runs."""
    if not RUN_NAME.fullmatch(name):
        raise InputError(
            f"run {name[:100]!r}: a run's name is up to 100 letters, digits, _ and -, and does not begin with "
            "_ or -"
        )
    return name
