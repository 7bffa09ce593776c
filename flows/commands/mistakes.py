"""A command that cannot be understood, in one line: the option, what was given and expected, where help is.

Typer parses with pydantic, and would show its words in a box of many lines.

Privacy claim: none; quotes what was typed.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from typer import BadParameter

from privacy.errors import did_you_mean
from privacy.schema.mistakes.told import told_value

MEANT = {"int": int, "float": float}
"""Types that a value was read as, by how pydantic's problem with it begins."""


def usage(error: Any) -> str | None:
    """The line for a mistake in a command's words; None where the command was only asked for its help."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return None
    command = getattr(context, "command_path", "understudy")
    return f"{_words(error)}; see {command} --help"


def _words(error: Any) -> str:
    cause = error.__cause__
    if isinstance(error, BadParameter) and isinstance(cause, ValidationError):
        kind = str(cause.errors()[0]["type"]).partition("_")[0]
        return f"{_hint(error)}: {told_value(cause, MEANT.get(kind, str))}"
    if (option := getattr(error, "option_name", None)) and hasattr(error, "possibilities"):
        near = error.possibilities or []
        return f"{option}: unknown option" + (f"; did you mean {near[0]}?" if near else "")
    message = str(error.format_message()).rstrip(".")
    if message.startswith("No such command"):
        name, known = message.split("'")[1], error.ctx.command.list_commands(error.ctx)
        return f"{name}: no such command{did_you_mean(name, known)}"
    if hasattr(error, "param_type"):
        return f"{_hint(error)} is missing"
    return message


def _hint(error: Any) -> str:
    """The option or argument as it is typed."""
    hint = error.param_hint or error.param.get_error_hint()
    return (hint if isinstance(hint, str) else " / ".join(hint)).strip("'")
