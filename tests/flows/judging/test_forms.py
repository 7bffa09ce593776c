"""However a tool writes its file: it is read, or one line says how."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from flows.judging.forms import bring, parse, spelled
from privacy.errors import DataError, InputError
from privacy.schema.schema import Csv, Schema

FRAME = pd.DataFrame({"x": [1.5, 2.5], "c": ["Süd", "Nord"]})
COLUMNS = {
    "x": {"kind": "float", "bounds": [0, 9]},
    "c": {"kind": "categorical", "categories": ["Süd", "Nord"]},
}
STANDARD = Schema.model_validate({"name": "t", "columns": COLUMNS})
EUROPE = {"separator": ";", "encoding": "latin-1", "decimal": ","}
EUROPEAN = Schema.model_validate({"name": "t", "columns": COLUMNS, "csv": EUROPE})
AS_SAID = {"sep": ";", "encoding": "latin-1", "decimal": ","}


def written(folder: Path, frame: pd.DataFrame = FRAME, **how: object) -> Path:
    path = folder / "s.csv"
    frame.to_csv(path, **({"index": False} | how))
    return path


READ = {
    "as most tools write": ({}, STANDARD, []),
    "as the schema says": (AS_SAID, EUROPEAN, []),
    "as most tools write, whatever the schema says": ({}, EUROPEAN, []),
    "as the caller says": (AS_SAID, STANDARD, ["separator=;,encoding=latin-1,decimal=,"]),
    "said one by one": (AS_SAID, STANDARD, ["separator=;", "encoding=latin-1", "decimal=,"]),
    "as the caller says, whatever the schema says": ({"sep": "\t"}, EUROPEAN, ["separator=tab"]),
    "a byte order mark": ({"sep": ";", "encoding": "utf-8-sig"}, STANDARD, ["separator=;"]),
    "quoted decimals": ({"decimal": ","}, STANDARD, ["decimal=,"]),
    "everything quoted": ({"quoting": 1}, STANDARD, []),
    "everything quoted, separated otherwise": ({"quoting": 1, "sep": ";"}, STANDARD, ["separator=;"]),
    "row numbers": ({"index": True}, STANDARD, []),
    "columns in another order": ({"columns": ["c", "x"]}, STANDARD, []),
    "no header": ({"header": False}, STANDARD, ["header=false"]),
    "a header, though the schema has none": (
        {},
        STANDARD.model_copy(update={"csv": Csv(header=False)}),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_it_is_read(case: str, tmp_path: Path) -> None:
    how, schema, said = READ[case]
    found = bring(written(tmp_path, **how), schema, parse(said)).texts
    assert found["x"].to_pylist() == ["1.5", "2.5"]
    assert found["c"].to_pylist() == ["Süd", "Nord"]


REFUSED = {
    "semicolons": ({"sep": ";"}, STANDARD, [], "','; with ';' there are some: say --csv 'separator=;'"),
    "semicolons, quoted": ({"sep": ";", "quoting": 1}, STANDARD, [], "say --csv 'separator=;'"),
    "tabs": ({"sep": "\t"}, STANDARD, [], "say --csv 'separator=tab'"),
    "bars": ({"sep": "|"}, STANDARD, [], "say --csv 'separator=|'"),
    "tabs for semicolons": (
        {"sep": "\t"}, EUROPEAN, [], "separator ';'; with '\\t' there are some: say --csv"
        " 'separator=tab,encoding=latin-1,decimal=,'",
    ),
    "commas for tabs": ({}, STANDARD, ["separator=tab"], "say --csv 'separator=,'"),
    "latin-1": ({"encoding": "latin-1"}, STANDARD, [], "invalid UTF8 data: not utf-8; say --csv 'encoding=…'"),
    "points": ({"sep": ";"}, EUROPEAN, [], "column 'x', row 1: '1.5' has a point"),
    "other columns": ({"header": ["a", "b"]}, STANDARD, [], "its first is 'a'; give the right file"),
    "other case": ({"header": ["X", "C"]}, STANDARD, [], "it has 'X' for 'x'; rename its columns"),
    "too few": ({"header": False, "columns": ["c"]}, STANDARD, ["header=false"], "without a header"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_or_one_line_says_how(case: str, tmp_path: Path) -> None:
    how, schema, said, expected = REFUSED[case]
    path = written(tmp_path, **how)
    with pytest.raises((InputError, DataError)) as caught:
        bring(path, schema, parse(said))
    message = getattr(caught.value, "private", str(caught.value))
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert message.isprintable()


@pytest.mark.parametrize(
    "form", [Csv(), Csv(separator="\t"), Csv(**EUROPE), Csv(separator=",", decimal=",")]
)
def test_what_is_said_is_what_is_meant(form: Csv) -> None:
    assert parse([spelled(form).removeprefix("--csv ").strip("'")]) == form


def test_nothing_said_is_no_form() -> None:
    assert parse([]) is None


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("separator", "expected NAME=VALUE"),
        ("sep=;", "a name of separator, encoding, decimal"),
        ("separator=", "separator: expected one sign"),
        ("separator=ab", "separator: expected one sign"),
        ("decimal=x", "decimal: expected '.' or ','"),
        ("encoding=klingon", "not a known text encoding"),
    ],
)
def test_a_form_that_is_none_is_one_line(said: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse([said])
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
