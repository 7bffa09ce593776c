"""What strikes a reader who puts synthetic rows beside real ones, in sentences: told with every verdict.

Privacy claim: none; quotes internal scores.
"""

from __future__ import annotations

from evaluators.score import Scorecard

TOLD_APART = 0.6
"""With an interval above this AUROC it is said that rows are told apart, and by what."""

RELATIONS = 3
"""So many broken relations are told, the worst first."""

BROKEN = 0.005
"""A relation that fewer synthetic rows break is not told."""


def noticed(card: Scorecard) -> tuple[str, ...]:
    """That a classifier tells the tables apart, and by what; which relations of real rows are broken."""
    found = []
    apart = card.filter(lambda s: (s.low or 0) > TOLD_APART, metric="propensity.auroc", status="ok")
    if len(apart):
        worst = max(s.value or 0.0 for s in apart)
        found.append(
            f"a classifier tells synthetic from real rows at AUROC {worst:.2f} (0.5 is best), "
            f"{given_away(card)}"
        )
    broken = card.filter(lambda s: (s.low or 0) > BROKEN, metric="relation.broken", status="ok")
    for score in sorted(broken, key=lambda s: -(s.value or 0.0))[:RELATIONS]:
        found.append(
            f"{score.value:.0%} of synthetic rows break what every real row keeps: {score.detail}"
        )
    return tuple(found)


def given_away(card: Scorecard) -> str:
    """By which columns a classifier tells synthetic rows, in words; empty where it cannot."""
    columns = card.filter(metric="propensity.gives_away", status="ok")
    if len(columns):
        return f"given away by {', '.join(f'{s.detail} ({s.value:.2f})' for s in columns)}"
    told = card.filter(lambda s: (s.low or 0) > TOLD_APART, metric="propensity.auroc", status="ok")
    return "given away by no column alone, but by how columns go together" if len(told) else ""
