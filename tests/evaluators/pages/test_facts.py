"""What is said of a guarantee: charged here, claimed by others, or not at all."""

import math
from pathlib import Path

import pytest

from evaluators.attacks.claims import most_auroc, most_tpr
from evaluators.pages.parts.facts import Claim, Facts, guarantee_words
from evaluators.pages.parts.leaks import limit
from evaluators.score import Score
from tests.evaluators.made_pages import make_facts


def test_a_label_becomes_facts() -> None:
    facts = make_facts()
    assert (facts.name, facts.data_set, facts.synthetic_rows) == ("ward-1", "ward", 4)
    assert facts.claim is not None
    assert guarantee_words(facts.claim)[0] == "At most 2.68 times as likely."
    assert "ledger" in guarantee_words(facts.claim)[1]


@pytest.mark.parametrize(
    "facts", [make_facts(), Facts("a", "b"), Facts("a", "b", claim=Claim(1.0, 1e-6))]
)
def test_facts_are_read_as_they_were_written(facts: Facts, tmp_path: Path) -> None:
    facts.write(tmp_path / "facts.json")
    assert Facts.read(tmp_path / "facts.json") == facts


def test_a_claim_of_others_is_called_their_word() -> None:
    words = " ".join(guarantee_words(Claim(1.0, 1e-6, "patient")))
    assert "2.718 times" in words
    assert "one patient" in words
    assert "their word" in words
    assert " ".join(guarantee_words(Claim(1e9, 0.0)))


@pytest.mark.parametrize("claim", [None, Claim(math.inf), Claim(1.0, 1.0)])
def test_no_claim_is_no_promise_and_no_limit(claim: Claim | None) -> None:
    assert guarantee_words(claim)[0] == "No guarantee is claimed."
    assert limit(Score(metric="attack.membership.x", value=0.9, rows="train"), claim) is None


def test_the_limit_is_that_of_the_claim() -> None:
    claim = Claim(1.0, 1e-6)
    attack = Score(metric="attack.membership.domias", value=0.9, rows="train")
    rate = Score(metric="attack.membership.domias.tpr_at_1_percent_fpr", value=0.9, rows="train")
    assert limit(attack, claim) == most_auroc(1.0, 1e-6)
    assert limit(rate, claim) == float(most_tpr(0.01, 1.0, 1e-6))
