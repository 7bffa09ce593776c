"""The section of the report about histories: what it shows, and that it is there for histories alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from evaluators.gate import gate
from evaluators.histories.broken import broken
from evaluators.histories.learning import from_histories, of_patients
from evaluators.histories.scores import histories as scores_of
from evaluators.histories.two_tables import quality_of_two
from evaluators.pages.histories import histories
from evaluators.pages.parts.everything import all_tables
from evaluators.pages.parts.facts import Facts
from evaluators.pages.parts.headlines import headlines
from evaluators.pages.parts.leaks import attack_plots
from evaluators.pages.report import write_report
from evaluators.policy import load_policy
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from evaluators.words import metric_words
from tests.evaluators.histories.visits import SCHEMA, dealt, people

POLICY = load_policy(Path(__file__).parents[3] / "configs" / "policies" / "default.yaml")


@cache
def card() -> Scorecard:
    tables = Tables(
        people(500, 1), people(500, 2), dealt(people(500, 3), ("weight", "pain")), SCHEMA
    )
    metrics = (broken, scores_of, quality_of_two, from_histories, of_patients)
    return Scorecard(tuple(s for metric in metrics for s in metric(tables)))


def test_facts_and_plots_say_what_is_off() -> None:
    shown = histories(card())
    assert shown is not None
    facts = dict(shown["facts"])
    assert facts["rows of a person"].startswith("synthetic people have 3.")
    assert facts["steps from row to row"].endswith("of the way to rows dealt at random")
    assert facts["synthetic people whose history breaks what the schema says"].startswith(
        "0.0 %: 500"
    )
    of_two = {n: text for n, text in facts.items() if "as two tables" in n}
    assert [n.rpartition(", ")[2] for n in of_two] == [
        "people and their rows as two tables",
        "rows of a person",
        "trends between both tables",
    ]
    assert all(text.endswith(" of 1") for text in of_two.values())
    everyone, columns, groups, learned, by_group = shown["plots"]
    assert len(everyone.lines) == 8
    assert [line.label.partition(",")[0] for line in columns.lines[:2]] == ["weight", "pain"]
    assert columns.lines[0].label.endswith(", real 0.98 (likeness of rows)")
    assert {line.label.partition(":")[0] for line in groups.lines} >= {"sex=F", "sex=M"}
    assert {line.label for line in learned.lines} == {
        f"{target}, {model} (AUROC)"
        for target in ("died", "flare")
        for model in ("logistic", "boosting")
    }
    assert len(by_group.lines) > 4


def test_headlines_say_how_rows_follow_one_another() -> None:
    found = {h.kind: h for h in headlines(card(), None)}
    assert found["likeness"].beside.startswith("real train people 0.0")
    assert found["likeness"].beside.endswith(" were rows dealt to people at random")
    assert found["attack"].beside == "on whole histories; a guess reaches 0.5; nothing is claimed"


def test_no_section_without_histories() -> None:
    assert histories(Scorecard((Score(metric="quality", value=1.0),))) is None


def test_scores_have_a_table_of_their_own_and_attacks_their_names() -> None:
    tables = {t.title: t for t in all_tables(card())}
    assert tables["Histories"].total == len(
        card().filter(lambda s: s.metric.startswith("histories."))
    )
    (first, *_) = attack_plots(card(), None)
    assert first.lines[0].label.startswith(
        "on whole histories, by the nearest synthetic row or image: "
    )


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("histories.transitions_excess", "steps from row to row, beyond chance"),
        ("histories.utility.auroc.difference", "AUROC, synthetic − real, from histories"),
        ("histories.fairness.tpr.excess_gap", "true positive rate, excess gap, from histories"),
        (
            "attack.membership.patient.strongest",
            "attack, membership, on whole histories, strongest",
        ),
    ],
)
def test_metrics_have_words(metric: str, words: str) -> None:
    assert metric_words(metric) == words


def test_every_metric_of_histories_is_named() -> None:
    for metric in {s.metric for s in card()}:
        assert "_" not in metric_words(metric), metric
        assert not metric_words(metric).startswith("histories"), metric


def test_the_page_has_the_section(tmp_path: Path) -> None:
    facts = Facts("r", "visits")
    write_report(tmp_path / "report.html", card(), gate(card(), POLICY), facts)
    html = (tmp_path / "report.html").read_text("utf-8")
    assert '<h2 id="histories">Histories</h2>' in html
    assert "of the way to rows dealt at random" in html
