"""Who answers for a release, how its settings came about and who decided: what the label says of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from dp_accounting import ZCDpEvent

from flows.bundle.candidate import Candidate
from flows.bundle.write import write_bundle
from flows.label.provenance import AT_HAND, DECLARED, policy_digest
from flows.label.uncovered import LAST_WORD, UNCHARGED_DECISION, UNCHARGED_SETTINGS
from flows.stages import steps
from flows.stages.config import load_config
from flows.stages.run import Run
from privacy.errors import InputError
from tests.flows import clinic
from tests.flows.stages.test_steps import quiet
from tests.flows.test_evaluation import CHARGED, EVALUATION

pytestmark = pytest.mark.usefixtures("few_questions")


def bundle_of(work: steps.Work) -> Path:
    with work.run.locked():
        steps.fit(work, quiet)
        steps.sample(work)
        steps.judge(work, quiet, ["declared"])
        steps.measure(work, quiet)
        return write_bundle(work, work.charge(), steps.decide(work))


def work_of(folder: Path, **config: Any) -> steps.Work:
    return steps.Work.of(Run.of(load_config(clinic.write(folder, **config))))


def read(bundle: Path) -> tuple[dict[str, Any], str]:
    """The label, and all that people read beside it in one text."""
    folder = next(f for f in (bundle / "public", bundle / "candidate") if f.exists())
    texts = [(folder / n).read_text("utf-8") for n in ("card.html", "README.md")]
    return json.loads((folder / "label.json").read_text("utf-8")), " ".join(texts)


@pytest.mark.parametrize("approval", ["policy", "person"])
def test_a_person_s_last_word_is_not_covered_by_the_charge_of_the_figures(
    tmp_path: Path, approval: str
) -> None:
    """They have the uncharged report at hand, whatever the policy looked at."""
    charged: dict[str, Any] = {"policy": CHARGED, "evaluation": EVALUATION, "holdout": 0.4}
    bundle = bundle_of(work_of(tmp_path, approval=approval, **charged))
    label, told = read(bundle)
    asked = approval == "person"
    assert (bundle / "internal" / "report.html").exists()
    assert (LAST_WORD in label["not_covered"]) == asked
    assert (label["decision"].get("at_hand") == AT_HAND) == asked
    assert told.count("the decision, too, is covered by a guarantee") == (0 if asked else 2)
    assert told.count("that word is outside the guarantee") == (2 if asked else 0)
    if asked:
        assert "on charged figures alone" in Candidate.of(bundle.parent).facts()["gate"]


def test_what_nobody_stated_is_said_to_be_not_stated(tmp_path: Path) -> None:
    work = work_of(tmp_path)
    label, told = read(bundle_of(work))
    origin = label["provenance"]
    assert {origin[k] for k in ("publisher", "contact", "intended_use", "region")} == {"not stated"}
    assert origin["settings"]["stated"] == "not stated"
    assert origin["settings"]["in_words"].startswith("The ledger knows of no earlier charge")
    assert label["decision"]["decided_by"] == "the policy alone"
    assert label["decision"]["policy_sha256"] == policy_digest(work.run.config.load_policy())
    assert any(text.startswith(UNCHARGED_DECISION) for text in label["not_covered"])
    assert label["decision"]["policy_sha256"] in told


ABOUT = {
    "publisher": "St. Elsewhere",
    "contact": "data@elsewhere.example",
    "intended_use": "teaching",
    "settings_from": "defaults of the demo;\n nothing of these rows was looked at",
    "region": "Sweden",
    "sector": "Healthcare",
}


def test_what_a_person_states_stands_on_label_and_cards_and_makes_no_other_run(
    tmp_path: Path,
) -> None:
    plain = load_config(clinic.write(tmp_path)).digest()
    work = work_of(tmp_path, about=ABOUT)
    assert work.run.config.digest() == plain
    label, told = read(bundle_of(work))
    assert label["provenance"]["publisher"] == "St. Elsewhere"
    words = "defaults of the demo; nothing of these rows was looked at"
    assert label["provenance"]["settings"]["stated"] == words
    assert told.count(words) == 2
    for wrong in ({"sector": "Alchemy"}, {"publisher": " "}, {"reviewer": "Ada"}):
        with pytest.raises(InputError, match=f"about.{next(iter(wrong))}"):
            load_config(clinic.write(tmp_path, about=wrong))


def test_the_ledger_s_earlier_charges_are_counted(tmp_path: Path) -> None:
    work = work_of(tmp_path, budget={"epsilon": 4.0, "delta": 1e-5})
    for run in ("first", "clinic-mst-e1-s0.cell", "clinic-mst-e1-s1.cell"):
        about = {"run": run, "attempt": run}
        work.ledger.charge("clinic", "train", purpose="fit", event=ZCDpEvent(1e-3), **about)
    work.ledger.open_internally("clinic", "train", run="first", attempt="first", purpose="judge")
    for run in ("looked", work.run.name):  # the run itself was not begun otherwise for it
        work.ledger.open_internally("clinic", "holdout", run=run, attempt=run, purpose="assess")
    work.ledger.open_internally("clinic", "train", run="trial", attempt="t", purpose=DECLARED)
    label, told = read(bundle_of(work))
    settings = label["provenance"]["settings"]
    assert settings["earlier_charges"] == settings["earlier_runs"] == 3
    assert settings["earlier_sweep_cells"] == 2
    assert settings["earlier_runs_judged_without_a_charge"] == 2
    assert settings["declared_public_by_sweeps"] == 1
    said = "3 earlier charges of 3 runs, 2 of them cells of a sweep; of 2 runs judged or assessed on real rows"
    assert said in settings["in_words"]
    assert said in told
    assert UNCHARGED_SETTINGS in label["not_covered"]


def test_a_policy_is_known_by_its_content(tmp_path: Path) -> None:
    one = load_config(clinic.write(tmp_path)).load_policy()
    turned = dict(reversed(clinic.POLICY.items()))
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(turned, sort_keys=False))
    assert policy_digest(load_config(tmp_path / "config.yaml").load_policy()) == policy_digest(one)
    other = clinic.POLICY | {"unverified": "allow"}
    assert policy_digest(type(one).model_validate(other)) != policy_digest(one)
