"""What became of a document, in one line: how many columns, and which of them a person has to look at.

Privacy claim: none; a document holds no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from privacy.dictionaries.field import Document
from privacy.dictionaries.written import HEADER, UNSAID

MOST_TOLD = 3
"""Columns that a line tells by name."""


def counted(document: Document, made: str) -> str:
    """One line on a document and the schema that was made of it."""
    kinds = [f.kind for f in document.fields]
    names, gone = kinds.count("identifier"), kinds.count("left out")
    told = (
        f"{document.what}: {len(kinds)} column{'s' * (len(kinds) != 1)}, of which "
        f"{_verb(len(kinds) - names - gone)} modelled, {names} only name{'s' * (names == 1)} somebody and "
        f"{_verb(gone)} left out"
    )
    if asked := list(_asking(made)):
        ask = "comment asks" if len(asked) == 1 else "comments ask"
        told += f"; {len(asked)} {ask} for what it does not say ({_first(asked)})"
    if unsaid := [f.name for f in document.fields if f.unsaid and f.kind != "left out"]:
        one = len(unsaid) == 1
        told += f"; {len(unsaid)} {'is' if one else 'are'} asked only where no rule can say ({_first(unsaid)})"
    return told


def _verb(number: int) -> str:
    return f"{number} is" if number == 1 else f"{number} are"


def _first(names: list[str]) -> str:
    """The first few of some names."""
    known = list(dict.fromkeys(names))
    return ", ".join(known[:MOST_TOLD]) + ", …" * (len(known) > MOST_TOLD)


def _asking(made: str) -> Iterator[str]:
    """For each comment of a schema with a "?", the column or the key it is about."""
    about = ""
    for line in made.splitlines()[HEADER.count("\n") :]:
        if name := re.match(r"(?:# )?(\w+):|  (\S.*):$", line):
            about = name[1] or str(yaml.safe_load(name[2]))
        text = line.strip()
        comment = text if text.startswith("#") else text.partition("  # ")[2]
        if "?" in comment and not comment.startswith(f"# {UNSAID.partition('{')[0]}"):
            yield about
