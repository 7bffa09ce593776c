"""A Frictionless Table Schema, or a Data Package or Data Resource that holds one → what it says of its table.

By the specification at datapackage.org, versions 1 and 2.

Privacy claim: none; reads a document alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from privacy.dictionaries.field import Document, Field, identifier, left_out, listed
from privacy.dictionaries.typed import as_text, readable, texts, typed
from privacy.errors import InputError
from privacy.reading.guesses.names import NAMES_A_PERSON

TRUE, FALSE = ("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0")


def tables(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The resources of a document by name, each with its schema; none where it is no such document."""
    if isinstance(data.get("resources"), list):
        named = [
            r
            for r in data["resources"]
            if isinstance(r, dict) and isinstance(r.get("schema"), dict)
        ]
        elsewhere = [
            r["schema"]
            for r in data["resources"]
            if isinstance(r, dict) and isinstance(r.get("schema"), str)
        ]
        if elsewhere and not named:
            raise InputError(
                f"its tables are described in files of their own; give one of them, as {elsewhere[0]!r}"
            )
        return {str(r.get("name", f"table_{i + 1}")): r for i, r in enumerate(named)}
    if isinstance(data.get("schema"), dict) and isinstance(data["schema"].get("fields"), list):
        return {str(data.get("name", "")): data}
    if isinstance(data.get("fields"), list):
        return {str(data.get("name", "")): {"schema": data}}
    return {}


def frictionless(name: str, resource: Mapping[str, Any]) -> Document:
    """What one resource says. Raises InputError for a field without a name."""
    schema = resource["schema"]
    gaps = texts(schema.get("missingValues", [""]))
    keys = texts(schema.get("primaryKey"))
    fields = []
    for i, said in enumerate(schema.get("fields") or ()):
        if not isinstance(said, dict) or not said.get("name"):
            raise InputError(f"field {i + 1} has no name; give it one")
        missing = texts(said["missingValues"]) if "missingValues" in said else gaps
        fields.append(replace(_field(said, keys), missing_values=missing or ("",)))
    names = [f.name for f in fields]
    whom = [n for n in names if NAMES_A_PERSON(n)]
    unit = next((n for n in (*whom, *keys[:1]) if n in names), None)
    if unit is not None:
        at = names.index(unit)
        gap = fields[at].missing_values
        fields[at] = identifier(
            unit, "names the unit", fields[at].description, required=True, missing_values=gap
        )
    once = keys == (unit,)
    return Document(
        "Frictionless table schema",
        name,
        tuple(fields),
        description=str(resource.get("title") or resource.get("description") or ""),
        unit=unit,
        several="" if once or unit is None else f"The document does not say that {unit} is unique",
        csv=_form(resource, schema.get("fields") or ()),
    )


def _field(said: Mapping[str, Any], keys: tuple[str, ...]) -> Field:
    name, kind = str(said["name"]), str(said.get("type", "string"))
    limits = said.get("constraints")
    limits = limits if isinstance(limits, dict) else {}
    text = " ".join(str(said[k]).rstrip(".") + "." for k in ("title", "description") if said.get(k))
    required = bool(limits.get("required")) or name in keys
    if limits.get("unique") and kind in ("string", "integer"):
        return identifier(name, "unique: every row has its own", text, required=required)
    if categories := said.get("categories"):
        labels = {
            as_text(c.get("value") if isinstance(c, dict) else c): str(c.get("label", ""))
            if isinstance(c, dict)
            else ""
            for c in categories
        }
        field = listed(name, labels, text, required=required)
        return replace(field, kind="ordinal") if said.get("categoriesOrdered") else field
    if said.get("groupChar") or said.get("bareNumber") is False:
        sign = "thousands separators" if said.get("groupChar") else "units beside its numbers"
        return left_out(name, f"written with {sign}: write plain numbers, and add the column", text)
    if kind == "boolean":
        return _boolean(name, text, said, required)
    form = said.get("format")
    field = typed(name, kind, text, {**limits, "format": form}, required, limits.get("enum") or ())
    if field.kind == "datetime" and isinstance(form, str) and "%" in form:
        field = replace(field, format=form.removeprefix("fmt:"))
    if field.kind == "datetime" and form == "any":
        asked = "format? The document lets each be written in another way; one for all, as %d/%m/%Y"
        field = replace(field, remarks=(*field.remarks, asked))
    return field


def _boolean(name: str, text: str, said: Mapping[str, Any], required: bool) -> Field:
    """Two values, however they are spelled."""
    yes = tuple(filter(None, texts(said.get("trueValues")))) or TRUE
    no = tuple(filter(None, texts(said.get("falseValues")))) or FALSE
    aliases = {**dict.fromkeys(yes[1:], yes[0]), **dict.fromkeys(no[1:], no[0])}
    return Field(
        name, "categorical", text, categories=(no[0], yes[0]), aliases=aliases, required=required
    )


def _form(resource: Mapping[str, Any], fields: Any) -> dict[str, Any]:
    """How the file is written, as far as the document says."""
    dialect = resource.get("dialect")
    dialect = dialect if isinstance(dialect, dict) else {}
    decimal = {f.get("decimalChar") for f in fields if isinstance(f, dict)} - {None}
    found = {
        "separator": dialect.get("delimiter"),
        "encoding": resource.get("encoding"),
        "decimal": "," if decimal == {","} else None,
        "header": False if dialect.get("header") is False else None,
    }
    return readable(found)
