"""Parts of the report: what decides, what is missing, what may be published, what differs."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from evaluators.pages.comparison import differences
from evaluators.pages.parts.everything import GROUPS, all_tables
from evaluators.pages.parts.facts import Claim
from evaluators.pages.parts.headlines import headlines
from evaluators.pages.parts.heatmap import heatmaps
from evaluators.pages.parts.learning import ceilings
from evaluators.pages.parts.missing import not_measured
from evaluators.pages.parts.published import charged
from evaluators.pages.parts.tradeoff import APART, beside, looks, spaced, trade_offs
from evaluators.score import Score, Scorecard
from tests.evaluators.made_pages import full_scores, make_releases


def card(*scores: Score) -> Scorecard:
    return Scorecard(scores)


def test_headlines_take_the_worst_that_can_be_judged() -> None:
    found = {h.name: h for h in headlines(Scorecard(tuple(full_scores())), Claim(1.0, 1e-6))}
    worst = found["AUROC for income, worst subgroup"]
    assert worst.score.slice == "sex=M"  # sex=X is lower, on too few people
    assert found["AUROC for income"].beside == "trained on real rows 0.910; constant 0.500"
    assert found["largest excess gap for income"].score.value == 0.11
    assert "allows 0.731" in found["strongest membership attack, AUROC"].beside
    assert headlines(Scorecard(), None) == []


def test_groups_too_small_are_one_reason_and_failures_come_first() -> None:
    small = Score(
        metric="fairness.auroc",
        slice="a",
        order=1,
        status="insufficient evidence",
        reason="12 people, fewer",
    )
    failed = Score(metric="utility.auroc", status="failed", reason="ValueError")
    fine = Score(metric="quality", value=1.0)
    one, two = not_measured(
        card(fine, small, replace(small, slice="b", reason="1,007 people, fewer"), failed)
    )
    assert (one.reason, one.count, one.figures) == ("ValueError", 1, ("AUROC",))
    assert (two.reason, two.count, two.groups) == ("… people, fewer", 2, ("a", "b"))


def test_every_score_that_is_not_ok_is_counted_among_the_missing() -> None:
    scores = full_scores()
    assert sum(g.count for g in not_measured(card(*scores))) == sum(
        s.status != "ok" for s in scores
    )
    assert not_measured(card(Score(metric="quality", value=1.0))) == []


def test_a_charged_figure_stands_beside_its_internal_twin() -> None:
    found = charged(Scorecard(tuple(full_scores())))
    assert found is not None
    auroc, share = found.rows
    assert auroc[1] == ("0.820", "[0.700, 0.900]")
    assert auroc[3] == ("0.876", "[0.850, 0.900] · boosting")
    assert share[3][0] == "–"
    assert charged(card(*(s for s in full_scores() if not s.charged))) is None


def test_ceilings_hold_every_way_to_train_and_test() -> None:
    (grid,) = ceilings(Scorecard(tuple(full_scores())))
    boosting = next(row for row in grid.rows if row[0][0] == "boosting")
    assert [text for text, _ in boosting] == [
        "boosting",
        "0.876",
        "0.860",
        "0.900",
        "0.810",
        "0.910",
    ]


def test_every_score_stands_in_one_table() -> None:
    scores = full_scores()
    tables = all_tables(scores)
    assert sum(t.total for t in tables) == len(scores)
    assert {t.title for t in tables} <= {title for title, _ in GROUPS}


def test_heatmaps_draw_each_pair_on_both_sides() -> None:
    maps = heatmaps(Scorecard(tuple(full_scores())))
    assert [m.title for m in maps] == [
        "Synthetic − real",
        "Among real people held out",
        "Among synthetic rows",
    ]
    assert "age and pay, 0.100 where real rows have 0.400" in maps[0].says
    assert maps[0].figure.count("-0.3") == 2
    assert heatmaps(Scorecard()) == []


@pytest.mark.parametrize("count", [0, 1])
def test_a_trade_off_needs_two_releases(count: int) -> None:
    assert trade_offs(make_releases()[:count]) == []


def test_a_trade_off_draws_releases_without_a_claim_apart() -> None:
    utility = trade_offs(make_releases())[0]
    assert '"none claimed"' in utility.figure
    assert len(utility.grid.rows) == 5
    assert "Dashed: trained on real rows, 0.910" in utility.caption


def test_differences_are_widest_first_and_only_where_releases_differ() -> None:
    one, two, *_ = make_releases()
    apart = {"utility.auroc.difference": 0.1, "quality.column": 0.3}
    moved = Scorecard(
        tuple(
            replace(s, value=s.value - apart[s.metric])
            if s.metric in apart and s.value is not None and s.detail in ("", "pay (KSComplement)")
            else s
            for s in one.scorecard
        )
    )
    grid = differences([one, replace(two, scorecard=moved)])
    assert grid is not None
    assert [row[0][0] for row in grid.rows] == [
        "SDMetrics quality, column",
        "AUROC, synthetic − real",
    ]
    assert [text for text, _ in grid.rows[0][1:]] == ["0.550", "0.250"]
    assert differences([one, one]) is None


def test_ticks_of_a_comparison_do_not_run_into_each_other() -> None:
    """Both ends stay, and of neighbours the rounder one; every ε stands in the table."""
    claimed = [0.5, 0.9, 1.0, 1.1, 2.999, 3.0, 4.0, 40.0]
    kept = spaced(claimed)
    assert kept == [0.5, 1.0, 3.0, 40.0]
    assert spaced([1.0, 1.01]) == [1.0, 1.01]
    least = APART * math.log(40.0 / 0.5)
    assert all(math.log(b / a) >= least for a, b in pairwise(kept))


def test_no_two_generators_look_alike_and_none_is_drawn_far_from_its_epsilon() -> None:
    assert len({looks(i) for i in range(36)}) == 36
    for many in (1, 2, 7, 30):
        places = [beside(i, many) for i in range(many)]
        assert places == sorted(places)
        assert places[-1] / places[0] <= max(1.3, 1.05) + 1e-9
        assert places[0] * places[-1] == pytest.approx(1.0)
