"""What is odd in rows that fit is told in one line each, with what to do; what is not odd is not told."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from flows.checking.check import check
from flows.checking.checked import Remark
from privacy.schema.schema import Schema

NAMED = {"kind": "identifier"}
SEX = {"kind": "categorical", "categories": ["F", "M"]}
AGE = {"kind": "integer", "bounds": [0, 99], "bins": 5}
IDS = [str(i) for i in range(120)]
SEXES = ["F", "M"] * 60
AGES = [str(i * 37 % 100) for i in range(120)]
PLAIN: dict[str, list[str]] = {"id": IDS, "sex": SEXES, "age": AGES}
COLUMNS: dict[str, Any] = {"id": NAMED, "sex": SEX, "age": AGE}


def told(
    folder: Path, rows: dict[str, list[str]], columns: dict[str, Any], **said: Any
) -> list[Remark]:
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[*rows], *zip(*rows.values(), strict=True)])
    schema = Schema.model_validate({"name": "t", "columns": columns, **said})
    quiet = ("people", "relations", "value")
    return [r for r in check(schema, [folder / "t.csv"]).remarks if r.about not in quiet]


def test_rows_that_are_as_rows_are_get_no_line(tmp_path):
    assert told(tmp_path, PLAIN, COLUMNS) == []


@pytest.mark.parametrize(
    ("rows", "columns", "said", "about", "line"),
    [
        ({"id": [str(i // 3) for i in range(120)]}, {}, {}, "unit",
         "`unit: id` and `max_rows_per_unit: 3`"),
        ({"id": ["7"] * 2 + IDS[2:], "sex": ["F"] * 120, "age": ["5"] * 2 + AGES[2:]}, {}, {}, "rows",
         "1 of 120 rows equal an earlier one in every column, first row 2"),
        ({"sex": ["F"] * 120}, {}, {}, "columns", "sex: every row says the same; delete it"),
        ({"sex": [""] * 120}, {"sex": {**SEX, "missing": "keep"}}, {}, "columns",
         "sex: no row has a value; delete it"),
        ({"sex": IDS}, {"sex": {"kind": "categorical", "categories": IDS}}, {}, "columns",
         "sex: 120 values in 120 rows, nearly one each, make no categories"),
        ({"sex": ["Female", *SEXES[1:]]}, {"sex": {**SEX, "description": "Sex. F = Female; M = Male"}}, {},
         "columns", "holds labels where the schema has codes; `aliases: {'Female': 'F'}`"),
        ({"sex": [" f", *SEXES[1:]]}, {}, {}, "columns", "`aliases: {' f': 'F'}`"),
        ({}, {"sex": {"kind": "categorical", "categories": ["F", "M", "X"]}}, {}, "private",
         "sex: nobody has 'X' (known from private rows, so do not publish it)"),
        ({}, {"age": {"kind": "integer", "bounds": [0, 99_000]}}, {}, "private",
         "age: bounds are 1,000 times as wide as the values"),
        ({}, {"age": {"kind": "integer", "bounds": [0, 9900], "bins": [0, 100, 500]}}, {}, "private",
         "100% of the rows lie in one of 3 bins"),
        ({}, {"sex": {"kind": "categorical", "categories": ["F", "M", "X"]}},
         {"targets": [{"task": "classification", "column": "sex", "positive": ["X"]}]}, "targets",
         "of 120 rows with sex none is X, so nothing can be predicted"),
        ({}, {}, {"targets": [{"task": "classification", "column": "sex", "positive": ["F", "M"]}]},
         "targets", "all are F or M"),
        ({"age": ["5"] * 120}, {}, {"targets": [{"task": "regression", "column": "age"}]}, "targets",
         "all rows have the same age"),
    ],
)  # fmt: skip
def test_what_is_odd_is_told_with_a_remedy(rows, columns, said, about, line, tmp_path):
    lines = [
        r.text
        for r in told(tmp_path, {**PLAIN, **rows}, {**COLUMNS, **columns}, **said)
        if r.about == about
    ]
    assert any(line in one for one in lines), lines
    assert all("\n" not in one for one in lines)


def test_of_many_columns_of_which_the_like_is_to_be_said_the_names_do(tmp_path):
    names = [f"x{i}" for i in range(12)]
    three = {"kind": "categorical", "categories": ["F", "M", "X"]}
    columns = dict.fromkeys(names, three)
    lines = told(tmp_path, {**PLAIN, **dict.fromkeys(names, SEXES)}, {**COLUMNS, **columns})
    assert len(lines) == 9
    assert lines[-1].text == "the same or alike is to be said of 4 more: x8, x9, x10, x11"


def test_values_refused_alike_are_told_in_one_line(tmp_path):
    names = [f"x{i}" for i in range(9)]
    schema = Schema.model_validate({"name": "t", "columns": dict.fromkeys(names, AGE)})
    (tmp_path / "t.csv").write_text(",".join(names) + "\n" + "," * 8 + "\n")
    checked = check(schema, [tmp_path / "t.csv"])
    (line,) = [r.text for r in checked.remarks if r.about == "value"]
    assert line == "x0, x1, x2, x3, x4 and 4 more: where a value may be missing: `missing: keep`"
