"""How a file seems to be written: encoding, separator, decimals, blanks, remarks, values over several lines.

Privacy claim: none; looks at a private file for a draft, and tells of no value.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import DataError, InputError
from privacy.reading.formats.kinds import check_content
from privacy.reading.numerals import have_commas, have_points
from privacy.reading.read import SEPARATORS, first_line, is_typed, read_any
from privacy.schema.schema import Csv

SIGNS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")
MOST_SIGNS = 2
"""So many control signs stand in no text."""
YEAR = re.compile(r"(19|20)\d\d")
BOM = b"\xef\xbb\xbf"
WIDE = (b"\xff\xfe", b"\xfe\xff")
"""How texts in UTF-16 begin."""


def form_of(path: Path, form: Csv) -> Csv:
    """How a file seems to be written, where ``form`` does not say otherwise than by default.

    Raises InputError for a file that is no table, whatever its name says.
    """
    if is_typed(path) or not path.is_file():
        return form
    start = _beginning(path)
    check_content(path, "csv")
    form = _with_encoding(path, form, start)
    if form.comment is None and _starts_with_remark(start, form):
        form = form.model_copy(update={"comment": "#"})
    others = (form.model_copy(update={"separator": s}) for s in SEPARATORS)
    best = form if len(_names(path, form)) > 1 else max(others, key=partial(_columns, path))
    best = best if _columns(path, best) > 1 else form
    return _with_values(path, best)


def form_of_all(paths: Sequence[Path], form: Csv) -> Csv:
    """How several files are written, where they are written alike; separators and decimals as in ``form``."""
    found = [form_of(path, form) for path in paths if not is_typed(path)]
    said: dict[str, object] = {
        s: True for s in ("strip", "newlines") if any(getattr(f, s) for f in found)
    }
    encodings = {f.encoding for f in found}
    plain = all(
        _beginning(path, -1).isascii()
        for path, f in zip([p for p in paths if not is_typed(p)], found, strict=True)
        if f.encoding == form.encoding
    )
    others = encodings - {form.encoding}
    if len(others) == 1 and (form.encoding not in encodings or plain):
        said["encoding"] = others.pop()
    separators = {f.separator for f in found}
    if len(separators) == 1:
        said["separator"] = separators.pop()
    return form.model_copy(update=said)


def has_mark(path: Path) -> bool:
    """Whether the file begins with a byte-order mark of UTF-8."""
    return not is_typed(path) and path.is_file() and _beginning(path).startswith(BOM)


def _beginning(path: Path, size: int = 1 << 12) -> bytes:
    packed = path.name.lower().endswith(".gz")
    try:
        with (gzip.open if packed else open)(path, "rb") as file:
            found: bytes = file.read(size)
            return found
    except (OSError, EOFError):
        return b""


def _with_encoding(path: Path, form: Csv, start: bytes) -> Csv:
    """The encoding in which all of the file is text, of those that are usual."""
    if form.encoding.lower() not in ("utf-8", "utf8"):
        return form
    if start.startswith(WIDE):
        return form.model_copy(update={"encoding": "utf-16"})
    if len(set(start) & SIGNS) > MOST_SIGNS:
        raise InputError(f"{path}: no text, whatever its name says; give a table as CSV or Parquet")
    whole = _beginning(path, -1)
    try:
        whole.decode("utf-8")
    except UnicodeDecodeError:
        is_windows = any(0x80 <= byte < 0xA0 for byte in set(whole))
        for encoding in ("cp1252",) * is_windows + ("latin-1",):
            try:
                whole.decode(encoding)
            except UnicodeDecodeError:
                continue
            return form.model_copy(update={"encoding": encoding})
    return form


def _starts_with_remark(start: bytes, form: Csv) -> bool:
    return start.decode(form.encoding, "replace").lstrip("\ufeff").startswith("#")


def _with_values(path: Path, form: Csv) -> Csv:
    """By what the values look like: lines inside of them, blanks around them, commas for points."""
    try:
        table = read_any(path, form, told="--{}".format)
    except DataError:
        _refuse_title(path, form)
        form = form.model_copy(update={"newlines": True})
        table = read_any(path, form, told="--{}".format)
    found: dict[str, object] = {}
    if any(
        pc.any(
            pc.match_substring_regex(c, r"^[\s\x{a0}]+[^\s\x{a0}]|[^\s\x{a0}][\s\x{a0}]+$")
        ).as_py()
        for c in table.columns
    ):
        found["strip"] = True
    if form.header and _is_a_row(table):
        found["header"] = False
    commas = any(pc.any(have_commas(c)).as_py() for c in table.columns)
    points = any(pc.any(have_points(c)).as_py() for c in table.columns)
    if commas and not points:
        found["decimal"] = ","
    return form.model_copy(update=found)


def _is_a_row(table: pa.Table) -> bool:
    """Whether the first line is one more row and names nothing: each of its texts looks like those below it."""
    numbered = False
    for name, column in zip(table.column_names, table.columns, strict=True):
        like = pc.replace_substring_regex(
            pc.replace_substring_regex(column, "[A-Za-z]", "A"), r"\d+", "9"
        )
        shape = re.sub(r"\d+", "9", re.sub("[A-Za-z]", "A", name))
        alike = "9" in shape and pc.any(pc.equal(like, shape)).as_py()
        if not alike and not pc.any(pc.equal(column, name)).as_py():
            return False
        numbered |= alike and not YEAR.fullmatch(name)  # columns of years may be called so
    return numbered


def _refuse_title(path: Path, form: Csv) -> None:
    """Raise InputError where lines above the header are no part of the table."""
    if len(_names(path, form)) != 1:
        return
    lines = _beginning(path).decode(form.encoding, "replace").splitlines()
    for number, line in enumerate(lines, 1):
        if max(map(line.count, SEPARATORS)) > 1:
            raise InputError(
                f"{path}: the first line names one column and line {number} holds more; delete the lines above "
                "the header"
            )


def _columns(path: Path, form: Csv) -> int:
    """How many columns the first line names."""
    return len(_names(path, form))


def _names(path: Path, form: Csv) -> list[str]:
    try:
        return first_line(path, form)
    except DataError:
        return []
