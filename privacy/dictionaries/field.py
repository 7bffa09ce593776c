"""What a document says of a table: the form that every kind of document is brought into.

Privacy claim: none; a document is public, or its owner would not write a schema from it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["identifier", "integer", "float", "categorical", "ordinal", "datetime", "left out"]

OTHER = "(other)"
"""What stands for a category that too few people have to be named."""


@dataclass(frozen=True)
class Field:
    """One column, as far as a document tells of it.

    ``categories``: None where they are not listed; ``other``: the one for what is none of them. ``low``,
    ``high``: bounds, None where they are left open.
    ``format``: of a date, as in strptime; None for ISO 8601. ``required``: never missing.
    ``remarks``: what a person should know or answer. ``unless``: conditions on other columns under each of
    which this one is not asked, and ``unasked`` what it holds then (None where it is missing). ``unsaid``: when
    it is asked, where ``unless`` does not say all of that. ``why``: why it is left out.
    """

    name: str
    kind: Kind
    description: str = ""
    categories: tuple[str, ...] | None = None
    other: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    low: float | dt.datetime | None = None
    high: float | dt.datetime | None = None
    decimals: int | None = None
    format: str | None = None
    resolution: Literal["day", "second"] = "day"
    required: bool = False
    missing_values: tuple[str, ...] = ("",)
    remarks: tuple[str, ...] = ()
    unless: tuple[Mapping[str, Mapping[str, object]], ...] = ()
    unasked: str | None = None
    unsaid: str = ""
    why: str = ""


@dataclass(frozen=True)
class Document:
    """A table as a document describes it.

    ``what``: the kind of document. ``name``: what the table is called. ``unit``: the column that names people,
    and ``several``: why one may have several rows ("" where each has one). ``csv``: how a file is written.
    ``orders``: pairs of columns of which the first is never after the second. ``told``: lines for whoever
    asked for the schema.
    """

    what: str
    name: str
    fields: tuple[Field, ...]
    description: str = ""
    unit: str | None = None
    several: str = ""
    csv: Mapping[str, Any] = field(default_factory=dict)
    orders: tuple[tuple[str, str], ...] = ()
    told: tuple[str, ...] = ()


FREE_TEXT = "free text, which is never modelled: it may name anybody"


def left_out(name: str, why: str, description: str = "") -> Field:
    """A column that is dropped, and why."""
    return Field(name, "left out", description, why=why)


def identifier(name: str, what: str, description: str = "", **said: Any) -> Field:
    """A column that names somebody: never modelled, written as new numbers."""
    return Field(name, "identifier", description, remarks=(what,), **said)


def listed(name: str, labels: Mapping[str, str], description: str = "", **said: Any) -> Field:
    """A column of codes with their labels, which its description tells."""
    told = "; ".join(
        f"{code} = {label}" for code, label in labels.items() if label not in ("", code)
    )
    end = "" if description.endswith(("?", ":", "!")) else "."
    text = f"{description.rstrip('.')}{end} {told}" if description and told else description or told
    return Field(name, "categorical", text, categories=tuple(filter(None, labels)), **said)


def unlisted(name: str, description: str = "", **said: Any) -> Field:
    """A column of codes that the document does not list."""
    asked = "categories? None is listed, so the frequent ones are found under a charge; list what is public"
    return Field(name, "categorical", description, other=OTHER, remarks=(asked,), **said)


def same_name(fields: tuple[Field, ...]) -> str | None:
    """A name that two columns have; None where each has its own."""
    names = [f.name for f in fields]
    return next((n for n in names if names.count(n) > 1), None)
