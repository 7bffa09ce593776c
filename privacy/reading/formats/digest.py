"""What private rows are tied to: a digest of the file that they came from, or of the rows that a query read.

Privacy claim: none; a digest goes to the ledger, and must not be shown.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from privacy.reading.formats.holders import apart
from privacy.reading.formats.kinds import kind_of
from privacy.reading.formats.parts import parts_of
from privacy.reading.formats.query import read_query
from privacy.reading.read import file_digest


def source_digest(path: Path) -> str:
    """SHA-256 of a file's bytes; of a sheet its name too, of a folder every part, of a query its rows."""
    file, table = apart(path)
    kind = kind_of(file)
    if kind == "parts":
        parts = (f"{p.relative_to(file).as_posix()}\0{file_digest(p)}\n" for p in parts_of(file))
        return hashlib.sha256("".join(parts).encode()).hexdigest()
    if kind == "query":
        return _of_rows(path)
    digest = file_digest(file)
    return digest if table is None else hashlib.sha256(f"{digest}\0{table}".encode()).hexdigest()


def _of_rows(path: Path) -> str:
    """Names and values, each after its length, and - for none: no two tables read alike."""
    rows, found = read_query(path), hashlib.sha256()
    for name in rows.column_names:
        texts = [name, *rows[name].to_pylist()]
        found.update(f"{len(texts)}\n".encode())
        for text in texts:
            content = b"" if text is None else text.encode()
            found.update(b"-" if text is None else b"%d:%b" % (len(content), content))
    return found.hexdigest()
