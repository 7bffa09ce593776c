"""Of any schema: what is drawn was charged, a unit moves it by its rows, and nobody changes another row."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from dp_accounting import ComposedDpEvent, NoOpDpEvent, SelfComposedDpEvent, ZCDpEvent
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from generators.marginals import measurement
from generators.marginals.generator import Aim, Mst
from privacy import domain
from privacy.accounting.events import ApproximateZCDpEvent
from privacy.accounting.guarantee import Guarantee
from privacy.domain import domain_event, map_undeclared, measure_domain, parts
from privacy.errors import InputError
from privacy.histogram import column as histogram
from privacy.noise import discrete_gaussian, gaussian_sigma
from privacy.records.codec import RecordCodec
from privacy.schema.codec import Codec
from privacy.schema.columns import Numeric
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows
from tests.privacy.schema.random_relations import tied_schemas
from tests.privacy.schema.random_schemas import schemas

RHO, DELTA = 5.0, 1e-3


@st.composite
def opened(draw):
    """A schema that leaves things open, and canonical rows that keep no relation of it."""
    closed = draw(schemas() | tied_schemas())
    plain = closed.model_dump()
    for name, column in plain["columns"].items():
        if not draw(st.booleans()):
            continue
        if column["kind"] == "categorical" and not {*column["aliases"], *column["rules"]}:
            column |= {"categories": None, "other": column["other"] or column["categories"][0]}
        elif column["kind"] in ("integer", "float", "datetime"):
            column["bins"] = None
            if column["kind"] == "float" and draw(st.booleans()):
                column["decimals"] = None
        plain["columns"][name] = column
    k = draw(st.sampled_from([1, 3]))
    if k > 1:
        plain |= {"unit": "who it is", "max_rows_per_unit": k}
        plain["columns"] = {"who it is": {"kind": "identifier"}, **plain["columns"]}
    try:
        schema = Schema.model_validate(plain)
    except ValueError:
        assume(False)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.sampled_from([0, 1, 7, 300]))
    codes = {c: rng.integers(0, size, n) for c, size in Codec(closed).domain.items()}
    frame = Codec(closed).decode(pd.DataFrame(codes), rng)
    return schema, frame


class Asked:
    """Stands for what was paid: records what is asked and drawn, and may be given the answers."""

    def __init__(self, answers=None):
        self.questions, self.draws, self.counts, self.event = [], [], [], None
        self.given = answers
        self.answers = []
        self.transcript = SimpleNamespace(answer=self.answer)

    def covers(self, event):
        self.event = event

    def answer(self, question, draw):
        assert question not in self.questions
        self.questions.append(question)
        before = len(self.counts)
        found = draw()
        if self.given is not None:
            expected, found = self.given[len(self.questions) - 1]
            assert question == expected
        assert len(self.counts) - before <= 1 or question[0] == "categories"
        self.answers.append((question, found))
        return found

    def noised(self, counts, rho, sensitivity=1):
        self.draws.append((rho, sensitivity))
        self.counts.append((self.questions[-1], np.asarray(counts)))
        return discrete_gaussian(counts, rho, sensitivity)


def run(schema, frame, answers=None, units=None):
    asked = Asked(answers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain, "discrete_gaussian", asked.noised)
        patch.setattr(histogram, "discrete_gaussian", asked.noised)
        patch.setattr(domain, "one_each", same_lot)
        return asked, measure_domain(Rows(frame, units), schema, RHO, DELTA, asked)


def same_lot(units):
    """A row of each unit by its number, so that who is gone changes nobody else's lot."""
    first, size = np.unique(units, return_index=True, return_counts=True)[1:]
    return first + units[first] * 7 % size


def charged(event):
    """Scale → how many draws of it were charged."""
    found = Counter()
    for one in event.events:
        if isinstance(one, SelfComposedDpEvent):
            found[one.event.sigma] += one.count
    return found


def priced(schema):
    try:
        return domain_event(schema, RHO, DELTA)
    except InputError:
        assume(False)


@settings(max_examples=60)
@given(opened())
def test_no_more_is_drawn_than_is_charged_and_the_schema_is_complete(drawn):
    schema, frame = drawn
    event = priced(schema)
    asked, complete = run(schema, frame)
    assert asked.event == event
    if isinstance(event, NoOpDpEvent):
        assert not asked.draws
        return
    k = schema.max_rows_per_unit
    assert {s for _, s in asked.draws} <= {k}
    assert sum(rho for rho, _ in asked.draws) <= RHO * (1 + 1e-9)
    if k == 1:
        assert isinstance(event, ComposedDpEvent)
        made = Counter(gaussian_sigma(rho) for rho, _ in asked.draws)
        assert all(n <= charged(event)[sigma] for sigma, n in made.items())
    else:
        assert isinstance(event, ZCDpEvent | ApproximateZCDpEvent)
    codec = RecordCodec(complete)
    rows = map_undeclared(frame, complete)
    codes = codec.encode(rows)
    assert all((codes[c] >= 0).all() and (codes[c] < n).all() for c, n in codec.domain.items())
    codec.decode(codes, np.random.default_rng(0))


@settings(max_examples=60)
@given(opened(), st.integers(0, 2**32 - 1))
def test_a_unit_moves_counts_by_its_rows_whatever_was_answered(drawn, seed):
    schema, frame = drawn
    priced(schema)
    assume(len(frame) > 1)
    k = schema.max_rows_per_unit
    first, complete = run(schema, frame)
    gone = np.random.default_rng(seed).choice(len(frame), min(k, len(frame)), replace=False)
    fewer = frame.drop(index=gone).reset_index(drop=True)
    second, again = run(schema, fewer, first.answers)
    assert again == complete  # a replayed run, too
    numbers = [[c for c in a.counts if c[0][0] != "categories"] for a in (first, second)]
    for (question, here), (_, there) in zip(*numbers, strict=True):
        assert here.shape == there.shape, question
        assert np.abs(here - there).sum() <= k, question


@st.composite
def lived(draw):
    """The same of a schema with visits, and each row's unit."""
    schema, frame = draw(opened())
    plain = schema.model_dump()
    constant = [n for n in schema.modelled if draw(st.booleans())]
    visits = {"constant": constant, "remembers": {}, "ends": {}}
    for name in (n for n in schema.modelled if n not in constant and draw(st.booleans())):
        column = schema.columns[name]
        listed = getattr(column, "categories", ())
        highest = listed and (len(listed) == 2 or column.kind == "ordinal")
        ways = ["last", *["ever"] * bool(highest), *["mean"] * isinstance(column, Numeric)]
        visits["remembers"][name] = draw(st.sampled_from(ways))
        if listed and draw(st.booleans()):
            visits["ends"][name] = listed[-1:]
    plain |= {"unit": "who it is", "max_rows_per_unit": 4, "visits": visits}
    plain["columns"] = {"who it is": {"kind": "identifier"}, **plain["columns"]}
    try:
        schema = Schema.model_validate(plain)
        parts(schema)  # a relation that goes by columns that are given is refused before a charge
    except (ValueError, InputError):
        assume(False)
    size = np.random.default_rng(draw(st.integers(0, 99))).integers(1, 5, len(frame))
    return schema, frame, np.repeat(np.arange(len(frame)), size)[: len(frame)]


@settings(max_examples=15)
@given(lived(), st.integers(0, 2**32 - 1))
def test_of_histories_a_unit_moves_counts_by_one_and_no_more_is_drawn_than_is_charged(drawn, seed):
    schema, frame, units = drawn
    event = priced(schema)
    first, complete = run(schema, frame, units=units)
    assert first.event == event
    starts, steps = event.events
    if isinstance(
        steps, ZCDpEvent | ApproximateZCDpEvent
    ):  # as starts were completed, so many are asked
        left = Counter(gaussian_sigma(rho) for rho, _ in first.draws)
        left -= Counter() if isinstance(starts, NoOpDpEvent) else charged(starts)
        assert sum(1 / (2 * s**2) * n for s, n in left.items()) <= steps.rho * (1 + 1e-9)
    else:
        assert isinstance(steps, NoOpDpEvent)
    assert sum(rho for rho, _ in first.draws) <= RHO * (1 + 1e-9)
    assert {s for _, s in first.draws} <= {1}
    if not len(frame):
        return
    kept = units != np.random.default_rng(seed).choice(units)
    fewer = frame[kept].reset_index(drop=True)
    second, again = run(schema, fewer, first.answers, units[kept])
    assert again == complete
    numbers = [[c for c in a.counts if c[0][0] != "categories"] for a in (first, second)]
    for (question, here), (_, there) in zip(*numbers, strict=True):
        assert np.abs(here - there).sum() <= 1, question


@settings(max_examples=60)
@given(opened(), st.integers(0, 2**32 - 1))
def test_a_row_changes_no_other_row(drawn, seed):
    schema, frame = drawn
    priced(schema)
    _, complete = run(schema, frame)
    codec = RecordCodec(complete)
    kept = np.random.default_rng(seed).random(len(frame)) < 0.5
    whole = codec.encode(map_undeclared(frame, complete))[kept].reset_index(drop=True)
    part = codec.encode(map_undeclared(frame[kept].reset_index(drop=True), complete))
    pd.testing.assert_frame_equal(whole, part)


@settings(max_examples=15)
@given(opened(), st.sampled_from([Aim(megabytes=0.01), Mst()]), st.data())
def test_generators_draw_no_more_than_their_steps(drawn, generator, data):
    schema, frame = drawn
    priced(schema)
    if len(schema.modelled) > 2 and data.draw(st.booleans()):
        plain = schema.model_dump()
        plain["keep_together"] = [schema.modelled[:2], schema.modelled[-3:]]
        if len({frozenset(c) for c in plain["keep_together"]}) == 2:
            schema = Schema.model_validate(plain)
    ready = generator.calibrate(Guarantee(3.0, 1e-6), schema, NoOpDpEvent())
    _, complete = run(schema, frame)
    made = Counter()

    def noised(counts, rho, sensitivity):
        made["measure", rho] += 1
        assert sensitivity == schema.max_rows_per_unit
        return discrete_gaussian(counts, rho, sensitivity)

    def chosen(scores, rho, sensitivity):
        return int(np.argmax(scores))

    codec = RecordCodec(complete)
    codes = codec.encode(map_undeclared(frame, complete))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measurement, "discrete_gaussian", noised)
        patch.setattr(measurement, "noisy_max", chosen)
        spent = []

        def ask(question, draw):
            spent.append((question[0], question[-1]))
            return draw()

        count = measurement.Counter.of(codec.domain, codes)
        ready.run(count, codec, ask, lambda share: None)
    if ready.steps is not None:
        paid = Counter()
        for step in ready.steps:
            paid[step.kind, step.rho] += step.times
        assert all(n <= paid[step] for step, n in Counter(spent).items())
    assert sum(rho for _, rho in spent) <= ready.rho * (1 + 1e-9)
    assert sum(made.values()) == sum(kind == "measure" for kind, _ in spent)


def floats(*bounds, **more):
    columns = {
        n: {"kind": "float", "bounds": b} | more for n, b in zip("abc", bounds, strict=False)
    }
    return {"name": "t", "columns": columns}


STRICT = [{"order": ["a", "b"], "strict": True}]


@pytest.mark.parametrize(
    ("said", "values"),
    [
        (floats([0, 1], [0, 1]) | {"relations": STRICT}, [1.0, 1.0]),  # whole, so 1 apart
        (floats([0, 1], [1, 11]) | {"relations": STRICT}, [0.0, 5.0]),  # a gap only if 1 apart
        (floats([0, 1e6], [0, 1e6]) | {"relations": STRICT}, [0.12345, 1234.12345]),
        (floats([0.1, 1e16]), [7.5]),
        (floats([1e17, 1e17 + 1000]), [1e17]),
        (floats([0, 1e-299], bins=1), [0.0]),
        (floats([0.3, 10.3], decimals=0), [4.0]),
        (floats([-1e18, 1e18], decimals=12), [5.0]),
    ],
)
def test_what_numbers_turn_out_to_be_never_ends_a_run_that_was_charged(said, values):
    schema = Schema.model_validate(said)
    frame = pd.DataFrame({n: np.full(400, v) for n, v in zip("abc", values, strict=False)})
    priced(schema)
    _, complete = run(schema, frame)
    codec = RecordCodec(complete)
    codec.decode(codec.encode(frame), np.random.default_rng(0))


def test_a_day_that_begins_before_its_bound_may_be_a_spike():
    bounds = ["2020-03-01T08:00:00", "2021-03-01"]
    day = {"kind": "datetime", "bounds": bounds, "missing": "keep"}
    schema = Schema.model_validate({"name": "t", "columns": {"a": day}})
    frame = pd.DataFrame({"a": np.full(400, np.datetime64("2020-03-01", "s"))})
    _, complete = run(schema, frame)
    assert complete.columns["a"].spikes == (complete.columns["a"].bounds[0],)
