"""What this account has seen of a record, kept outside of it, so that an older copy put back is found.

A ledger's heads and the number of an attempt's answers only grow. The last ones seen lie in a folder of their
own (``UNDERSTUDY_STATE``, else ``understudy`` in the account's state folder), which no backup of ``runs/``
holds. What was never seen here, or where no such folder can be written, is not watched.

Privacy claim: none; numbers of rows and their hashes only.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from privacy.files import write_atomically


def seen(name: str) -> dict[str, Any]:
    """What was last remembered of a record; empty where nothing was."""
    try:
        found: dict[str, Any] = json.loads((folder() / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError, RuntimeError):
        return {}
    return found


def remember(name: str, what: dict[str, Any]) -> None:
    """Keep what is the newest of a record; in silence where nothing can be kept."""
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(folder() / f"{name}.json", json.dumps(what).encode())
    except (OSError, RuntimeError):
        return


def where(name: str) -> Path:
    """The file that holds what was seen of a record."""
    return folder() / f"{name}.json"


def folder() -> Path:
    """The account's state folder. Raises RuntimeError where the account has no home."""
    given = os.environ.get("UNDERSTUDY_STATE")
    if given:
        return Path(given)
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "understudy"
