"""The opening: priced by the schema alone, exact without noise, whole for whatever a schema declares."""

from itertools import combinations

import numpy as np
import pytest
import torch
from dp_accounting import SelfComposedDpEvent, ZCDpEvent

from generators.deep import opening as module
from generators.deep.encoding import Layout
from generators.deep.networks import Heads, begin_at
from generators.deep.opening import Roles, costs, events, measure
from generators.marginals.counting.counter import Counter
from generators.marginals.estimate import ROOM
from generators.marginals.measurement import draw_anew
from generators.marginals.model import sample
from privacy.accounting.composition import spent
from privacy.accounting.events import DiscreteGaussianDpEvent
from privacy.records.codec import RecordCodec
from privacy.schema.schema import Schema


def schema(**changes):
    return Schema.model_validate(
        {
            "name": "tiny",
            "unit": "person",
            "columns": {
                "person": {"kind": "identifier"},
                "sex": {"kind": "categorical", "categories": ["F", "M"]},
                "age": {"kind": "integer", "bounds": [0, 99], "bins": 10},
                "ward": {"kind": "categorical", "categories": ["a", "b", "c"]},
                "ill": {"kind": "categorical", "categories": ["0", "1"]},
            },
            "targets": [{"task": "classification", "column": "ill", "positive": ["1"]}],
            "subgroups": [{"column": "sex"}, {"column": "age", "bands": [0, 50, 99]}],
        }
        | changes
    )


def codes(n=20_000, seed=0):
    rng = np.random.default_rng(seed)
    ill = rng.integers(0, 2, n)
    return {
        "sex": rng.integers(0, 2, n),
        "age": rng.integers(0, 10, n),
        "ward": np.where(rng.random(n) < 0.6, ill, 2),
        "ill": ill,
    }


def opened(found, rho=1e3, drawn=None):
    drawn = codes() if drawn is None else drawn
    codec = RecordCodec(found)
    n = len(next(iter(drawn.values())))
    return measure(codec, Counter.of(codec.domain, drawn), n, rho, draw_anew)


@pytest.mark.parametrize("rho", [1e-3, 0.01, 1.0])
def test_all_questions_together_cost_rho(rho):
    prices = costs(Roles.of(schema()), rho)
    assert 0.999 * rho < sum(n * each for n, each in prices.values()) <= rho


@pytest.mark.parametrize("rho", [1e-6, 1e3])
def test_what_the_model_is_too_small_for_is_as_it_was_measured(monkeypatch, rho):
    """Only the first target's pairs are in the model; the second's are paid for and used all the same."""
    monkeypatch.setattr(module, "MANY", 0)
    regression = {"task": "regression", "column": "age"}
    found = schema(targets=[*schema().targets, regression], subgroups=[{"column": "sex"}])
    drawn = codes()
    opening = opened(found, rho, drawn)
    assert all(abs(t.sum() - 1) < 1e-9 for t in opening.tables.values())
    given = opening.given("ward", "age")
    assert np.all(np.isfinite(given))
    if rho == 1e3:
        counts = np.zeros((10, 3))
        np.add.at(counts, (drawn["age"], drawn["ward"]), 1)
        assert np.abs(given - counts / counts.sum(1, keepdims=True)).max() < 0.01


@pytest.mark.parametrize("without", ["targets", "subgroups"])
def test_a_schema_may_lack_roles(without):
    found = schema(**{without: []})
    assert sum(n * p for n, p in costs(Roles.of(found), 0.1).values()) <= 0.1
    assert opened(found).rows == pytest.approx(20_000, rel=0.01)


def test_what_is_asked_is_what_was_charged(monkeypatch):
    """Every draw is priced by an event of the same scale, and there is no draw without an event."""
    drawn = []
    real = module.Budget.measure

    def spy(self, count, clique, rho):
        drawn.append(rho)
        return real(self, count, clique, rho)

    monkeypatch.setattr(module.Budget, "measure", spy)
    opened(schema(), rho=0.01)
    charged = [1 / (2 * e.event.sigma**2) for e in events(schema(), 0.01) for _ in range(e.count)]
    np.testing.assert_allclose(sorted(drawn), sorted(charged), rtol=1e-9)


def test_rows_of_one_unit_are_priced_as_zcdp():
    many = schema(max_rows_per_unit=3)
    kinds = [type(e.event) for e in events(many, 0.01) if isinstance(e, SelfComposedDpEvent)]
    assert kinds.count(ZCDpEvent) == 3
    assert kinds.count(DiscreteGaussianDpEvent) == 1  # the number of units moves by one
    assert spent(events(many, 0.01), 1e-9).epsilon < spent([ZCDpEvent(0.0101)], 1e-9).epsilon


def test_without_noise_the_tables_are_the_rows():
    drawn = codes()
    found = opened(schema(), drawn=drawn)
    ward = np.array(
        [[np.mean(drawn["ward"][drawn["ill"] == y] == w) for w in range(3)] for y in (0, 1)]
    )
    np.testing.assert_allclose(found.given("ward", "ill"), ward, atol=0.01)
    assert found.units == pytest.approx(20_000, rel=0.01)


def test_heads_begin_at_what_was_measured():
    drawn = codes()
    found = opened(schema(), drawn=drawn)
    layout = Layout(found.compression.domain)
    heads = Heads(layout.width, layout.width, width=4, depth=1)
    begin_at(heads.linear, layout, found)
    unknown = torch.full((1, 4), layout.widest)
    ill = unknown.clone()
    ill[0, layout.columns.index("ill")] = 1
    at = layout.slices()["ward"]
    with torch.no_grad():
        alone = layout.log_softmax(heads(layout.one_hot(unknown)))[0, at].exp()
        given = layout.log_softmax(heads(layout.one_hot(ill)))[0, at].exp()
    shares = torch.tensor([np.mean(drawn["ward"] == w) for w in range(3)], dtype=torch.float32)
    torch.testing.assert_close(alone, shares, atol=0.01, rtol=0)
    torch.testing.assert_close(
        given, torch.from_numpy(found.given("ward", "ill")[1]).float(), atol=0.01, rtol=0
    )


def test_what_never_meets_is_never_said():
    """A structural zero of the schema needs no learning: the linear path begins with it."""
    never = [{"ward": {"values": ["b"]}, "sex": {"values": ["F"]}}]
    found = opened(schema(impossible=never, subgroups=[]))
    layout = Layout(found.compression.domain)
    heads = Heads(layout.width, layout.width, width=4, depth=0)
    begin_at(heads.linear, layout, found)
    codes = torch.full((2, 4), layout.widest)
    codes[0, layout.columns.index("sex")] = 0
    codes[1, layout.columns.index("ward")] = 1
    with torch.no_grad():
        told = layout.log_softmax(heads(layout.one_hot(codes))).exp()
    parts = layout.slices()
    assert told[0, parts["ward"]][1] < 1e-6
    assert told[1, parts["sex"]][0] < 1e-6
    assert told[0, parts["ward"]][0] > 0.1


@pytest.mark.parametrize("columns", [("ward", "ill"), ("ward", "sex"), ("ward", "age")])
def test_the_model_gives_what_never_meets_no_chance(columns):
    """Also where every row is such a one, as noise may say of each column by itself."""
    drawn = codes()
    drawn |= {c: np.full_like(drawn[c], 1) for c in columns}
    first = {"ward": {"values": ["b"]}, "ill": {"values": ["1"]}, "sex": {"values": ["M"]}}
    where = first | {"age": {"min": 0, "max": 99}}
    never = {c: where[c] for c in columns}
    found = opened(schema(impossible=[never]), drawn=drawn)
    rows = sample(
        found.compression.domain,
        found.model.tree,
        found.model.marginals,
        5_000,
        np.random.default_rng(0),
    )
    zeros = found.zeros[Roles.of(schema()).clique(*columns)]
    at = tuple(rows[c] for c in Roles.of(schema()).clique(*columns))
    assert zeros.any()
    assert not zeros[at].any()


def test_what_was_charged_before_the_schema_was_complete_is_what_is_drawn(monkeypatch):
    """An open list of categories must not change which tables are asked for once it is known."""
    columns = dict(schema().model_dump()["columns"])
    columns["ward"] = {"kind": "categorical", "categories": None, "other": "rest"}
    columns |= {n: {**columns["sex"]} for n in ("mother", "father")}
    groups = [{"column": c} for c in ("sex", "ward", "mother", "father")]
    monkeypatch.setattr(module, "CROSSED", 100)
    before = schema(columns=columns, subgroups=groups)
    known = {
        **columns,
        "ward": {"kind": "categorical", "categories": ["a", "rest"], "other": "rest"},
    }
    after = schema(columns=known, subgroups=groups)
    assert Roles.of(before) != Roles.of(after)
    drawn, real = [], module.Budget.measure

    def spy(self, count, clique, rho):
        drawn.append(rho)
        return real(self, count, clique, rho)

    monkeypatch.setattr(module.Budget, "measure", spy)
    codec = RecordCodec(after)
    rows = {c: np.zeros(50, dtype=np.int64) for c in codec.domain}
    measure(codec, Counter.of(codec.domain, rows), 50, 0.01, draw_anew, Roles.of(before))
    charged = [1 / (2 * e.event.sigma**2) for e in events(before, 0.01) for _ in range(e.count)]
    np.testing.assert_allclose(sorted(drawn), sorted(charged), rtol=1e-9)


def test_structural_zeros_that_have_no_room_are_left_out():
    """Each two of many columns never meet somewhere: all in one model would be a table of all columns."""
    names = [f"c{i}" for i in range(14)]
    kinds = {n: {"kind": "categorical", "categories": [*"abcdefgh"]} for n in names}
    never = [{a: {"values": ["a"]}, b: {"values": ["a"]}} for a, b in combinations(names, 2)]
    many = Schema.model_validate({"name": "many", "columns": kinds, "impossible": never})
    rng = np.random.default_rng(0)
    found = opened(many, drawn={n: rng.integers(1, 8, 500) for n in names})
    assert sum(m.nbytes for m in found.model.marginals) < 2 * ROOM * 2**20
