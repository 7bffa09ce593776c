"""A column of a schema as a form, and what a filled form makes of it.

The form asks what most columns need. What else a column says, a hierarchy or spikes, stays as it is, and every
column can be written as YAML instead, which holds whatever a schema may say.

Privacy claim: none; what is confirmed as public here is a person's word.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import yaml

from privacy.errors import InputError

KINDS = {
    "categorical": "one of a few values",
    "ordinal": "one of a few values, in order",
    "integer": "a whole number",
    "float": "a number with decimals",
    "datetime": "a date or time",
    "identifier": "names a person or record: never modelled",
}
"""The kinds that the form knows, in a person's words."""

LEFT_OUT = "left out"
"""Chosen where a column is to be neither modelled nor published."""

EMPTY = "(empty)"
"""How an empty text is written in a list of texts, one a line."""

OF_KIND: Mapping[str, tuple[str, ...]] = {
    "categorical": ("categories", "other", "aliases", "rules", "hierarchy"),
    "ordinal": ("categories", "other", "aliases", "rules"),
    "integer": ("bounds", "bins", "special", "out_of_range", "spikes", "heaped_at", "shape"),
    "float": (
        "bounds", "bins", "special", "out_of_range", "decimals", "spikes", "heaped_at", "shape",
    ),
    "datetime": (
        "bounds", "bins", "format", "resolution", "zone", "pivot", "out_of_range", "spikes",
        "heaped_at", "shape",
    ),
    "identifier": (),
}  # fmt: skip
"""What a column may say beside what every column may."""
EVERY = ("description", "missing", "missing_values")

Document = dict[str, Any]


def shown(column: Document) -> dict[str, Any]:
    """What the form's fields hold of a column."""
    low, high = [*column.get("bounds", ("", "")), "", ""][:2]
    return {
        "kind": column["kind"],
        "categories": _lines(column.get("categories") or ()),
        "other": column.get("other") or "",
        "low": _text(low),
        "high": _text(high),
        "bins": _bins(column.get("bins")),
        "decimals": _text(column.get("decimals", "")),
        "format": column.get("format") or "",
        "out_of_range": column.get("out_of_range", "refuse"),
        "missing": column.get("missing", "refuse") == "keep",
        "missing_values": _lines(column.get("missing_values", ("",))),
        "yaml": dumped(column),
    }


def changed(name: str, column: Document, form: Mapping[str, str]) -> Document:
    """The column that a filled form asks for. ``form``: what its fields hold, by the names of ``shown``.

    The YAML counts where it was changed. Raises InputError for what cannot be read.
    """
    before = shown(column)
    if _written(form["yaml"]) != _written(before["yaml"]):
        return _from_yaml(name, form["yaml"])
    kind = form["kind"]
    found = {"kind": kind} | {k: v for k, v in column.items() if k in (*EVERY, *OF_KIND[kind])}
    if kind in ("categorical", "ordinal"):
        if _touched(before, form, "categories", "kind"):
            found["categories"] = _texts(form["categories"]) or None
        _set(found, "other", form["other"].strip() or None)
    elif kind != "identifier":
        number = _date if kind == "datetime" else _number
        if _touched(before, form, "low", "high", "kind"):
            found["bounds"] = [number(name, "bounds", form[end]) for end in ("low", "high")]
        if _touched(before, form, "bins", "kind"):
            _set(found, "bins", _edges(name, form["bins"], number))
        found["out_of_range"] = form["out_of_range"]
        if kind == "float":
            _set(found, "decimals", _number(name, "decimals", form["decimals"], optional=True))
        if kind == "datetime":
            _set(found, "format", form["format"].strip() or None)
    if kind != "identifier":
        found["missing"] = "keep" if form.get("missing") else "refuse"
        if _touched(before, form, "missing_values"):
            found["missing_values"] = _texts(form["missing_values"])
    return _without_defaults(found)


def dumped(value: Any) -> str:
    """A part of a document as YAML, short lists on one line."""
    text: str = yaml.dump(value, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return text


class _Plain(yaml.SafeDumper):
    """Lists of plain values on one line, everything else as a block; nothing is referred to."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
        plain = not any(isinstance(one, dict | list) and len(one) > 3 for one in sequence)
        return super().represent_sequence(tag, sequence, flow_style=plain)


_Plain.add_representer(tuple, lambda dumper, value: dumper.represent_list(value))


def _without_defaults(column: Document) -> Document:
    usual = {
        "missing": "refuse",
        "out_of_range": "refuse",
        "missing_values": [""],
        "description": "",
    }
    return {k: v for k, v in column.items() if k not in usual or v != usual[k]}


def _set(column: Document, key: str, value: Any) -> None:
    if value is None:
        column.pop(key, None)
    else:
        column[key] = value


def _touched(before: Mapping[str, Any], form: Mapping[str, str], *keys: str) -> bool:
    return any(_written(str(before[key])) != _written(form[key]) for key in keys)


def _written(text: str) -> str:
    """A text as a browser sends it back: line breaks alike, none at the ends."""
    return text.replace("\r\n", "\n").strip()


def _lines(texts: Any) -> str:
    return "\n".join(EMPTY if text == "" else str(text) for text in texts)


def _texts(lines: str) -> list[str]:
    stripped = (line.strip() for line in _written(lines).split("\n"))
    return ["" if line == EMPTY else line for line in stripped if line]


def _text(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _bins(bins: Any) -> str:
    return ", ".join(map(_text, bins)) if isinstance(bins, list | tuple) else _text(bins or "")


def _edges(name: str, text: str, number: Any) -> Any:
    parts = [part for part in text.replace(";", ",").split(",") if part.strip()]
    if len(parts) == 1:
        return _number(name, "bins", parts[0])
    return [number(name, "bins", part) for part in parts] or None


def _number(name: str, what: str, text: str, optional: bool = False) -> float | int | None:
    text = text.strip()
    if not text and optional:
        return None
    try:
        value = float(text)
    except ValueError:
        raise InputError(
            f"column {name!r}: {what}: expected a number, as 18 or 0.5; found {text!r}"
        ) from None
    return int(value) if value.is_integer() and "." not in text and abs(value) < 2**53 else value


def _date(name: str, what: str, text: str) -> dt.date | dt.datetime:
    for read in (dt.date.fromisoformat, dt.datetime.fromisoformat):
        try:
            return read(text.strip())
        except ValueError:
            continue
    raise InputError(
        f"column {name!r}: {what}: expected a date, as 2020-12-31; found {text.strip()!r}"
    )


def _from_yaml(name: str, text: str) -> Document:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"column {name!r}: its YAML cannot be read{where}") from None
    if not isinstance(found, dict) or "kind" not in found:
        raise InputError(f"column {name!r}: its YAML needs a line `kind: …`")
    return found
