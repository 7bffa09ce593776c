"""A model of another version, whose columns were drawn from others, is refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent

from generators.alone import fit_alone
from generators.marginals.generator import Mst
from generators.registry import load_model
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError
from privacy.schema import placing
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

CLAIM = Guarantee(5.0, 1e-6)
SAID = {
    "name": "stays",
    "columns": {
        "came": {"kind": "integer", "bounds": [0, 100], "bins": 5},
        "left": {"kind": "integer", "bounds": [10, 110], "bins": 5},
    },
    "relations": [{"order": ["came", "left"]}],
}


def test_a_model_that_drew_from_no_gap_is_not_drawn_from_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "WIDER", 1.0)
    schema = Schema.model_validate(SAID)
    came = np.arange(200.0) % 100
    rows = Rows(pd.DataFrame({"came": came, "left": came + 10}), np.arange(200))
    ready = Mst().calibrate(CLAIM, schema, NoOpDpEvent())
    model = fit_alone(ready, schema, rows, CLAIM, tmp_path, lambda what, share: None)
    folder = tmp_path / "model"
    folder.mkdir(exist_ok=True)
    model.save(folder)
    assert len(load_model(folder).sample(10, np.random.default_rng(0))) == 10
    monkeypatch.undo()
    with pytest.raises(InputError, match="measured no 'left - came'"):
        load_model(folder)
