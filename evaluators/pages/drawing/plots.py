"""Small plots as inline SVG: a row of marks on a shared scale, bars, and the scale itself.

Positions are percentages, so that a plot takes the width of its table cell while its lines and
letters keep their size. Every plot stands beside the figures it draws, so it is hidden from
screen readers; shapes, not colours alone, tell marks apart: a filled dot, a hollow diamond, an
upright tick.

Privacy claim: none; draws what it is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

EDGE = 4.0
"""Per cent left free at both ends, so that marks and tick labels are not cut."""

Shape = Literal["dot", "diamond", "tick"]


@dataclass(frozen=True)
class Mark:
    """A figure, with its interval where it has one; ``weak`` marks one that must not be used."""

    shape: Shape
    value: float | None
    low: float | None = None
    high: float | None = None
    weak: bool = False


@dataclass(frozen=True)
class Axis:
    """A linear scale with round ticks; ``reference`` is drawn as a line (zero, say)."""

    ticks: tuple[float, ...]
    reference: float | None = None

    def at(self, value: float) -> float:
        """Per cent of the width, inside the scale."""
        low, high = self.ticks[0], self.ticks[-1]
        share = (value - low) / (high - low)
        return EDGE + (100 - 2 * EDGE) * min(max(share, 0.0), 1.0)


def axis_for(values: Iterable[float | None], reference: float | None = None) -> Axis:
    """A scale with four to eight round ticks around all the values and the reference."""
    known = [v for v in (*values, reference) if v is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.05, high + 0.05
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(m * size for m in (1, 2, 5, 10) if m * size >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(tuple(round(i * step, 12) for i in range(first, last + 1)), reference)


def scale(axis: Axis) -> Markup:
    """The tick labels of a scale; a dense scale labels every other tick."""
    every = 1 if len(axis.ticks) <= 6 else 2
    texts = [
        f'<text x="{axis.at(t):.2f}%" y="15">{_tick(t, axis)}</text>' for t in axis.ticks[::every]
    ]
    return _svg(20, "scale", texts)


def _tick(value: float, axis: Axis) -> str:
    step = axis.ticks[1] - axis.ticks[0]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def strip(axis: Axis, marks: Sequence[Mark], height: int = 30) -> Markup:
    """One row of marks over the scale's grid; dots and diamonds are set on lines of their own."""
    parts = [_line(axis.at(t), 0, height, "grid") for t in axis.ticks]
    if axis.reference is not None:
        parts.append(_line(axis.at(axis.reference), 0, height, "reference"))
    lanes = sorted({m.shape for m in marks if m.shape != "tick"}, reverse=True)
    for mark in marks:
        if mark.value is None:
            continue
        if mark.shape == "tick":
            parts.append(_line(axis.at(mark.value), 3, height - 3, "tick"))
        else:
            lane = lanes.index(mark.shape) + 1
            parts += _point(axis, mark, round(height * lane / (len(lanes) + 1)))
    return _svg(height, "strip", parts)


def _point(axis: Axis, mark: Mark, y: int) -> list[str]:
    assert mark.value is not None
    weak = " weak" if mark.weak else ""
    parts = []
    if mark.low is not None and mark.high is not None:
        a, b = axis.at(mark.low), axis.at(mark.high)
        css = f"whisker {mark.shape}{weak}"
        parts.append(f'<line class="{css}" x1="{a:.2f}%" x2="{b:.2f}%" y1="{y}" y2="{y}"/>')
        parts += [_line(x, y - 3, y + 3, css) for x in (a, b)]
    return [*parts, _symbol(mark.shape, axis.at(mark.value), y, weak)]


def _symbol(shape: Shape, x: float, y: int, weak: str) -> str:
    if shape == "dot":
        return f'<circle class="mark dot{weak}" cx="{x:.2f}%" cy="{y}" r="4.5"/>'
    path = '<path d="M0-5L5 0 0 5-5 0z"/>'
    return f'<svg class="mark {shape}{weak}" x="{x:.2f}%" y="{y}" overflow="visible">{path}</svg>'


def key(shape: Shape) -> Markup:
    """A mark on its own, for a legend."""
    symbol = _line(50, 2, 14, "tick") if shape == "tick" else _symbol(shape, 50, 8, "")
    return Markup('<svg class="key" width="18" height="16" aria-hidden="true">{}</svg>').format(
        Markup(symbol)  # noqa: S704 (made of numbers)
    )


def meter(parts: Sequence[tuple[float, str]], height: int = 18) -> Markup:
    """A bar over the whole width; shares of it are filled from the left, each in its class."""
    drawn = [f'<rect class="rest" x="0" y="0.5" width="100%" height="{height - 1}"/>']
    start = 0.0
    for share, css in parts:
        share = min(max(share, 0.0), 1.0 - start)
        place = f'x="{100 * start:.2f}%" width="{100 * share:.2f}%"'
        drawn.append(f'<rect class="{css}" {place} y="0.5" height="{height - 1}"/>')
        start += share
    return _svg(height, "meter", drawn)


def histogram(shares: Sequence[float], height: int = 44) -> Markup:
    """Upright bars of equal width, as high as their share of the tallest."""
    width, top = 100 / max(1, len(shares)), max(shares, default=0.0) or 1.0
    parts = [f'<line class="base" x1="0" x2="100%" y1="{height - 0.5}" y2="{height - 0.5}"/>']
    for i, share in enumerate(shares):
        tall = (height - 2) * share / top
        parts.append(
            f'<rect class="bar" x="{width * i:.2f}%" y="{height - 1 - tall:.2f}" '
            f'width="{width * 0.88:.2f}%" height="{tall:.2f}"/>'
        )
    return _svg(height, "histogram", parts)


def _line(x: float, top: float, bottom: float, css: str) -> str:
    return f'<line class="{css}" x1="{x:.2f}%" x2="{x:.2f}%" y1="{top}" y2="{bottom}"/>'


def _svg(height: int, css: str, parts: Iterable[str]) -> Markup:
    body = "".join(parts)
    return Markup(  # noqa: S704 (made of numbers and of class names above)
        f'<svg class="{css}" width="100%" height="{height}" aria-hidden="true">{body}</svg>'
    )
