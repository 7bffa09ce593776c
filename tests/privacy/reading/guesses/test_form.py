"""How a file is written is seen from the file; what is no table is refused in a line."""

from __future__ import annotations

import gzip

import pytest

from privacy.errors import DataError, InputError
from privacy.reading.guesses.form import form_of, has_mark
from privacy.schema.schema import Csv

ROWS = "größe,sex\n" + "".join(f"{i},{'FM'[i % 2]}\n" for i in range(30))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (ROWS.encode(), {}),
        (ROWS.encode("utf-8-sig"), {}),
        (ROWS.encode("latin-1"), {"encoding": "latin-1"}),
        (ROWS.replace("F", "–").encode("cp1252"), {"encoding": "cp1252"}),
        (ROWS.encode("utf-16"), {"encoding": "utf-16"}),
        (ROWS.replace(",F", ", F").encode(), {"strip": True}),
        (ROWS.replace(",F", ',"F\nf"').encode(), {"newlines": True}),
        (b"# from the registry\n" + ROWS.encode(), {"comment": "#"}),
        (ROWS.replace(",", "|").encode(), {"separator": "|"}),
    ],
)
def test_how_it_is_written(content, found, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert form_of(path, Csv()).model_dump(exclude_defaults=True) == found
    assert has_mark(path) is content.startswith(b"\xef\xbb\xbf")
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(content))
    assert form_of(packed, Csv()).model_dump(exclude_defaults=True) == found


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04...", "a damaged ZIP archive or workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"PAR1\x15\x04\x00\x15", "a Parquet file"),
        (gzip.compress(ROWS.encode()), "compressed by gzip"),
        (bytes(range(64)), "no text, whatever its name says"),
        (b"Registry of 2020\n\na,b,c\n1,2,3\n", "delete the lines above the header"),
        (b"a,b\n1,2,3\n", "correct the row"),
        (b"", "the file is empty"),
        (b"a,b\n", "a header and no rows"),
    ],
)
def test_what_is_no_table_is_one_line(content, told, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises((InputError, DataError)) as caught:
        form_of(path, Csv())
    assert told in getattr(caught.value, "private", str(caught.value))


def test_a_first_line_that_is_a_row_names_nothing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("48,M,P017\n61,F,P002\n7,M,P100\n")
    assert form_of(path, Csv()).header is False
    # names, though they hold digits, or are years
    path.write_text("q1,sex,2019\n3,M,1\n4,F,2\n")
    assert form_of(path, Csv()).header
    path.write_text("2019,2020\n1873,2100\n1900,1910\n")
    assert form_of(path, Csv()).header
