"""The internal report: one self-contained HTML page on which a custodian or a board can decide.

The decision and its reasons come first, then the budget, then utility, fairness and fidelity as
plots with intervals, and every score in tables. It shows figures on real rows.

Privacy claim: none; the page is internal and says so.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from evaluators import likeness, resemblance, sections
from evaluators.gate import Reason, Verdict
from evaluators.page import environment, number, write_page
from evaluators.plots import meter
from evaluators.score import Scorecard
from evaluators.views import MAX_ROWS
from evaluators.words import metric_words

DECISIONS = {
    "approved": ("approved", "Approved", "Everything that the policy requires was met."),
    "veto": ("veto", "Veto", "At least one rule is broken. Nothing may be published."),
    "insufficient evidence": (
        "insufficient",
        "Insufficient evidence",
        "No rule is broken, but not all that must be judged could be. Nothing may be published.",
    ),
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


def write_report(
    path: Path,
    scorecard: Scorecard,
    verdict: Verdict,
    label: dict[str, Any],
    neighbours: bytes | None = None,
) -> None:
    """Write the internal report of one release.

    ``label``: as ``flows.label`` makes it; ``neighbours``: the picture that
    ``evaluators.neighbours.nearest_grid`` makes of an image set.
    """
    shown = context(scorecard, verdict, label, neighbours)
    write_page(path, environment(), "report.html.j2", shown)


def context(
    scorecard: Scorecard,
    verdict: Verdict,
    label: dict[str, Any],
    neighbours: bytes | None = None,
) -> dict[str, Any]:
    """All that the template shows."""
    return {
        "label": label,
        "policy": verdict.policy,
        "decision": DECISIONS[verdict.decision],
        "outcomes": [_outcome(verdict, name) for name in OUTCOMES if verdict.of(name)],  # type: ignore[arg-type]
        "budget": budget(label),
        "utility": sections.utility_plots(scorecard),
        "fairness": sections.fairness_plots(scorecard),
        "pairs": sections.pair_tables(scorecard),
        "representation": resemblance.representation_plot(scorecard),
        "lost_groups": resemblance.lost_groups(scorecard),
        "similar": resemblance.overall(scorecard),
        "k_marginals": resemblance.k_marginals(scorecard),
        "k_marginal_groups": resemblance.k_marginal_plot(scorecard),
        "columns": resemblance.worst_details(scorecard, "quality.column"),
        "column_pairs": resemblance.worst_details(scorecard, "quality.pair"),
        "images": likeness.overall(scorecard),
        "image_groups": likeness.by_slice(scorecard),
        "attacks": likeness.attacks(scorecard),
        "neighbours": likeness.as_uri(neighbours),
        "tables": sections.all_tables(scorecard),
        "count": len(scorecard),
        "max_rows": MAX_ROWS,
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


def _reason(reason: Reason) -> dict[str, str]:
    about = (reason.target, reason.model.replace("_", " "), reason.slice)
    return {
        "rule": reason.rule,
        "figure": metric_words(reason.metric),
        "about": " · ".join(part for part in about if part and part != "all"),
        "value": number(reason.value),
        "threshold": reason.threshold,
        "text": reason.text,
    }


def budget(label: dict[str, Any]) -> dict[str, Any]:
    """This release and all releases so far, as shares of the data set's lifetime budget."""
    ledger = label["accounting"]["ledger"]
    total = ledger["data_set_epsilon_budget"]

    def bar(epsilon: float, css: str) -> Any:
        share = epsilon / total if total > 0 and math.isfinite(epsilon) else 1.0
        return meter([(share, css)])

    here, spent = label["guarantee"]["epsilon"], ledger["data_set_epsilon_spent"]
    return {
        "release": here,
        "spent": spent,
        "total": total,
        "left": max(0.0, total - spent),
        "release_bar": bar(here, "fill"),
        "spent_bar": bar(spent, "before"),
    }
