"""Whether Prefect keeps track of a run: where a server of it is named, and only there.

Where none is, Prefect would start one for the time of a command, and migrate its database first. The command
line runs the pipeline by itself then; what is done, told and refused is the same.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from flows.commands.terminal import prefect_for_a_terminal
from privacy.errors import InputError

URL = "PREFECT_API_URL"


def tracked() -> bool:
    """Whether a server is named: in the environment, in a settings file here, or in the active profile.

    Prefect is asked where anything may say so beside the environment: it takes a second to import.
    """
    said = {name.upper(): value for name, value in os.environ.items()}
    if said.get(URL):
        return True
    told = said.get("PREFECT_PROFILE") or said.get("PREFECT_API")
    if not told and not any(may() for may in (_here, _project, _profiles)):
        return False
    prefect_for_a_terminal()  # or Prefect would tell its makers that it was imported
    try:
        from flows.server import named

        return named() is not None
    except ValueError as error:  # of its settings files
        raise InputError(f"Prefect's settings: {' '.join(str(error).split())}") from None


def flow(name: str) -> Any:
    """A Prefect flow, by its name."""
    prefect_for_a_terminal()
    return resolve_name(f"flows.{name}:{name}")


def _here() -> bool:
    return Path("prefect.toml").exists() or b"prefect" in _text(Path(".env"))


def _project() -> bool:
    text = _text(Path("pyproject.toml"))
    try:
        return b"prefect" in text and "prefect" in tomllib.loads(text.decode()).get("tool", {})
    except ValueError:
        return True


def _profiles() -> bool:
    home = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect")
    return b"api_url" in _text(
        Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml")
    )


def _text(file: Path) -> bytes:
    """The file in small letters, empty where there is none to read."""
    try:
        return file.read_bytes().lower()
    except OSError:
        return b""
