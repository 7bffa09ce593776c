"""Sections of a page, and their tables, as Markdown.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from flows.commands.reference.docstrings import Said

WORD = re.compile(r"^(\w+)")


@dataclass(frozen=True)
class Section:
    """``level``: of its heading, 2 or more."""

    level: int
    title: str
    body: str

    def __str__(self) -> str:
        return f"{'#' * self.level} {self.title}\n\n{self.body}\n"


def anchor(title: str) -> str:
    """Where GitHub puts a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def contents(sections: Iterable[Section]) -> str:
    """A list of links to the sections; those of the third level stand in the line of the one above."""
    lines: list[str] = []
    for s in sections:
        link = f"[{s.title}](#{anchor(s.title)})"
        if s.level == 2:
            lines.append(f"- {link}")
        else:
            lines[-1] += f"{' · ' if ': ' in lines[-1] else ': '}{link}"
    return "\n".join(lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(r)} |" for r in chain([head, ["---"] * len(head)], rows))


def text(said: str) -> str:
    """A docstring's words as Markdown on one line."""
    return " ".join(said.split()).replace("``", "`").replace("|", "\\|")


def sentence(said: str) -> str:
    """The same, with a capital letter where it begins with a word."""
    plain = text(said)
    return plain[:1].upper() + plain[1:]


def privacy(said: str) -> str:
    """What a key means for privacy, its first word in bold."""
    return WORD.sub(r"**\1**", text(said).removesuffix("."))


def example(said: Said) -> str:
    """The example of a model; several files one after the other."""
    if not said.example:
        return ""
    blocks = said.example.split("\n---\n")
    return "".join(f"\n\n```yaml\n{block}\n```" for block in blocks)
