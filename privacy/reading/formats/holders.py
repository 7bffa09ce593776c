"""Files that hold several tables: one of them is named behind a ``#``, as in ``clinic.xlsx#Visits``.

Excel workbooks hold sheets, descriptions of queries may hold several.

Privacy claim: none; takes names apart.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAMED = re.compile(r"(.+?\.(?:xlsx|xlsm|xlsb|xls|ods|query\.ya?ml))#(.+)", re.IGNORECASE)
_HOLDER = re.compile(r".+\.(?:xlsx|xlsm|xlsb|xls|ods|query\.ya?ml)", re.IGNORECASE)


def apart(path: Path) -> tuple[Path, str | None]:
    """The file, and the table in it that is named; None where none is."""
    found = _NAMED.fullmatch(path.name)
    if found is None or path.is_file():  # a plain file may be called anything
        return path, None
    return path.with_name(found[1]), found[2]


def joint(file: Path, table: str | None) -> Path:
    """What ``apart`` takes apart."""
    return file if table is None else file.with_name(f"{file.name}#{table}")


def called(path: Path) -> str:
    """What a table is called: as in its file, or as its file without the ending."""
    file, table = apart(path)
    return file.name.split(".")[0] if table is None else table


def may_hold_several(path: Path) -> bool:
    """Whether a file may hold several tables and none of them is named."""
    return _HOLDER.fullmatch(path.name) is not None


def is_there(path: Path) -> bool:
    """Whether there is such a file, or a folder."""
    return apart(path)[0].exists()
