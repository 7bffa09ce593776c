"""Which Prefect server is named, as Prefect itself finds it: settings, files and the active profile."""

from __future__ import annotations

from prefect.settings import PREFECT_API_URL


def named() -> str | None:
    """The server's address, None where nobody named one."""
    address: str | None = PREFECT_API_URL.value()
    return address or None
