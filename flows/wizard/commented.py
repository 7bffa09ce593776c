"""A draft as the wizard sees it: what YAML says, and what stands beside it in comments.

A draft tells a person what it is unsure of, and what it proposes, in comments, which YAML readers pass over.

Privacy claim: none; a draft is private until a person has confirmed it, and so is what is read here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import yaml

from privacy.schema.schema import DRAFT_MARK

PROPOSED = ("relations", "targets", "subgroups", "keep_together", "impossible")
"""Lists of a schema that a draft proposes entries of, as comments."""

UNSAID = "…"
"""Stands in an example where a person has to say what."""


@dataclass(frozen=True)
class Commented:
    """``document``: what YAML says. ``notes``: by column, what is asked or explained beside it.

    ``copied``: columns that hold values copied from private rows. ``parts``: whatever else of the schema does,
    as the most rows of a person, by its key. ``proposals``: by list of the schema, entries that would be true
    of the rows. ``remarks``: what else stands in comments, of the table as a whole.
    """

    document: dict[str, Any]
    notes: Mapping[str, tuple[str, ...]]
    copied: tuple[str, ...]
    proposals: Mapping[str, tuple[Any, ...]]
    remarks: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


def commented(text: str) -> Commented:
    """A draft, as ``privacy.reading.draft`` writes it, with its comments."""
    document = yaml.safe_load(text)
    document.pop("draft", None)
    beside, mark = dict(_comments(text)), DRAFT_MARK.removeprefix("# ")
    notes: dict[str, tuple[str, ...]] = {}
    copied = []
    for name, said in _said(text, _column_lines(text), beside):
        if any(mark in one for one in said):
            copied.append(name)
        plain = (one.replace(mark, "").strip(" #") for one in said)
        notes[name] = tuple(dict.fromkeys(one for one in plain if one))
    remarks = tuple(dict.fromkeys(_remarks(text, beside)))
    whole = _said(text, _lines_of(_root(text)), beside)
    parts = (key for key, said in whole if key != "columns" and any(mark in one for one in said))
    return Commented(document, notes, tuple(copied), _proposals(text), remarks, tuple(parts))


def _said(
    text: str, entries: Iterator[tuple[str, range]], beside: Mapping[int, str]
) -> Iterator[tuple[str, list[str]]]:
    """What is said beside each entry; comments that begin a line belong to none."""
    lines = text.split("\n")
    for name, numbers in entries:
        yield name, [beside[n] for n in numbers if n in beside and not lines[n].startswith("#")]


def _remarks(text: str, beside: Mapping[int, str]) -> Iterator[str]:
    """What is said outside of columns, behind the draft's first words, and is no proposal."""
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith(("draft:", "name:"))), 0)
    columns = {number for _, some in _column_lines(text) for number in some}
    mark = DRAFT_MARK.removeprefix("# ")
    for number, said in beside.items():
        plain = said.replace(mark, "").strip(" #")
        is_proposal = said.startswith("- ") or said.split(":")[0] in PROPOSED
        goes_on = lines[number].startswith(
            "#   "
        )  # a line of its own, further in: part of the one above
        if lines[number].startswith("source:"):  # is a field of its own
            continue
        if number > first and number not in columns and plain and not (is_proposal or goes_on):
            rest = takewhile(lambda n: lines[n].startswith("#   "), range(number + 1, len(lines)))
            yield " ".join([plain, *(lines[n].strip("# ").replace(mark, "").strip() for n in rest)])


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """By line number, what stands behind # there; a # inside a value is none."""
    ends: dict[int, int] = defaultdict(int)
    for token in yaml.scan(text):
        if token.end_mark.index > token.start_mark.index:
            ends[token.end_mark.line] = max(ends[token.end_mark.line], token.end_mark.column)
    for number, line in enumerate(text.splitlines()):
        rest = line[ends[number] :].strip()
        if rest.startswith("#"):
            yield number, rest.lstrip("# ").strip()


def _column_lines(text: str) -> Iterator[tuple[str, range]]:
    """Each column's name and the lines that describe it."""
    columns = next(value for key, value in _root(text).value if key.value == "columns")
    yield from _lines_of(columns)


def _root(text: str) -> yaml.MappingNode:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    return root


def _lines_of(mapping: yaml.MappingNode) -> Iterator[tuple[str, range]]:
    """Each key and the lines of its value."""
    for key, value in mapping.value:
        yield (
            key.value,
            range(key.start_mark.line, max(key.start_mark.line + 1, value.end_mark.line)),
        )


def _proposals(text: str) -> dict[str, tuple[Any, ...]]:
    """Entries in comments: ``# relations:``, and below it ``#  - {order: [a, b]}``."""
    found: dict[str, list[Any]] = {}
    under = None
    for line in text.splitlines():
        said = line.removeprefix("#")
        if said == line:
            under = None
        elif (name := said.strip().split(":")[0]) in PROPOSED and said.strip().startswith(
            f"{name}:"
        ):
            under = name
        elif under and said.lstrip().startswith("- "):
            try:
                entries = yaml.safe_load(said)
            except yaml.YAMLError:
                continue  # words that look like an entry
            found.setdefault(under, []).extend(e for e in entries if UNSAID not in str(e))
    return {name: tuple(entries) for name, entries in found.items()}
