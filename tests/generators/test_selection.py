"""Choosing between generators: what it costs, what it keeps, and what a kill leaves."""

import json
from collections import Counter as Tally
from dataclasses import replace

import numpy as np
import pytest
from dp_accounting import ComposedDpEvent, NoOpDpEvent, ZCDpEvent
from dp_accounting.dp_event import RepeatAndSelectDpEvent
from dp_accounting.rdp import RdpAccountant

from flows.audit.toy import SCHEMA, people, strangers
from generators import selection
from generators.deep.diffusion import Diffusion
from generators.marginals.counting.counter import Counter
from generators.marginals.generator import Aim, Mst
from generators.marginals.measurement import Measurement
from generators.selection import (
    Chosen,
    EachOnce,
    RandomStopping,
    Several,
    chosen_candidate,
    closeness,
    geometric,
    tables_of,
)
from privacy.accounting.composition import spent
from privacy.accounting.events import event_from_json, event_to_json
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError, PermitError
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.records.codec import RecordCodec
from privacy.stored.rows import Rows

CLAIM = Guarantee(1.0, 1e-6)


def quiet(what, share):
    pass


@pytest.fixture
def rows():
    frame = people(400, 0)
    return Rows(frame, np.arange(len(frame)))


def opened(tmp_path, event, attempt="attempt.jsonl"):
    """An attempt that paid for ``event``."""
    ledger, transcript = Ledger(str(tmp_path / "ledger.db")), Transcript(tmp_path / attempt)
    ledger.register(SCHEMA.name, Guarantee(50.0, 1e-6), 0.2)
    permit = ledger.charge(
        SCHEMA.name, "train", run="r", attempt=transcript.attempt, purpose="fit", event=event
    )
    return Paid(permit, transcript)


def test_repeating_costs_what_dp_accounting_says_and_no_more_than_was_asked():
    ready = RandomStopping((Aim(), Mst()), mean=4).calibrate(CLAIM, SCHEMA, NoOpDpEvent())
    once = [g.event().rho for g in ready.ready]
    assert once[0] == once[1]
    event = RepeatAndSelectDpEvent(
        ComposedDpEvent([ZCDpEvent(once[0]), ZCDpEvent(ready.score_rho)]), 4.0, 1.0
    )
    assert ready.event() == event
    oracle = RdpAccountant(orders=[1 + x / 10 for x in range(1, 1000)]).compose(event)
    assert oracle.get_epsilon(1e-6) == pytest.approx(CLAIM.epsilon, rel=5e-3)
    assert 0.99 < spent([ready.event()], 1e-6).epsilon <= 1.0
    assert event_from_json(json.loads(json.dumps(event_to_json(event)))) == event


def test_each_candidate_once_costs_the_guarantee_together():
    ready = EachOnce((Aim(), Mst(), Mst())).calibrate(CLAIM, SCHEMA, ZCDpEvent(0.001))
    total = spent([ZCDpEvent(0.001), ready.event()], 1e-6).epsilon
    assert 0.99 < total <= 1.0
    assert len(ready.event().events) == 3


def test_candidates_of_other_mechanisms_are_refused(monkeypatch):
    monkeypatch.setattr("generators.deep.generator.least_noise", lambda *asked: 4.0)
    with pytest.raises(InputError, match="choose these by holdout"):
        RandomStopping((Aim(), Diffusion()), 2).calibrate(CLAIM, SCHEMA, NoOpDpEvent())


def test_the_coin_is_geometric():
    thrown = Tally(geometric(3) for _ in range(6000))
    for t in (1, 2, 3):
        share, expected = thrown[t] / 6000, (1 / 3) * (2 / 3) ** (t - 1)
        assert abs(share - expected) < 5 * (expected * (1 - expected) / 6000) ** 0.5
    assert geometric(1) == 1


def test_the_closest_model_scores_best(rows):
    codec = RecordCodec(SCHEMA)
    count = Counter.of(codec.domain, codec.encode(rows.frame))
    tables = [Measurement(c, count(c), 1.0) for c in tables_of(codec)]

    class Same:
        schema, rows = SCHEMA, 400

        def __init__(self, frame):
            self.frame = frame

        def sample(self, n, rng):
            return self.frame

    frames = rows.frame, people(400, 1), strangers(400, 1)
    same, alike, strange = (closeness(Same(f), tables) for f in frames)
    assert same == pytest.approx(0, abs=1e-9)
    assert same > alike > strange


def test_a_permit_covers_the_runs_of_what_it_repeats_and_nothing_else(tmp_path, rows):
    ready = RandomStopping((Mst(),), 2).calibrate(CLAIM, SCHEMA, NoOpDpEvent())
    paid = opened(tmp_path, ready.event())
    paid.covers(ready.ready[0].event())
    with pytest.raises(PermitError):
        paid.covers(ZCDpEvent(1.0))


class Killed(BaseException):
    pass


def test_a_killed_choice_goes_on_with_the_same_runs(tmp_path, rows, monkeypatch):
    monkeypatch.setattr(selection, "geometric", lambda mean: 3)
    ready = RandomStopping((Mst(), Aim()), 2).calibrate(CLAIM, SCHEMA, NoOpDpEvent())
    paid = opened(tmp_path, ready.event())
    monkeypatch.setattr(selection, "closeness", die_at(2))
    with pytest.raises(Killed):
        ready.fit(rows, SCHEMA, paid, quiet)
    answered = paid.transcript.path.read_bytes()
    monkeypatch.undo()

    again = Transcript(paid.transcript.path)
    chosen = ready.fit(rows, SCHEMA, replace(paid, transcript=again), quiet)
    assert isinstance(chosen, Chosen)
    assert again.path.read_bytes().startswith(answered)
    asked = [a["question"][0] for a in again.answers]
    assert asked.count("runs") == 1
    assert asked.count("candidate") == 3

    third = replace(paid, transcript=Transcript(again.path))
    once_more = ready.fit(rows, SCHEMA, third, quiet)
    assert once_more.candidate == chosen.candidate
    a, b = (m.sample(50, np.random.default_rng(0)) for m in (chosen, once_more))
    assert a.equals(b)
    (tmp_path / "kept").mkdir()
    chosen.save(tmp_path / "kept")
    assert chosen_candidate(tmp_path / "kept") == chosen.candidate


def die_at(call):
    """``closeness`` that is killed at its nth call."""
    left = [call]

    def dying(model, tables):
        left[0] -= 1
        if not left[0]:
            raise Killed
        return closeness(model, tables)

    return dying


def test_several_models_are_kept_and_read_back(tmp_path, rows):
    ready = EachOnce((Mst(), Aim())).calibrate(CLAIM, SCHEMA, NoOpDpEvent())
    paid = opened(tmp_path, ready.event())
    several = ready.fit(rows, SCHEMA, paid, quiet)
    (tmp_path / "kept").mkdir()
    several.save(tmp_path / "kept")
    back = Several.load(tmp_path / "kept")
    for mine, read in zip(several.models, back.models, strict=True):
        a, b = (m.sample(30, np.random.default_rng(0)) for m in (mine, read))
        assert a.equals(b)


def test_progress_tells_nothing_of_the_runs(tmp_path, rows):
    told = []
    ready = RandomStopping((Mst(),), 3).calibrate(CLAIM, SCHEMA, NoOpDpEvent())
    paid = opened(tmp_path, ready.event())
    ready.fit(rows, SCHEMA, paid, lambda what, share: told.append((what, share)))
    assert told == [("trying candidates", 0.0)]
