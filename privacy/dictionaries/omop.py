"""OMOP CDM table definitions (``OMOP_CDMv5.x_Field_Level.csv``) → one of its tables.

The definitions are the CommonDataModel repository's of OHDSI. Concepts of gender, race and ethnicity are the
standard ones of its vocabularies; those of other domains are many and are left to be found under a charge.

Privacy claim: none; reads a document alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from privacy.dictionaries.field import FREE_TEXT, Document, Field, identifier, left_out, unlisted
from privacy.dictionaries.typed import LONG

NEEDED = ("cdmtablename", "cdmfieldname", "cdmdatatype")
CONCEPTS = {
    "gender": {"8532": "female", "8507": "male"},
    "race": {
        "8527": "White",
        "8516": "Black or African American",
        "8515": "Asian",
        "8557": "Native Hawaiian or Other Pacific Islander",
        "8657": "American Indian or Alaska Native",
    },
    "ethnicity": {"38003563": "Hispanic or Latino", "38003564": "not Hispanic or Latino"},
}
NONE = "0"
"""The concept that stands for no matching one."""


def is_omop(header: Sequence[str]) -> bool:
    """Whether a first line is that of field-level definitions."""
    return set(NEEDED) <= {text.strip().lower() for text in header}


def tables(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[dict[str, str]]]:
    """The fields of each table by its name, each field by the lower-case names of the header."""
    names = [text.strip().lower() for text in header]
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        said = {n: "" if v.strip() == "NA" else v.strip() for n, v in zip(names, row, strict=False)}
        if said.get("cdmtablename"):
            found.setdefault(said["cdmtablename"].lower(), []).append(said)
    return found


def omop(table: str, rows: Sequence[Mapping[str, str]]) -> Document:
    """What the definitions say of one table."""
    names = [row["cdmfieldname"].lower() for row in rows]
    fields = tuple(_field(row, name) for row, name in zip(rows, names, strict=True))
    known = {f.name: f for f in fields}
    orders = tuple(
        (name, end)
        for name in names
        if name.endswith(("_start_date", "_start_datetime"))
        and (end := name.replace("_start_", "_end_")) in names
        and known[name].kind == known[end].kind
    )
    unit = "person_id" if "person_id" in names else None
    alone = unit is None or table in ("person", "death")
    told = () if alone else (
        f"{table} has several rows a person: set max_rows_per_unit; for person and visits as one schema that "
        "links them see configs/schemas/omop.yaml and docs/visits.md",
    )  # fmt: skip
    return Document(
        "OMOP CDM table definitions",
        table,
        fields,
        description=f"The table {table} of the OMOP CDM.",
        unit=unit,
        several="" if alone else "Each counts towards the noise",
        orders=orders,
        told=told,
    )


def _field(row: Mapping[str, str], name: str) -> Field:
    kind = row["cdmdatatype"].lower()
    text = re.split(r"(?<=[a-z])\. ", row.get("userguidance", ""))[0]
    required = row.get("isrequired", "").lower() == "yes"
    keys = [row.get(k, "").lower() == "yes" for k in ("isprimarykey", "isforeignkey")]
    of = row.get("fktablename", "").lower()
    if name == "person_id" or keys[0] or (keys[1] and of not in ("", "concept")):
        what = (
            "names the person"
            if name == "person_id"
            else f"a key{f' of {of}' if keys[1] and of else ''}"
        )
        return identifier(name, what, text, required=required or name == "person_id")
    if name.endswith("_concept_id") or of == "concept":
        return _concept(row, name, text, required)
    if kind == "date":
        return Field(name, "datetime", text, required=required)
    if kind == "datetime":
        return Field(name, "datetime", text, resolution="second", required=required)
    if kind == "integer":
        return Field(name, "integer", text, required=required)
    if kind in ("float", "numeric", "double"):
        return Field(name, "float", text, required=required)
    size = re.search(r"\d+", kind)
    if name.endswith("_source_value"):
        return left_out(name, "the words of the source, whatever they are", text)
    if "max" in kind or (size and int(size[0]) > LONG):
        return left_out(name, FREE_TEXT, text)
    return unlisted(name, text, required=required)


def _concept(row: Mapping[str, str], name: str, text: str, required: bool) -> Field:
    """Concepts of a small domain are listed, with none matching; of another one any number may occur."""
    domain = row.get("fkdomain", "").lower() or name.partition("_")[0]
    concepts = CONCEPTS.get(domain)
    if concepts is None or "_source_" in name:
        return unlisted(name, text, required=required)
    told = "; ".join(
        f"{code} = {what}" for code, what in {**concepts, NONE: "no matching concept"}.items()
    )
    asked = (
        "other codes of the site count as 0, no matching concept; list them where they are public"
    )
    return Field(
        name,
        "categorical",
        told,
        categories=(*concepts, NONE),
        other=NONE,
        remarks=(asked,),
        required=required,
    )
