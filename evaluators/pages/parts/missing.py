"""What was not measured, and why: every score whose figure must not be used, grouped by reason.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from evaluators.score import Score, Scorecard, Status
from evaluators.words import metric_words

MOST_NAMED = 12
"""At most so many of a kind are named; all stand among all scores."""

WORDS: dict[Status, str] = {
    "failed": "Failed: the computation stopped",
    "insufficient evidence": "Insufficient evidence",
}
FIRST_NUMBER = re.compile(r"^\d[\d,]*")


@dataclass(frozen=True)
class Gap:
    """A reason, how many scores it withholds, which figures and of whom."""

    status: str
    reason: str
    count: int
    figures: tuple[str, ...]
    figures_left_out: int
    groups: tuple[str, ...]
    groups_left_out: int


def not_measured(card: Scorecard) -> list[Gap]:
    """Failures first, then what concerns most scores."""
    found: dict[tuple[Status, str], list[Score]] = {}
    for score in card.filter(lambda s: s.status != "ok"):
        found.setdefault((score.status, _reason(score)), []).append(score)
    gaps = [_gap(status, reason, scores) for (status, reason), scores in found.items()]
    return sorted(gaps, key=lambda g: (g.status != WORDS["failed"], -g.count))


def _reason(score: Score) -> str:
    """The reason with its count of people left open, so that groups too small stand together."""
    return FIRST_NUMBER.sub("…", score.reason) or "no reason was given"


def _gap(status: Status, reason: str, scores: list[Score]) -> Gap:
    figures = list(dict.fromkeys(_figure(s) for s in scores))
    groups = list(dict.fromkeys(s.slice for s in scores if s.slice != "all"))
    return Gap(
        WORDS[status],
        reason,
        len(scores),
        tuple(figures[:MOST_NAMED]),
        max(0, len(figures) - MOST_NAMED),
        tuple(groups[:MOST_NAMED]),
        max(0, len(groups) - MOST_NAMED),
    )


def _figure(score: Score) -> str:
    about = (metric_words(score.metric), score.target, score.model.replace("_", " "))
    return " · ".join(part for part in about if part)
