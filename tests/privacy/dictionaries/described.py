"""Schemas from documents that a test writes, and rows held against them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import yaml

from privacy.dictionaries.document import schema_from
from privacy.reading.conform import Finding, conform
from privacy.reading.read import read_texts
from privacy.schema.schema import DRAFT_MARK, Schema, load_schema


def write(folder: Path, document: Any, name: str = "document") -> Path:
    """A document as a file: CSV from rows of texts, JSON from anything else."""
    if isinstance(document, list):
        path = folder / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(document)
        return path
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def loaded(folder: Path, document: Any, **how: Any) -> Schema:
    """The schema of a document, loaded as a person would, with nothing confirmed in it."""
    path = folder / "schema.yaml"
    text = schema_from(write(folder, document), **how).text
    assert DRAFT_MARK not in text
    assert "draft" not in yaml.safe_load(text)
    path.write_text(text, encoding="utf-8")
    return load_schema(path)


def findings(
    folder: Path, schema: Schema, header: list[str], rows: list[list[str]]
) -> list[Finding]:
    """What the schema finds in rows of texts."""
    path = folder / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=schema.csv.separator).writerows([header, *rows])
    return conform(read_texts([path], schema), schema)[1]
