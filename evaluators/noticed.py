"""What strikes a reader who puts synthetic rows beside real ones, in sentences: told with every verdict.

Privacy claim: none; quotes internal scores.
"""

from __future__ import annotations

from collections.abc import Iterator

from evaluators.score import Scorecard

TOLD_APART = 0.6
"""With an interval above this AUROC it is said that rows are told apart, and by what."""

RELATIONS = 3
"""So many broken relations are told, the worst first."""

BROKEN = 0.005
"""A relation that fewer synthetic rows break is not told."""

ROWS_APART = 0.05
STRANGERS = 0.5
"""From here on it is said that people have too many or too few rows, and that their rows are strangers'."""


def noticed(card: Scorecard) -> tuple[str, ...]:
    """That a classifier tells the tables apart, and by what; which relations of real rows are broken;
    histories."""
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
            f"{score.value:.0%} of synthetic rows break what every real row keeps: {score.detail}; what is so "
            "by nature, a schema may say under `relations:`"
        )
    return (*found, *_histories(card))


def _histories(card: Scorecard) -> Iterator[str]:
    """That synthetic people's rows are no histories, or not such as real people have."""
    for score in card.filter(metric="histories.broken", status="ok"):
        if score.value:
            yield f"synthetic people have histories that the schema rules out: {score.detail}"
    for score in card.filter(metric="histories.rows_excess", status="ok", order=0):
        if (score.low or 0) > ROWS_APART:
            yield f"people have another number of rows than real ones: {score.detail}"
    for score in card.filter(metric="histories.strangers", status="ok", order=0):
        if (score.low or 0) > STRANGERS:
            yield (
                "the rows of a synthetic person follow one another hardly better than rows of strangers do "
                f"({score.value:.0%} of the way there)"
            )


def given_away(card: Scorecard) -> str:
    """By which columns a classifier tells synthetic rows, in words; empty where it cannot."""
    columns = card.filter(metric="propensity.gives_away", status="ok")
    if len(columns):
        return f"given away by {', '.join(f'{s.detail} ({s.value:.2f})' for s in columns)}"
    told = card.filter(lambda s: (s.low or 0) > TOLD_APART, metric="propensity.auroc", status="ok")
    return "given away by no column alone, but by how columns go together" if len(told) else ""
