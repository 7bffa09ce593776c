"""The internal report: one self-contained HTML page on which a custodian or a board can decide.

Read from the top: the decision and its reasons, what is guaranteed, the figures that decide, then what
may be published, utility, inference, fairness, histories, fidelity, attacks, what was not measured, and every
score. It shows figures on real rows.

Privacy claim: none; the page is internal and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.pages.drawing.page import environment, loss, number, write_page
from evaluators.pages.drawing.plots import meter
from evaluators.pages.drawing.views import MAX_ROWS
from evaluators.pages.histories import histories
from evaluators.pages.parts import (
    heatmap,
    leaks,
    learning,
    nearest_images,
    reader,
    resemblance,
    sections,
)
from evaluators.pages.parts.everything import all_tables
from evaluators.pages.parts.facts import Budget, Facts, guarantee_words
from evaluators.pages.parts.groups import group_chart
from evaluators.pages.parts.headlines import headlines
from evaluators.pages.parts.missing import not_measured
from evaluators.pages.parts.published import charged
from evaluators.pages.parts.tradeoff import Release, trade_offs
from evaluators.score import Scorecard
from evaluators.verdict import Reason, Verdict
from evaluators.words import metric_words

DECISIONS = {
    "approved": ("approved", "Approved"),
    "veto": ("veto", "Veto"),
    "insufficient evidence": ("insufficient", "Insufficient evidence"),
}
OUTCOMES = {
    "veto": ("veto", "Broken"),
    "insufficient evidence": ("insufficient", "Could not be judged"),
    "note": ("insufficient", "Not assessed (not required)"),
    "pass": ("approved", "Met"),
}
"""Outcome of a reason → CSS class and heading, in the order in which they are shown."""

MAX_REASONS = 300
"""At most so many reasons of one outcome are listed; verdict.json holds all."""


MAX_GRAVE = 6
"""So many rules stand beside the decision; all reasons follow below."""


def write_report(
    path: Path,
    scorecard: Scorecard,
    verdict: Verdict,
    facts: Facts,
    neighbours: bytes | None = None,
    beside: Sequence[Release] = (),
) -> None:
    """Write the internal report of one release.

    ``neighbours``: the picture that ``evaluators.images.neighbours.nearest_grid`` makes of an image set;
    ``beside``: other releases of the data set, for a trade-off over ε.
    """
    shown = context(scorecard, verdict, facts, neighbours, beside)
    write_page(path, environment(), "report.html.j2", shown)


def context(
    scorecard: Scorecard,
    verdict: Verdict,
    facts: Facts,
    neighbours: bytes | None,
    beside: Sequence[Release],
) -> dict[str, Any]:
    """All that the template shows."""
    here = Release(facts, scorecard, verdict)
    return {
        "facts": facts,
        "samples": samples(scorecard),
        "policy": verdict.policy,
        "decision": (*DECISIONS[verdict.decision], verdict.in_short),
        "grave": grave(verdict),
        "noticed": verdict.noticed,
        "outcomes": [_outcome(verdict, name) for name in OUTCOMES if verdict.of(name)],  # type: ignore[arg-type]
        "headlines": headlines(scorecard, facts.claim),
        "guarantee": guarantee_words(facts.claim),
        "budget": budget(facts.budget, facts.claim.epsilon)
        if facts.budget and facts.claim
        else None,
        "charged": charged(scorecard),
        **_learned(scorecard),
        **_groups(scorecard),
        "histories": histories(scorecard),
        **_alike(scorecard),
        "images": nearest_images.overall(scorecard),
        "image_groups": nearest_images.by_slice(scorecard),
        "neighbours": nearest_images.as_uri(neighbours),
        "attacks": leaks.attack_plots(scorecard, facts.claim),
        "distances": leaks.distances(scorecard),
        "trade_offs": trade_offs((here, *beside)) if beside else [],
        "gaps": not_measured(scorecard),
        "tables": all_tables(scorecard),
        "count": len(scorecard),
        "max_rows": MAX_ROWS,
    }


def samples(card: Scorecard) -> list[str]:
    """Of how many rows figures are, where there are more."""
    return sorted({part for score in card for part in score.sample.split(", ") if part})


def _learned(card: Scorecard) -> dict[str, Any]:
    return {
        "utility": sections.utility_plots(card),
        "ceilings": learning.ceilings(card),
        "orders": learning.orders(card),
        "calibration": learning.calibration(card),
        "survival": learning.survival(card),
        "warnings": learning.warnings(card),
        "inference": learning.inference(card),
    }


def _groups(card: Scorecard) -> dict[str, Any]:
    charts = [
        group_chart(
            card,
            sections.main_metric(card, "fairness", target),
            target,
            sections.best_learner(card, target),
            order,
        )
        for target in sections.targets(card)
        for order in (1, 2)
    ]
    return {
        "group_charts": [c for c in charts if c],
        "fairness": sections.fairness_plots(card),
        "pairs": sections.pair_tables(card),
        "representation": resemblance.representation_plot(card),
        "lost_groups": resemblance.lost_groups(card),
    }


def _alike(card: Scorecard) -> dict[str, Any]:
    return {
        "similar": resemblance.overall(card),
        "k_marginals": resemblance.k_marginals(card),
        "k_marginal_groups": resemblance.k_marginal_plot(card),
        "worst_sets": resemblance.worst_sets(card),
        "columns": heatmap.worst_columns(card),
        "column_pairs": resemblance.worst_details(card, "quality.pair"),
        "heatmaps": heatmap.heatmaps(card),
        "told_apart": resemblance.told_apart(card),
        "support": resemblance.support(card),
        "beyond_chance": reader.beyond_chance(card),
        "seen": reader.seen(card),
        "relations": reader.relations(card),
    }


def _outcome(verdict: Verdict, name: Any) -> dict[str, Any]:
    """The reasons of one outcome, as texts."""
    reasons = verdict.of(name)
    css, heading = OUTCOMES[name]
    return {
        "name": name,
        "css": css,
        "heading": heading,
        "total": len(reasons),
        "rules": list(dict.fromkeys(r.rule for r in reasons)),
        "left_out": max(0, len(reasons) - MAX_REASONS),
        "reasons": [_reason(r) for r in reasons[:MAX_REASONS]],
    }


def grave(verdict: Verdict) -> list[str]:
    """What is told of the decision, as far as it fits beside it."""
    told = [f"{text[:1].upper()}{text[1:]}" for text in verdict.told]
    left_out = len(told) - MAX_GRAVE
    return told if left_out <= 0 else [*told[:MAX_GRAVE], f"and {left_out} more rules, below"]


def _reason(reason: Reason) -> dict[str, str]:
    about = (reason.target, reason.model.replace("_", " "), reason.slice)
    return {
        "rule": reason.rule,
        "figure": metric_words(reason.metric),
        "about": " · ".join(part for part in about if part and part != "all"),
        "value": number(reason.value),
        "threshold": reason.threshold,
        "text": reason.text,
        "remedy": reason.remedy,
    }


SPENT = 1e-3
"""With a smaller share of the budget left nothing is."""


def _left(epsilon: float, total: float) -> str:
    """What is left of a budget, in words; costs compose to less than their sum, so more than that may fit."""
    return f"at least {loss(epsilon)} left" if epsilon > SPENT * total else "nothing left"


def budget(budget: Budget, here: float) -> dict[str, Any]:
    """This release and all releases so far, as shares of the data set's lifetime budget."""

    def bar(epsilon: float, css: str) -> Any:
        share = epsilon / budget.total if budget.total > 0 and math.isfinite(epsilon) else 1.0
        return meter([(share, css)])

    return {
        "spent": budget.spent,
        "total": budget.total,
        "delta": budget.delta,
        "left": _left(budget.total - budget.spent, budget.total),
        "release_bar": bar(here, "fill"),
        "spent_bar": bar(budget.spent, "before"),
    }
