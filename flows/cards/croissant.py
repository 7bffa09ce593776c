"""croissant.json: the bundle for machines, as MLCommons' Croissant 1.0 with its RAI vocabulary.

Files stand in it with their SHA-256, the columns with their types, and the privacy label three times: as the
file label.json, as a record of its own (``privacy``), and in the RAI properties on sensitive data and limits.

Privacy claim: shows only what is public.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from flows.cards.card import ADVICE, decision, held_out, under
from flows.cards.histories import HISTORIES
from flows.cards.readme import values
from flows.frames.column_types import PICTURE, column_type
from flows.frames.parquet import PARQUET
from flows.frames.tables import FOLDER, files, parts
from flows.stages.run import write_json
from privacy.reading.read import file_digest
from privacy.schema.schema import Schema

CROISSANT = "http://mlcommons.org/croissant/"

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": CROISSANT,
    "rai": f"{CROISSANT}RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    **{
        term: f"cr:{term}"
        for term in (
            "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty",
            "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField",
            "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
            "source", "subField", "transform",
        )
    },
}  # fmt: skip
"""The context that the specification asks every file to bring."""

FILES = {
    PARQUET: ("application/x-parquet", "The synthetic rows."),
    "data.csv": ("text/csv", "The synthetic rows as texts, written as the original writes them."),
    "schema.yaml": (
        "application/yaml",
        "Every column with its kind, bounds, bins and categories.",
    ),
    "label.json": (
        "application/json",
        "The privacy label: what is promised, to whom, by which draws, and what is not covered.",
    ),
}


def write_croissant(folder: Path, label: dict[str, Any], schema: Schema) -> None:
    """Write croissant.json beside the files that it names, which are already in ``folder``."""
    release = label["release"]
    about = " ".join(
        f"{release['synthetic_rows']} synthetic rows in place of a private table, {release['data_set']}. "
        f"{release['description']}".split()
    )
    license_ = release["license"]
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [f"{CROISSANT}1.0", f"{CROISSANT}RAI/1.0"],
        "name": release["name"],
        "description": about,
        "keywords": ["synthetic", "differential privacy"],
        "datePublished": release["created"],
        "version": "1.0.0",  # a bundle never changes
        **({"license": license_} if license_ else {}),
        **_responsible(label, schema),
        "distribution": [
            described
            for name, about in {**FILES, **_of_histories(folder, schema)}.items()
            for described in _files(folder, name, *about)
        ],
        "recordSet": [
            _rows(schema, parted=(folder / PARQUET).is_dir()),
            *_tables(schema),
            _privacy(label),
        ],
    }
    write_json(folder / "croissant.json", content)


def _responsible(label: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """What Croissant's RAI vocabulary asks about people, limits and use."""
    guarantee = label["guarantee"]
    groups = ", ".join(s.name for s in schema.subgroups)
    return {
        "rai:personalSensitiveInformation": [
            f"Every row is drawn from a model that was trained on a private table {under(label)}, "
            f"{guarantee['definition']}: ε = {guarantee['epsilon']:.6g}, δ = {guarantee['delta']:g}.",
            *([f"Guarantee: {basis}."] if (basis := guarantee.get("basis")) else []),
            guarantee["in_words"],
            label["risk"]["in_words"],
            f"Protected: {guarantee['protects']}.",
            *filter(None, [held_out(label)]),
            "The whole privacy label is label.json.",
            *([f"Columns that say which group a person is of: {groups}."] if groups else []),
        ],
        "rai:dataLimitations": [
            *([label["histories"]["in_words"]] if label.get("histories") else []),
            *label["not_covered"],
            *(f"{short} {why}" for short, why in ADVICE),
        ],
        "rai:dataUseCases": ["methods", "software", "teaching", "first looks"],
        "rai:dataCollection": f"Drawn from a model of the kind {label['release']['generator']['name']}.",
    }


def _of_histories(folder: Path, schema: Schema) -> dict[str, tuple[str, str]]:
    """The files that only linked rows have, as in ``FILES``."""
    unit = schema.unit
    found = {
        file: (FILES["data" + Path(file).suffix][0], part.about)
        for name, part in parts(schema).items()
        for file in files(name)
    }
    if (folder / HISTORIES).exists():
        found[HISTORIES] = ("image/svg+xml", f"A picture of the first synthetic {unit}s.")
    return found


def _files(folder: Path, name: str, encoding: str, description: str) -> list[dict[str, Any]]:
    """A file, or each part of one and all of them together."""
    if not (folder / name).is_dir():
        return [_file(folder, name, encoding, description)]
    parts = [f"{name}/{part.name}" for part in sorted((folder / name).iterdir())]
    together = {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": f"{description} In {len(parts)} parts.",
        "encodingFormat": encoding,
        "includes": f"{name}/*.parquet",
    }
    return [*(_file(folder, part, encoding, description) for part in parts), together]


def _file(folder: Path, name: str, encoding: str, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": description,
        "contentUrl": name,
        "contentSize": f"{(folder / name).stat().st_size} B",
        "encodingFormat": encoding,
        "sha256": file_digest(folder / name),
    }


def _tables(schema: Schema) -> list[dict[str, Any]]:
    """The tables of linked rows: their keys, and the columns that refer to them."""
    known = parts(schema)
    found = {n: _rows(p.schema, n, f"{FOLDER}/{n}.parquet", schema) for n, p in known.items()}
    for name, part in known.items():
        if part.key is not None:
            found[name]["key"] = {"@id": _field(found[name], part.key)["@id"]}
    for name, part in known.items():
        if part.of is not None:
            key, of = str(known[part.of].key), f"{FOLDER}/{part.of}.parquet"
            reference: dict[str, Any] = {"field": {"@id": _field(found[part.of], key)["@id"]}}
            if known[part.of].of is not None:  # mlcroissant follows no references of references
                reference = {"fileObject": {"@id": of}, "extract": {"column": key}}
            _field(found[name], str(part.by))["references"] = reference
    return list(found.values())


def _field(records: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(f for f in records["field"] if f["name"] == name)
    return found


def _rows(
    schema: Schema,
    records: str = "rows",
    file: str = PARQUET,
    whole: Schema | None = None,
    parted: bool = False,
) -> dict[str, Any]:
    """The rows of a file, or of one in parts, a field for each column; ``whole``: the schema of which this is a
    part."""
    of = {n: whole if whole and n in whole.columns else schema for n in schema.columns}
    fields = []
    for place, (name, column) in enumerate(schema.columns.items(), start=1):
        kind = column_type(column)
        source: dict[str, Any] = {"fileSet" if parted else "fileObject": {"@id": file}}
        fields.append(
            {
                "@type": "cr:Field",
                "@id": f"{records}/{_identifier(name, place)}",
                "name": name,
                "description": " ".join(
                    f"{column.description} Values: {values(name, of[name])}.".split()
                ),
                "dataType": kind.croissant,
                "source": source
                | {"extract": {"column": name}}
                | ({"transform": {"jsonPath": "bytes"}} if kind is PICTURE else {}),
            }
        )
    return {"@type": "cr:RecordSet", "@id": records, "name": records, "field": fields}


def _identifier(name: str, place: int) -> str:
    """The column's name where it can stand in an IRI; otherwise its place, from 1."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name) else f"{place}"


def _privacy(label: dict[str, Any]) -> dict[str, Any]:
    """What the label promises, as one record."""
    guarantee, decided = label["guarantee"], decision(label)
    facts = {
        "epsilon": (guarantee["epsilon"], "sc:Float"),
        "delta": (guarantee["delta"], "sc:Float"),
        "basis": (guarantee.get("basis", ""), "sc:Text"),
        "unit": (guarantee["unit"], "sc:Text"),
        "max_rows_per_unit": (guarantee["max_rows_per_unit"], "sc:Integer"),
        "neighbouring_relation": (guarantee["neighbouring_relation"], "sc:Text"),
        "definition": (guarantee["definition"], "sc:Text"),
        "protects": (guarantee["protects"], "sc:Text"),
        "accountant": (label["accounting"]["accountant"], "sc:Text"),
        "decision": (decided["decision"], "sc:Text"),
        "policy": (decided["policy"], "sc:Text"),
        "not_covered": ("\n".join(label["not_covered"]), "sc:Text"),
    }
    return {
        "@type": "cr:RecordSet",
        "@id": "privacy",
        "name": "privacy",
        "description": "What label.json promises, in short.",
        "field": [
            {"@type": "cr:Field", "@id": f"privacy/{name}", "name": name, "dataType": kind}
            for name, (_, kind) in facts.items()
        ],
        "data": [{f"privacy/{name}": value for name, (value, _) in facts.items()}],
    }
