"""A file is read as it is, or refused in one line that stays in the house."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from privacy.errors import DataError, InputError
from privacy.reading.formats import delimited
from privacy.reading.formats.strict import NULL
from privacy.reading.read import read_any, read_texts
from privacy.schema.schema import Csv, Schema


def schema(**more: Any) -> Schema:
    columns = {
        "a": {"kind": "categorical", "categories": ["x"]},
        "b": {"kind": "integer", "bounds": [0, 9]},
    }
    return Schema.model_validate({"name": "t", "columns": columns} | more)


def read(path: Path, content: bytes | None = None, **more: Any) -> dict[str, list[str]]:
    if content is not None:
        path.write_bytes(content)
    table: dict[str, list[str]] = read_texts([path], schema(**more)).to_pydict()
    return table


GOOD = {
    "plain": (b"a,b\nx,1\ny,2\n", {}, [("x", "1"), ("y", "2")]),
    "no line break at the end": (b"a,b\nx,1", {}, [("x", "1")]),
    "Windows line breaks": (b"a,b\r\nx,1\r\n", {}, [("x", "1")]),
    "a byte order mark": (b'\xef\xbb\xbf"a",b\nx,1\n', {}, [("x", "1")]),
    "a quoted line break": (
        b'a,b\n"x\ny",1\nz,2\n',
        {"csv": {"newlines": True}},
        [("x\ny", "1"), ("z", "2")],
    ),
    "a quoted line break of Windows": (
        b'a,b\r\n"x\r\ny",1\r\n"x\ry",2\r\n',
        {"csv": {"newlines": True}},
        [("x\ny", "1"), ("x\ny", "2")],
    ),
    "a quoted quotation mark": (b'a,b\n"x""y",1\n', {}, [('x"y', "1")]),
    "columns in another order": (b"b,a\n1,x\n", {}, [("x", "1")]),
    "empty values": (b"a,b\n,\n", {}, [("", "")]),
    "texts that look like numbers": (b"a,b\n007,1e3\n", {}, [("007", "1e3")]),
    "blanks kept": (b"a,b\n x ,1\n", {}, [(" x ", "1")]),
    "blanks stripped": (b"a , b\n x ,1\n", {"csv": {"strip": True}}, [("x", "1")]),
    "no header": (b"x,1\ny,2\n", {"csv": {"header": False}}, [("x", "1"), ("y", "2")]),
    "semicolons": (b"a;b\nx;1\n", {"csv": {"separator": ";"}}, [("x", "1")]),
    "latin-1": ("a,b\né,1\n".encode("latin-1"), {"csv": {"encoding": "latin-1"}}, [("é", "1")]),
    "utf-16": ("a,b\né,1\n".encode("utf-16"), {"csv": {"encoding": "utf-16"}}, [("é", "1")]),
    "remarks": (b"# hi\n# ho\na,b\nx,1\n# no\n", {"csv": {"comment": "#"}}, [("x", "1")]),
    "a remark without header": (
        b"|1x3 Cross validator\nx,1\n",
        {"csv": {"comment": "|", "header": False}},
        [("x", "1")],
    ),
    "row numbers dropped": (b'"","a","b"\n0,x,1\n', {"surplus_columns": "drop"}, [("x", "1")]),
    "surplus dropped": (b"c,a,b\n?,x,1\n", {"surplus_columns": "drop"}, [("x", "1")]),
}


@pytest.mark.parametrize("case", GOOD)
def test_good_files(case: str, tmp_path: Path) -> None:
    content, form, rows = GOOD[case]
    found = read(tmp_path / "data.csv", content, **form)
    assert list(zip(found["a"], found["b"], strict=True)) == rows
    assert list(found) == ["a", "b"]
    assert read(tmp_path / "DATA.CSV.GZ", gzip.compress(content), **form) == found


LONG = gzip.compress("".join(["a,b\n", *(f"x{i * i},1\n" for i in range(5000))]).encode())

BAD = {
    "empty": (b"", "the file is empty"),
    "header only": (b"a,b\n", "a header and no rows"),
    "header without a line break": (b"a,b", "a header and no rows"),
    "an empty first line": (b"\na,b\nx,1\n", "the header is empty"),
    "a header repeats": (b"a,b,a\nx,1,x\n", "names 'a' twice; rename"),
    "a column without a name": (b"a,b,\nx,1,2\n", "column 3 has no name"),
    "a column absent": (b"a,c\nx,1\n", "column 'b' of the schema is not in the file"),
    "a column too many": (b"a,b,c\nx,1,2\n", "column 'c' is not in the schema; declare it"),
    "a short row": (b"a,b\nx,1\nsecret\n", "Expected 2 columns, got 1: secret: correct the row"),
    "a long row": (b"a,b\nx,1,secret\n", "Expected 2 columns, got 3: x,1,secret: correct"),
    "another separator": (
        b"a;b\nx;1\n",
        "column 'a' of the schema is not in the file, read with separator ','; with ';' there are columns of"
        ' the schema: write `csv: {separator: ";"}` in it',
    ),
    "a tab": (b"a\tb\nx\t1\n", "names 'a\\tb': correct it, or csv.separator in the schema"),
    "another separator, quoted": (b'"a";"b"\n"x";"1"\n', "mend the quotes, or csv.separator"),
    "row numbers": (b",a,b\n1,x,1\n", "column 'unnamed' is not in the schema"),
    "an open quotation": (b'a,b\n"x,1\ny,2\n', "not a readable CSV file"),
    "an open quotation in the header": (b'"a,b\nx,1\n', "not a readable CSV file"),
    "latin-1": (
        "a,b\né,1\n".encode("latin-1"),
        "column 'a': invalid UTF8 data: not utf-8; say csv",
    ),
    "latin-1 in the header": ("é,b\nx,1\n".encode("latin-1"), "the header names '\\udce9'"),
    "utf-16": ("a,b\nx,1\n".encode("utf-16"), "the header names"),
    "a NUL byte": (b"a,b\nx,1\ny\0secret,2\n", "column 'a', row 2: a NUL byte"),
    "a sign that stands for null": (
        "a,b\n\ufdd0null,1\n".encode(),
        "column 'a', row 1: the sign U+FDD0",
    ),
    "a NUL byte in the header": (b"a\0,b\nx,1\n", "the header names 'a\\x00'"),
    "a line break in the header": (b'"a\nq",b\nx,1\n', "the header names 'a\\nq'"),
    "bytes": (bytes(range(256)) * 20, "the header"),
}


def refusal(path: Path, content: bytes, **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(path, content, **more)
    assert str(caught.value) == "the private table does not fit its schema"
    message = caught.value.private
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    assert len(message) < 500 + len(str(path))
    return message


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_in_one_line(case: str, tmp_path: Path) -> None:
    content, expected = BAD[case]
    assert expected in refusal(tmp_path / "data.csv", content)


@pytest.mark.parametrize(
    "content",
    [
        LONG[: len(LONG) // 2],
        LONG[:15],
        LONG[:100] + bytes(40) + LONG[140:],
        LONG + b"?",
        b"a,b\nx,1\n",
    ],
    ids=["truncated", "truncated in the header", "altered", "longer than it is", "not compressed"],
)
def test_bad_gzip_files_are_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    assert "not a readable CSV file" in refusal(tmp_path / "data.csv.gz", content)


def test_a_wrong_encoding_is_refused_in_one_line(tmp_path: Path) -> None:
    message = refusal(tmp_path / "data.csv", b"a,b\nx,1\n", csv={"encoding": "utf-16"})
    assert "not utf-16; say csv.encoding" in message


def test_an_endless_quotation_is_refused_in_one_line(tmp_path: Path) -> None:
    content = b'a,b\nx,1\n"' + b"y,2\n" * (5 << 20)
    assert "not a readable CSV file" in refusal(tmp_path / "data.csv", content)


def test_files_that_are_not_there_are_public_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent.csv: no such file"):
        read(tmp_path / "absent.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=r"folder.csv: a folder without a Parquet file"):
        read(tmp_path / "folder.csv")
    with pytest.raises(InputError, match=r"data.rds: expected a CSV file"):
        read(tmp_path / "data.rds")
    with pytest.raises(InputError, match="no file is given"):
        read_texts([], schema())


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    values = {"b": pa.array([1.0, None, 2.5]), "a": pa.array(["x", None, ""]).dictionary_encode()}
    pq.write_table(pa.table(values), path)
    assert read(path) == {"a": ["x", NULL, ""], "b": ["1", NULL, "2.5"]}
    assert "not a readable Parquet file" in refusal(path, b"PAR1 no")
    pq.write_table(pa.table({"a": [["x"]], "b": [1]}), path)
    assert "column 'a' of type list" in refusal(path, path.read_bytes())
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"]), path)
    assert "names 'a' twice" in refusal(path, path.read_bytes())
    pq.write_table(pa.table({"a": pa.array([], pa.string()), "b": pa.array([], pa.int64())}), path)
    assert "no rows" in refusal(path, path.read_bytes())


def test_several_files_are_one_table(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.csv").write_text(f"a,b\nx,{i}\n")
    table = read_texts([tmp_path / f"{i}.csv" for i in range(3)], schema())
    assert table["b"].to_pylist() == ["0", "1", "2"]


@pytest.mark.parametrize("line_break", [b"\n", b"\r\n", b"\r"])
def test_a_stray_quote_does_not_swallow_the_rows_after_it(
    tmp_path: Path, line_break: bytes
) -> None:
    content = b'a,b\nx,"good\ny,2\nz,3 ft 2"\n'.replace(b"\n", line_break)
    assert "mend the quotes" in refusal(tmp_path / "data.csv", content)


@pytest.mark.parametrize("form", [{}, {"newlines": True}])
def test_a_quote_left_open_in_a_remark_does_not_either(
    tmp_path: Path, form: dict[str, Any]
) -> None:
    content = b'a,b\nx,1\n#,,"see below\ny,2\nz,3\n'
    assert "Expected 2 columns" in refusal(
        tmp_path / "data.csv", content, csv={"comment": "#"} | form
    )


def test_a_quoted_line_break_reads_the_same_wherever_it_stands(tmp_path: Path) -> None:
    """pyarrow reads in blocks of 16 MB and loses the \\n of a \\r\\n between two (apache/arrow 51368)."""
    start = len(b'a,b\r\n"')
    for end in range(-2, 2):
        pad = "k" * ((1 << 24) + end - start)
        content = f'a,b\r\n"{pad}\r\nB",1\r\nz,2\r\n'.encode()
        found = read(tmp_path / "data.csv", content, csv={"newlines": True})
        assert found["a"] == [f"{pad}\nB", "z"]


def test_no_type_is_guessed_from_the_values_of_a_block(tmp_path: Path) -> None:
    """pandas' own reader takes a type for each block, and brings them together (pandas-dev/pandas 68706)."""
    plain = "x,1\n" * (1 << 22)
    found = read(
        tmp_path / "data.csv", f"a,b\n{plain}x,{2**64 - 1}\nx,{2**64 - 2}\n007,0.5\n".encode()
    )
    assert found["b"][-4:] == ["1", str(2**64 - 1), str(2**64 - 2), "0.5"]


def test_a_nul_in_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"a": ["flu", "flu\0x"], "b": ["1", "2"]}), path)
    with pytest.raises(DataError) as caught:
        read_any(path, Csv())
    assert "NUL" in caught.value.private


def test_an_open_quote_takes_nobody_along(tmp_path):
    """With line breaks allowed inside values, all rows behind it would be one value."""
    rows = [f"{i},a" for i in range(50)]
    path = tmp_path / "x.csv"
    form = Csv(newlines=True)
    path.write_text("\n".join(["n,t", *rows[:20], '99,"5 mg', *rows[20:]]) + "\n")
    with pytest.raises(DataError) as caught:
        read_any(path, form)
    assert "never closed" in caught.value.private
    path.write_text("\n".join(["n,t", *rows[:20], '99,"5 mg\nor ""more"""', *rows[20:]]) + "\n")
    assert read_any(path, form).num_rows == 51


COMMA = Schema.model_validate(
    {
        "name": "t",
        "csv": {"separator": ";", "decimal": ","},
        "columns": {
            "x": {
                "kind": "float",
                "bounds": [0, 100],
                "special": ["n. a.", 500.5],
                "missing_values": ["9,9"],
            },
            "c": {"kind": "categorical", "categories": ["1,5", "2.5"]},
        },
    }
)


def test_decimals_after_a_comma_are_read_value_by_value(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "x;c\n64,4;1,5\n-,5e1;2.5\n 7 ;1,5\n9,9;1,5\nn. a.;1,5\n1.234,5;1,5\n500,5;1,5\n"
    )
    found = read_texts((path,), COMMA)
    assert found["x"].to_pylist() == ["64.4", "-.5e1", " 7 ", "9,9", "n. a.", "1.234,5", "500.5"]
    assert found["c"].to_pylist() == ["1,5", "2.5", *["1,5"] * 5]


def test_a_point_may_stand_for_thousands_where_the_comma_stands_before_decimals(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x;c\n64,4;1,5\n1.234;1,5\n")
    with pytest.raises(DataError) as caught:
        read_texts((path,), COMMA)
    assert "column 'x', row 2: '1.234' has a point" in caught.value.private
    assert caught.value.private.endswith("say csv.decimal in the schema")


def test_a_typed_file_has_no_decimal_sign(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [64.4], "c": ["1,5"]}), tmp_path / "a.parquet")
    assert read_texts((tmp_path / "a.parquet",), COMMA)["x"].to_pylist() == ["64.4"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_a_break_of_two_signs_between_two_blocks_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """pyarrow drops the \\n there; then a blank line would be gone, by how many rows stand before."""
    monkeypatch.setattr(delimited, "BLOCK", 128)
    path = tmp_path / "t.csv"
    schema = Schema.model_validate(
        {
            "name": "t",
            "csv": {"newlines": True, "encoding": encoding},
            "columns": {"a": {"kind": "identifier"}, "b": {"kind": "integer", "bounds": [0, 9]}},
        }
    )
    for before in range(100, 125):
        rows = ["é" + "y" * before + "\r\n\n" + "z", "w\rv"]
        content = "a,b\r\n" + "".join(f'"{r}",1\r\n' for r in rows)
        path.write_bytes(content.encode(encoding))
        found = read_texts((path,), schema)["a"].to_pylist()
        assert found == [r.replace("\r\n", "\n").replace("\r", "\n") for r in rows]


def test_a_part_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    good = pa.table({"a": ["1"], "b": ["2"]})
    pq.write_table(good, folder / "1.parquet")
    pq.write_table(
        pa.Table.from_arrays([pa.array(["1"])] * 3, ["a", "b", "b"]), folder / "2.parquet"
    )
    with pytest.raises(DataError) as refused:
        read_any(folder, Csv())
    assert "names 'b' twice" in refused.value.private
