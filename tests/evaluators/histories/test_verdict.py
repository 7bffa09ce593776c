"""Histories at the gate: fresh people pass; rows of strangers and rows alone are vetoed, and why is said."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evaluators.evaluate import declared
from evaluators.gate import gate
from evaluators.histories.broken import broken
from evaluators.histories.scores import histories
from evaluators.policy import Policy, load_policy
from evaluators.score import Scorecard
from evaluators.tables import Tables
from evaluators.verdict import Verdict
from privacy.schema.schema import Schema
from tests.evaluators.histories.visits import SCHEMA, dealt, flattened, people

FOLDER = Path(__file__).parents[3] / "configs" / "policies"
TRAIN, HOLDOUT, FRESH = people(900, 1), people(700, 2), people(800, 3)


def policy(name: str) -> Policy:
    """Of a policy the rules about histories."""
    whole = load_policy(FOLDER / f"{name}.yaml")
    kept = [r for r in whole.rules if r.name.startswith("histories-") and r.task is None]
    return whole.model_copy(update={"rules": tuple(kept)})


def judged(synthetic: pd.DataFrame, schema: Schema = SCHEMA, name: str = "default") -> Verdict:
    tables = Tables(TRAIN, HOLDOUT, synthetic, schema)
    scores = [s for metric in (declared, broken, histories) for s in metric(tables)]
    return gate(Scorecard(tuple(scores)), policy(name), "proved")


@pytest.mark.parametrize("name", ["default", "no-subgroups", "charged"])
def test_fresh_people_pass(name: str) -> None:
    verdict = judged(FRESH, name=name)
    assert verdict.decision == "approved", [r.text for r in verdict.reasons if r.outcome != "pass"]
    assert not verdict.noticed
    assert not verdict.of("note")


def test_rows_of_strangers_are_vetoed() -> None:
    verdict = judged(dealt(FRESH))
    assert verdict.decision == "veto"
    broken = {r.metric.removeprefix("histories.") for r in verdict.of("veto")}
    assert broken >= {
        "broken",
        "transitions_excess",
        "transition_excess",
        "first_last_excess",
        "gaps_excess",
        "autocorrelation_excess",
    }
    assert any(
        "follow one another hardly better than rows of strangers" in t for t in verdict.noticed
    )
    assert any("histories that the schema rules out" in t for t in verdict.noticed)


def test_columns_of_strangers_that_break_nothing_are_vetoed_too() -> None:
    verdict = judged(dealt(FRESH, ("weight", "pain", "ward", "flare")))
    assert verdict.decision == "veto"
    assert "histories-whole" not in {r.rule for r in verdict.of("veto")}


def test_rows_that_are_each_a_person_are_vetoed() -> None:
    verdict = judged(flattened(FRESH))
    assert verdict.decision == "veto"
    assert any("every synthetic row is a person of its own" in text for text in verdict.told)
    assert any("every synthetic row is a person of its own" in text for text in verdict.noticed)


def test_tables_without_visits_are_not_asked() -> None:
    plain = SCHEMA.model_copy(update={"visits": None})
    assert [r.rule for r in judged(FRESH, plain).reasons] == []
