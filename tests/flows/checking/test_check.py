"""What a check tells is a value, which a terminal or a page may show."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.checking.check import check
from flows.checking.drafting import draft
from privacy.schema.schema import Schema

DAYS = {"kind": "integer", "bounds": [0, 10], "bins": 5}


def write(folder: Path, *rows: str) -> Path:
    path = folder / "rows.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_what_fits_is_counted_and_what_breaks_a_relation_is_told(tmp_path):
    schema = Schema.model_validate(
        {
            "name": "stays",
            "columns": {"start": DAYS, "end": DAYS},
            "relations": [{"order": ["start", "end"]}],
        }
    )
    checked = check(schema, [write(tmp_path, "start,end", "1,5", "7,3", "2,2", "9,1")])
    assert (checked.rows, checked.findings, checked.refused) == (4, (), False)
    about = {remark.about: remark for remark in checked.remarks}
    assert "2 of 4 rows break 'start ≤ end', first row 2" in about["relations"].text
    assert "that is many" in about["relations"].lines[1]
    assert "people" in about


@pytest.mark.parametrize(("value", "refused"), [("3", False), ("x", True)])
def test_a_value_that_is_no_number_refuses_the_rows(tmp_path, value, refused):
    schema = Schema.model_validate({"name": "t", "columns": {"a": DAYS}})
    checked = check(schema, [write(tmp_path, "a", "1", value)])
    assert checked.refused is refused
    assert [f.value for f in checked.findings] == ["x"] * refused


def test_a_draft_is_a_text_and_how_the_file_was_read(tmp_path):
    found = draft([write(tmp_path, "a;b", *(f"{i % 40};{i % 3}" for i in range(90)))])
    assert "draft: unconfirmed" in found.text
    assert [line.partition(": ")[2] for line in found.told] == [
        "read with separator ';', as it seems to be written"
    ]
