"""Find a text in files, also where it is encoded, zipped, pickled or in a database."""

from __future__ import annotations

import base64
import gzip
import io
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd


def forms(text: str) -> set[bytes]:
    """The text as it may stand in a file: raw, UTF-16, in hexadecimal, in base64; a number as a double."""
    plain = {text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")}
    found = set(plain)
    for raw in plain:
        found |= {raw.hex().encode(), raw.hex().upper().encode()}
        for offset in range(3):
            whole = base64.b64encode(b"\0" * offset + raw + b"\0" * 2)
            # without the signs that hold bits of what stands beside it
            inside = whole[-(-8 * offset // 6) : 8 * (offset + len(raw)) // 6]
            found |= {inside, inside.replace(b"+", b"-").replace(b"/", b"_")}
    with suppress(ValueError):
        found |= {struct.pack("<d", float(text)), struct.pack(">d", float(text))}
    return found


def contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and what it holds: gzip and zip members, a database's rows, a table's values."""
    raw = path.read_bytes()
    yield from unpacked(raw)
    if raw.startswith(b"SQLite format 3"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            yield "\n".join(db.iterdump()).encode(errors="surrogateescape")
    if raw.startswith(b"PAR1"):
        yield pd.read_parquet(path).to_csv().encode()


def unpacked(raw: bytes) -> Iterator[bytes]:
    yield raw
    try:
        if raw.startswith(b"\x1f\x8b"):
            yield from unpacked(gzip.decompress(raw))
        elif raw.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(raw)) as packed:
                for name in packed.namelist():
                    yield from unpacked(packed.read(name))
        elif raw[:1] == b"x":
            yield zlib.decompress(raw)
    except (OSError, zlib.error, zipfile.BadZipFile):
        return


def search(files: Iterable[Path], texts: Iterable[str]) -> list[tuple[str, str]]:
    """(file, text) for every file in which one of the texts stands in any form."""
    wanted = {text: forms(text) for text in texts}
    found = []
    for path in files:
        for content in contents(path):
            found += [(str(path), t) for t, fs in wanted.items() if any(f in content for f in fs)]
    return sorted(set(found))
