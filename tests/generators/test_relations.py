"""Every generator's rows keep every kind of relation, also where the real rows do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent

from generators.alone import fit_alone
from generators.images.generator import ImageSgd
from generators.registry import GENERATORS, load_model
from generators.synthcity.pool import Pool
from privacy.records.broken import breaks
from privacy.records.codec import RecordCodec
from privacy.records.impossible import impossible_rows
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows
from tests.generators.test_tiny import BUDGET, CLAIM, HERE, SMALL

YES_NO = {"kind": "categorical", "categories": ["0", "1"]}
DAY = {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 4}
COST = {"kind": "float", "bounds": [0, 100], "bins": 4, "decimals": 2}
PRESSURE = {"kind": "integer", "bounds": [40, 240], "bins": 5, "missing": "keep"}
DAYS = {"kind": "integer", "bounds": [0, 400], "bins": 5}
TIED = {
    "name": "tiny",
    "unit": "person",
    "max_rows_per_unit": 2,  # Rényi accounting, which is fast
    "columns": {
        "person": {"kind": "identifier"},
        "ill": YES_NO,
        "admitted": DAY,
        "discharged": DAY | {"missing": "keep"},
        "died": DAY | {"missing": "keep"},
        "systolic": PRESSURE | {"special": ["N"]},
        "diastolic": PRESSURE,
        "drugs": COST,
        "bed": COST,
        "cost": COST | {"bounds": [0, 150]},
        "back": YES_NO,
        "backtime": DAYS,
        "time": DAYS,
        "degree": {"kind": "categorical", "categories": ["low", "high"], "missing": "keep"},
        "years": {"kind": "integer", "bounds": [0, 20], "bins": 4},
    },
    "targets": [
        {"task": "survival", "time": "time", "event": "ill"},
    ],
    "subgroups": [{"column": "degree"}],
    "impossible": [{"admitted": {"min": "2020-06-01"}, "ill": {"values": ["1"]}}],
    "relations": [
        {"order": ["admitted", "discharged", "died"]},
        {
            "order": ["diastolic", "systolic"],
            "strict": True,
            "gap": {"min": 10, "max": 120, "bins": 5},
        },
        {"missing_together": ["systolic", "diastolic"]},
        {"total": "cost", "parts": ["drugs", "bed"]},
        {"order": ["backtime", "time"]},
        {"equal": ["backtime", "time"], "when": {"back": ["0"]}},
        {"determined": "years", "by": "degree", "table": {"low": 9, "high": 16}},
    ],
    "gaps": {
        "discharged - admitted": {"kind": "integer", "bounds": [0, 365], "bins": 5},
        "died - discharged": {"kind": "integer", "bounds": [0, 365], "bins": 5},
        "time - backtime": {"kind": "integer", "bounds": [0, 400], "bins": 5},
    },
}


def given(pictured: bool = False) -> tuple[Schema, pd.DataFrame]:
    """The schema, and 60 rows of any codes, most of which break something."""
    schema, rng = Schema.model_validate(TIED), np.random.default_rng(0)
    codec = Codec(schema)
    codes = pd.DataFrame({c: rng.integers(0, size, 60) for c, size in codec.domain.items()})
    frame = codec.decode(codes, rng)
    if pictured:
        columns = TIED["columns"] | {"scan": {"kind": "image", "height": 6, "width": 5}}
        schema = Schema.model_validate(TIED | {"columns": columns})
        dark = [np.zeros((6, 5, 1), dtype=np.uint8) for _ in range(len(frame))]
        frame = frame.assign(scan=pd.Series(dark, dtype=object))
    return schema, frame


def keeps_all(frame: pd.DataFrame, schema: Schema) -> None:
    for relation in schema.relations:
        _, broken = breaks(frame, schema, relation)
        assert not broken.any(), relation.says
    Codec(schema).encode(frame)


def test_most_of_the_rows_that_it_is_tried_on_break_something() -> None:
    schema, frame = given()
    assert all(breaks(frame, schema, r)[1].mean() > 0.1 for r in schema.relations)


def test_their_codes_are_of_rows_that_do_not() -> None:
    schema, frame = given()
    codec = RecordCodec(schema)
    drawn = codec.decode(codec.encode(frame), np.random.default_rng(0))
    assert all(breaks(drawn, schema, r)[0].any() for r in schema.relations)
    keeps_all(drawn, schema)


@pytest.mark.parametrize("name", HERE)
def test_no_synthetic_row_breaks_a_relation(name, tmp_path, monkeypatch):
    kind = GENERATORS[name]
    schema, frame = given(issubclass(kind, ImageSgd))
    monkeypatch.setattr("generators.deep.generator.least_noise", lambda *asked: 4.0)
    generator = kind(**SMALL.get(name, {})).calibrate(CLAIM, schema, NoOpDpEvent())
    whose = np.arange(len(frame)) // 2
    told = lambda what, share: None  # noqa: E731
    model = fit_alone(generator, schema, Rows(frame, whose), BUDGET, tmp_path, told)
    drawn = model.sample(300, np.random.default_rng(0))
    keeps_all(drawn, schema)
    assert impossible_rows(drawn, schema).mean() < 0.05
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model").sample(300, np.random.default_rng(0))
    pd.testing.assert_frame_equal(again, drawn)


def test_rows_of_a_pool_keep_them_too() -> None:
    schema, frame = given()
    codes = RecordCodec(schema).encode(frame)
    keeps_all(Pool(schema, codes, 60, "").sample(100, np.random.default_rng(0)), schema)
