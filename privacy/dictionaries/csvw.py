"""Metadata of CSV on the Web (JSON-LD) → what it says of its table.

By the W3C recommendations "Metadata Vocabulary for Tabular Data" and "Model for Tabular Data".

Privacy claim: none; reads a document alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from privacy.dictionaries.field import Document, Field, identifier, left_out
from privacy.dictionaries.typed import readable, texts, typed
from privacy.errors import InputError
from privacy.reading.guesses.names import NAMES_A_PERSON

VOCABULARY = "http://www.w3.org/ns/csvw"
PICTURE = {
    "yyyy": "%Y", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "X": "%z",
}  # fmt: skip
"""Letters of a date's picture (Unicode, UTS 35), as strptime has them."""


def tables(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The tables of a document by the stem of their file; none where it is no such document."""
    if VOCABULARY not in texts(data.get("@context")):
        return {}
    found = data["tables"] if isinstance(data.get("tables"), list) else [data]
    shared = {k: data[k] for k in ("tableSchema", "dialect", "null") if k in data}
    named = [{**shared, **t} for t in found if isinstance(t, dict)]
    if elsewhere := [t["tableSchema"] for t in named if isinstance(t.get("tableSchema"), str)]:
        raise InputError(
            f"its tables are described in files of their own; give one of them, as {elsewhere[0]!r}"
        )
    return {
        PurePosixPath(str(t.get("url", f"table_{i + 1}"))).name.removesuffix(".csv"): t
        for i, t in enumerate(named)
        if isinstance(
            t.get("tableSchema", t).get("columns")
            if isinstance(t.get("tableSchema", t), dict)
            else None,
            list,
        )
    }


def csvw(name: str, table: Mapping[str, Any]) -> Document:
    """What the metadata say of one table."""
    schema = table.get("tableSchema", table)
    columns = [c for c in schema["columns"] if isinstance(c, dict) and not c.get("virtual")]
    keys = texts(schema.get("primaryKey"))
    gaps = table.get("null", schema.get("null", ""))
    fields = [_field(c, i, keys, gaps) for i, c in enumerate(columns)]
    called = {str(c.get("name", "")): f.name for c, f in zip(columns, fields, strict=True)}
    whom = [
        f.name
        for f, c in zip(fields, columns, strict=True)
        if NAMES_A_PERSON(str(c.get("name", f.name)))
    ]
    unit = next(iter([*whom, *(called[k] for k in keys[:1] if k in called)]), None)
    if unit is not None:
        fields = [
            identifier(
                unit,
                "names the unit",
                f.description,
                required=True,
                missing_values=f.missing_values,
            )
            if f.name == unit
            else f
            for f in fields
        ]
    once = unit is not None and [called.get(k) for k in keys] == [unit]
    told = table.get("dc:title") or table.get("dc:description") or ""
    return Document(
        "CSVW metadata",
        name,
        tuple(fields),
        description=told if isinstance(told, str) else "",
        unit=unit,
        several="" if once or unit is None else f"The document does not say that {unit} is unique",
        csv=_form(table.get("dialect")),
    )


def _title(value: Any) -> tuple[str, ...]:
    """Titles, of one language where there are several."""
    if isinstance(value, dict):
        value = next(iter(value.values()), None)
    return texts(value)


def _field(said: Mapping[str, Any], at: int, keys: tuple[str, ...], gaps: Any) -> Field:
    titles = _title(said.get("titles"))
    called = str(said.get("name", ""))
    name = (titles or (called or f"_col.{at + 1}",))[0]
    kind = said.get("datatype", "string")
    limits = kind if isinstance(kind, dict) else {}
    base = str(limits.get("base", "string") if isinstance(kind, dict) else kind)
    text = said.get("dc:description") or said.get("description") or ""
    text = text if isinstance(text, str) else ""
    required = bool(said.get("required")) or called in keys
    form = limits.get("format")
    missing = texts(said.get("null", gaps)) or ("",)
    if said.get("separator"):
        return left_out(name, "a list in one cell: give each value a column of its own", text)
    low = limits.get("minimum", limits.get("minInclusive", limits.get("minExclusive")))
    high = limits.get("maximum", limits.get("maxInclusive", limits.get("maxExclusive")))
    told = {"minimum": low, "maximum": high, "maxLength": limits.get("maxLength")}
    if base == "boolean":
        yes, _, no = str(form or "true|false").partition("|")
        if not (yes and no):
            yes, no, form = "true", "false", None
        aliases = {} if form else {"1": "true", "0": "false"}
        field = Field(
            name, "categorical", text, categories=(no, yes), aliases=aliases, required=required
        )
    else:
        pattern = {"pattern": form} if base in ("string", "token", "normalizedString") else {}
        field = typed(name, base, text, {**told, **pattern}, required)
    if field.kind == "datetime" and isinstance(form, str):
        field = replace(field, format=from_picture(form))
    if field.kind in ("integer", "float") and isinstance(form, dict) and form.get("groupChar"):
        return left_out(
            name, "written with thousands separators: write plain numbers, and add it", text
        )
    return replace(field, missing_values=missing)


def from_picture(picture: str) -> str | None:
    """``dd/MM/yyyy`` as strptime says it; None for ISO 8601."""
    form = re.sub("yyyy|MM|M|dd|d|HH|mm|ss|X", lambda m: PICTURE[m[0]], picture)
    return (
        None
        if form.startswith("%Y-%m-%d") and re.fullmatch(r"%Y-%m-%d([T ]%H:%M(:%S)?)?", form)
        else form
    )


def _form(dialect: Any) -> dict[str, Any]:
    said = dialect if isinstance(dialect, dict) else {}
    found = {
        "separator": said.get("delimiter"),
        "encoding": said.get("encoding"),
        "strip": True if said.get("trim") in (True, "true") else None,
        "header": False if said.get("header") is False else None,
    }
    return readable(found)
