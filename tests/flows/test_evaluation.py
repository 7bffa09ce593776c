"""Figures that may be published: what they cost whom, where they stand, and a decision on them alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from evaluators.gate import gate
from evaluators.policy import load_policy
from evaluators.score import Scorecard
from flows.stages import steps
from flows.stages.config import load_config
from privacy.errors import BudgetError, InputError, LedgerError
from privacy.ledger.ledger import Ledger
from tests.flows import clinic
from tests.flows.stages.test_steps import quiet, release, work_of

pytestmark = pytest.mark.all_questions

CHARGED = {
    "name": "charged",
    "figures": "charged",
    "rules": [
        {
            "name": "base-rates",
            "task": "classification",
            "metric": "charged.base_rate.difference",
            "slices": ["all"],
            "at_least": -0.5,
            "at_most": 0.5,
        }
    ],
}
EVALUATION = {"epsilon": 1.5, "delta": 1e-5}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("charged")
    config = clinic.write(folder, policy=CHARGED, evaluation=EVALUATION, holdout=0.4)
    return config, release(config)


def label_of(bundle: Path) -> dict:
    return json.loads((bundle / "public" / "label.json").read_text())


def test_the_holdout_pays_for_itself_and_train_for_nothing_more(released) -> None:
    config, bundle = released
    ledger = Ledger(load_config(config).ledger)
    charges = [(c.partition, c.purpose) for c in ledger.charges()]
    assert charges == [
        ("train", "recognise"),
        ("holdout", "evaluate"),
        ("train", "fit"),
        ("train", "judge"),
        ("holdout", "judge"),
    ]
    label = label_of(bundle)
    assert ledger.spent("clinic", "holdout").epsilon <= 1.5
    assert label["evaluation"]["guarantee"]["epsilon"] == pytest.approx(1.5, rel=1e-4)
    assert label["guarantee"]["epsilon"] == pytest.approx(2.0, rel=1e-4)
    event = json.loads(ledger.charges()[1].event)
    assert label["evaluation"]["events"][0]["event"] == event


def test_label_and_card_show_every_charged_figure_and_no_other(released) -> None:
    config, bundle = released
    figures = label_of(bundle)["evaluation"]["figures"]
    assert figures
    assert all(f["metric"].startswith("charged.") and f["charged"] for f in figures)
    women = next(f for f in figures if f["metric"] == "charged.base_rate" and f["slice"] == "sex=F")
    card = (bundle / "public" / "card.html").read_text(encoding="utf-8")
    assert "Asked of the people held out" in card
    assert f"{women['value']:.3f}" in card
    internal = Scorecard.read(work_of(config).run / "scores" / "scores.parquet")
    secret = internal.one(metric="base_rate.difference", slice="sex=F", rows="holdout").value
    texts = [f.read_text(encoding="utf-8") for f in (bundle / "public").glob("*.[jh]*")]
    assert secret is not None
    assert not any(str(secret) in text for text in texts)


def test_the_decision_sees_charged_figures_only(released) -> None:
    config, bundle = released
    work = work_of(config)
    policy = load_config(config).load_policy()
    whole, public = steps.scorecard(work), steps.charged(work)
    declared = whole.filter(lambda s: s.rows == "none")
    assert gate(whole, policy) == gate(Scorecard((*declared, *public)), policy)
    label = label_of(bundle)
    assert label["decision"]["figures"] == "charged"
    assert not any("The decision to publish" in text for text in label["not_covered"])
    card = (bundle / "public" / "card.html").read_text(encoding="utf-8")
    assert "on the charged figures below alone" in card


def test_answers_are_drawn_once(released) -> None:
    config, _ = released
    before = steps.charged(work_of(config))
    work = work_of(config)
    (work.run / "charged").rename(work.run / "as-if-killed")
    steps.measure(work_of(config), quiet)
    assert steps.charged(work_of(config)) == before
    assert len(Ledger(load_config(config).ledger).charges()) == 5


def test_answers_are_not_continued_on_other_rows(tmp_path: Path) -> None:
    config = clinic.write(tmp_path, policy=CHARGED, evaluation=EVALUATION)
    work = work_of(config)
    with work.run.locked():
        steps.fit(work, quiet)
        steps.sample(work)
        steps.measure(work, quiet)
    (work.run / "charged").rename(tmp_path / "gone")
    clinic.rows().iloc[1:].to_csv(tmp_path / "clinic.csv", index=False)
    with pytest.raises(LedgerError, match="another question"):
        steps.measure(work_of(config), quiet)


def test_answers_are_not_taken_for_those_of_other_synthetic_rows(tmp_path: Path) -> None:
    config = clinic.write(tmp_path, policy=CHARGED, evaluation=EVALUATION)
    work = work_of(config)
    with work.run.locked():
        steps.fit(work, quiet)
        steps.sample(work)
        steps.measure(work, quiet)
    (work.run / "charged").rename(tmp_path / "gone")
    lines = work.synthetic_file.read_text().splitlines(keepends=True)
    work.synthetic_file.write_text("".join([*lines[:-1], lines[1]]))  # as many, so asked alike
    with pytest.raises(LedgerError, match="another question"):
        steps.measure(work_of(config), quiet)


def test_a_holdout_that_cannot_pay_stops_the_release_before_train_is_charged(
    tmp_path: Path,
) -> None:
    config = clinic.write(tmp_path, evaluation={"epsilon": 3.0, "delta": 1e-5})
    with pytest.raises(BudgetError, match="clinic/holdout"):
        release(config)
    assert [c.purpose for c in Ledger(load_config(config).ledger).charges()] == ["recognise"]


def test_a_policy_on_charged_figures_needs_a_charge(tmp_path: Path) -> None:
    config = clinic.write(tmp_path, policy=CHARGED)
    with pytest.raises(InputError, match="evaluation"):
        work_of(config)
    assert not (tmp_path / "ledger.db").exists()


def test_the_shipped_policy_on_charged_figures_asks_for_nothing_else() -> None:
    policies = Path(__file__).parents[2] / "configs" / "policies"
    policy = load_policy(policies / "charged.yaml")
    assert policy.figures == "charged"
    broken = {"impossible_rows", "broken_rows", "histories.broken"}  # by the synthetic rows alone
    free = {"declared.target", "declared.subgroup", *broken}
    assert all(r.metric.startswith("charged.") or r.metric in free for r in policy.rules)
    assert yaml.safe_load((policies / "default.yaml").read_text()).get("figures") is None
