"""What a key takes, in a person's words, from its JSON schema: "a whole number, 1 to 1000".

Privacy claim: none; reads no data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Links = Mapping[str, str]
"""What a reader is told in place of another model, by its name."""

FORMATS = {"date-time": "a date or time", "path": "a path"}
PLURALS = {
    "a whole number": "whole numbers",
    "a number": "numbers",
    "a list": "lists",
    "a date or time": "dates or times",
    "a path": "paths",
    "text": "texts",
}


def words(part: dict[str, Any], links: Links) -> str:
    """What such a value is; that it may be null is left out where it is so by default."""
    if "$ref" in part:
        return links[part["$ref"].rsplit("/", 1)[-1]]
    for either in ("anyOf", "oneOf"):
        if either in part:
            open_ = part.get("default", "") is None
            kinds = [words(p, links) for p in part[either] if not (open_ and p == NULL)]
            return _or(k for k in kinds if k != "a whole number" or "a number" not in kinds)
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return _or(f"`{value}`" for value in part["enum"])
    match part.get("type"):
        case "array":
            return _list(part, links)
        case "object":
            return _mapping(part, links)
        case "integer" | "number" as kind:
            return ("a whole number" if kind == "integer" else "a number") + _limits(part)
        case "boolean":
            return "`true` or `false`"
        case "null":
            return "`null`"
        case _:
            return FORMATS.get(part.get("format", ""), "text")


NULL = {"type": "null"}


def default(value: Any) -> str:
    """What a key is where it is left out."""
    match value:
        case None | "" | [] | {}:
            return "–"
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f"`{value}`"
        case _:
            return f"`{json.dumps(value)}`"


def _list(part: dict[str, Any], links: Links) -> str:
    if "prefixItems" in part:
        kinds = [words(p, links) for p in part["prefixItems"]]
        same = len(set(kinds)) == 1
        return f"two {_plural(kinds[0])}" if same else f"[{', '.join(kinds)}]"
    least = part.get("minItems", 0)
    more = f" {least} or more" if least else ""
    return f"a list of{more} {_plural(words(part['items'], links))}"


def _mapping(part: dict[str, Any], links: Links) -> str:
    patterns = part.get("patternProperties", {}).values()
    values = next(iter(patterns), part.get("additionalProperties"))
    if not isinstance(values, dict):  # the one thing whose keys depend on a name
        return "[a generator](release.md#generators)"
    return f"names → {_plural(words(values, links))}"


def _limits(part: dict[str, Any]) -> str:
    """ ", 1 to 1000", ", above 0, 100 at most"."""
    if {"minimum", "maximum"} <= set(part):
        return f", {part['minimum']:,} to {part['maximum']:,}"
    said = {
        "minimum": "{:,} or more",
        "exclusiveMinimum": "above {:,}",
        "maximum": "{:,} at most",
        "exclusiveMaximum": "below {:,}",
    }
    return "".join(f", {text.format(part[limit])}" for limit, text in said.items() if limit in part)


def _plural(kind: str) -> str:
    return _or(
        next((p + one[len(s) :] for s, p in PLURALS.items() if one.startswith(s)), one)
        for one in kind.split(" or ")
    )


def _or(texts: Iterable[str]) -> str:
    *first, last = dict.fromkeys(texts)
    return f"{', '.join(first)} or {last}" if first else last
