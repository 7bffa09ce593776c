"""AIM and MST as generators: what they are charged as, and that they draw nothing else."""

import numpy as np
import pytest
from dp_accounting import ComposedDpEvent, NoOpDpEvent, ZCDpEvent

from flows.audit.toy import SCHEMA, people
from generators.alone import fit_alone
from generators.marginals import measurement
from generators.marginals.aim import KEPT
from generators.marginals.compression import Compression
from generators.marginals.generator import Aim, MarginalModel, Mst
from generators.marginals.junction import JunctionTree
from generators.marginals.measurement import price
from generators.marginals.model import GraphicalModel
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.composition import spent
from privacy.accounting.guarantee import Guarantee
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

CLAIM = Guarantee(1.0, 1e-9)
EITHER = pytest.mark.parametrize("generator", [Aim(), Mst()], ids=["aim", "mst"])


def changed(**columns):
    """The toy schema with fields of some columns changed."""
    plain = SCHEMA.model_dump()
    found = {n: {**c, **columns.get(n, {})} for n, c in plain["columns"].items()}
    return Schema.model_validate({**plain, "columns": found})


@EITHER
def test_rows_of_their_own_are_charged_by_the_schedule_which_allows_more(generator):
    ready = generator.calibrate(CLAIM, SCHEMA, NoOpDpEvent())
    found = spent([ready.event()], CLAIM.delta)
    assert found.accountant.startswith("PLD")
    assert 0.998 < found.epsilon <= 1.0
    assert ready.rho > 1.02 * zcdp_budget(CLAIM)
    assert ready.event() == price(ready.steps)
    assert ready.steps == ready.schedule(SCHEMA, ready.rho)


@EITHER
def test_what_only_rdp_composes_leaves_what_zcdp_left(generator):
    beside = ZCDpEvent(0.001)
    ready = generator.calibrate(CLAIM, SCHEMA, beside)
    assert spent([beside, ready.event()], CLAIM.delta).accountant.startswith("RDP")
    assert spent([beside, ready.event()], CLAIM.delta).epsilon <= 1.0
    assert ready.rho == pytest.approx(zcdp_budget(CLAIM) - 0.001, rel=2e-3)


@EITHER
def test_units_of_several_rows_are_charged_as_zcdp(generator):
    named = SCHEMA.model_dump() | {"unit": "who", "max_rows_per_unit": 3}
    named["columns"] = {"who": {"kind": "identifier"}, **named["columns"]}
    ready = generator.calibrate(CLAIM, Schema.model_validate(named), NoOpDpEvent())
    assert ready.event() == ZCDpEvent(zcdp_budget(CLAIM))


def test_sizes_that_are_yet_to_be_measured_change_no_schedule_that_goes_by_them():
    ward = changed(ward={"categories": None, "other": "rest"}, age={"bins": None})
    assert Aim().schedule(ward, 0.01) == Aim().schedule(SCHEMA, 0.01)
    sex = changed(sex={"categories": None, "other": "rest"})  # a group, measured with the target
    assert Aim().schedule(sex, 0.01) is None
    assert Aim().calibrate(CLAIM, sex, NoOpDpEvent()).event() == ZCDpEvent(zcdp_budget(CLAIM))
    assert Mst().schedule(sex, 0.01) == Mst().schedule(SCHEMA, 0.01)


def test_a_gap_that_is_yet_to_be_measured_leaves_the_schedule_known():
    """A gap stands among what is incomplete, and is no column."""
    born = {"born": {"kind": "integer", "bounds": [0, 60], "bins": 4}}
    tied = SCHEMA.model_dump() | {"relations": [{"order": ["born", "age"], "gap": {"min": 0}}]}
    tied["columns"] = {**tied["columns"], **born}
    open_ = Schema.model_validate(tied)
    assert open_.incomplete == ("age - born",)
    assert Aim().schedule(open_, 0.01) is not None


@EITHER
def test_a_fit_draws_what_was_charged_and_no_more(generator, tmp_path, monkeypatch):
    made, begin = [], measurement.Budget.__init__
    monkeypatch.setattr(
        measurement.Budget, "__init__", lambda self, *a: (begin(self, *a), made.append(self))[0]
    )
    ready = generator.calibrate(CLAIM, SCHEMA, NoOpDpEvent())
    rows = Rows(people(300, 0), np.arange(300))
    fit_alone(ready, SCHEMA, rows, Guarantee(2.0, 1e-9), tmp_path, lambda what, share: None)
    assert [b.steps for b in made] == [ready.steps]
    assert 0 < sum(made[0].taken.values()) <= sum(s.times for s in ready.steps)
    assert isinstance(ready.event(), ComposedDpEvent)


def test_which_groups_were_counted_is_kept_with_the_counts(tmp_path):
    plain = SCHEMA.model_dump()
    plain["subgroups"] = [{"column": "age", "bands": [0, 40, 70, 99]}]
    banded = Schema.model_validate(plain)
    ready = Aim().calibrate(CLAIM, banded, NoOpDpEvent())
    rows = Rows(people(200, 0), np.arange(200))
    made = fit_alone(ready, banded, rows, Guarantee(2.0, 1e-9), tmp_path, lambda what, share: None)
    made.save(tmp_path)
    kept = MarginalModel.load(tmp_path).measurements
    # by noise a set of four columns may be selected too, which is measured over halves of their codes
    rates = [m for m in kept if m.groups is not None and len(m.clique) == 2]
    assert [(m.clique, m.counts.shape) for m in rates] == [(("age", "ill"), (3, 2))]
    assert rates[0].groups[0].tolist() == [0] * 4 + [1] * 3 + [2] * 3
    for before, after in zip(made.measurements, kept, strict=True):
        assert (before.groups is None) == (after.groups is None)


def test_what_is_kept_together_is_charged_and_measured(tmp_path, monkeypatch):
    """In place of selections, at the same ρ in all; a fit draws what was charged for."""
    together = Schema.model_validate(SCHEMA.model_dump() | {"keep_together": [["age", "ward"]]})
    asked, ask = [], measurement.Budget.measure
    monkeypatch.setattr(
        measurement.Budget,
        "measure",
        lambda self, count, clique, rho: (asked.append(clique), ask(self, count, clique, rho))[1],
    )
    ready = Aim().calibrate(CLAIM, together, NoOpDpEvent())
    assert spent([ready.event()], CLAIM.delta).epsilon <= 1.0
    selected = [sum(s.times for s in r.steps if s.kind == "select") for r in (ready, plain())]
    assert selected[0] == selected[1] - KEPT
    rows = Rows(people(3000, 0), np.arange(3000))
    fit_alone(ready, together, rows, Guarantee(2.0, 1e-9), tmp_path, lambda what, share: None)
    assert {*asked[len(SCHEMA.modelled) + 1]} == {
        "age",
        "ward",
    }  # after every column and one table of rates


def plain():
    return Aim().calibrate(CLAIM, SCHEMA, NoOpDpEvent())


def test_rows_whose_numbers_contradict_each_other_keep_their_categories():
    """Where only those with the event have such numbers, the rate of the event would fall from .5 to .35."""
    number = {"kind": "integer", "bounds": [0, 9], "bins": 10}
    schema = Schema.model_validate(
        {
            "name": "t",
            "columns": {
                "event": {"kind": "categorical", "categories": ["no", "yes"]},
                "begun": number,
                "ended": number,
            },
            "relations": [{"order": ["begun", "ended"], "drawn": "own"}],
        }
    )
    domain = {"event": 2, "begun": 10, "ended": 10}
    tree = JunctionTree((("event", "begun"), ("event", "ended")), ((), ("event",)), (0, 0))
    any_of = np.full(10, 0.05)
    begun, ended = (np.stack([0.5 * np.eye(10)[code], any_of]) for code in (0, 9))
    alone = {c: np.arange(size) for c, size in domain.items()}
    within = {c: np.ones(size) for c, size in domain.items()}
    model = GraphicalModel(tree, (begun, ended), Compression(domain, alone, within), 1000.0)
    drawn = MarginalModel(schema, model, (), "charge").sample(4000, np.random.default_rng(0))
    assert (drawn["begun"] <= drawn["ended"]).all()
    assert abs((drawn["event"] == "yes").mean() - 0.5) < 0.03
    apart = (drawn["ended"] - drawn["begun"])[drawn["event"] == "yes"]
    assert abs(apart.mean() - 3.0) < 0.3  # of two numbers of 0 to 9 in order
