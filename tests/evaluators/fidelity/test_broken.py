"""A figure of broken relations names those that are broken, and no others."""

from __future__ import annotations

import pandas as pd

from evaluators.fidelity.sdmetrics import impossible
from evaluators.tables import Tables
from privacy.schema.schema import Schema

NUMBER = {"kind": "integer", "bounds": [0, 9], "bins": 3}
SCHEMA = Schema.model_validate(
    {
        "name": "pressures",
        "columns": dict.fromkeys("abc", NUMBER),
        "relations": [{"order": ["a", "b"]}, {"order": ["b", "c"]}],
    }
)


def test_it_names_the_relation_that_is_broken() -> None:
    frame = pd.DataFrame({"a": [1, 5], "b": [2, 3], "c": [3, 4]})
    _, broken, real = impossible(Tables(frame, frame, frame, SCHEMA))
    assert broken.value == real.value == 0.5
    assert (broken.visibility, real.visibility) == ("public", "internal")
    assert broken.detail == "2 declared relations; broken: a ≤ b"


def test_it_names_none_where_all_are_kept() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [2, 3], "c": [3, 4]})
    _, broken, real = impossible(Tables(frame, frame, frame, SCHEMA))
    assert real.value == 0
    assert broken.detail == "2 declared relations"
