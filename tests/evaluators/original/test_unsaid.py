"""Orders that rows keep are told, unless the schema says them or chance would keep them as well."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluators.original.unsaid import unsaid_orders
from privacy.schema.schema import Schema

WEIGHT = {"kind": "float", "bounds": [0, 300], "bins": 4, "decimals": 1}


def schema(**said: object) -> Schema:
    columns = dict.fromkeys(("before", "after", "pulse"), WEIGHT)
    return Schema.model_validate({"name": "dialysis", "columns": columns, **said})


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    before, pulse = rng.normal(80, 10, 600).round(1), rng.normal(80, 10, 600).round(1)
    after = (before - rng.uniform(0.5, 3, 600)).round(1)
    return pd.DataFrame({"before": before, "after": after, "pulse": pulse})


def test_an_order_that_the_schema_does_not_say_is_told() -> None:
    assert list(unsaid_orders(rows(), schema())) == [("after", "before", True)]
    assert list(unsaid_orders(rows(), schema(relations=[{"order": ["after", "before"]}]))) == []


def test_an_order_that_chance_breaks_is_none() -> None:
    frame = rows()
    dealt = frame.assign(after=frame["after"].to_numpy()[::-1])
    assert list(unsaid_orders(dealt, schema())) == []
