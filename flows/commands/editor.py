"""JSON schemas of the files that a person writes, from the models that read them.

An editor that knows YAML completes, explains and checks a file whose first line names its schema: ``#
yaml-language-server: $schema=editor/release.json``. What the models say of a field in their docstrings stands
beside it. Rules between fields are left to the models, so a file that an editor takes may still be refused.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, TypeAdapter

from evaluators.policy import Policy
from flows.judging.sweep import Sweep
from flows.stages.config import RunConfig
from generators.registry import GENERATORS
from privacy.schema.schema import Schema

FILES: dict[str, type[BaseModel]] = {
    "schema": Schema,
    "release": RunConfig,
    "policy": Policy,
    "sweep": Sweep,
}
NAMED = re.compile(r"((?:``\w+``(?:, | and )?)+): ")


def editor_schema(kind: str) -> dict[str, Any]:
    """The JSON schema of one of ``FILES``."""
    whole = FILES[kind].model_json_schema()
    for part in (whole, *whole.get("$defs", {}).values()):
        _explain(part)
    if kind == "release":
        whole["$defs"]["Generator"] = {"oneOf": [_generator(name) for name in GENERATORS]}
        found: dict[str, Any] = {"$ref": "#/$defs/Generator"}
        told = whole["properties"]["generator"].get("description", "How rows are made.")
        whole["properties"]["generator"] = found | {"description": told}
        whole["$defs"]["Select"]["properties"]["others"]["items"] = found
        del whole["properties"]["policy"]["default"]  # a path on this machine
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | whole


def write(folder: Path) -> list[Path]:
    """Write all of them into ``folder``; what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in FILES:
        text = json.dumps(editor_schema(kind), indent=1, ensure_ascii=False)
        written.append(folder / f"{kind}.json")
        written[-1].write_text(text + "\n", encoding="utf-8")
    return written


def _explain(part: dict[str, Any]) -> None:
    """Give fields what the docstring of their model says of them."""
    for name, text in _said(part.get("description", "")):
        field = part.get("properties", {}).get(name)
        if field is not None:
            field.setdefault("description", text)


def _said(docstring: str) -> Iterator[tuple[str, str]]:
    """Names and what follows them, of ``name``: text that ends before the next one."""
    pieces = NAMED.split(" ".join(docstring.split()))
    for names, text in zip(pieces[1::2], pieces[2::2], strict=True):
        for name in re.findall(r"``(\w+)``", names):
            yield name, text.strip()


def _generator(name: str) -> dict[str, Any]:
    """The parameters of one generator, as ``make_generator`` takes them."""
    kind = GENERATORS[name]
    hints = get_type_hints(kind)
    settings = {
        f.name: TypeAdapter(hints[f.name]).json_schema()
        | (
            {}
            if f.default in (MISSING, None)
            else {"default": TypeAdapter(Any).dump_python(f.default, mode="json")}
        )
        for f in fields(kind)
        if f.init and not f.metadata.get("calibrated") and f.name != "public"
    }
    about = inspect.getdoc(kind) or ""
    found = {
        "title": name,
        "description": about.split("\n\n")[0],
        "type": "object",
        "properties": {"name": {"const": name}} | settings,
        "required": ["name"],
        "additionalProperties": False,
    }
    for parent in kind.__mro__:
        for field, text in _said(inspect.cleandoc(parent.__doc__ or "")):
            if field in settings:
                settings[field].setdefault("description", text)
    return found
