"""What a right mechanism keeps, as functions that raise AssertionError where it does not.

test_planted_bugs.py runs each without and with a bug; docs/planted-bugs.md says which catches which.
"""

import dataclasses
import functools
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from dp_accounting import NoOpDpEvent, SelfComposedDpEvent, ZCDpEvent
from scipy.stats import binom

from evaluators.attacks.audit import epsilon_lower_bound
from flows.audit import worst_case
from flows.audit.toy import SCHEMA, people, strangers
from generators.alone import fit_alone
from generators.deep import ctgan, diffusion
from generators.deep.ctgan import Ctgan
from generators.deep.diffusion import Diffusion
from generators.deep.encoding import Layout
from generators.deep.generator import Prepared
from generators.deep.opening import measure
from generators.deep.pategan import PateGan
from generators.deep.teachers import Crossed, Teachers, Votes
from generators.dpsgd import engine
from generators.dpsgd.checkpoint import Checkpoint
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.plan import Plan
from generators.dpsgd.randomness import secret_generator
from generators.dpsgd.units import Units
from generators.images import moments
from generators.marginals import measurement
from generators.marginals.aim import aim
from generators.marginals.counting.counter import Counter
from generators.marginals.generator import Mst
from generators.marginals.measurement import Budget, draw_anew
from generators.marginals.opening import opening
from generators.marginals.selecting.candidates import Candidates
from generators.marginals.workload import workload
from privacy.accounting.composition import spent
from privacy.accounting.events import DiscreteGaussianDpEvent
from privacy.accounting.guarantee import Guarantee
from privacy.domain import MAX_FOUND, select_categories
from privacy.ledger.ledger import Ledger
from privacy.ledger.transcript import Transcript
from privacy.reading.conform import conform
from privacy.records.codec import RecordCodec
from privacy.schema.columns import Categorical
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

DELTA, CERTAIN = 1e-6, 0.9999


def over(plan, units, expected_units):
    """The engine on units that each pull in a direction of their own, far beyond the clip."""
    return PrivateGradient(
        worst_case.Directions(units),
        lambda module, rows: module(rows["direction"]),
        Units.of({"direction": torch.arange(units)}, np.arange(units), most=1),
        plan,
        expected_units=expected_units,
    )


def the_audit_stays_under_the_claim():
    """Gradients, counts and votes on worst inputs show no more than they are charged for."""
    plan = Plan(1.0, 4, 2.0, draws=2)
    audited = {
        plan.event(): worst_case.gradients(plan, 1000),
        ZCDpEvent(0.5): worst_case.counts([0.25, 0.25], 1, 1000),
        SelfComposedDpEvent(DiscreteGaussianDpEvent(2.0), 4): worst_case.votes(4, 2.0, 1000),
    }
    for event, (without, with_unit) in audited.items():
        bound = epsilon_lower_bound(without, with_unit, DELTA, CERTAIN)
        assert bound <= spent([event], DELTA).epsilon, event


def a_unit_moves_the_sum_by_no_more_than_the_clip():
    """With several layers and draws, and a gradient far beyond the clip."""
    private = over(Plan(1.0, 1, 1.0, draws=3), 1, 1)
    sums, _ = private._clipped_sums()
    moved = torch.cat([s.flatten() for s in sums.values()]).norm()
    assert moved <= private.plan.clipping.bound(private.state)


def the_divisor_is_public():
    """What a unit adds to the gradient does not depend on how many others were drawn."""
    private = over(Plan(0.5, 1, 1e-6), 40, 100)
    private()
    moved = private.module.one.weight.grad.abs()
    assert moved[moved > 1e-4].numpy() == pytest.approx(1 / np.sqrt(2) / 50, rel=1e-3)


def the_noise_does_not_tell_how_many_there_are():
    """It is the plan's, in directions that no unit pulls in, whether units are few or many."""
    runs = 1000
    for many in (10, runs):
        private = PrivateGradient(
            worst_case.Directions(2 * runs),
            lambda module, rows: module(rows["direction"]),
            Units.of({"direction": torch.arange(many)}, np.arange(many), most=1),
            Plan(1.0, 1, 3.0),
            expected_units=100,
        )
        private()
        empty = torch.cat([p.grad[runs:, 0] for p in private.module.parameters()])
        assert (empty * private.expected).std().item() == pytest.approx(3.0, rel=0.15)


def a_unit_moves_class_sums_by_one():
    """In a class of three where a hundred might be, with noise that is next to nothing."""
    basis, asked, around = moments.Basis((4, 4, 1), 4), [], {}
    white = np.full((4, 4, 4, 1), 255, dtype=np.uint8)
    white[3] = 0
    for n in (3, 4):

        def keep(question, draw):
            answer = np.array(draw())
            if question[0] == "image means":
                asked.append(answer)
            # what is looked around is the same with and without
            return around.setdefault(question[0], answer)

        who = np.arange(n), np.zeros(n, dtype=np.int64)
        moments.measure(basis, white[:n], *who, np.array([100.0, 100.0]), 0.3, 1e12, keep)
    assert np.linalg.norm(asked[1] - asked[0]) <= 1 + 1e-3


def a_table_of_one_column_is_trained_on():
    """Its pairs of columns are none, so teachers are at a tie about every row."""
    one = Schema.model_validate({"name": "one", "columns": {"sex": SCHEMA.columns["sex"]}})
    claim = Guarantee(5.0, DELTA)
    with tempfile.TemporaryDirectory() as folder:
        small = PateGan(votes=20, rounds=2, generated=200, device="cpu")
        generator = small.calibrate(claim, one, NoOpDpEvent())
        told = lambda what, share: None  # noqa: E731
        people_of_one = Rows(people(20, 0)[["sex"]], np.arange(20))
        try:
            model = fit_alone(generator, one, people_of_one, claim, Path(folder), told)
        except RuntimeError as error:
            raise AssertionError(str(error)) from error
    assert all(bool(p.isfinite().all()) for p in model.network.parameters())


def samples_are_poisson():
    """Sizes vary as coins do, and a unit that was drawn is as likely to be drawn again."""
    units, q, coins = Units.of({"x": torch.zeros(40)}, np.arange(40), most=1), 0.25, None
    coins, drawn = secret_generator(), torch.zeros(2000, 40)
    for step in drawn:
        step[units.poisson(q, coins)] = 1
    assert drawn.mean() == pytest.approx(q, abs=0.01)
    assert drawn.sum(1).var() == pytest.approx(40 * q * (1 - q), rel=0.3)
    assert (drawn[1:] * drawn[:-1]).mean() == pytest.approx(q * q, abs=0.01)


def a_step_too_many_is_refused():
    private = over(Plan(1.0, 2, 1.0), 1, 1)
    private()
    private()
    refused(private)


def a_vote_too_many_is_refused():
    votes = Votes(FourTeachers(), 2, 1.0, Unwritten())
    votes.ask(torch.zeros(2, 1), torch.zeros(1, 1))
    refused(lambda: votes.ask(torch.zeros(1, 1), torch.zeros(1, 1)))


def refused(ask):
    try:
        ask()
    except ValueError:
        return
    raise AssertionError("answered without a charge")


class FourTeachers:
    number = 4

    def votes(self, rows, generated):
        return torch.zeros(len(rows), self.number, dtype=torch.bool)


class Unwritten:
    def answer(self, question, draw):
        return draw()


def what_a_row_meets_does_not_follow_from_its_neighbours():
    """The masks of rows that stand side by side are independent."""
    layout = Layout({f"c{i}": 3 for i in range(8)})
    rows = {"codes": torch.zeros(20_000, 8, dtype=torch.int64)}
    drawn = diffusion.mask(layout, [], 0.0, rows, secret_generator())
    masked = (drawn["masked"] == layout.widest).sum(1).double()
    assert abs(np.corrcoef(masked[1:], masked[:-1])[0, 1]) < 0.05


@functools.cache
def opened():
    """The opening of one toy table; codes of it and of one that is nothing like it."""
    codec = RecordCodec(SCHEMA)
    tables = [Counter.of(codec.domain, codec.encode(f(200, 0))) for f in (people, strangers)]
    opening = measure(codec, tables[0], 200, 5.0, draw_anew)
    domain, groups = opening.compression.domain, opening.compression.groups
    layout = Layout(domain)
    return opening, layout, [layout.to_codes(t.recode(domain, groups).rows.codes) for t in tables]


def training_sees_real_rows_through_the_engine_only():
    """Where the engine gives no gradient, two tables leave the same generator."""
    opening, layout, tables = opened()

    def silent(private):
        for parameter in private.module.parameters():
            parameter.grad = torch.zeros_like(parameter)

    def trained(generator, codes):
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            transcript = Transcript(Path(folder) / "t")
            network = generator.train(
                Prepared(
                    rows=Rows.of(pd.DataFrame()),
                    codes=codes,
                    units=np.arange(len(codes)),
                    groups=np.zeros(len(codes), dtype=np.int64),
                    n_groups=1,
                    layout=layout,
                    opening=opening,
                    schema=SCHEMA,
                    checkpoint=Checkpoint(transcript.scratch, "check"),
                    transcript=transcript,
                    progress=lambda what, share: None,
                )
            )
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrivateGradient, "__call__", silent)
        for module in (engine, ctgan):
            patch.setattr(module, "secret_generator", lambda *a: torch.Generator().manual_seed(0))
        for kind in (Ctgan, Diffusion):
            small = kind(steps=4, device="cpu")
            ready = dataclasses.replace(small, noise_multiplier=1.0, delta=DELTA)
            one, other = (trained(ready, codes) for codes in tables)
            assert torch.equal(one, other), kind


def a_unit_changes_one_teachers_votes():
    """With and without each of some units: at most one teacher says something else, on whatever row."""
    opening, layout, (codes, others) = opened()
    asked = torch.cat([codes, others])
    shares = np.concatenate([opening.tables[(c,)] for c in layout.columns])
    kernel = Crossed(layout, torch.from_numpy(shares), 0.5)
    # few units a teacher, so that each weighs much
    whole = Teachers(kernel, codes, np.arange(len(codes)), 50)
    said = whole.votes(asked, others)
    for gone in range(20):
        left = np.delete(np.arange(len(codes)), gone)
        fewer = Teachers(kernel, codes[left], left, 50)
        fewer.load_state_dict({"key": whole.key})
        changed = (fewer.votes(asked, others) != said).any(0)
        assert changed.sum() <= 1


@functools.cache
def fitted():
    claim = Guarantee(5.0, DELTA)
    with tempfile.TemporaryDirectory() as folder:
        generator = worst_case.calibrated(Mst(), claim)
        told = lambda what, share: None  # noqa: E731
        return fit_alone(generator, SCHEMA, rows(200), claim, Path(folder), told)


def rows(n):
    """People of the toy table, each a unit."""
    return Rows(people(n, 0), np.arange(n))


def sampling_asks_nothing():
    """No noise is drawn and nothing charged when a model is sampled."""

    def asked(*args, **kwargs):
        raise AssertionError("sampling asked a mechanism")

    model = fitted()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("discrete_gaussian", "noisy_max"):
            patch.setattr(f"privacy.noise.{name}", asked)
            patch.setattr(measurement, name, asked)
        for kind, name in ((PrivateGradient, "__call__"), (Votes, "ask"), (Ledger, "charge")):
            patch.setattr(kind, name, asked)
        model.sample(10, np.random.default_rng(0))


FIVE = {"a": 3, "b": 4, "c": 5, "d": 2, "label": 2}


def five(n):
    """Five columns whose codes come in very different numbers, the label a parity of three."""
    rng = np.random.default_rng(n)
    codes = {c: np.minimum(rng.geometric(0.4, n) - 1, size - 1) for c, size in FIVE.items()}
    odd = (codes["a"] > 0) ^ (codes["b"] > 0) ^ (codes["c"] > 0)
    return Counter.of(FIVE, codes | {"label": odd})


def a_resumed_fit_reads_no_row():
    """A fit of nobody that is given the answers of another comes to the same model."""
    answers = []

    def record(question, draw):
        answers.append(draw())
        return answers[-1]

    wanted = workload(FIVE, ["label"])
    first = aim(five(2000), wanted, 0.05, targets=["label"], ask=record)
    again = iter(answers)
    second = aim(five(0), wanted, 0.05, targets=["label"], ask=lambda question, draw: next(again))
    assert any(m.groups for m in first.measurements if len(m.clique) > 3)
    for mine, other in zip(first.model.marginals, second.model.marginals, strict=True):
        np.testing.assert_array_equal(mine, other)


def one_row_moves_a_score_by_no_more_than_is_noised_for():
    """Every candidate's score, with and without the last of 50 rows."""
    start = opening(Budget(50.0), five(50), one_way=50.0)
    domain, groups = start.compression.domain, start.compression.groups
    among = Candidates.of(start, workload(domain, ["label"]), 1e-3, 0.0, 40, ["label"])
    fewer = Counter.of(domain, {c: codes[:-1] for c, codes in start.count.rows.codes.items()})
    without = dataclasses.replace(among, start=dataclasses.replace(start, count=fewer))
    drawn = five(40).recode(domain, groups)
    every = np.arange(len(among.cliques))
    here, there = (c.scores(every, drawn.rows.codes, 1.25) for c in (among, without))
    moved = np.abs(here - there)
    assert 0 < moved.max() <= among.per_row


def the_domain_is_the_schemas():
    """A table that shows few codes is counted over all that the schema allows."""
    claim, seen = Guarantee(5.0, DELTA), []

    class EnoughError(Exception):
        pass

    def look(self, count, *rest, **more):
        seen.append(dict(count.domain))
        raise EnoughError

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(Mst, "run", look)
        generator = worst_case.calibrated(Mst(), claim)
        told = lambda what, share: None  # noqa: E731
        with pytest.raises(EnoughError):
            fit_alone(generator, SCHEMA, rows(5), claim, Path(folder), told)
    assert seen == [RecordCodec(SCHEMA).domain]


def a_category_of_one_is_named_no_more_often_than_delta():
    """Of 200 tables with as many names of one person each as may be found, at a large δ."""
    rho, delta, column = 0.5, 0.05, Categorical(kind="categorical", categories=None, other="other")
    names = pd.Series([f"n{i}" for i in range(MAX_FOUND)], dtype=object)
    found = [len(select_categories(names, column, rho, delta, 1)) - 1 for _ in range(200)]
    assert binom.sf(sum(found) - 1, 200 * len(names), delta) > 1 - CERTAIN


def a_number_is_read_alone():
    """17 digits, beside nobody and beside a number with a point."""
    schema = Schema.model_validate(
        {
            "name": "one",
            "columns": {"x": {"kind": "float", "bounds": [0, 1e18], "bins": 2}},
        }
    )
    long = "99999999999999999"
    alone, beside = (
        conform(pa.table({"x": pa.array(texts, pa.string())}), schema)[0]["x"][0]
        for texts in ([long], [long, "0.5"])
    )
    assert alone == beside
