"""A file that is none of its name's kind is refused in words, and a folder of parts is one table."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from privacy.errors import DataError, InputError
from privacy.reading.formats.parts import is_parts
from privacy.reading.formats.several import tables_in
from privacy.reading.formats.strict import NULL
from privacy.reading.read import read_any
from privacy.schema.schema import Csv


def zipped(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "x")
    return content.getvalue()


OTHERWISE = {
    "a.csv": (b"%PDF-1.4", "a PDF document"),
    "b.csv": (zipped("a.csv"), "a ZIP archive; unpack it"),
    "c.csv": (zipped("xl/workbook.xml"), "an Excel workbook by its content; rename it"),
    "d.xlsx": (zipped("word/document.xml"), "a Word document"),
    "e.csv": (gzip.compress(b"a,b\n1,2\n"), "compressed by gzip; name it e.csv.gz"),
    "f.dta": (gzip.compress(b"a,b\n1,2\n"), "compressed by gzip; unpack it"),
    "g.csv": (b"  \n<!DOCTYPE html><html>", "a web page (HTML)"),
    "h.csv": (b"PAR1\x15\0\x15", "a Parquet file by its content; rename it so that it ends in .parquet"),
    "i.parquet": (b"a,b\n1,2\n", "is called as a Parquet file and is plain text, CSV perhaps"),
    "j.csv": (b"$FL2@(#) SPSS", "an SPSS file by its content"),
    "k.csv": (b"<stata_dta><header>", "a Stata file by its content"),
    "l.csv": (b"HEADER RECORD*******LIBRARY HEADER", "a SAS file by its content"),
    "m.xls": (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
              b'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "XML of 2003"),
    "n.csv": (b"SQLite format 3\0", "an SQLite database"),
    "o.sav": (b"\x01\x02\x03\xff" * 9, "none by its content; it may be damaged"),
    "p.xpt": (b"", "the file is empty"),
    "q.docx": (b"x", "expected a CSV file"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_file_is_not_of_its_kind(name: str, tmp_path: Path) -> None:
    content, expected = OTHERWISE[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_any(tmp_path / name, Csv())
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert str(caught.value).isprintable()


def test_a_column_may_be_called_as_parquet_begins(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("PAR1,PAR2\n1,2\n")
    assert read_any(tmp_path / "t.csv", Csv()).to_pydict() == {"PAR1": ["1"], "PAR2": ["2"]}


def write(path: Path, **columns: list[object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_parts_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "visits.parquet"
    write(folder / "part-1.parquet", id=[2.0, None], sex=["M", "F"])
    write(folder / "part-0.parquet", sex=["F"], id=[1])
    (folder / "_metadata").write_bytes(b"PAR1")
    write(folder / "_temporary" / "part-9.parquet", other=[1])
    assert read_any(folder, Csv()).to_pydict() == {"sex": ["F", "M", "F"], "id": ["1", "2", NULL]}


def test_what_a_folder_says_is_a_column(tmp_path: Path) -> None:
    write(tmp_path / "d" / "year=2024" / "ward=a%20b" / "0.parquet", id=[1])
    write(tmp_path / "d" / "year=__HIVE_DEFAULT_PARTITION__" / "ward=c" / "0.parquet", id=[2])
    assert read_any(tmp_path / "d", Csv()).to_pylist() == [
        {"id": "1", "year": "2024", "ward": "a b"},
        {"id": "2", "year": NULL, "ward": "c"},
    ]


def test_parts_of_other_columns_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "x.parquet"
    write(folder / "0.parquet", id=[1], sex=["F"])
    part = write(folder / "1.parquet", id=[1])
    with pytest.raises(DataError) as caught:
        read_any(folder, Csv())
    assert caught.value.private.startswith(f"{part}: column 'sex' is in one part of x.parquet")
    (folder / "1.parquet").write_text("a,b\n")
    with pytest.raises(InputError, match="is called as a Parquet file and is plain text"):
        read_any(folder, Csv())


def test_a_folder_of_tables_is_no_table(tmp_path: Path) -> None:
    write(tmp_path / "patients.parquet", id=[1])
    write(tmp_path / "visits.parquet", id=[1], day=[1])
    assert not is_parts(tmp_path)
    assert len(tables_in(tmp_path)) == 2
    write(tmp_path / "one" / "0.parquet", id=[1])
    assert is_parts(tmp_path / "one")
    assert tables_in(tmp_path / "one") == [tmp_path / "one"]
    (tmp_path / "one" / "people.csv").write_text("id\n1\n")
    assert not is_parts(tmp_path / "one")
