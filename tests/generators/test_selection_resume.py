"""A choice between networks that is killed while one of them trains goes on from its checkpoint."""

import numpy as np
import pytest
from dp_accounting import NoOpDpEvent

from flows.audit.toy import SCHEMA, people
from generators import selection
from generators.deep.diffusion import Diffusion
from generators.dpsgd import checkpoint
from generators.selection import EachOnce, RandomStopping
from privacy.accounting.guarantee import Guarantee
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.stored.rows import Rows

SMALL = Diffusion(steps=4, sampling_rate=0.1)


class Killed(BaseException):
    pass


def quiet(what, share):
    pass


def killed_in(training, step):
    """Progress that is killed at a step of the nth training."""
    seen = []

    def told(what, share):
        seen.append(what.startswith(f"step {step} "))
        if sum(seen) == training and seen[-1]:
            raise Killed

    return told


@pytest.fixture(scope="module")
def small(noise_not_looked_for):
    return SMALL.calibrate(Guarantee(4.0, 1e-6), SCHEMA, NoOpDpEvent())


@pytest.mark.parametrize("kind", ["each-once", "random-stopping"])
@pytest.mark.parametrize("training", [1, 2])
@pytest.mark.parametrize(
    "every", [0.0, 10.0]
)  # killed after a checkpoint of a later step, or of none
def test_the_checkpoint_of_a_later_candidate_outlives_the_earlier_ones(
    tmp_path, monkeypatch, small, kind, training, every
):
    """The charge would be lost otherwise: what began to train is not begun again with other noise."""
    monkeypatch.setattr(selection, "geometric", lambda mean: 2)
    monkeypatch.setattr(checkpoint, "EVERY", every)
    ready = {
        "each-once": EachOnce((SMALL, SMALL), (small, small)),
        "random-stopping": RandomStopping((SMALL,), 2, (small,), 0.01),
    }[kind]
    frame = people(200, 0)
    rows = Rows(frame, np.arange(len(frame)))
    ledger, transcript = Ledger(str(tmp_path / "ledger.db")), Transcript(tmp_path / "attempt.jsonl")
    ledger.register(SCHEMA.name, Guarantee(90.0, 1e-6), 0.2)
    permit = ledger.charge(
        SCHEMA.name,
        "train",
        run="r",
        attempt=transcript.attempt,
        purpose="fit",
        event=ready.event(),
    )
    monkeypatch.setattr(selection, "_silent", killed_in(training, 3))
    with pytest.raises(Killed):
        ready.fit(rows, SCHEMA, Paid(permit, transcript), quiet)
    answered = transcript.path.read_bytes()

    told = []
    monkeypatch.setattr(selection, "_silent", lambda what, share: told.append(what))
    again = Transcript(transcript.path)
    ready.fit(rows, SCHEMA, Paid(permit, again), quiet)
    assert again.path.read_bytes().startswith(answered)
    assert not again.recorded
    begun = [a["question"][1] for a in again.answers if a["question"][0] == "training"]
    assert len(set(begun)) == 2
    assert not again.scratch.exists()
    assert told
