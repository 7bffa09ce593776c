"""The internal report: whole, escaped, self-contained, honest about what could not be judged."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from evaluators.pages.drawing.page import loss, number, percent
from evaluators.pages.drawing.plots import Mark, axis_for, strip
from evaluators.pages.parts.facts import Budget, Facts
from evaluators.pages.report import budget, write_report
from evaluators.score import Score, Scorecard
from evaluators.verdict import Verdict
from evaluators.words import metric_words, worst_first
from tests.evaluators.made_pages import (
    HOSTILE,
    REASONS,
    Page,
    check_self_contained,
    make_label,
    make_scores,
)


def report(tmp_path: Path, scores: list[Score], verdict: Verdict) -> tuple[str, Page]:
    path = tmp_path / "report.html"
    write_report(path, Scorecard(tuple(scores)), verdict, Facts.of_label(make_label()))
    html = path.read_text("utf-8")
    return html, Page(html)


def test_report_shows_decision_reasons_budget_and_every_section(tmp_path: Path) -> None:
    html, page = report(tmp_path, make_scores(), Verdict("default", "veto", REASONS))
    check_self_contained(page)
    assert (
        page.text.index("INTERNAL") < page.text.index("Veto") < page.text.index("too low in sex=F")
    )
    for reason in REASONS:
        assert " ".join(reason.text.split()) in page.text
        assert reason.rule in page.text
        assert reason.threshold in page.text
    assert "0.9876" in page.text
    assert "at least 1.5 left" in page.text
    assert "12.3 % subsample" in page.text
    assert "insufficient evidence: 12 people, fewer than 100" in page.text
    assert "failed: ValueError" in page.text
    assert "New, metric" in page.text
    assert "sex=Y (33 people)" in page.text
    assert "ward: north, south" in page.text
    assert page.text.index("pay (KSComplement)") < page.text.index("age (KSComplement)")
    assert re.search(r'class="whisker dot"', html)
    assert re.search(r'class="mark dot weak"', html)


def test_of_how_many_rows_figures_are_is_said_where_there_are_more(tmp_path: Path) -> None:
    first, second, *rest = make_scores()
    seen = [
        replace(
            first, sample="100,000 of 8,000,000 rows synthetic, 200,000 of 2,000,000 rows held out"
        ),
        replace(second, sample="200,000 of 2,000,000 rows held out"),
    ]
    _, page = report(tmp_path, [*seen, *rest], Verdict("default", "veto", REASONS))
    told = "100,000 of 8,000,000 rows synthetic; 200,000 of 2,000,000 rows held out"
    assert page.text.count(told) == 1
    _, page = report(tmp_path, rest, Verdict("default", "veto", REASONS))
    assert "Large tables" not in page.text


def test_a_budget_at_another_delta_says_so(tmp_path: Path) -> None:
    """ε of all releases may be smaller than that of one, at a larger δ."""
    label = make_label()
    verdict = Verdict("default", "approved", ())
    assert "Of all releases" not in report(tmp_path, [], verdict)[1].text
    label["accounting"]["ledger"]["data_set_delta"] = 1e-5
    facts, path = Facts.of_label(label), tmp_path / "other.html"
    write_report(path, Scorecard(()), verdict, facts)
    assert (
        "Of all releases and of the budget it is ε at δ = 10⁻⁵."
        in Page(path.read_text("utf-8")).text
    )


def test_report_of_an_empty_scorecard(tmp_path: Path) -> None:
    _, page = report(tmp_path, [], Verdict("default", "insufficient evidence", ()))
    assert "Insufficient evidence" in page.text
    assert "The scorecard is empty." in page.text


def test_groups_of_which_none_can_be_judged_are_still_listed(tmp_path: Path) -> None:
    small = [s for s in make_scores() if s.metric != "fairness.auroc"]
    _, page = report(tmp_path, small, Verdict("default", "insufficient evidence", REASONS[3:]))
    assert "AUROC for income by subgroup" in page.text
    assert "sex=X 900 people, 210 with the event – – insufficient evidence: 12 people" in page.text


def test_hostile_names_are_text(tmp_path: Path) -> None:
    scores = [replace(s, target=s.target and HOSTILE, detail=HOSTILE) for s in make_scores(HOSTILE)]
    html, page = report(tmp_path, scores, Verdict(HOSTILE, "veto", REASONS))
    check_self_contained(page)
    assert "<script>alert" not in html
    assert HOSTILE in page.text
    assert HOSTILE in unescape(html)


def test_very_many_subgroups_stay_small_and_are_counted(tmp_path: Path) -> None:
    one = make_scores()
    groups = [
        replace(s, slice=f"ward={'long name ' * 20}{i}", value=i / 2000)
        for s in one
        if s.metric in ("fairness.auroc", "representation_ratio") and s.order == 1
        for i in range(1, 2000)
    ]
    html, page = report(tmp_path, one + groups, Verdict("default", "approved", REASONS[:1]))
    assert len(html) < 6_000_000
    assert "more are in scores.parquet" in page.text


@pytest.mark.parametrize("value", [None, 0.0, -0.0001, 0.5, 7874.0, 1e12, float("inf")])
def test_numbers_are_short(value: float | None) -> None:
    assert 0 < len(number(value, signed=True)) <= 20
    assert 0 < len(loss(value)) <= 20


def test_numbers_as_people_write_them() -> None:
    assert number(-0.0341) == "−0.034"
    assert number(7874) == "7,874"
    assert number(0.0) == "0"
    assert number(-0.0001, signed=True) == "0.000"
    assert loss(1e-9) == "10⁻⁹"
    assert loss(2.5e-7) == "2.5 × 10⁻⁷"
    assert percent(0.0001) == "< 0.1 %"
    assert metric_words("fairness.tpr.excess_gap") == "true positive rate, excess gap"


@pytest.mark.parametrize("values", [[], [None], [0.3], [0.0, 0.0], [-1e-12, 1e-12], [1e-7, 5e9]])
def test_a_scale_holds_its_values(values: list[float | None]) -> None:
    axis = axis_for(values, reference=0.0)
    assert axis.ticks[0] <= 0.0 <= axis.ticks[-1]
    assert 2 <= len(axis.ticks) <= 9
    places = [axis.at(v) for v in values if v is not None]
    assert all(0 <= p <= 100 for p in places)
    assert strip(axis, [Mark("dot", v, v, v) for v in values]).count("<circle") == len(places)


def test_worst_first() -> None:
    low = Score(metric="utility.auroc", value=0.5)
    high = replace(low, value=0.9)
    small = replace(low, status="insufficient evidence")
    failed = Score(metric="utility.auroc", status="failed")
    assert worst_first([small, high, low, failed]) == [failed, low, high, small]
    ratios = [Score(metric="representation_ratio", value=v) for v in (1.1, 0.5, 1.5, 0.0)]
    assert [s.value for s in worst_first(ratios)] == [0.0, 0.5, 1.5, 1.1]
    gaps = [replace(low, metric="fairness.calibration_gap", value=v) for v in (0.01, -0.3, 0.2)]
    assert [s.value for s in worst_first(gaps)] == [-0.3, 0.2, 0.01]
    excess = [replace(g, metric=f"{g.metric}.excess_gap", higher_is_better=False) for g in gaps]
    assert [s.value for s in worst_first(excess)] == [0.2, 0.01, -0.3]


@pytest.mark.parametrize(
    ("spent", "told"),
    [(1.001, "at least 0.999 left"), (1.99999, "nothing left"), (2.5, "nothing left")],
)
def test_what_is_left_of_a_budget_is_no_rounding(spent: float, told: str) -> None:
    assert budget(Budget(spent, 2.0, 1e-6), 1.0)["left"] == told
