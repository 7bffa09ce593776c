"""What people do in Excel, and what is read of it."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import DataError, InputError, UnderstudyError
from privacy.reading.draft import draft_schema
from privacy.reading.formats.strict import NULL
from privacy.reading.read import read_any, read_texts
from privacy.schema.schema import Csv, Schema

HEAD = ("id", "sex", "age")


def workbook(path: Path, *rows: Sequence[Any], then: Callable[[Any], None] | None = None) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    if then is not None:
        then(book.active)
    book.save(path)
    return path


def read(path: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = read_any(path, Csv()).to_pylist()
    return found


def refusal(path: Path) -> str:
    with pytest.raises(UnderstudyError) as caught:
        read_any(path, Csv())
    error = caught.value
    message = error.private if isinstance(error, DataError) else str(error)
    assert message.startswith(f"{path.parent}/")
    assert message.isprintable()
    return message


def test_each_value_is_read_by_itself(tmp_path: Path) -> None:
    cells = {
        2.0: "2", 0.1: "0.1", 1e-7: "1e-07", 12345678901: "12345678901", -3.0: "-3",
        "007": "007", " x ": " x ", "F\nM": "F\nM", "1,5": "1,5", "#N/A": NULL,
        True: "true", False: "false", 41: "41", dt.date(2020, 2, 29): "2020-02-29",
        dt.datetime(2020, 1, 1, 10, 0, 1): "2020-01-01 10:00:01",
        dt.datetime(2020, 1, 1): "2020-01-01", dt.time(10, 30): "10:30:00",
        dt.timedelta(hours=30): "30:00:00", "   ": NULL, None: NULL,
    }  # fmt: skip
    path = workbook(tmp_path / "t.xlsx", ("i", "cell"), *enumerate(cells))
    assert [row["cell"] for row in read(path)] == list(cells.values())


WRITTEN = {
    "titles above": [("Export of ward 3",), (), HEAD, (1, "F", 3)],
    "blank rows and columns around": [(), (None, None, *HEAD), (), (None, None, 1, "F", 3), ()],
    "blanks in names": [(" id", "sex\n", "age "), (1, "F", 3)],
}


@pytest.mark.parametrize("case", WRITTEN)
def test_a_table_is_found(case: str, tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", *WRITTEN[case])
    assert read(path) == [{"id": "1", "sex": "F", "age": "3"}]


def test_one_column_is_a_table(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", ("age",), (3,), (), (4,))
    assert read(path) == [{"age": "3"}, {"age": "4"}]


def test_row_numbers_are_unnamed_as_in_csv(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", (None, "sex", "age"), (0, "F", 3))
    assert read(path) == [{"unnamed": "0", "sex": "F", "age": "3"}]


REFUSED: dict[str, tuple[list[Sequence[Any]], Callable[[Any], None] | None, str]] = {
    "merged people": ([HEAD, (1, "F", 3)], lambda s: s.merge_cells("A2:A3"), "cells A2:A3 are"),
    "merged names": ([HEAD, (1, "F", 3)], lambda s: s.merge_cells("B1:C1"), "cells B1:C1 are"),
    "a title of two cells": (
        [("Export", "2024"), HEAD, (1, "F", 3)],
        None,
        "column C has values and no name in row 1, the header",
    ),
    "a stray value": ([HEAD, (1, "F", 3), (None,) * 27 + ("?",)], None, "column AB has values"),
    "a name twice": ([("id", "id"), (1, 2)], None, "names 'id' twice"),
    "a formula": ([HEAD, (1, "F", "=A2+1")], None, "formulas that were never computed"),
    "no names": (
        [(1, 2, 3), (4, 5, 6)],
        None,
        "row 1, where the columns should be named, holds num",
    ),
    "a value far out": (
        [HEAD, (1, "F", 3)],
        lambda s: s.__setitem__("XFD1048576", "?"),
        "a value in column XFD and one in row 1048576, far from any table",
    ),
    "nothing": ([], None, "no sheet holds anything"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused(case: str, tmp_path: Path) -> None:
    rows, then, expected = REFUSED[case]
    assert expected in refusal(workbook(tmp_path / "t.xlsx", *rows, then=then))


def test_a_title_may_be_merged(tmp_path: Path) -> None:
    rows = [("Ward 3",), HEAD, (1, "F", 3)]
    path = workbook(tmp_path / "t.xlsx", *rows, then=lambda s: s.merge_cells("A1:C1"))
    assert read(path) == [{"id": "1", "sex": "F", "age": "3"}]


def test_numbers_stored_as_text_may_have_commas(tmp_path: Path) -> None:
    column = {"kind": "float", "bounds": [0, 9], "bins": 3, "missing": "keep"}
    said = {"name": "t", "columns": {"lab": column}, "csv": {"decimal": ","}}
    path = workbook(tmp_path / "t.xlsx", ("lab",), ("1,5",), (2.5,), (3,), ("4,0",))
    texts = read_texts([path], Schema.model_validate(said))
    assert texts.to_pydict() == {"lab": ["1.5", "2.5", "3", "4.0"]}


def test_formats_of_numbers_are_left_out(tmp_path: Path) -> None:
    def formatted(sheet: Any) -> None:
        sheet["A2"].number_format, sheet["B2"].number_format = "000", "0%"
        sheet["C900000"].number_format = "0%"  # formatted far down, and empty

    path = workbook(tmp_path / "t.xlsx", HEAD, (7, 0.5, 3), then=formatted)
    assert read(path) == [{"id": "7", "sex": "0.5", "age": "3"}]


def test_an_error_says_nothing(tmp_path: Path) -> None:
    def broken(sheet: Any) -> None:
        sheet["C2"].data_type = "e"

    path = workbook(tmp_path / "t.xlsx", HEAD, (1, "F", "#DIV/0!"), (2, "M", 5), then=broken)
    assert [row["age"] for row in read(path)] == [NULL, "5"]


def test_what_a_formula_came_to_is_read(tmp_path: Path) -> None:
    """As Excel writes it: the formula, and beside it what it came to; an empty text too."""
    path = workbook(tmp_path / "t.xlsx", HEAD, (1, "F", 41), (2, "M", 42))
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "new.xlsx", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == sheet:
                content = content.replace(b"<v>41</v>", b"<f>A2+40</f><v>41</v>")
                cell = b'<c r="C3" t="n"><v>42</v></c>'
                assert cell in content
                content = content.replace(cell, b'<c r="C3" t="str"><f>A1</f><v></v></c>')
            new.writestr(name, content)
    assert [row["age"] for row in read(tmp_path / "new.xlsx")] == ["41", NULL]


def test_dates_of_1904(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(["id", "born"])
    book.active.append([1, dt.date(1980, 2, 29)])
    book.save(tmp_path / "t.xlsx")
    assert read(tmp_path / "t.xlsx") == [{"id": "1", "born": "1980-02-29"}]


def several(path: Path) -> Path:
    book = openpyxl.Workbook()
    for name, rows in (("Visits 2.1", [HEAD, (1, "F", 3)]), ("Legend", [("sex", "F: female")])):
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book["Legend"].sheet_state = "hidden"
    book.save(path)
    return path


def test_a_sheet_is_named(tmp_path: Path) -> None:
    path = several(tmp_path / "t.xlsx")
    assert "2 sheets hold something: 'Visits 2.1', 'Legend'" in refusal(path)
    assert f'"{path.name}#Visits 2.1"' in refusal(path)
    named = tmp_path / "t.xlsx#Visits 2.1"
    assert read(named) == [{"id": "1", "sex": "F", "age": "3"}]
    assert "has no sheet 'Visits'; it has 'Sheet', 'Visits 2.1', 'Legend'" in refusal(
        tmp_path / "t.xlsx#Visits"
    )
    assert "name: t\n" in draft_schema(named).text or "name: visits" in draft_schema(named).text


def test_a_plain_file_may_have_a_hash_in_its_name(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx#1.xlsx", HEAD, (1, "F", 3))
    assert len(read(path)) == 1


def test_an_open_document_is_read(tmp_path: Path) -> None:
    text = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    number = '<table:table-cell office:value-type="float" office:value="{0}"/>'
    cells = (text.format("id") + text.format("age"), number.format(1) + number.format(3.5))
    rows = "".join(f"<table:table-row>{row}</table:table-row>" for row in cells)
    spaces = "".join(
        f' xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"'
        for n in ("office", "table", "text")
    )
    body = f'<office:body><office:spreadsheet><table:table table:name="A">{rows}</table:table>'
    body += "</office:spreadsheet></office:body>"
    content = f"<office:document-content{spaces}>{body}</office:document-content>"
    with zipfile.ZipFile(tmp_path / "t.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
    assert read(tmp_path / "t.ods") == [{"id": "1", "age": "3.5"}]


def test_a_workbook_that_is_none(tmp_path: Path) -> None:
    good = workbook(tmp_path / "t.xlsx", HEAD, (1, "F", 3))
    shutil.copy(good, tmp_path / "t.xls")  # as web sites call them
    assert len(read(tmp_path / "t.xls")) == 1
    shutil.copy(good, tmp_path / "t.csv")
    assert "an Excel workbook by its content; rename it" in refusal(tmp_path / "t.csv")
    page = "<html><table><tr><td>id</td></tr></table></html>"
    for name, content, expected in (
        ("a.xlsx", b"id,sex\n1,F\n", "plain text, CSV perhaps; rename it to .csv"),
        ("b.xls", page.encode(), "a web page (HTML)"),
        ("c.xlsx", good.read_bytes()[:2000], "not a readable workbook"),
        ("d.xlsx", b"", "the file is empty"),
        ("e.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4000), "without a password"),
    ):
        (tmp_path / name).write_bytes(content)
        assert expected in refusal(tmp_path / name)


def test_without_the_reader_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    path = workbook(tmp_path / "t.xlsx", HEAD, (1, "F", 3))
    with pytest.raises(InputError, match=r"pip install 'understudy\[files\]'"):
        read_any(path, Csv())


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.floats(-1e15, 1e15),
            st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(2200, 1, 1)),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_numbers_and_times_are_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, dt.datetime]]
) -> None:
    rows = [(number, time.replace(microsecond=0)) for number, time in rows]
    path = workbook(tmp_path_factory.mktemp("book") / "t.xlsx", ("number", "time"), *rows)
    for (number, time), found in zip(rows, read(path), strict=True):
        assert float(found["number"]) == pytest.approx(
            number, rel=1e-15
        )  # openpyxl writes 16 digits
        assert dt.datetime.fromisoformat(found["time"]) == time
