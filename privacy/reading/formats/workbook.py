"""Excel and OpenDocument workbooks → a table of texts: one sheet, and of it what is a table.

The header is the first row with two filled cells (with one, where the table has one column): what stands above
is a title. Rows and columns without any value are none of the table's. A formula says what it came to when the
file was saved; one that came to an error, as #N/A, says nothing, and so do blanks. Dates are cells that are
formatted as such; a number formatted as 007 is 7. Merged cells are refused: all but one of them are empty.

Privacy claim: none; called only behind ``PrivateTable.open`` and by commands that say they read private data. A
cell is read by itself. Names of sheets and what they hold are quoted only in ``DataError.private``.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from privacy.errors import DataError, InputError
from privacy.reading.formats.holders import apart
from privacy.reading.formats.kinds import OLE2
from privacy.reading.formats.said import one_line
from privacy.reading.formats.values import moment, number

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

UNNAMED = "unnamed"
"""What a first column without a name is called, as in a CSV file: it holds row numbers."""

NOT_COMPUTED = re.compile(
    rb'<c\b(?![^>]*\bt="str")[^>]*>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)
"""A cell with a formula and without what it came to."""


DIMENSION = re.compile(rb'<dimension ref="[A-Z]+[0-9]+:([A-Z]+)([0-9]+)"')
FILLED = re.compile(rb'<c r="([A-Z]+)([0-9]+)"[^>]*[^/>]>')
MOST_CELLS = 100_000_000
"""A sheet's rectangle from A1 on may have so many cells."""


def read_workbook(path: Path) -> pa.Table:
    """The sheet that is named behind ``#``, or else the only one with a row, as texts with nulls.

    Raises InputError where the reader is not installed, DataError for what is inside the file.
    """
    file, wanted = apart(path)
    with _book(file) as book:
        sheet = _chosen(file, book, wanted)
        rows = sheet.to_python(skip_empty_area=False)
        merged = sheet.merged_cell_ranges or []
    return _table(path, rows, merged)


def sheets_in(file: Path) -> list[str]:
    """The sheets of a workbook that hold anything, in order."""
    with _book(file) as book:
        return _filled(book)


@contextmanager
def _book(file: Path) -> Iterator[CalamineWorkbook]:
    """An open workbook; what the reader cannot make out is a DataError, also later."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError
    except ImportError:
        raise InputError(
            f"{file}: python-calamine, which reads Excel, is not installed; pip install 'understudy[files]'"
        ) from None
    _check_sheets(file)
    try:
        with file.open("rb") as opened, CalamineWorkbook.from_filelike(opened) as book:
            yield book
    except PasswordError:
        raise DataError(
            f"{file}: is protected by a password; open it in Excel and save it without"
        ) from None
    except (CalamineError, OSError, ValueError) as error:
        advice = "open it in Excel and save it as .xlsx"
        if file.read_bytes()[: len(OLE2)] == OLE2:
            advice += ", without a password where it has one"
        raise DataError(f"{file}: not a readable workbook ({one_line(error)}); {advice}") from error


def _filled(book: CalamineWorkbook) -> list[str]:
    from python_calamine import SheetTypeEnum

    tables = [s.name for s in book.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    return [name for name in tables if book.get_sheet_by_name(name).end is not None]


def _chosen(file: Path, book: CalamineWorkbook, wanted: str | None) -> CalamineSheet:
    if wanted is not None:
        if wanted not in book.sheet_names:
            raise DataError(
                f"{file}: has no sheet {wanted!r}; it has {', '.join(map(repr, book.sheet_names))}"
            )
        return book.get_sheet_by_name(wanted)
    filled = _filled(book)
    if not filled:
        raise DataError(f"{file}: no sheet holds anything; give the right file")
    if len(filled) > 1:
        first = f'"{file.name}#{filled[0]}"'
        raise DataError(
            f"{file}: {len(filled)} sheets hold something: {', '.join(map(repr, filled))}; name the one with "
            f"the table behind #, in quotes: {first}"
        )
    return book.get_sheet_by_name(filled[0])


def _check_sheets(file: Path) -> None:
    """Refuse an .xlsx file with a formula that no program has computed, whose cell would be empty, or with a
    value so far out that the reader would ask for more memory than there is.
    """
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
                    _check_sheet(file, archive.read(name))
    except (zipfile.BadZipFile, OSError, RuntimeError, zlib.error) as error:
        raise DataError(f"{file}: not a readable workbook ({one_line(error)})") from error


def _check_sheet(file: Path, content: bytes) -> None:
    if NOT_COMPUTED.search(content):
        raise DataError(
            f"{file}: holds formulas that were never computed; open it in Excel, and save it"
        )
    said = DIMENSION.search(content)
    if said is not None and _column(said[1]) * int(said[2]) <= MOST_CELLS:
        return
    cells = [(_column(letters), int(row)) for letters, row in FILLED.findall(content)]
    columns, rows = (max(c[i] for c in cells) if cells else 0 for i in (0, 1))
    if columns * rows > MOST_CELLS:
        raise DataError(
            f"{file}: holds a value in column {_letters(columns - 1)} and one in row {rows}, far from any "
            "table; delete what is no part of the table"
        )


def _column(letters: bytes) -> int:
    """The number of a column, from 1, by its name in a spreadsheet."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number


def _table(path: Path, rows: Sequence[Sequence[Any]], merged: Sequence[Any]) -> pa.Table:
    filled = [[at for at, cell in enumerate(row) if _says(cell)] for row in rows]
    wide = len({at for row in filled for at in row}) > 1
    head = next((i for i, row in enumerate(filled) if len(row) > wide), None)
    if head is None:
        if rows and any(filled):
            raise DataError(f"{path}: no row names the columns; write their names into one row")
        raise DataError(f"{path}: the sheet is empty; give the right one")
    if not any(isinstance(rows[head][at], str) for at in filled[head]):
        raise DataError(
            f"{path}: row {head + 1}, where the columns should be named, holds numbers only; write their "
            "names above the rows"
        )
    below = [i for i in range(head + 1, len(rows)) if filled[i]]
    held = {at for i in below for at in filled[i]}
    kept = sorted(held | set(filled[head]))
    _refuse_merged(path, merged, head, kept)
    names = []
    for at in kept:
        name = _text(rows[head][at])
        if name is None and at == kept[0]:
            name = UNNAMED
        if name is None:
            raise DataError(
                f"{path}: column {_letters(at)} has values and no name in row {head + 1}, the header; name it, "
                "or delete rows that are no part of the table"
            )
        names.append(" ".join(name.split()))
    columns = [pa.array([_text(rows[i][at]) for i in below], pa.string()) for at in kept]
    return pa.Table.from_arrays(columns, names)


def _says(cell: Any) -> bool:
    """Whether a cell is neither empty nor blank."""
    return not isinstance(cell, str) or bool(cell.strip())


def _text(cell: Any) -> str | None:
    """A cell as text; None for one that says nothing."""
    if isinstance(cell, str):
        return cell if _says(cell) else None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return number(cell) if abs(cell) < float("inf") else None
    return moment(cell)


def _refuse_merged(path: Path, merged: Sequence[Any], head: int, kept: Sequence[int]) -> None:
    for (top, left), (bottom, right) in merged:
        if (
            bottom >= head
            and left <= kept[-1]
            and right >= kept[0]
            and (top, left) != (bottom, right)
        ):
            cells = f"{_letters(left)}{top + 1}:{_letters(right)}{bottom + 1}"
            raise DataError(
                f"{path}: cells {cells} are merged; unmerge them and write into each what it means, or delete "
                "them where they are no part of the table"
            )


def _letters(at: int) -> str:
    """A column's name in a spreadsheet."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(ord("A") + rest) + name
    return name
