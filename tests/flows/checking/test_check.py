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


def test_of_whom_the_card_will_claim_nothing_is_told_before(tmp_path: Path) -> None:
    """The card goes by synthetic rows and asks for twice as many; nobody was told until it was there."""
    schema = Schema.model_validate(
        {
            "name": "t",
            "columns": {
                "sex": {"kind": "categorical", "categories": ["F", "M"]},
                "ill": {"kind": "categorical", "categories": ["0", "1"]},
            },
            "targets": [{"task": "classification", "column": "ill", "positive": ["1"]}],
            "subgroups": [{"column": "sex"}],
        }
    )
    path = tmp_path / "t.csv"
    rows = [("F", i % 4 == 0) for i in range(700)] + [("M", i % 2 == 0) for i in range(2000)]
    path.write_text("sex,ill\n" + "".join(f"{sex},{int(ill)}\n" for sex, ill in rows))
    people = [r.text for r in check(schema, [path], 0.2).remarks if r.about == "people"]
    assert len(people) == 1
    assert people[0].endswith("by these rows nothing of sex=F")
    assert not [r for r in check(schema, [path], 0.5).remarks if r.about == "people"]
