"""Interactive charts: a plotly figure as plain data, a text that says what it shows, and its table.

Colours are names of CSS variables ("--blue"): the script on the page (``templates/charts.js``) puts
in those of the light, dark or printed page. All text is escaped twice over, since plotly reads a
little HTML in its labels and the figure stands in a script element.

Privacy claim: none; shows what it is given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from markupsafe import Markup

LINE = 27
"""Pixels of height for one line of a chart of groups or columns."""

MAX_LABEL = 34
"""Longer names are cut on an axis; hovering and the table show them whole."""

NARROW = {"l": 10, "r": 16, "t": 8, "b": 44}


@dataclass(frozen=True)
class Grid:
    """A table of texts; each cell has its text and a smaller one below it."""

    head: tuple[str, ...]
    rows: tuple[tuple[tuple[str, str], ...], ...]
    title: str = ""
    caption: str = ""
    left_out: int = 0


@dataclass(frozen=True)
class Chart:
    """``figure`` is JSON for the page's script; ``says`` stands for it where it cannot be seen."""

    title: str
    caption: str
    says: str
    figure: Markup
    height: int
    grid: Grid


def chart(
    title: str,
    caption: str,
    says: str,
    data: Sequence[Mapping[str, Any]],
    layout: Mapping[str, Any],
    grid: Grid,
    height: int = 340,
) -> Chart:
    """A chart from plotly traces and what is particular to its layout."""
    whole = {"height": height, "margin": NARROW, "hovermode": "closest", **layout}
    text = json.dumps({"data": data, "layout": whole}, ensure_ascii=False, allow_nan=False)
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Chart(title, caption, says, Markup(safe), height, grid)  # noqa: S704 (no < is left)


def plain(text: str) -> str:
    """Text as plotly shows it letter by letter, instead of reading tags and entities in it."""
    return escape(text, quote=False)


def short(text: str) -> str:
    """A name that fits beside an axis."""
    return plain(text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1].rstrip() + "…")


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """A numeric axis."""
    return {
        "title": {"text": plain(title), "standoff": 8},
        "automargin": True,
        "zeroline": False,
        "fixedrange": True,
        **more,
    }


def names_axis(names: Sequence[str]) -> dict[str, Any]:
    """An axis of names at 0, 1, …, the first on top; equal names keep places of their own."""
    places = list(range(len(names)))
    return axis(
        tickmode="array",
        tickvals=places,
        ticktext=[short(n) for n in names],
        range=[len(names) - 0.4, -0.6],
        showgrid=False,
        ticklabelstandoff=6,
    )


def lines_height(count: int) -> int:
    """The height of a chart with so many lines."""
    return 96 + LINE * count


def whiskers(
    values: Sequence[float | None],
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    color: str,
) -> dict[str, Any]:
    """Error bars from low to high; none where either end is missing."""
    up = [_reach(v, h, 1) for v, h in zip(values, highs, strict=True)]
    down = [_reach(v, low, -1) for v, low in zip(values, lows, strict=True)]
    return {
        "type": "data",
        "symmetric": False,
        "array": up,
        "arrayminus": down,
        "color": color,
        "thickness": 1.6,
        "width": 3,
    }


def _reach(value: float | None, end: float | None, sign: int) -> float:
    return 0.0 if value is None or end is None else max(0.0, sign * (end - value))
