"""What can never be assessed stops a release before it is charged, unless somebody accepts it."""

from __future__ import annotations

import pytest
import yaml

from evaluators.assessable import smallest
from flows.pipelines.release import release
from flows.stages.config import load_config
from flows.stages.run import Run
from flows.stages.telling import StageError
from privacy.ledger.ledger import Ledger
from tests.flows import clinic

ASKS = {k: v for k, v in clinic.POLICY.items() if k != "small_groups"}


def run_of(folder, **config) -> Run:
    written = clinic.write(folder, frame=clinic.rows(400), policy=ASKS, **config)
    return Run.of(load_config(written))


def paid(run: Run) -> list[str]:
    found = Ledger(run.config.ledger).charges()
    return [c.purpose for c in found if "NoOp" not in c.event]


@pytest.mark.usefixtures("few_questions")
def test_a_release_asks_before_it_is_charged_and_goes_on_where_that_is_accepted(tmp_path):
    run = run_of(tmp_path)
    with pytest.raises(StageError, match="accept-unassessed") as caught:
        release(run)
    assert caught.value.exit_code == 2
    assert "everyone: " in caught.value.rest()
    assert smallest(0.2) in caught.value.rest()
    assert "everyone: " not in str(caught.value)  # a count of real people stays in the house
    assert paid(run) == []
    assert not (run / "model").exists()
    assert release(run, accept_unassessed=True).decision == "approved"
    assert paid(run) == ["fit"]
    assert release(run).decision == "approved"  # of a run that was charged nothing is asked again


def test_rows_that_do_not_fit_are_told_by_the_stage_that_is_charged_for_it(tmp_path):
    frame = clinic.rows(400)
    frame.loc[3, "sex"] = "?"
    written = clinic.write(tmp_path, frame=frame, policy=ASKS)
    run = Run.of(load_config(written))
    with pytest.raises(StageError, match="does not fit"):
        release(run)
    assert paid(run) == ["fit"]


@pytest.mark.usefixtures("few_questions")
def test_under_a_policy_on_charged_figures_nobody_is_looked_at_beforehand(tmp_path):
    """Whether a run goes on would be an answer about people held out that was not charged."""
    policy = ASKS | {"figures": "charged"}
    written = clinic.write(
        tmp_path,
        frame=clinic.rows(400),
        policy=policy,
        evaluation={"epsilon": 1.0, "delta": 1e-5},
    )
    run = Run.of(load_config(written))
    release(run)
    assert "assess" not in [c.purpose for c in Ledger(run.config.ledger).charges()]


def test_a_schema_that_no_policy_would_approve_is_refused_before_it_is_charged(tmp_path):
    written = clinic.write(tmp_path)
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(clinic.SCHEMA | {"targets": []}))
    run = Run.of(load_config(written))
    with pytest.raises(StageError, match=r"declares no target.*`targets:`") as caught:
        release(run, accept_unassessed=True)
    assert caught.value.exit_code == 2
    assert Ledger(run.config.ledger).charges() == []
