"""Releases of next to nobody: what was charged ends as a verdict that says there is too little to judge by."""

from pathlib import Path

import pytest
import yaml

from flows.stages import steps
from flows.stages.config import load_config
from flows.stages.run import Run
from tests.flows import clinic
from tests.flows.stages.test_steps import quiet, release

DEFAULT = Path(__file__).parents[2] / "configs" / "policies" / "default.yaml"


@pytest.mark.parametrize("holdout", [0.01, 0.99])
@pytest.mark.parametrize("people", [1, 3])
def test_a_release_with_nobody_on_one_side_says_so(people, holdout, tmp_path):
    config = clinic.write(
        tmp_path,
        frame=clinic.rows().iloc[:people],
        holdout=holdout,
        policy=yaml.safe_load(DEFAULT.read_text(encoding="utf-8")),
        evaluation={"epsilon": 1.0, "delta": 1e-5},
    )
    bundle = release(config)
    assert not (bundle / "public").exists()
    work = steps.Work.of(Run.of(load_config(config)))
    assert steps.decide(work).decision == "insufficient evidence"
    assert not [s for s in steps.scorecard(work) if s.status == "failed"]
    assert [c.purpose for c in work.ledger.charges()].count("fit") == 1


def test_a_release_of_one_class_says_so(tmp_path):
    frame = clinic.rows().iloc[:200].assign(ill="no")
    config = clinic.write(
        tmp_path, frame=frame, policy=yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    )
    bundle = release(config)
    assert not (bundle / "public").exists()
    work = steps.Work.of(Run.of(load_config(config)))
    steps.fit(work, quiet)  # nothing left to do
    assert not [s for s in steps.scorecard(work) if s.status == "failed"]
