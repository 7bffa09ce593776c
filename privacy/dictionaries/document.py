"""A file of any known kind of document, recognised by what is in it → a schema as YAML.

Privacy claim: none needed; documents hold no rows. An error quotes no value of the file, which might be rows
by mistake.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from privacy.dictionaries.csvw import csvw
from privacy.dictionaries.csvw import tables as csvw_tables
from privacy.dictionaries.field import Document, same_name
from privacy.dictionaries.frictionless import frictionless
from privacy.dictionaries.frictionless import tables as frictionless_tables
from privacy.dictionaries.json_schema import json_schema, objects
from privacy.dictionaries.omop import is_omop, omop
from privacy.dictionaries.omop import tables as omop_tables
from privacy.dictionaries.redcap import is_redcap, redcap
from privacy.dictionaries.told import counted
from privacy.dictionaries.written import written
from privacy.errors import InputError
from privacy.schema.schema import Schema

KINDS = (
    "a REDCap data dictionary (CSV), a Frictionless table schema or data package, CSVW metadata, a JSON "
    "schema, or OMOP's field-level definitions (CSV)"
)
MOST_NAMES = 400
"""Letters of all the names of tables that an error tells."""
LARGE = 64 << 20
"""Bytes that no document has."""
HEAD = 1 << 16
"""Bytes that hold a header."""
MOST_ROWS = 100
"""Lines by which rows are told from an unknown document."""
VALUE = re.compile(r"[<>~+-]?\d[\d.,:/T +-]*")
"""A number, a date or a time."""
IN_JSON: tuple[tuple[Callable[[Any], dict[str, Any]], Callable[[str, Any], Document]], ...] = (
    (csvw_tables, csvw),
    (frictionless_tables, frictionless),
    (objects, json_schema),
)


@dataclass(frozen=True)
class Described:
    """``text``: a schema as YAML that loads as it is. ``told``: lines for whoever asked for it."""

    text: str
    told: tuple[str, ...]


def schema_from(path: Path, table: str | None = None, labels: bool = False) -> Described:
    """The schema that a document describes.

    ``table``: which one, where it describes several. ``labels``: whether an export of REDCap has labels in
    place of codes. Raises InputError for a file that is not there or no such document, or without that table.
    """
    content = _content(path)
    text = _decoded(path, content)
    try:
        document = _read(text, table, labels)
        _check_names(document)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    kept = [f for f in document.fields if f.kind != "left out"]
    if all(f.kind == "identifier" for f in kept):
        raise InputError(
            f"{path}: describes no column that can be modelled: all are identifiers or free text; say types or "
            "categories in it"
        )
    made = written(document, path.name, hashlib.sha256(content).hexdigest())
    try:
        Schema.model_validate(yaml.safe_load(made))
    except ValidationError as error:
        said = error.errors()[0]
        where = ".".join(map(str, said["loc"]))
        raise InputError(
            f"{path}: {where}: {said['msg'].removeprefix('Value error, ')}; correct the document"
        ) from None
    return Described(made, (counted(document, made), *document.told))


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        if path.stat().st_size > LARGE:
            raise InputError(f"{path}: too large for a document; give {KINDS}")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _decoded(path: Path, content: bytes, whole: bool = True) -> str:
    """A file as text. ``whole``: otherwise the last letter may be cut."""
    if content.startswith(b"PK"):
        raise InputError(f"{path}: an Excel workbook or an archive; save the dictionary as CSV")
    if content.startswith(b"%PDF"):
        raise InputError(f"{path}: a PDF; export the dictionary as CSV or JSON")
    for encoding in (
        ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    ):
        try:
            text = content.decode(encoding, "strict" if whole else "ignore")
        except UnicodeError:
            continue
        if "\0" not in text:
            return text
    raise InputError(f"{path}: no text; give {KINDS}")


def _read(text: str, table: str | None, labels: bool) -> Document:
    start = text.lstrip()
    if start.startswith(("{", "[")):
        return _from_json(start, table)
    if start.startswith("<"):
        raise InputError("XML; export the dictionary as CSV (REDCap: Data Dictionary, Download)")
    try:
        lines = _lines(text)
    except csv.Error as error:
        raise InputError(f"not a readable CSV file: {error}") from None
    if not lines:
        raise InputError("the file is empty; give the right file")
    header, rows = lines[0], lines[1:]
    if is_redcap(header):
        return redcap(header, rows, labels)
    if is_omop(header):
        found = omop_tables(header, rows)
        name = _one(found, table)
        return omop(name, found[name])
    if _are_values(header, rows):
        raise InputError(f"looks like rows of data (then: understudy schema draft); give {KINDS}")
    raise InputError(f"no document that is known; give {KINDS}. Of rows: understudy schema draft")


def _lines(text: str) -> list[list[str]]:
    """The lines of a CSV file that hold anything. Raises csv.Error."""
    separator = max(",;\t", key=text.lstrip().partition("\n")[0].count)
    found = csv.reader(io.StringIO(text), delimiter=separator)
    return [line for line in found if any(cell.strip() for cell in line)]


def _are_values(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether lines are as long as their header, and many cells are numbers, dates or the like."""
    some = rows[:MOST_ROWS]
    cells = [cell.strip() for row in some for cell in row if cell.strip()]
    valued = sum(VALUE.fullmatch(cell) is not None for cell in cells)
    return bool(cells) and {len(row) for row in some} == {len(header)} and 3 * valued >= len(cells)


def document_in(path: Path) -> str | None:
    """The kind of document that a file is by its header, as "a REDCap data dictionary"; None of any other."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        start = file.read(HEAD)
    try:
        header = next(iter(_lines(_decoded(path, start, whole=False))), [])
    except (InputError, csv.Error):
        return None
    known = (is_redcap, "a REDCap data dictionary"), (is_omop, "OMOP's field-level definitions")
    return next((what for is_one, what in known if is_one(header)), None)


def _from_json(text: str, table: str | None) -> Document:
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"not valid JSON{where}; mend it") from None
    if not isinstance(data, dict):
        raise InputError(f"a list of JSON; give {KINDS}")
    for tables, read in IN_JSON:
        if found := tables(data):
            name = _one(found, table)
            try:
                return read(name, found[name])
            except (AttributeError, KeyError, TypeError, ValueError):  # a text in place of a list
                wrong = "not as its specification says: a value is of another type; correct the document"
                raise InputError(wrong) from None
    raise InputError(f"no document that is known; give {KINDS}")


def _check_names(document: Document) -> None:
    if name := same_name(document.fields):
        raise InputError(f"describes {name!r} twice; rename one of them")
    odd = [f.name for f in document.fields if not f.name.isprintable() or not f.name.strip()]
    if odd:
        raise InputError(f"names a column {odd[0]!r}, which no header can hold; rename it")


def _one(found: Mapping[str, Any], table: str | None) -> str:
    """The table that is asked for, or the only one."""
    if table is not None and table.lower() in {n.lower() for n in found}:
        return next(n for n in found if n.lower() == table.lower())
    if table is None and len(found) == 1:
        return next(iter(found))
    wrong = f"has no table {table!r}" if table is not None else f"describes {len(found)} tables"
    names = ", ".join(found)
    more = f"{names[:MOST_NAMES]} …" if len(names) > MOST_NAMES else names
    raise InputError(f"{wrong}; name one with --table: {' '.join(more.split())}")
