"""JSON schemas of the files that a person writes, from the models that read them.

An editor that knows YAML completes, explains and checks a file whose first line names its schema: ``#
yaml-language-server: $schema=editor/release.json``. What the models say of a field in their docstrings stands
beside it. Rules between fields are left to the models, so a file that an editor takes may still be refused.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.commands.reference.docstrings import Said, said_by
from flows.commands.reference.models import FILES, models, settings
from generators.registry import GENERATORS


def editor_schema(kind: str) -> dict[str, Any]:
    """The JSON schema of one of ``FILES``."""
    model = FILES[kind]
    whole = model.model_json_schema()
    parts = {model.__name__: whole} | whole.get("$defs", {})
    for name, part in models(model).items():
        _explain(parts[name], said_by(part))
    if kind == "release":
        whole["$defs"]["Generator"] = {"oneOf": [_generator(name) for name in GENERATORS]}
        found: dict[str, Any] = {"$ref": "#/$defs/Generator"}
        told = whole["properties"]["generator"]["description"]
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


def _explain(part: dict[str, Any], said: Said) -> None:
    """Give a model and its fields what its docstring says of them."""
    part["description"] = said.about
    for name, field in part["properties"].items():
        if (told := said.of(name)) is not None:
            field["description"] = f"{told.text} Privacy: {told.privacy}"


def _generator(name: str) -> dict[str, Any]:
    """The parameters of one generator, as ``make_generator`` takes them."""
    found: dict[str, Any] = {
        "title": name,
        "type": "object",
        "properties": {"name": {"const": name}} | settings(name),
        "required": ["name"],
        "additionalProperties": False,
    }
    _explain(found, said_by(GENERATORS[name]))
    return found
