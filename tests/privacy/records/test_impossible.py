"""A row is possible or not by itself."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from privacy.reading.conform import conform
from privacy.records.impossible import impossible_rows
from privacy.schema.schema import Schema


def impossible(texts: list[str], condition: dict[str, Any], **column: Any) -> list[bool]:
    columns = {
        "x": {"bounds": [0, 500], "missing": "keep"} | column,
        "y": {"kind": "categorical", "categories": ["a"]},
    }
    zero = {"x": condition, "y": {"values": ["a"]}}
    schema = Schema.model_validate({"name": "t", "columns": columns, "impossible": [zero]})
    frame, _ = conform(pa.table({"x": texts, "y": ["a"] * len(texts)}), schema)
    found: list[bool] = impossible_rows(frame, schema).tolist()
    return found


@pytest.mark.parametrize("kind", ["integer", "float"])
@pytest.mark.parametrize("special", [[501, -1], [501, "N"], [501.0, "7"]])
def test_a_special_value_stays_itself_beside_a_missing_one(kind: str, special: list[Any]) -> None:
    """pandas (63903) maps a column of whole numbers as floats where one is missing: 501 reads 501.0."""
    named = {"values": [str(special[0])]}
    texts = ["501", "7", "0"]
    assert impossible(texts, named, kind=kind, special=special) == [True, False, False]
    assert impossible([*texts, ""], named, kind=kind, special=special) == [
        True,
        False,
        False,
        False,
    ]
    spans = {"min": 0, "max": 500}
    number = "7" not in special
    assert impossible([*texts, ""], spans, kind=kind, special=special) == [
        False,
        number,
        True,
        False,
    ]
