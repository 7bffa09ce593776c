"""Association heatmaps (difference, real, synthetic), and the columns that are furthest off.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from evaluators.pages.drawing.charts import (
    Chart,
    Grid,
    axis,
    chart,
    lines_height,
    names_axis,
    plain,
)
from evaluators.pages.drawing.page import number
from evaluators.score import Score, Scorecard
from evaluators.words import worst_first

PAIR = re.compile(r"(?P<a>.+?) × (?P<b>.+) \((?P<kind>\w+)\)")
KINDS = {
    "pearson": "Pearson",
    "cramers_v": "Cramér's V",
    "correlation_ratio": "correlation ratio",
}
MOST_COLUMNS, MOST_PAIRS, MOST_BARS = 40, 60, 25
"""At most so many columns are drawn, those furthest off; and so many pairs stand in the table."""

Pairs = Mapping[tuple[str, str], Score]


def heatmaps(card: Scorecard) -> list[Chart]:
    """How strongly columns go together: the difference first, then real people and synthetic rows."""
    pairs = _pairs(card)
    known = {p: s for p, s in pairs.items() if s.value is not None and s.baseline is not None}
    if not known:
        return []
    columns = list(dict.fromkeys(name for pair in pairs for name in pair))
    furthest = {
        c: max((abs(s.value or 0) for p, s in known.items() if c in p), default=0.0)
        for c in columns
    }
    kept = set(sorted(columns, key=lambda c: -furthest[c])[:MOST_COLUMNS])
    columns = [c for c in columns if c in kept]
    worst = sorted(known.items(), key=lambda item: -abs(item[1].value or 0.0))
    (a, b), first = worst[0]
    furthest_off = (
        f"Furthest off: {a} and {b}, {number(_synthetic(first))} where real rows have "
        f"{number(first.baseline)}."
    )
    table = _grid(worst)
    views: tuple[tuple[str, str, Callable[[Score], float | None]], ...] = (
        ("Synthetic − real", furthest_off, lambda s: s.value),
        ("Among real people held out", "Associations among real people.", lambda s: s.baseline),
        ("Among synthetic rows", "Associations among synthetic rows.", _synthetic),
    )
    return [_map(columns, pairs, table, *view) for view in views]


def _pairs(card: Scorecard) -> Pairs:
    found = {}
    for score in card.filter(metric="association.difference"):
        if match := PAIR.fullmatch(score.detail):
            found[match["a"], match["b"]] = score
    return found


def _synthetic(score: Score) -> float | None:
    if score.value is None or score.baseline is None:
        return None
    return score.value + score.baseline


def _kind(score: Score) -> str:
    match = PAIR.fullmatch(score.detail)
    return "" if match is None else KINDS.get(match["kind"], match["kind"])


def _map(
    columns: Sequence[str],
    pairs: Pairs,
    grid: Grid,
    title: str,
    says: str,
    figure: Callable[[Score], float | None],
) -> Chart:
    z: list[list[float | None]] = []
    for row in columns:
        cells = [pairs.get((row, c)) or pairs.get((c, row)) for c in columns]
        z.append([None if s is None or (v := figure(s)) is None else round(v, 4) for s in cells])
    size = len(columns)
    below = names_axis(columns) | {"range": [-0.5, size - 0.5], "tickangle": -60}
    trace = {
        "type": "heatmap",
        "z": z,
        "zmin": -1,
        "zmax": 1,
        "colorscale": [[0, "--cold"], [0.5, "--paper"], [1, "--hot"]],
        "colorbar": {"thickness": 10, "len": 0.9, "outlinewidth": 0, "tickvals": [-1, 0, 1]},
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hoverinfo": "text",  # made on the page, of names and figure
    }
    layout = {
        "plot_bgcolor": "--rest",
        "xaxis": below,
        "yaxis": names_axis(columns) | {"range": [size - 0.5, -0.5]},
    }
    return chart(title, "", says, [trace], layout, grid, min(720, 190 + 17 * size))


def _grid(worst: Sequence[tuple[tuple[str, str], Score]]) -> Grid:
    rows = tuple(
        (
            (f"{a} × {b}", _kind(s)),
            (number(s.baseline), ""),
            (number(_synthetic(s)), ""),
            (number(s.value, signed=True), ""),
        )
        for (a, b), s in worst[:MOST_PAIRS]
    )
    head = ("Pair of columns", "Real", "Synthetic", "Difference")
    return Grid(head, rows, left_out=max(0, len(worst) - MOST_PAIRS))


def worst_columns(card: Scorecard) -> Chart | None:
    """The columns whose values are distributed least like real ones."""
    found = worst_first(card.filter(metric="quality.column", status="ok"))
    shown = found[:MOST_BARS]
    if not shown:
        return None
    names = [s.detail for s in shown]
    values = [s.value or 0.0 for s in shown]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": list(range(len(shown))),
        "marker": {"color": "--blue"},
        "width": 0.6,
        "hovertext": [f"{plain(s.detail)}<br>{number(s.value)} of 1" for s in shown],
        "hoverinfo": "text",
    }
    layout = {
        "xaxis": axis("Similarity of the column; 1 is identical", range=[0, 1]),
        "yaxis": names_axis(names),
    }
    rows = tuple(((s.detail, ""), (number(s.value), "")) for s in shown)
    return chart(
        "Columns, worst first",
        "How alike a column's values are among synthetic rows and among real people.",
        f"The worst column is {names[0]} with {number(values[0])} of 1.",
        [trace],
        layout,
        Grid(("Column (measure)", "Similarity"), rows, left_out=len(found) - len(shown)),
        lines_height(len(shown)),
    )
