"""Where a ledger lies, told without a password.

Privacy claim: none; keeps passwords out of errors, files and the terminal.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from privacy.errors import InputError


def shown(url: str) -> str:
    """A ledger's URL as it may be told: without a password."""
    try:
        parsed = sa.make_url(url)
        hidden = parsed.update_query_dict({k: "***" for k in parsed.query if "password" in k})
        return hidden.render_as_string(hide_password=True)
    except (SQLAlchemyError, ValueError):
        return "(not a URL)"


def address(url: str) -> str:
    """Where a ledger lies, without a password."""
    parsed = sa.make_url(url)
    file = parsed.database if parsed.get_backend_name() == "sqlite" else None
    return file or parsed.set(password=None).render_as_string()


def check_url(where: str, url: str) -> str | None:
    """The file of an SQLite URL, None of any other. Raises InputError where it holds a password, or a URI in
    place of a file.

    ``where``: what the error begins with; it never quotes the URL.
    """
    try:
        parsed = sa.make_url(url)
    except (SQLAlchemyError, ValueError):
        raise InputError(f"{where}: not a URL of a database") from None
    if parsed.password is not None or any("password" in key for key in parsed.query):
        raise InputError(
            f"{where}: holds a password, which no file should; take it out, and set PGPASSWORD or, for the "
            "whole URL, UNDERSTUDY_LEDGER"
        )
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database.startswith((":", "file:")):
        raise InputError(f"{where}: a ledger in SQLite is a file; give its path")
    return parsed.database
