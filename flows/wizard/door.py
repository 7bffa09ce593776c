"""How a browser is led to the wizard's address without being told it on its command line.

Whoever has an account on a machine may list the commands that run on it, and what these were told; the address
holds the token. So the browser is told of a file that only its owner may read, which leads on, as Jupyter does.

Privacy claim: none; the token opens the pages of private rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from privacy.files import write_atomically

DOOR = "understudy-wizard.html"
"""In the working folder: browsers in a sandbox read nothing of /tmp, nor of hidden folders."""


@contextmanager
def leading_to(address: str, home: Path) -> Iterator[Path | None]:
    """A page that leads on, for as long as it is needed; None where it cannot be written."""
    door = home / DOOR
    page = (
        f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0; url={escape(address)}"><title>Understudy</title>'
        f'<a href="{escape(address)}">Open the wizard</a>'
    )
    try:
        write_atomically(door, page.encode())
    except OSError:
        yield None
        return
    try:
        yield door
    finally:
        door.unlink(missing_ok=True)
