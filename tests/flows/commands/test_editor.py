"""What an editor is told of YAML files: what the models say, true of all that ship, wrong of misspelt ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from flows.commands import editor

CONFIGS = Path(__file__).parents[3] / "configs"
SHIPPED = {
    file: kind
    for kind, folder in {
        "schema": "schemas", "release": "releases", "policy": "policies", "sweep": "sweeps"
    }.items()
    for file in sorted((CONFIGS / folder).glob("*.yaml"))
}  # fmt: skip


def read(text: str) -> Any:
    """YAML as an editor sees it: dates are texts."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


def complaints(kind: str, document: Any) -> list[str]:
    return [
        e.message for e in Draft202012Validator(editor.editor_schema(kind)).iter_errors(document)
    ]


def test_what_is_committed_is_what_the_models_say(tmp_path: Path) -> None:
    """``understudy schema editor configs/editor`` writes them anew."""
    for file in editor.write(tmp_path):
        assert file.read_bytes() == (CONFIGS / "editor" / file.name).read_bytes(), file.name


@pytest.mark.parametrize("file", SHIPPED, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_every_file_that_ships_names_its_schema_and_fits_it(file: Path) -> None:
    text, kind = file.read_text(encoding="utf-8"), SHIPPED[file]
    assert text.startswith(f"# yaml-language-server: $schema=../editor/{kind}.json\n")
    assert complaints(kind, read(text)) == []


@pytest.mark.parametrize(
    ("kind", "folder", "harm"),
    [
        ("release", "releases/demo.yaml", lambda d: d | {"epsilon": 1.0}),
        ("release", "releases/demo.yaml", lambda d: d | {"guarantee": {"epsilon": 1.0}}),
        ("release", "releases/demo.yaml", lambda d: d | {"generator": {"name": "aims"}}),
        ("release", "releases/demo.yaml", lambda d: d | {"generator": {"name": "aim", "steps": 3}}),
        ("schema", "schemas/flchain.yaml", lambda d: d | {"columns": {"age": {"kind": "whole"}}}),
        ("schema", "schemas/flchain.yaml", lambda d: d | {"target": []}),
        ("policy", "policies/default.yaml", lambda d: d | {"figure": "charged"}),
        ("sweep", "sweeps/demo.yaml", lambda d: d | {"seeds": "all"}),
    ],
)
def test_an_editor_sees_what_is_misspelt(kind: str, folder: str, harm: Any) -> None:
    document = read((CONFIGS / folder).read_text(encoding="utf-8"))
    assert complaints(kind, document) == []
    assert complaints(kind, harm(document))


def test_fields_are_explained() -> None:
    release = editor.editor_schema("release")["properties"]
    assert all(field.get("description") for field in release.values())
    assert "kept out of training" in release["holdout"]["description"]
