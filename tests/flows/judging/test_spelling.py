"""What tools make of a value is that value again, each text by itself, and counted."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.judging.spelling import respelled
from privacy.schema.schema import Schema

CODES = {"kind": "categorical", "categories": ["0", "1"]}
PADDED = {"kind": "ordinal", "categories": ["01", "02", "10"]}
WARDS = {"kind": "categorical", "categories": ["North", "Süd"]}
TRUTHS = {"kind": "categorical", "categories": ["True", "False"]}
ALIASED = {"kind": "categorical", "categories": ["male", "female"], "aliases": {"1": "male"}}
AMBIGUOUS = {"kind": "categorical", "categories": ["1", "1.0", "m", "M"]}
RULED = {
    "kind": "categorical",
    "categories": ["390", "high", "rest"],
    "rules": [{"to": "high", "min": 390, "below": 460}],
    "other": "rest",
}
AGE = {"kind": "integer", "bounds": [0, 2000], "missing": "keep", "missing_values": ["-1"]}
COST = {"kind": "float", "bounds": [0, 100]}
ISO = {"kind": "datetime", "bounds": ["2018-01-01", "2018-12-31"]}
NUMBERED = ISO | {"format": "%Y%m%d"}
GERMAN = ISO | {"format": "%d%m%Y"}

TAKEN = [
    (CODES, "0.0", "0", "input.float_codes"),
    (CODES, "0,0", "0", "input.float_codes"),
    (NUMBERED, "20180614,0", "20180614", "input.float_codes"),
    (CODES, "1e0", "1", "input.float_codes"),
    (CODES, " 1.0 ", "1", "input.float_codes"),
    (CODES, "True", "1", "input.spelling"),
    (CODES, "false", "0", "input.spelling"),
    (TRUTHS, "1", "True", "input.spelling"),
    (TRUTHS, "0.0", "False", "input.spelling"),
    (TRUTHS, "true", "True", "input.spelling"),
    (PADDED, "1.0", "01", "input.float_codes"),
    (PADDED, "2", "02", "input.float_codes"),
    (ALIASED, "1.0", "1", "input.float_codes"),
    (WARDS, "North  ", "North", "input.spelling"),
    (WARDS, "SÜD", "Süd", "input.spelling"),
    (AGE, "34.2", "34", "input.rounded"),
    (AGE, "-1.0", "-1", "input.float_codes"),
    (AGE, "True", "1", "input.spelling"),
    (ISO, "20180614.0", "20180614", "input.float_codes"),
    (ISO, "2.0180614e7", "20180614", "input.float_codes"),
    (NUMBERED, "2018-06-14 00:00:00", "20180614", "input.spelling"),
    (GERMAN, "4062018,0", "04062018", "input.float_codes"),
    (GERMAN, "2018-06-04", "04062018", "input.spelling"),
]  # fmt: skip

LEFT = [
    (CODES, "2.0"), (CODES, "0.4"), (CODES, "1,000"), (AGE, "34,0"),
    (CODES, "mars"), (CODES, "nan"), (AMBIGUOUS, "1.00"), (WARDS, "1"),
    (RULED, "390.0"), (RULED, "395.5"), (RULED, "V9"), (AGE, "old"), (AGE, "1e3"), (AGE, "5000"),
    (AGE, "1,234"), (COST, "64,4"), (COST, "64.4"), (COST, "$5"), (ISO, "2018-06-14 00:00:00"),
    (ISO, "14/06/2018"),
    (NUMBERED, "20180614.0"), (GERMAN, "4062018.0"),
    (NUMBERED, "20181399.0"), (NUMBERED, "1528934400000000000"),
]  # fmt: skip
"""What the schema reads already, and what nothing is the spelling of."""


def of(column: dict[str, Any]) -> Schema:
    clamped = {} if "categories" in column else {"out_of_range": "clamp"}
    return Schema.model_validate({"name": "t", "columns": {"x": column | clamped}})


@pytest.mark.parametrize(("column", "text", "value", "metric"), TAKEN)
def test_another_spelling_is_the_value(
    column: dict[str, Any], text: str, value: str, metric: str
) -> None:
    found, bent = respelled(pd.Series([value, text, text], dtype=object), "x", of(column))
    assert found.tolist() == [value] * 3
    assert [(b.metric, b.rows, b.text, b.taken_for) for b in bent] == [
        (metric, 2, text, repr(value))
    ]


@pytest.mark.parametrize(("column", "text"), LEFT)
def test_anything_else_is_left_alone(column: dict[str, Any], text: str) -> None:
    found, bent = respelled(pd.Series([text], dtype=object), "x", of(column))
    assert (found.tolist(), bent) == ([text], [])


@given(st.lists(st.sampled_from([t for _, t, _, _ in TAKEN] + [t for _, t in LEFT]), min_size=1))
def test_each_text_is_taken_by_itself(texts: list[str]) -> None:
    for column in (CODES, PADDED, AGE, NUMBERED):
        schema = of(column)
        together, bent = respelled(pd.Series(texts, dtype=object), "x", schema)
        alone = [respelled(pd.Series([t], dtype=object), "x", schema)[0][0] for t in texts]
        assert together.tolist() == alone
        changed = sum(a != t for a, t in zip(alone, texts, strict=True))
        assert sum(b.rows for b in bent) == changed
