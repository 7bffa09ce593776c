"""Any text → Markdown that shows it as it is, wherever it stands: in a paragraph, a list or a cell of a table.

Privacy claim: none needed; shows what it is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evaluators.pages.drawing.page import loss, number

ENTITIES = str.maketrans(
    {c: f"&#{ord(c)};" for c in "&<>|"}  # a backslash before | would not outlive a cell of a table
)
SIGNS = re.compile(r"[\\`*\[\]~$]|(?<![^\W_])_|_(?![^\W_])")
"""What begins emphasis, code, a link or a formula; an underscore inside a word does not."""

OPENING = re.compile(r"^(\d+(?=[.)](?:\s|$))|(?=[#+\-=]))")
"""What at the beginning of a line makes it a heading, a rule or an item of a list."""


def literal(value: object) -> str:
    """One line of Markdown that reads as the text does; text marked as Markup is Markdown already."""
    if isinstance(value, Markup):
        return value
    line = " ".join(str(value).split()).translate(ENTITIES)
    return OPENING.sub(r"\1\\", SIGNS.sub(r"\\\g<0>", line))


def fenced(code: str, language: str) -> Markup:
    """A block of code, between fences longer than any run of backticks in it."""
    longest = max(map(len, re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}{language}\n{code}\n{fence}")  # noqa: S704 (shown as code, never run)


def environment(folder: Path) -> Environment:
    """Templates of Markdown, in which every value is shown literally."""
    env = Environment(  # noqa: S701 (finalize escapes)
        loader=FileSystemLoader(folder),
        finalize=literal,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= {
        "number": number,
        "loss": loss,
        "capfirst": lambda text: text[:1].upper() + text[1:],
    }
    return env


def listed(values: Sequence[object], most: int = 12, between: str = ", ") -> str:
    """The first few of many values, and how many are left out."""
    shown = between.join(str(v) for v in values[:most])
    left_out = len(values) - most
    return f"{shown} and {left_out} more" if left_out > 0 else shown
