"""Deep generators on whatever a schema may say: several rows a unit, survival, no roles, zeros, tiny tables."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent

from generators.deep.diffusion import Diffusion
from generators.registry import load_model
from privacy.accounting.composition import spent
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError, LedgerError
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.records.impossible import impossible_rows
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

CLAIM = Guarantee(1.0, 1e-6)
BUDGET = Guarantee(100.0, 1e-6)
BASE = {
    "name": "clinic",
    "unit": "person",
    "columns": {
        "person": {"kind": "identifier"},
        "sex": {"kind": "categorical", "categories": ["F", "M"]},
        "age": {"kind": "integer", "bounds": [0, 99], "bins": 10},
        "ward": {"kind": "categorical", "categories": ["a", "b", "c"]},
        "days": {"kind": "float", "bounds": [0, 50], "bins": 5, "missing": "keep"},
        "dead": {"kind": "categorical", "categories": ["0", "1"]},
    },
}
SURVIVAL = [{"task": "survival", "time": "age", "event": "dead"}]
ILL = [{"task": "classification", "column": "dead", "positive": ["1"]}]
GROUPS = [{"column": "sex"}, {"column": "ward"}]
SCHEMAS = {
    "no roles": {},
    "no target": {"subgroups": GROUPS},
    "survival": {"targets": SURVIVAL, "subgroups": GROUPS},
    "several rows": {"targets": ILL, "subgroups": GROUPS, "max_rows_per_unit": 3},
    "zeros": {
        "targets": ILL,
        "subgroups": GROUPS[:1],
        "impossible": [
            {"sex": {"values": ["M"]}, "ward": {"values": ["c"]}},
            {"age": {"min": 50}, "ward": {"values": ["b"]}},
        ],
    },
}


def people(n, rows_each=1, seed=0):
    rng = np.random.default_rng(seed)
    total = n * rows_each
    frame = pd.DataFrame(
        {
            "sex": np.full(total, "F", dtype=object),
            "age": pd.Series(rng.integers(0, 50, total), dtype="Int64"),
            "ward": rng.choice(["a", "b", "c"], total),
            "days": pd.Series(rng.random(total) * 50).mask(rng.random(total) < 0.2),
            "dead": rng.choice(["0", "1"], total),
        }
    )
    return Rows(frame, np.repeat(np.arange(n), rows_each))


def fit(schema, rows, folder, **parameters):
    """With noise that nobody looked for, which takes seconds: test_contract.py holds what it costs."""
    generator = Diffusion(**{"steps": 4, "device": "cpu", **parameters})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("generators.deep.generator.least_noise", lambda *asked: 4.0)
        generator = generator.calibrate(CLAIM, schema, NoOpDpEvent())
    transcript = Transcript(folder / "attempt.jsonl")
    ledger = Ledger(str(folder / "ledger.db"))
    ledger.register(schema.name, BUDGET, 0.2)
    about = {"run": "r", "attempt": transcript.attempt, "purpose": "fit"}
    permit = ledger.charge(schema.name, "train", event=generator.event(), **about)
    told, paid = [], Paid(permit, transcript)
    model = generator.fit(rows, schema, paid, lambda what, share: told.append(what))
    return model, told


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_kind_of_schema_is_fitted_and_saved(name, tmp_path):
    schema = Schema.model_validate(BASE | SCHEMAS[name])
    rows = people(150, rows_each=schema.max_rows_per_unit)
    model, told = fit(schema, rows, tmp_path)
    frame = model.sample(300, np.random.default_rng(0))
    Codec(schema).encode(frame)
    assert not impossible_rows(frame, schema).any()
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model").sample(300, np.random.default_rng(0))
    pd.testing.assert_frame_equal(again, frame)
    assert "ε" in told[-1]
    assert "4 of 4" in told[-1]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_table_of_nobody_is_fitted_too(n, tmp_path):
    """How many people there are is private: an empty table must not look different by failing."""
    schema = Schema.model_validate(BASE | SCHEMAS["survival"])
    model, _ = fit(schema, people(n), tmp_path)
    assert len(model.sample(20, np.random.default_rng(0))) == 20


@pytest.mark.parametrize("clipping", ["bounded-adaptive", "dpsgd-f", "global-adapt"])
def test_adaptive_clipping_costs_what_flat_clipping_does(clipping, tmp_path):
    schema = Schema.model_validate(BASE | SCHEMAS["several rows"])
    fit(schema, people(100, rows_each=3), tmp_path, clipping=clipping, group_by="ward")
    flat, other = (
        Diffusion(steps=4, clipping=c).calibrate(CLAIM, schema, NoOpDpEvent())
        for c in ("flat", clipping)
    )
    assert flat.event() == other.event()
    assert spent([other.event()], CLAIM.delta).epsilon <= CLAIM.epsilon


def test_a_training_whose_noise_is_lost_is_not_repeated(tmp_path):
    """Other noise would be a second look at the rows on one charge; so would be other parameters."""
    schema = Schema.model_validate(BASE | SCHEMAS["survival"])
    first, _ = fit(schema, people(50), tmp_path)
    again, _ = fit(schema, people(50), tmp_path)  # the checkpoint is there: the same model
    drawn = [m.sample(50, np.random.default_rng(0)) for m in (first, again)]
    pd.testing.assert_frame_equal(*drawn)
    with pytest.raises(LedgerError, match="new run"):
        fit(schema, people(50), tmp_path, learning_rate=1.0)
    Transcript(tmp_path / "attempt.jsonl").scratch.unlink()
    with pytest.raises(LedgerError, match="new run"):
        fit(schema, people(50), tmp_path)


def test_a_group_that_the_schema_lacks_is_refused():
    """Before the charge: a misspelt name costs nobody anything."""
    schema = Schema.model_validate(BASE | SCHEMAS["survival"])
    with pytest.raises(InputError, match="group_by"):
        Diffusion(group_by="race").calibrate(CLAIM, schema, NoOpDpEvent())


@pytest.mark.parametrize("wrong", [{"sampling_rate": 0.0}, {"steps": 0}, {"draws": 0}])
def test_parameters_that_make_no_plan_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Diffusion(**wrong)


def test_performance_is_no_part_of_the_event(monkeypatch):
    monkeypatch.setattr("generators.deep.generator.least_noise", lambda *asked: 4.0)
    schema = Schema.model_validate(BASE | SCHEMAS["survival"])
    plain = Diffusion(steps=4).calibrate(CLAIM, schema, NoOpDpEvent())
    quick = dataclasses.replace(plain, physical_batch=7, precision="bfloat16", device="cpu")
    assert plain.event() == quick.event()
