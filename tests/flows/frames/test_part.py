"""Rows of which some columns are known, from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent

from flows.frames.part import read_part
from generators.alone import fit_alone
from generators.asked import fill
from generators.marginals.generator import Mst
from privacy.accounting.guarantee import Guarantee
from privacy.errors import DataError, InputError
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

DAY = {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 12}
SCHEMA = Schema.model_validate(
    {
        "name": "stays",
        "columns": {
            "pid": {"kind": "identifier"},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "in": DAY,
            "out": DAY,
        },
        "relations": [{"order": ["in", "out"], "gap": {"max": 30, "bins": [0, 3, 10, 30]}}],
    }
)


def test_a_file_with_some_columns_is_read_by_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "like.csv"
    path.write_text("in,sex\n2020-02-01,F\n2020-03-01,M\n")
    found = read_part(path, SCHEMA)
    assert sorted(found.columns) == ["in", "sex"]
    assert found["in"].tolist() == [pd.Timestamp("2020-02-01"), pd.Timestamp("2020-03-01")]
    path.write_text("sex\nX\n")
    with pytest.raises(DataError) as error:
        read_part(path, SCHEMA)
    assert "column 'sex', row 1" in error.value.private
    path.write_text("pid,sex\n1,F\n")
    with pytest.raises(InputError, match="'pid' is none that is modelled"):
        read_part(path, SCHEMA)


def test_what_is_tied_to_others_is_filled_within_its_relations(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    begin = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 300, 2000), "D")
    end = begin + pd.to_timedelta(rng.integers(0, 10, 2000), "D")
    rows = pd.DataFrame({"sex": rng.choice(["F", "M"], 2000), "in": begin, "out": end})
    claim = Guarantee(5.0, 1e-6)
    ready = Mst().calibrate(claim, SCHEMA, NoOpDpEvent())
    table = Rows(rows.astype({"sex": object}), np.arange(len(rows)))
    model = fit_alone(ready, SCHEMA, table, claim, tmp_path, lambda what, share: None)
    found = fill(model, rows[["sex", "in"]], rng)
    assert found["in"].tolist() == rows["in"].tolist()
    stay = (found["out"] - found["in"]).dt.days
    assert stay.between(0, 30).all()
    assert (stay < 10).mean() > 0.9
    both = fill(model, rows[["in", "out"]], rng)
    assert both["out"].tolist() == rows["out"].tolist()
    with pytest.raises(InputError, match="'out' is drawn from in; give that too"):
        fill(model, rows[["out"]], rng)
    wrong = pd.DataFrame({"in": [pd.Timestamp("2020-05-01")], "out": [pd.Timestamp("2020-04-01")]})
    with pytest.raises(InputError, match="row 1: no row with these values keeps"):
        fill(model, wrong, rng)
