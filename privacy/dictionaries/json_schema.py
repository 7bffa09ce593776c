"""A JSON Schema of rows as objects (draft 7 or 2020-12) → what it says of their columns.

Privacy claim: none; reads a document alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from privacy.dictionaries.field import Document, Field, identifier, left_out, listed
from privacy.dictionaries.typed import as_text, texts, typed
from privacy.reading.guesses.names import NAMES_A_PERSON

BOOLEANS = {
    "True": "true",
    "TRUE": "true",
    "1": "true",
    "False": "false",
    "FALSE": "false",
    "0": "false",
}


def objects(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The rows that a document describes, by title: its own properties, those of its items, or its definitions.

    None where it is no such document.
    """
    for row in (data, data.get("items")):
        found = _resolved(row, data) if isinstance(row, dict) else {}
        if isinstance(found.get("properties"), dict):
            return {str(data.get("title") or found.get("title") or ""): {**found, "document": data}}
    parts = data.get("$defs") or data.get("definitions")
    named = (
        {str(n): _resolved(d, data) for n, d in parts.items()} if isinstance(parts, dict) else {}
    )
    rows = {n: d for n, d in named.items() if isinstance(d.get("properties"), dict)}
    return {n: {**d, "document": data} for n, d in rows.items()}


def json_schema(name: str, row: Mapping[str, Any]) -> Document:
    """What it says of one kind of row."""
    required = texts(row.get("required"))
    fields = [
        _field(str(n), _resolved(said, row["document"]), n in required)
        for n, said in row["properties"].items()
        if isinstance(said, dict)
    ]
    unit = next((f.name for f in fields if NAMES_A_PERSON(f.name)), None)
    fields = [
        identifier(f.name, "names the unit", f.description, required=True) if f.name == unit else f
        for f in fields
    ]
    return Document(
        "JSON schema",
        name,
        tuple(fields),
        description=str(row.get("description") or ""),
        unit=unit,
        several=f"The document does not say that {unit} is unique" if unit else "",
    )


def _resolved(said: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A description with what it refers to inside the document and all that it consists of; of ``null`` or
    something the something.
    """
    if not isinstance(said, dict):
        return {}
    for _ in range(20):  # a reference may lead to another
        if all_of := [p for p in said.get("allOf") or () if isinstance(p, dict)]:
            rest = {k: v for k, v in said.items() if k != "allOf"}
            parts = [_resolved(part, document) for part in all_of]
            fields = {
                k: v for part in (*parts, rest) for k, v in (part.get("properties") or {}).items()
            }
            said = {k: v for part in (*parts, rest) for k, v in part.items()}
            said |= {"properties": fields} if fields else {}
            continue
        if isinstance(ref := said.get("$ref"), str) and ref.startswith("#/"):
            found: Any = document
            for part in ref[2:].split("/"):
                found = (
                    found.get(part.replace("~1", "/").replace("~0", "~"))
                    if isinstance(found, dict)
                    else None
                )
            rest = {k: v for k, v in said.items() if k != "$ref"}
            said = {**found, **rest} if isinstance(found, dict) else rest
            continue
        options = [
            o for key in ("anyOf", "oneOf") for o in said.get(key) or () if isinstance(o, dict)
        ]
        some = [o for o in options if o.get("type") != "null"]
        if options and len(some) < len(options) and len(some) == 1:
            said = {
                **{k: v for k, v in said.items() if k not in ("anyOf", "oneOf")},
                **some[0],
                "nullable": True,
            }
            continue
        return said
    return {}


def _field(name: str, said: Mapping[str, Any], required: bool) -> Field:
    kinds = [k for k in texts(said.get("type")) if k != "null"]
    nullable = "null" in texts(said.get("type")) or said.get("nullable") is True
    needed = required and not nullable and None not in (said.get("enum") or ())
    text = " ".join(str(said[k]).rstrip(".") + "." for k in ("title", "description") if said.get(k))
    options = [o for o in said.get("oneOf") or said.get("anyOf") or () if isinstance(o, dict)]
    if options and all("const" in o for o in options):
        labels = {
            as_text(o["const"]): str(o.get("title") or o.get("description") or "") for o in options
        }
        return listed(name, labels, text, required=needed)
    values = said.get("enum") or ([said["const"]] if "const" in said else [])
    if len(kinds) > 1 and not values:
        return left_out(name, f"of several types ({', '.join(kinds)}): say one", text)
    kind = kinds[0] if kinds else "string"
    if kind == "boolean":
        return Field(
            name,
            "categorical",
            text,
            categories=("false", "true"),
            aliases=BOOLEANS,
            required=needed,
        )
    if kind in ("object", "array"):
        return left_out(
            name, f"an {kind}, which a table does not hold: give each value a column", text
        )
    if kind == "string" and said.get("format") in ("date", "date-time", "time"):
        kind = str(said["format"])
    low, high = said.get("minimum"), said.get("maximum")
    least, most = said.get("exclusiveMinimum"), said.get("exclusiveMaximum")
    step = (
        1 if kind == "integer" else 0
    )  # of a whole number the next; of any other the bound itself
    if low is None and isinstance(least, int | float) and not isinstance(least, bool):
        low = least + step
    if high is None and isinstance(most, int | float) and not isinstance(most, bool):
        high = most - step
    return typed(name, kind, text, {**said, "minimum": low, "maximum": high}, needed, values)
