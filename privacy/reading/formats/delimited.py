"""CSV and its like → tables of texts, some rows after the other, strictly: no type is guessed, no row mended.

Privacy claim: none; called behind ``PrivateTable.open``. What a file holds is quoted only in
``DataError.private``.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from privacy.errors import DataError
from privacy.reading.formats.said import one_line
from privacy.reading.formats.strict import UNREADABLE, Told, check_names, refuse, refuse_signs
from privacy.schema.schema import Csv

UNNAMED = "unnamed"
"""What a first column without a name is called: the row numbers that pandas and R write before all others."""

LINE_BREAK = re.compile(r"\r\n?|\n")
"""However a file breaks its lines; inside a quoted value every such break is read as \\n."""

BLOCK = 1 << 24
"""Bytes that are read together."""

CONVERSION = "CSV conversion error to string: "


def read_csv(
    path: Path, form: Csv, columns: tuple[str, ...], told: Told, empty: bool
) -> Iterator[pa.Table]:
    """A file's rows; one part at least, which may be empty. ``columns``: of a file without a header.

    ``told``: where its form is said, for errors. ``empty``: whether a header may stand alone. Raises DataError.
    """
    first, remarks = first_texts(path, form, told, empty)
    names = _names(path, first, form, columns, told)
    written = first if form.header else names
    convert = pacsv.ConvertOptions(
        column_types={n: pa.string() for n in written}, strings_can_be_null=False, null_values=[]
    )
    read = pacsv.ReadOptions(
        encoding="utf8" if form.newlines else form.encoding,
        column_names=None if form.header else names,
        skip_rows=remarks,
        block_size=BLOCK,
    )

    def invalid(row: pacsv.InvalidRow) -> str:
        is_comment = form.comment is not None and row.text.startswith(form.comment)
        # a quote left open in a remark would take the rows after it along
        return "skip" if is_comment and not LINE_BREAK.search(row.text) else "error"

    parse = pacsv.ParseOptions(
        delimiter=form.separator, newlines_in_values=True, invalid_row_handler=invalid
    )
    before = 0
    try:
        with _stream(path, form) as stream:
            rows = pacsv.open_csv(stream, read, parse, convert)
            yield pa.table({n: pa.array([], pa.string()) for n in names})
            for batch in rows:
                table = pa.Table.from_batches([batch]).rename_columns(names)
                yield _plain(path, table, form, before)
                before += batch.num_rows
    except UNREADABLE as error:
        raise DataError(
            f"{path}: not a readable CSV file: {_advice(error, form, names, told)}"
        ) from error
    if form.newlines:
        _refuse_open_quote(path, form)


@contextmanager
def _stream(path: Path, form: Csv) -> Iterator[pa.NativeFile]:
    """The bytes of a file; where values have several lines every break is a \\n, and the text UTF-8.

    pyarrow loses the \\n of a quoted \\r\\n between two blocks, so that where a row stands would show in it.
    """
    if not form.newlines:
        with pa.input_stream(str(path), compression="gzip" if _zipped(path) else None) as stream:
            yield stream
        return
    with (
        (gzip.open if _zipped(path) else open)(path, "rb") as raw,
        io.TextIOWrapper(raw, form.encoding) as text,  # universal newlines
        pa.PythonFile(_Encoded(text), mode="r") as stream,
    ):
        yield stream


class _Encoded(io.RawIOBase):
    """A text as bytes of UTF-8."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text, self.ahead = text, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer at the end: a block that is not full cuts values into more than two."""
        parts, held = [self.ahead], len(self.ahead)
        while held < size and (more := self.text.read(1 << 20).encode()):
            parts.append(more)
            held += len(more)
        whole = b"".join(parts)
        self.ahead = whole[size:]
        return whole[:size]


def _plain(path: Path, table: pa.Table, form: Csv, before: int) -> pa.Table:
    """Rows as they were parsed, without what no value may hold; ``before``: rows of the file before these."""
    refuse_signs(path, table, before)
    names = table.column_names
    if not form.newlines:
        advice = "a quoted value over several lines; mend the quotes, or set csv.newlines: true"
        for sign in "\r\n":
            refuse(path, table, sign, advice, before)
    if form.strip:
        table = pa.table({n: pc.utf8_trim_whitespace(table[n]) for n in names})
    return table


def _refuse_open_quote(path: Path, form: Csv) -> None:
    """Refuse a file with a quote that nothing closes: all rows behind it would be one value of one person."""
    with (
        (gzip.open if _zipped(path) else open)(path, "rb") as raw,
        io.TextIOWrapper(raw, form.encoding, "surrogateescape", newline="") as text,
    ):
        quotes = sum(part.count('"') for part in iter(lambda: text.read(1 << 20), ""))
    if quotes % 2:
        raise DataError(f"{path}: a quote is opened and never closed; mend the quotes")


def first_texts(path: Path, form: Csv, told: Told, empty: bool) -> tuple[list[str], int]:
    """The texts of the first line and how many remarks stand before it.

    A file that holds no more than a header is refused, where it may not be ``empty``.
    """
    opener = gzip.open if _zipped(path) else open
    encoding = "utf-8-sig" if form.encoding.lower() in ("utf-8", "utf8") else form.encoding
    try:
        with (
            opener(path, "rb") as raw,
            io.TextIOWrapper(raw, encoding, "surrogateescape", newline="") as text,
        ):
            remarks, lines = _skip_remarks(text, form)
            names = next(csv.reader(lines, delimiter=form.separator, strict=True), None)
            is_last = text.read(1) == ""
    except UNREADABLE as error:
        raise DataError(
            f"{path}: not a readable CSV file: {_advice(error, form, [], told)}"
        ) from error
    if names is None:
        raise DataError(f"{path}: the file is empty; give the right file")
    if form.header and is_last and not empty:
        raise DataError(f"{path}: the file holds a header and no rows; give the right file")
    return names, remarks


def _names(
    path: Path, first: list[str], form: Csv, columns: tuple[str, ...], told: Told
) -> list[str]:
    """What the columns are called: by the first line, by the schema, or by number."""
    if not form.header:
        return list(columns) or [f"column_{i + 1}" for i in range(len(first))]
    names = [n.strip() for n in first] if form.strip else first
    if len(names) > 1 and names[0] == "":
        names = [UNNAMED, *names[1:]]
    check_names(path, names, told)
    return names


def _zipped(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _skip_remarks(lines: Iterator[str], form: Csv) -> tuple[int, Iterator[str]]:
    """How many remarks open the file, and the lines after them."""
    remarks = 0
    for line in lines:
        if form.comment is None or not line.startswith(form.comment):
            return remarks, itertools.chain([line], lines)
        remarks += 1
    return remarks, iter(())


def _advice(error: BaseException, form: Csv, names: list[str], told: Told) -> str:
    """What went wrong in one line, with the column's name for its number, and what to do."""
    text = one_line(error)
    # a row is named in the first block of a file alone
    if found := re.match(rf"In CSV column #(\d+): (?:Row #\d+: )?(?:{CONVERSION})?(.*)", text):
        text = f"column {names[int(found[1])]!r}: {found[2]}"
    if isinstance(error, UnicodeError) or "UTF8" in text:
        return f"{text}: not {form.encoding}; say {told('encoding')}, latin-1 perhaps"
    if isinstance(error, csv.Error):
        return f"{text}: mend the quotes, or {told('separator')}"
    if "Expected" in text and "columns" in text:
        return f"{text}: correct the row, or {told('separator')}"
    return text
