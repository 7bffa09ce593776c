"""Which kind of file a name promises, and what the first bytes say it is.

A file that is of another kind than its name says is refused in words before any reader stumbles over it.

Sources: the signatures that each format's own documentation gives (Parquet, OOXML, OLE2, SPSS, Stata, SAS).

Privacy claim: none; looks at a file's name and its first bytes, which tell of no row.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from privacy.errors import InputError

Kind = Literal["csv", "parquet", "excel", "stata", "spss", "sas", "query", "parts"]

ENDINGS: dict[Kind, tuple[str, ...]] = {
    "csv": (".csv", ".tsv", ".txt", ".data", ".test"),
    "parquet": (".parquet",),
    "excel": (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    "stata": (".dta",),
    "spss": (".sav", ".zsav", ".por"),
    "sas": (".sas7bdat", ".xpt"),
    "query": (".query.yaml", ".query.yml"),
}
WORDS: dict[Kind, str] = {
    "csv": "plain text, CSV perhaps",
    "parquet": "a Parquet file",
    "excel": "an Excel workbook",
    "stata": "a Stata file",
    "spss": "an SPSS file",
    "sas": "a SAS file",
}
KNOWN = (
    "a CSV file (.csv, .tsv, .txt, .data; .gz too), .parquet or a folder of its parts, Excel (.xlsx, .xls, "
    ".xlsb, .ods), Stata (.dta), SPSS (.sav, .zsav, .por), SAS (.sas7bdat, .xpt) or a query (.query.yaml)"
)

OLE2, ZIP, GZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04", b"\x1f\x8b\x08"
SAS7BDAT = bytes(12) + b"\xc2\xea\x81\x60"
STATA = tuple(bytes([release, order]) for release in (*range(104, 116),) for order in (1, 2))
SIGNATURES: dict[bytes | tuple[bytes, ...], Kind] = {
    b"PAR1": "parquet",
    OLE2: "excel",
    (b"<stata_dta>", *STATA): "stata",
    (b"$FL2", b"$FL3"): "spss",
    (SAS7BDAT, b"HEADER RECORD*******LIB"): "sas",
}
OTHERS: dict[bytes | tuple[bytes, ...], str] = {
    b"%PDF": "a PDF document; export the table it shows from where it comes",
    b"SQLite format 3": "an SQLite database; export its table as CSV",
    b"\x89PNG": "a picture; give a table",
    b"\x89HDF": "an HDF5 file; save its table as CSV or Parquet",
}

PAGE = "a web page (HTML), however it is called"


def kind_of(path: Path) -> Kind | None:
    """The kind that a name promises; a folder is one of Parquet parts. None for a name of no kind."""
    if path.is_dir():
        return "parts"
    name = path.name.lower()
    for kind, endings in ENDINGS.items():
        if (name.removesuffix(".gz") if kind == "csv" else name).endswith(endings):
            return kind
    return None


def check_content(path: Path, kind: Kind) -> None:
    """Raise InputError for a file that is empty (CSV says so itself), or of another kind than ``kind``."""
    with path.open("rb") as file:
        first = file.read(4096)
    if not first and kind != "csv":
        raise InputError(f"{path}: the file is empty; give the right file")
    if path.name.lower().endswith(".gz"):
        return
    if other := _another(path, first, kind):
        raise InputError(f"{path}: is {other}")


def _another(path: Path, first: bytes, kind: Kind) -> str:
    """What a file is instead of ``kind``, and what to do; "" where it may be one."""
    in_words = kind == "csv" and _is_text(first)  # a column may be called PAR1
    for signs, found in SIGNATURES.items():
        if first.startswith(signs) and not (in_words and found == "parquet"):
            return "" if found == kind else _renamed(found)
    for signs, words in OTHERS.items():
        if first.startswith(signs):
            return words
    if first.startswith(ZIP):
        return _zipped(path, kind)
    if first.startswith(GZIP):
        named = f"name it {path.name}.gz, or " if kind == "csv" else ""
        return f"compressed by gzip; {named}unpack it"
    start = first.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<html", b"<!doctype html", b"<table", b"<div", b"<meta")):
        return f"{PAGE}; open it in Excel and save it as .xlsx or CSV"
    if start.startswith(b"<?xml") and b"spreadsheet" in start:
        return "a spreadsheet in XML of 2003; open it in Excel and save it as .xlsx"
    if b"SPSS PORT FILE" in first[:200]:
        return "" if kind == "spss" else _renamed("spss")
    if kind in ("csv", "query"):
        return ""
    if _is_text(first):
        return f"called as {WORDS[kind]} and is plain text, CSV perhaps; rename it to .csv"
    return f"called as {WORDS[kind]} and is none by its content; it may be damaged"


def _renamed(kind: Kind) -> str:
    endings = " or ".join(ENDINGS[kind][:2])
    return f"{WORDS[kind]} by its content; rename it so that it ends in {endings}"


def _zipped(path: Path, kind: Kind) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return "" if kind == "excel" else "a damaged ZIP archive or workbook; give the right file"
    if any(n.startswith("xl/") for n in names) or {"content.xml", "mimetype"} <= names:
        return "" if kind == "excel" else _renamed("excel")
    if "word/document.xml" in names:
        return "a Word document; give the table as Excel or CSV"
    return "a ZIP archive; unpack it, and give the file in it"


def _is_text(first: bytes) -> bool:
    return b"\0" not in first and all(c >= 9 for c in first)
