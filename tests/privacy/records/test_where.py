"""What somebody asks for: read by the schema, held against rows, and refused in one line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.errors import InputError
from privacy.records.codec import RecordCodec
from privacy.records.impossible import may_hold
from privacy.records.where import meets, where
from privacy.schema.schema import Schema

SCHEMA = Schema.model_validate(
    {
        "name": "t",
        "columns": {
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "ward, old": {"kind": "categorical", "categories": ["a,b", "c"]},
            "stage": {"kind": "ordinal", "categories": ["I", "II", "III"]},
            "age": {"kind": "integer", "bounds": [18, 97], "bins": 8},
            "crp": {"kind": "float", "bounds": [0, 10], "bins": 5, "missing": "keep"},
            "top": {"kind": "integer", "bounds": [0, 9], "bins": 5, "special": ["high"]},
            "day": {"kind": "datetime", "bounds": ["2020-01-01", "2022-01-01"], "bins": 4},
        },
    }
)
ROWS = pd.DataFrame(
    {
        "sex": ["F", "M", "F", "F"],
        "ward, old": ["a,b", "c", "c", "a,b"],
        "stage": ["I", "II", "III", "II"],
        "age": pd.array([30, 65, 70, 64], dtype="Int64"),
        "crp": [1.0, np.nan, 3.5, 9.0],
        "top": pd.Series([1, "high", 3, 4], dtype=object),
        "day": pd.to_datetime(["2020-05-01", "2021-01-01", "2021-06-01", "2020-12-31"]),
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("sex=F", [0, 2, 3]),
        ("sex=F, age>=65", [2]),
        ("age>=64,age<=65", [1, 3]),
        ("age=70", [2]),
        ("stage>=II", [1, 2, 3]),
        ("stage<=II,sex=F", [0, 3]),
        ("stage=I|III", [0, 2]),
        ("ward, old=a,b, sex=F", [0, 3]),
        ("crp=", [1]),
        ("crp<=3.5", [0, 2]),
        ("top=high", [1]),
        ("day<=2020-12-31", [0, 3]),
    ],
)
def test_rows_are_held_against_what_is_asked(text: str, rows: list[int]) -> None:
    asked = where(text, SCHEMA)
    assert np.flatnonzero(meets(ROWS, SCHEMA, asked)).tolist() == rows
    codec = RecordCodec(SCHEMA)
    codes = codec.encode(ROWS)
    for name, condition in asked.items():  # no code of a row that is asked for is left out
        assert may_hold(codec.columns[name], condition)[codes[name].to_numpy()[rows]].all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sex", "expected COLUMN=VALUE"),
        ("height=3", "no column is called so; there are sex"),
        ("sex=X", "'X' is none of F, M"),
        ("sex>=F", "'sex' has no order; say sex=A|B"),
        ("age=old", "'old' is not a number"),
        ("day>=soon", "'soon' is not a date, as 2020-12-31"),
        ("age=", "'age' is never missing"),
        ("sex=F,sex=M", "is said twice; alternatives are sex=A|B"),
        ("age>=70,age<=60", "from 70.0 to 60.0 is nothing"),
    ],
)
def test_what_no_row_can_be_asked_by_is_refused_in_a_line(text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        where(text, SCHEMA)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_bin_that_is_cut_through_may_hold() -> None:
    code = RecordCodec(SCHEMA).columns["age"]
    kept = may_hold(code, where("age>=65", SCHEMA)["age"])
    assert kept.tolist() == [False] * 4 + [True] * 4
    assert code.bins is not None
    assert code.bins.edges[4] < 65 < code.bins.edges[5]
