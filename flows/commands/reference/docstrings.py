"""What a class says of its fields: in its docstring, the one place where a key is explained.

A docstring opens with what the whole is. ``name``: then says what one field is, up to the next one. A paragraph
that begins with ``Privacy:`` has one of ``PRIVACY`` for all fields, and another for those it names; one that
begins with ``Example::`` has YAML. What a class does not say its parents do.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

PRIVACY = {
    "public": "A person writes it, and it is published with the release. Take it from documents, never from "
    "rows.",
    "measured": "Public where you write it. Left open, it is measured on private rows under the charge, for a "
    "part of the guarantee (`domain_share` of the release).",
    "budget": "It decides what is spent, on whom, or what the noise is spent for.",
    "house": "It stays in the house: on no label, in no log that others read.",
    "nothing": "It changes nothing about who is protected or how well.",
}
"""What a key may mean for privacy."""

NAMED = re.compile(r"((?:``\w+``(?:, | and )?)+): ")
PARTS = re.compile(r"\n\n(?=Privacy: |Example::\n)")


@dataclass(frozen=True)
class Told:
    """What one field is, and what it means for privacy."""

    text: str
    privacy: str


@dataclass(frozen=True)
class Said:
    """``about``: what the whole is. ``example``: YAML. Of fields by name; "" stands for all that have no
    privacy of their own.
    """

    about: str
    fields: dict[str, str]
    privacy: dict[str, str]
    example: str

    def of(self, name: str) -> Told | None:
        """What is said of a field; None where something is missing."""
        privacy = self.privacy.get(name, self.privacy.get("", ""))
        text = self.fields.get(name, "")
        return Told(text, privacy) if text and privacy else None


def said_by(kind: type) -> Said:
    """What a class and its parents say, the class itself first."""
    own = inspect.cleandoc(kind.__doc__ or "")
    fields: dict[str, str] = {}
    privacy: dict[str, str] = {}
    for text in (inspect.cleandoc(c.__doc__) for c in kind.__mro__[:-1] if c.__doc__):
        fields = dict(_named(_part(text, ""))) | fields
        privacy = _privacy(_part(text, "Privacy: ")) | privacy
    about = NAMED.split(_part(own, ""))[0]
    example = inspect.cleandoc(_part(own, "Example::\n"))
    return Said(about.strip(), fields, privacy, example)


def examples(said: Said, names: set[str]) -> list[Any]:
    """What the example shows: itself, each of a list, or each under a name that is no field's."""
    found: list[Any] = []
    for document in yaml.safe_load_all(said.example):
        if isinstance(document, list):
            found += document
        elif document and set(document) <= names:
            found.append(document)
        elif document:
            found += document.values()
    return found


def _part(text: str, opening: str) -> str:
    """The paragraph after such a word; the ones before all of these for ""."""
    first, *others = PARTS.split(text)
    if not opening:
        return first
    return next((p.removeprefix(opening) for p in others if p.startswith(opening)), "")


def _privacy(paragraph: str) -> dict[str, str]:
    if not paragraph:
        return {}
    every = NAMED.split(" ".join(paragraph.split()))[0].strip()
    return ({"": every} if every else {}) | dict(_named(paragraph))


def _named(paragraph: str) -> Iterator[tuple[str, str]]:
    """Names and what follows them, up to the next one."""
    pieces = NAMED.split(" ".join(paragraph.split()))
    for names, text in zip(pieces[1::2], pieces[2::2], strict=True):
        for name in re.findall(r"``(\w+)``", names):
            yield name, text.strip()
