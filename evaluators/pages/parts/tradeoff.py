"""Privacy against utility and fairness: the headlines of several releases over ε.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from evaluators.pages.drawing.charts import Chart, Grid, axis, chart, plain, short, whiskers
from evaluators.pages.drawing.page import loss, number
from evaluators.pages.parts.facts import Facts
from evaluators.pages.parts.headlines import GAP, UTILITY, WORST, Headline, headlines
from evaluators.score import Scorecard
from evaluators.verdict import Verdict

COLORS = ("--blue", "--hot", "--go", "--wait", "--violet", "--soft")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
DRAWN = (UTILITY, WORST, GAP)

DODGE, WIDEST = 1.05, 1.3
"""Generators at the same ε are drawn a little beside each other, by so many times their ε; first and last by no
more than so many."""

APART = 0.07
"""Ticks nearer to each other than this share of the axis are left out; the table has every ε."""

LEGEND = 21
"""Pixels of height that a generator's line of the legend takes."""

BEYOND = 10.0
"""Releases without a claim stand at so many times the largest ε, with a tick of their own."""


@dataclass(frozen=True)
class Release:
    """One release to compare; ``link``: the relative address of its report, empty where it has none."""

    facts: Facts
    scorecard: Scorecard
    verdict: Verdict
    link: str = ""


@dataclass(frozen=True)
class Point:
    """A headline of one release."""

    release: Release
    headline: Headline

    @property
    def epsilon(self) -> float | None:
        """What is claimed; None where nothing is, or nothing that bounds anything."""
        claim = self.release.facts.claim
        return claim.epsilon if claim and claim.bounded and claim.epsilon > 0 else None

    @property
    def generator(self) -> str:
        """Tables of unknown origin are not taken for those of one generator."""
        return self.release.facts.generator or self.release.facts.name


def trade_offs(releases: Sequence[Release]) -> list[Chart]:
    """A chart for each kind of headline and target that two releases or more have."""
    found: dict[tuple[str, str], list[Point]] = {}
    for release in releases:
        for headline in headlines(release.scorecard, release.facts.claim):
            if headline.kind in DRAWN:
                key = (headline.target, headline.kind)
                found.setdefault(key, []).append(Point(release, headline))
    order = sorted(found, key=lambda key: (key[0], DRAWN.index(key[1])))
    return [_chart(found[key]) for key in order if len(found[key]) > 1]


def _chart(points: Sequence[Point]) -> Chart:
    claimed = sorted({p.epsilon for p in points if p.epsilon is not None})
    last = BEYOND * (claimed[-1] if claimed else 0.1)
    names = list(dict.fromkeys(p.headline.name for p in points))
    generators = list(dict.fromkeys(p.generator for p in points))
    unclaimed = any(p.epsilon is None for p in points)
    ticks = spaced([*claimed, last] if unclaimed else claimed)
    texts = ["none claimed" if unclaimed and t == last else loss(t) for t in ticks]
    best, worst = (pick(points, key=_value) for pick in (max, min))
    ceiling = _ceiling(points)
    return chart(
        names[0],
        "" if ceiling is None else f"Dashed: trained on real rows, {number(ceiling)}.",
        f"{names[0]} of {len(points)} releases over the claimed ε: highest {number(_value(best))} "
        f"({best.release.facts.name}), lowest {number(_value(worst))} ({worst.release.facts.name}).",
        [t for g in generators for t in _traces(points, g, generators, last)],
        {
            "xaxis": axis(
                "ε, smaller protects more", type="log", tickvals=ticks, ticktext=texts, tickangle=0
            ),
            "yaxis": axis(),
            "shapes": [] if ceiling is None else [_dashed(ceiling)],
            "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        },
        Grid(("Release", "ε", "Figure", "Beside"), tuple(_row(p) for p in points)),
        300 + LEGEND * len(generators),
    )


def _ceiling(points: Sequence[Point]) -> float | None:
    """What training on real rows gives, where that is the same question for every release."""
    real = [p.headline.score.baseline for p in points if p.headline.kind == UTILITY]
    known = [v for v in real if v is not None]
    return fmean(known) if known else None


def _dashed(height: float) -> dict[str, Any]:
    """A line over the whole width, which widens the axis to hold it."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": height,
        "y1": height,
        "line": {"color": "--soft", "width": 1.5, "dash": "dash"},
    }


def _value(point: Point) -> float:
    return point.headline.score.value or 0.0


def spaced(places: Sequence[float]) -> list[float]:
    """Those of increasing places on a log axis that fit beside each other: both ends, then the roundest."""
    if len(places) < 3:
        return list(places)
    apart = APART * math.log(places[-1] / places[0])
    kept = [places[0], places[-1]]
    for place in sorted(places[1:-1], key=lambda p: (len(loss(p)), p)):
        if min(abs(math.log(place / other)) for other in kept) >= apart:
            kept.append(place)
    return sorted(kept)


def looks(i: int) -> tuple[str, str]:
    """Colour and symbol of the i-th generator; no two of the first 36 have both alike."""
    again = i // len(COLORS)
    return COLORS[i % len(COLORS)], SYMBOLS[(i + again) % len(SYMBOLS)]


def beside(i: int, of: int) -> float:
    """By how many times its ε the i-th of some generators is drawn, so that none hides another."""
    step = min(DODGE, WIDEST ** (1 / max(1, of - 1)))
    return float(step ** (i - (of - 1) / 2))


def _traces(
    points: Sequence[Point], generator: str, generators: Sequence[str], last: float
) -> list[dict[str, Any]]:
    """A generator's releases, and the mean of its seeds at each ε as a line."""
    mine = [p for p in points if p.generator == generator]
    i = generators.index(generator)
    (color, symbol), aside = looks(i), beside(i, len(generators))
    at = [aside * (p.epsilon or last) for p in mine]
    scores = [p.headline.score for p in mine]
    y = [_value(p) for p in mine]
    places = sorted({p.epsilon for p in mine if p.epsilon is not None})
    line: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "x": [aside * e for e in places],
        "y": [fmean(_value(p) for p in mine if p.epsilon == e) for e in places],
        "line": {"color": color, "width": 1.5},
        "showlegend": False,
        "hoverinfo": "skip",
    }
    dots: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "name": short(generator),
        "x": at,
        "y": y,
        "error_y": whiskers(y, [s.low for s in scores], [s.high for s in scores], color),
        "marker": {"color": color, "symbol": symbol, "size": 10},
        "hovertext": [_hover(p) for p in mine],
        "hoverinfo": "text",
    }
    return [line, dots] if len(places) > 1 else [dots]


def _hover(point: Point) -> str:
    headline = point.headline
    lines = (point.release.facts.name, headline.name, headline.figure, headline.beside)
    return "<br>".join(plain(line) for line in lines)


def _row(point: Point) -> tuple[tuple[str, str], ...]:
    facts = point.release.facts
    seed = "" if facts.seed is None else f", seed {facts.seed}"
    epsilon = "none claimed" if point.epsilon is None else loss(point.epsilon)
    return (
        (facts.name, f"{point.generator}{seed}"),
        (epsilon, ""),
        (point.headline.figure, ""),
        (point.headline.beside, ""),
    )
