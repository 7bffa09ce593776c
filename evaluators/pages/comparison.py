"""The comparison page: releases of one data set side by side, on which a board can choose.

Decisions and headlines with intervals, privacy against utility and fairness as charts, and the figures in
which the releases differ most.

Privacy claim: none; the page shows internal scores and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.pages.drawing.charts import Grid
from evaluators.pages.drawing.page import DASH, environment, loss, number, write_page
from evaluators.pages.drawing.views import spread
from evaluators.pages.parts.headlines import Headline, headlines
from evaluators.pages.parts.tradeoff import Release, trade_offs
from evaluators.pages.report import DECISIONS
from evaluators.score import Score
from evaluators.words import badness, metric_words

MOST_DIFFERENCES = 40
"""At most so many figures are listed; each report has its own."""

COMPARED = (".difference", ".excess_gap", "quality.column", "representation_ratio")
"""Ends of metrics on a common scale, whose spread over releases can be ordered."""

UNBOUNDED = frozenset({"mae", "r2", "coefficient"})
"""Figures in units of the target, or without an end: not on that scale."""


@dataclass(frozen=True)
class Line:
    """One release in the table; ``figures`` stand under the page's columns."""

    name: str
    link: str
    about: str
    epsilon: str
    decision: tuple[str, str]
    figures: tuple[Headline | None, ...]


def write_comparison(path: Path, releases: Sequence[Release]) -> None:
    """Write the page; ``releases`` in the order in which they were given."""
    write_page(path, environment(), "compare.html.j2", context(releases))


def context(releases: Sequence[Release]) -> dict[str, Any]:
    """All that the template shows."""
    columns, lines = _lines(releases)
    return {
        "data_sets": list(dict.fromkeys(r.facts.data_set for r in releases)),
        "policies": list(dict.fromkeys(r.verdict.policy for r in releases)),
        "columns": columns,
        "lines": lines,
        "charts": trade_offs(releases),
        "differences": differences(releases),
    }


def _lines(releases: Sequence[Release]) -> tuple[list[str], list[Line]]:
    """The headlines that any release has, and what each release has under them."""
    found = [{h.name: h for h in headlines(r.scorecard, r.facts.claim)} for r in releases]
    columns = list(dict.fromkeys(name for names in found for name in names))
    lines = []
    for release, mine in zip(releases, found, strict=True):
        facts = release.facts
        seed = "" if facts.seed is None else f"seed {facts.seed}"
        cells = tuple(mine.get(name) for name in columns)
        bounded = facts.claim is not None and facts.claim.bounded
        lines.append(
            Line(
                facts.name,
                release.link,
                ", ".join(part for part in (facts.generator, seed) if part),
                loss(facts.claim.epsilon) if facts.claim and bounded else "none claimed",
                DECISIONS[release.verdict.decision][:2],
                cells,
            )
        )
    return columns, lines


def differences(releases: Sequence[Release]) -> Grid | None:
    """The figures in which releases lie furthest apart, with every release's own; the widest first."""
    known = [
        {_key(s): s for s in r.scorecard if s.status == "ok" and _on_the_scale(s)} for r in releases
    ]
    shared = [k for k in dict.fromkeys(k for mine in known for k in mine) if _several(known, k)]
    apart = {k: _apart([mine[k] for mine in known if k in mine]) for k in shared}
    differ = sorted((k for k in shared if apart[k] > 0), key=lambda k: -apart[k])
    shown = differ[:MOST_DIFFERENCES]
    if not shown:
        return None
    rows = tuple(
        (
            (metric_words(k[0]), " · ".join(part for part in k[1:] if part and part != "all")),
            *(_cell(mine.get(k)) for mine in known),
        )
        for k in shown
    )
    head = ("Figure", *(r.facts.name for r in releases))
    return Grid(head, rows, left_out=len(differ) - len(shown))


def _on_the_scale(score: Score) -> bool:
    common = score.metric.endswith(COMPARED) and not set(score.metric.split(".")) & UNBOUNDED
    return common and score.rows == "holdout"


def _key(score: Score) -> tuple[str, ...]:
    """What a figure is of."""
    return score.metric, score.target, score.model, score.slice, score.detail


def _several(known: Sequence[dict[tuple[str, ...], Score]], key: tuple[str, ...]) -> bool:
    return sum(key in mine for mine in known) > 1


def _apart(scores: Sequence[Score]) -> float:
    """How much worse the worst is than the best."""
    bad = [badness(s) for s in scores]
    return 0.0 if max(bad) == min(bad) else max(bad) - min(bad)


def _cell(score: Score | None) -> tuple[str, str]:
    return (DASH, "") if score is None else (number(score.value), spread(score))
