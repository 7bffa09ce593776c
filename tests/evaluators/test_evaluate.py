"""From three tables to a verdict: fresh real rows pass, planted harms are vetoed by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from evaluators import evaluate as module
from evaluators.evaluate import evaluate
from evaluators.gate import gate
from evaluators.pace import COSTS
from evaluators.policy import Policy, load_policy
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from evaluators.utility.learners import cox, logistic, ridge
from evaluators.verdict import Verdict
from privacy.schema.codec import Codec
from tests.evaluators.clinic import SCHEMA, people

POLICY = load_policy(Path(__file__).parents[2] / "configs" / "policies" / "default.yaml")
N = 2000
TRAIN, HOLDOUT = people(N, 1), people(N, 2)

Judge = Callable[[pd.DataFrame], tuple[Scorecard, Verdict]]


def judge_all(synthetic: pd.DataFrame) -> tuple[Scorecard, Verdict]:
    card = evaluate(TRAIN, HOLDOUT, synthetic, SCHEMA)
    return card, gate(card, POLICY, "proved")


FAST = {
    "classification": {"logistic": logistic},
    "survival": {"cox": cox},
    "regression": {"ridge": ridge},
}


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """One fast learner a task."""
    for place in ("predictions", "rank"):
        monkeypatch.setattr(f"evaluators.utility.{place}.LEARNERS", FAST)


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, fast: None) -> Judge:
    """Of the whole suite what the policy has rules for, with one fast learner a task."""
    asked = ("declared", "impossible", "representation", "column", "relation", "copies")
    kept = {n: m for n, m in module.ON_TABLES.items() if n.removeprefix("attack.") in asked}
    monkeypatch.setattr(module, "ON_TABLES", kept)
    return judge_all


@pytest.fixture(params=["fast", pytest.param("every", marks=pytest.mark.long)])
def learners(request: pytest.FixtureRequest) -> None:
    """One fast learner a task; with `make test-long` all of them."""
    if request.param == "fast":
        request.getfixturevalue("fast")


def test_fresh_people_in_their_bins_are_approved(learners: None) -> None:
    codec = Codec(SCHEMA)
    fresh = codec.decode(codec.encode(people(3000, 4)), np.random.default_rng(0))
    card = evaluate(people(3000, 1), people(3000, 2), fresh, SCHEMA)
    verdict = gate(card, POLICY, "proved")
    assert verdict.decision == "approved", [r.text for r in verdict.reasons if r.outcome != "pass"]
    assert not card.filter(status="failed")
    notes = verdict.of("note")
    assert notes
    assert set(verdict.unassessed) <= {
        "site=C",
        "site",
    }  # 180 people, and what compares them with others
    assert "site=C" in verdict.unassessed
    public = card.filter(visibility="public")
    assert {s.metric for s in public} == {
        "declared.target",
        "declared.subgroup",
        "impossible_rows",
        "broken_rows",
    }


def test_the_train_rows_themselves_are_useful_and_vetoed_as_copies(judge: Judge) -> None:
    card, verdict = judge(TRAIN)
    assert verdict.decision == "veto"
    assert {r.rule for r in verdict.of("veto")} == {"no-copies"}
    assert not verdict.of("insufficient evidence")
    for score in card.filter(
        lambda s: s.metric in ("utility.c_index.difference", "fairness.c_index.difference")
    ):
        assert score.status != "ok" or score.value == 0


def test_a_collapsed_subgroup_is_vetoed_by_name(judge: Judge) -> None:
    """Site C, 6 % of people, has its outcome inverted; overall figures stay fine."""
    synthetic = people(N, 4)
    flipped = synthetic["back"].map({"yes": "no", "no": "yes"})
    synthetic["back"] = synthetic["back"].where(synthetic["site"] != "C", flipped)
    card, verdict = judge(synthetic)
    assert verdict.decision == "veto"
    vetoes = {(r.rule, r.slice) for r in verdict.of("veto")}
    assert ("outcomes-believable", "site=C") in vetoes
    assert "usefulness" not in {rule for rule, _ in vetoes}, [r.text for r in verdict.of("veto")]
    auroc = card.one(metric="utility.auroc.ratio", model="logistic")
    assert auroc.value is not None
    assert auroc.value > 0.95
    assert {r.slice for r in verdict.of("veto")} <= {
        "site=C",
        "site",
        "sex=F & site=C",
        "sex=M & site=C",
        "sex × site",
    }


def test_a_lost_group_is_vetoed_by_name(judge: Judge) -> None:
    synthetic = people(N, 4)
    synthetic = synthetic[synthetic["site"] != "C"].reset_index(drop=True)
    _, verdict = judge(synthetic)
    assert verdict.decision == "veto"
    assert {"site=C"} <= {r.slice for r in verdict.of("veto") if r.rule == "no-lost-group"}


def test_noise_is_vetoed(judge: Judge) -> None:
    rng = np.random.default_rng(0)
    shuffled = TRAIN.apply(lambda c: c.iloc[rng.permutation(len(c))].reset_index(drop=True))
    _, verdict = judge(shuffled)
    assert verdict.decision == "veto"
    assert "usefulness" in {r.rule for r in verdict.of("veto")}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, fast: None) -> None:
    """Models are trained for their ranks alone, one fast one a task."""
    monkeypatch.setattr(module, "predict_all", lambda tables: [])


def test_a_failing_metric_is_told_and_withholds_approval(
    monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    def broken(tables: Tables) -> list[Score]:
        raise KeyError("a private value")

    monkeypatch.setattr(module, "ON_TABLES", {"declared": module.declared, "broken": broken})
    card = evaluate(TRAIN, HOLDOUT, TRAIN, SCHEMA)
    score = card.one(metric="broken")
    assert (score.status, score.reason) == ("failed", "KeyError")
    rule = {"name": "any", "metric": "declared.target", "slices": ["all"], "at_least": 1}
    given = Policy.model_validate({"name": "t", "rules": [rule]})
    assert gate(card, given).decision == "insufficient evidence"
    lenient = given.model_copy(update={"on_failed": "note"})
    assert gate(card, lenient).decision == "approved"


def test_the_same_seed_gives_the_same_scores_and_progress_is_told(quick: None) -> None:
    train, holdout, synthetic = people(300, 1), people(300, 2), people(300, 3)
    once = evaluate(train, holdout, synthetic, SCHEMA, seed=5)
    assert once == evaluate(train, holdout, synthetic, SCHEMA, seed=5)
    assert once != evaluate(train, holdout, synthetic, SCHEMA, seed=6)


def test_progress_is_told(quick: None) -> None:
    told: list[tuple[str, float]] = []
    people_ = people(200, 1)
    evaluate(
        people_,
        people_,
        people_,
        SCHEMA,
        progress=lambda *step: told.append(step),
        not_measured={"kmarginal": "not asked for"},
    )
    names, shares = zip(*told, strict=True)
    assert (shares[0], *told[-1]) == (0, "done", 1)
    assert list(shares) == sorted(shares)
    assert [n.split(",")[0] for n in names[:-1]] == [n for n in COSTS if "kmarginal" not in n]
    assert all(n.endswith(" left") for n, share in told[:-1] if share > 0.1)


def test_linear_algebra_has_one_thread_and_what_metrics_share_is_made_once(
    monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    """Products round by the number of threads, so that figures would be another on another machine."""
    seen: list[int] = []

    def make(tables: Tables) -> int:
        seen.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
        return len(seen)

    def metric(tables: Tables) -> list[Score]:
        return [Score(metric="shared", value=tables.once(make))]

    monkeypatch.setattr(module, "ON_TABLES", {"declared": metric, "dcr": metric})
    values = {s.value for s in evaluate(TRAIN, HOLDOUT, TRAIN, SCHEMA).filter(metric="shared")}
    assert set(seen) == {1}
    assert values == {len(seen)}


def test_an_empty_synthetic_table_never_passes(quick: None) -> None:
    card = evaluate(TRAIN, HOLDOUT, TRAIN.iloc[:0], SCHEMA)
    assert gate(card, POLICY).decision in ("veto", "insufficient evidence")
