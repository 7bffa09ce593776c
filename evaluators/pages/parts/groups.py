"""The chart of a model's figure in every subgroup, or where subgroups meet: synthetic beside real.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evaluators.pages.drawing.charts import (
    Chart,
    Grid,
    axis,
    chart,
    lines_height,
    names_axis,
    plain,
    whiskers,
)
from evaluators.pages.drawing.page import number
from evaluators.pages.drawing.views import people, problem, spread
from evaluators.pages.parts.sections import by_group
from evaluators.score import Score, Scorecard
from evaluators.words import metric_words, worst_first

MOST = {1: 60, 2: 30}
"""At most so many groups are drawn, by how many subgroups meet in one: the worst ones."""

SERIES = (
    ("Trained on synthetic rows", "--blue", "circle", -0.16),
    ("Synthetic, insufficient evidence", "--wait", "circle-open", -0.16),
    ("Trained on real rows", "--ink", "diamond-open", 0.2),
)
"""Name, colour, mark, and how far beside the line of its group."""


Interval = tuple[float | None, float | None, float | None]
"""Value, low, high."""

NOTHING: Interval = (None, None, None)


def group_chart(
    card: Scorecard, metric: str, target: str, model: str, order: int
) -> Chart | Grid | None:
    """The figure by group, the worst first, those that cannot be judged below; a table where none can."""
    found = worst_first(by_group(card, metric, target, model, order))
    shown = found[: MOST[order]]
    if not shown:
        return None
    name = metric_words(metric)
    title = f"{name} for {target} {'by subgroup' if order == 1 else 'where two subgroups meet'}"
    grid = _grid(title, shown, len(found) - len(shown))
    if all(s.value is None for s in shown):
        return grid
    return chart(
        title,
        f"Learner: {model.replace('_', ' ')}, the best of those trained on real rows. Bars are "
        "95 % intervals over people.",
        _says(name, shown),
        _traces(shown),
        {
            "xaxis": axis(name[:1].upper() + name[1:]),
            "yaxis": names_axis([s.slice for s in shown]),
            "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        },
        grid,
        lines_height(len(shown)),
    )


def _traces(scores: Sequence[Score]) -> list[dict[str, Any]]:
    series: tuple[list[Interval], ...] = (
        [(s.value, s.low, s.high) if s.status == "ok" else NOTHING for s in scores],
        [(s.value, s.low, s.high) if s.status != "ok" else NOTHING for s in scores],
        [(s.baseline, None, None) for s in scores],
    )
    hover = [plain(_hover(s)).replace("\n", "<br>") for s in scores]
    traces: list[dict[str, Any]] = []
    for (name, color, symbol, beside), points in zip(SERIES, series, strict=True):
        x, low, high = ([p[i] for p in points] for i in range(3))
        if all(v is None for v in x):
            continue
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": x,
                "y": [i + beside for i in range(len(x))],
                "error_x": whiskers(x, low, high, color),
                "marker": {
                    "color": color,
                    "symbol": symbol,
                    "size": 9,
                    "line": {"width": 1.6, "color": color},
                },
                "hovertext": hover,
                "hoverinfo": "text",
            }
        )
    return traces


def _hover(score: Score) -> str:
    lines = (
        score.slice,
        people(score),
        f"synthetic {number(score.value)} {spread(score)}",
        f"real {number(score.baseline)}",
        problem(score),
    )
    return "\n".join(line for line in lines if line)


def _grid(title: str, scores: Sequence[Score], left_out: int) -> Grid:
    rows = tuple(
        (
            (s.slice, people(s)),
            (number(s.value), spread(s)),
            (number(s.baseline), ""),
            (problem(s) or "judged", ""),
        )
        for s in scores
    )
    return Grid(("Group", "Synthetic", "Real", "Evidence"), rows, title, left_out=left_out)


def _says(name: str, scores: Sequence[Score]) -> str:
    judged = [s for s in scores if s.status == "ok" and s.value is not None]
    if not judged:
        return f"{name} of {len(scores)} groups, none of which has enough people to be judged."
    worst, best = judged[0], judged[-1]
    beside = "" if worst.baseline is None else f", where real rows give {number(worst.baseline)}"
    return (
        f"{name} of {len(judged)} groups that can be judged, from {number(worst.value)} in "
        f"{worst.slice}{beside}, to {number(best.value)} in {best.slice}; "
        f"{len(scores) - len(judged)} groups shown cannot be judged."
    )
