"""Histories as one SVG file: a lane for each unit, its rows along an axis, in light colours everywhere.

Numbers are lines on a scale that all lanes share, categories marks whose shapes differ as well as their
colours; a row whose value is missing is a hollow ring, or a gap in a line.

Privacy claim: none; draws what it is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import escape

from evaluators.pages.drawing.page import number
from evaluators.pages.drawing.plots import axis_for
from flows.cards.histories import REST, Histories, Track

WIDTH, LEFT, RIGHT = 1000, 150, 70
"""The picture, and what is left of it beside the lanes for names and scales, in pixels."""
TITLE, NUMBERS, MARKS, BETWEEN, HEAD = 26, 46, 24, 18, 30
"""Heights: of a lane's title, of a line, of a row of marks, between lanes, of a row of the legend."""
INSET = 14
"""Room at both ends of the axis, so that marks are not cut."""

INK, SOFT, LINE, WASH, BLUE = "#1b1f24", "#565e68", "#d5d9de", "#f5f6f8", "#0b5c9e"
COLOURS = ("#0b5c9e", "#d55e00", "#00855f", "#b3468f", "#b07d00", "#5a9bd4", "#6b3fa0", "#7a1f1f")
STEPS = ("#9cc7ea", "#64a3d8", "#2f7fc0", "#0b5c9e", "#083f6d", "#05233d")
"""Of categories in an order, from light to dark."""
GREY = "#8d97a3"
SHAPES = (
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0z",
    "M-4.5-4.5H4.5V4.5H-4.5z",
    "M0-5.8L5.6 4.2H-5.6z",
    "M0-6L6 0 0 6-6 0z",
    "M0 5.8L5.6-4.2H-5.6z",
    "M-2-5.5H2V-2H5.5V2H2V5.5H-2V2H-5.5V-2H-2z",
)

LETTER = 6.4
"""A letter of the small font takes about so many pixels."""
FONT = "font-family=\"system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif\""


@dataclass(frozen=True)
class _Scale:
    """From what an axis counts to pixels; ``ticks`` are round and inside it, ``step`` apart."""

    low: float
    high: float
    ticks: tuple[float, ...]
    step: float

    @classmethod
    def of(cls, values: Sequence[float]) -> _Scale:
        low, high = min(values), max(values)
        round_ = axis_for(values).ticks
        inside = tuple(t for t in round_ if low <= t <= high)
        return cls(low, high, inside, round_[1] - round_[0])

    def __call__(self, value: float) -> float:
        wide = WIDTH - LEFT - RIGHT - 2 * INSET
        share = 0.5 if self.high == self.low else (value - self.low) / (self.high - self.low)
        return LEFT + INSET + wide * share


def draw(shown: Histories) -> str:
    """The picture as the text of an SVG file, 1000 pixels wide."""
    along = _Scale.of([x for person in shown.people for x in person.at])
    parts, y = list(_legend(shown)), _legend_height(shown)
    for i, person in enumerate(shown.people):
        name = _short(f"{shown.unit} {person.name}", 24)
        facts = _short(" · ".join(person.facts), 100)
        parts.append(_text(0, y + 17, name, weight=600))
        parts.append(_text(LEFT, y + 17, facts, colour=SOFT))
        y += TITLE
        tall = sum(map(_height, shown.tracks)) or MARKS
        parts.append(
            f'<rect x="{LEFT}" y="{y}" width="{WIDTH - LEFT - RIGHT}" height="{tall}" fill="{WASH}"/>'
        )
        parts += [_upright(along(t), y, y + tall) for t in along.ticks]
        if not shown.tracks:
            parts += [_mark(along(x), y + MARKS / 2, SHAPES[0], BLUE) for x in person.at]
        top = y
        for track in shown.tracks:
            if top > y:
                parts.append(
                    f'<rect x="{LEFT}" y="{top - 1}" width="{WIDTH - LEFT - RIGHT}" height="2" fill="#fff"/>'
                )
            parts += _drawn(track, i, [along(x) for x in person.at], top)
            top += _height(track)
        y += tall + BETWEEN
    parts += _ticks(along, y - BETWEEN + 18)
    parts.append(_text(LEFT, y + 24, shown.axis, colour=SOFT))
    return _svg(shown.alt, y + 34, parts)


def _height(track: Track) -> int:
    return NUMBERS if track.kind == "number" else MARKS


def _drawn(track: Track, i: int, xs: Sequence[float], top: float) -> Iterator[str]:
    """One column of one person."""
    tall = _height(track)
    yield _text(LEFT - 10, top + tall / 2 + 4, _short(track.name, 20), colour=SOFT, anchor="end")
    if track.kind == "number":
        yield from _line(track, i, xs, top)
        return
    y = top + tall / 2
    yield f'<line x1="{xs[0]:.1f}" x2="{xs[-1]:.1f}" y1="{y}" y2="{y}" stroke="{LINE}" stroke-width="2"/>'
    for x, place in zip(xs, track.values[i], strict=True):
        yield _mark(x, y, *_look(track, int(place)))


def _line(track: Track, i: int, xs: Sequence[float], top: float) -> Iterator[str]:
    """Numbers as dots, joined where no row between them lacks one; the ends of the scale stand at the right."""
    known = [v for values in track.values for v in values if math.isfinite(v)]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    room = NUMBERS - 18

    def at(value: float) -> float:
        return top + 9 + (room / 2 if high == low else room * (high - value) / (high - low))

    for value in dict.fromkeys((high, low)) if known else ():
        yield _text(WIDTH - RIGHT + 8, at(value) + 4, number(value), colour=SOFT, size=10)
    run: list[str] = []
    for x, value in [*zip(xs, track.values[i], strict=True), (0.0, math.nan)]:
        if math.isfinite(value):
            run.append(f"{x:.1f},{at(value):.1f}")
        else:
            if len(run) > 1:
                yield f'<polyline points="{" ".join(run)}" fill="none" stroke="{BLUE}" stroke-width="1.6"/>'
            yield from (
                f'<circle cx="{c.split(",")[0]}" cy="{c.split(",")[1]}" r="2.8" fill="{BLUE}"/>'
                for c in run
            )
            run = []


def _look(track: Track, place: int) -> tuple[str, str]:
    """The shape and colour of a category; a ring stands for none."""
    if place < 0:
        return SHAPES[0], ""
    if track.legend[place] == REST:
        return SHAPES[0], GREY
    if track.kind == "ordinal":
        step = (place + 0.5) / len(track.legend) * len(STEPS)
        return SHAPES[0], STEPS[int(step)]
    return SHAPES[place % len(SHAPES)], COLOURS[place % len(COLOURS)]


def _mark(x: float, y: float, shape: str, colour: str) -> str:
    look = f'fill="{colour}" stroke="#fff"' if colour else f'fill="#fff" stroke="{GREY}"'
    return f'<path d="{shape}" transform="translate({x:.1f} {y:.1f})" {look}/>'


def _legend(shown: Histories) -> Iterator[str]:
    """A row for each column of categories."""
    yield _text(0, 18, shown.title, weight=600)
    y = 26.0
    for track in _explained(shown):
        yield _text(LEFT - 10, y + 15, _short(track.name, 20), colour=SOFT, anchor="end")
        x = float(LEFT + INSET)
        places = [*range(len(track.legend)), *([-1] if _lacks(track) else [])]
        for place in places:
            name = _short(track.legend[place] if place >= 0 else "missing", 18)
            if x + 14 + LETTER * len(name) > WIDTH:
                break
            yield _mark(x, y + 11, *_look(track, place))
            yield _text(x + 11, y + 15, name)
            x += 34 + LETTER * len(name)
        y += 22


def _explained(shown: Histories) -> list[Track]:
    return [t for t in shown.tracks if t.kind != "number"]


def _lacks(track: Track) -> bool:
    return any(place < 0 for values in track.values for place in values)


def _legend_height(shown: Histories) -> int:
    return HEAD + 22 * len(_explained(shown)) + 6


def _ticks(along: _Scale, y: float) -> Iterator[str]:
    digits = max(0, -math.floor(math.log10(along.step) + 1e-9))
    for tick in along.ticks:
        text = f"{tick:,.{digits}f}".replace("-", "\N{MINUS SIGN}")
        yield _text(along(tick), y, text, colour=SOFT, anchor="middle")


def _upright(x: float, top: float, bottom: float) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="#e3e6ea"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    colour: str = INK,
    size: int = 13,
    weight: int = 400,
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _short(text: str, most: int) -> str:
    """On one line, cut where it is too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _svg(alt: str, height: float, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="-12 -6 {WIDTH + 24} {height + 12:.0f}" role="img" {FONT}>\n'
        f"<title>{escape(_short(alt, 200))}</title>\n"
        f'<rect x="-12" y="-6" width="{WIDTH + 24}" height="{height + 12:.0f}" fill="#fff"/>\n'
        f"{body}\n</svg>\n"
    )
