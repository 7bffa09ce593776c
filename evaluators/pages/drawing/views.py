"""What a report shows of scores: rows of a dot-and-whisker plot, and rows of a table.

A figure whose status is not "ok" is drawn hollow and dashed, and its reason stands beside it.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluators.pages.drawing.page import number
from evaluators.pages.drawing.plots import Axis, Mark, Shape, axis_for, key, scale, strip
from evaluators.score import Score
from evaluators.words import badness, metric_words, worst_first

MAX_LINES = 60
"""A plot shows at most so many groups, the worst ones where there are more."""

MAX_ROWS = 20
"""A table shows at most so many scores of a metric, the worst; scores.parquet holds all."""


@dataclass(frozen=True)
class Line:
    """One row of a plot: for whom, on how many people, the marks, and the figures in words."""

    label: str
    note: str
    strip: Markup
    figures: tuple[str, ...]
    problem: str
    empty: bool


@dataclass(frozen=True)
class Plot:
    """A table whose middle column is drawn; ``legend`` names each shape."""

    title: str
    caption: str
    head: tuple[str, str]
    scale: Markup
    legend: tuple[tuple[Markup, str], ...]
    lines: tuple[Line, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Row:
    """One score as texts."""

    slice: str
    about: str
    people: str
    value: str
    interval: str
    baseline: str
    problem: str


@dataclass(frozen=True)
class Block:
    """The scores of one metric, worst first, and how many more there are."""

    metric: str
    rows: tuple[Row, ...]
    left_out: int


@dataclass(frozen=True)
class Table:
    """Scores under one heading, in blocks of one metric each."""

    title: str
    blocks: tuple[Block, ...]
    total: int


Marks = Callable[[Score], Sequence[Mark]]
Figures = Callable[[Score], tuple[str, ...]]


def plot(
    title: str,
    caption: str,
    head: tuple[str, str],
    scores: Iterable[Score],
    marks: Marks,
    figures: Figures,
    legend: Sequence[tuple[Shape, str]] = (),
    reference: float | None = None,
    label: Callable[[Score], str] = lambda s: s.slice,
) -> Plot | None:
    """A plot with one line a score, in their order; None where there is no score."""
    kept = list(scores)
    left_out = max(0, len(kept) - MAX_LINES)
    if left_out:
        worst = {id(s) for s in sorted(kept, key=badness, reverse=True)[:MAX_LINES]}
        kept = [s for s in kept if id(s) in worst]
    if not kept:
        return None
    drawn = [marks(s) for s in kept]
    axis = axis_for((v for ms in drawn for m in ms for v in (m.value, m.low, m.high)), reference)
    lines = tuple(
        Line(label(s), people(s), strip(axis, ms), figures(s), problem(s), _empty(s))
        for s, ms in zip(kept, drawn, strict=True)
    )
    keys = tuple((key(shape), text) for shape, text in legend)
    return Plot(title, caption, head, _scale(axis, drawn), keys, lines, left_out)


def pair_marks(score: Score) -> list[Mark]:
    """The figure with its interval, and its baseline."""
    weak = score.status != "ok"
    return [
        Mark("dot", score.value, score.low, score.high, weak),
        Mark("diamond", score.baseline, weak=weak),
    ]


def one_mark(score: Score) -> list[Mark]:
    """The figure with its interval."""
    return [Mark("dot", score.value, score.low, score.high, score.status != "ok")]


def _scale(axis: Axis, drawn: Sequence[Sequence[Mark]]) -> Markup:
    empty = all(m.value is None for ms in drawn for m in ms)
    return Markup("") if empty else scale(axis)


def _empty(score: Score) -> bool:
    return score.value is None and score.baseline is None


def people(score: Score) -> str:
    """ "1,204 people, 87 with the event"; of an attack, how many were in the training."""
    if score.n is None:
        return ""
    which = "in the training" if score.metric.startswith("attack.") else "with the event"
    events = "" if score.positives is None else f", {score.positives:,} {which}"
    return f"{score.n:,} people{events}"


def problem(score: Score) -> str:
    """Why a figure must not be used; empty where it may."""
    if score.status == "ok":
        return ""
    return f"{score.status}: {score.reason}" if score.reason else score.status


def spread(score: Score, signed: bool = False) -> str:
    """ "[0.81, 0.84]", or nothing where there is no interval."""
    if score.low is None or score.high is None:
        return ""
    return f"[{number(score.low, signed)}, {number(score.high, signed)}]"


def table(title: str, scores: Iterable[Score]) -> Table:
    """The worst scores of every metric as rows of text."""
    metrics: dict[str, list[Score]] = {}
    for score in scores:
        metrics.setdefault(score.metric, []).append(score)
    blocks = tuple(
        Block(
            metric_words(metric),
            tuple(_row(s) for s in worst_first(mine)[:MAX_ROWS]),
            max(0, len(mine) - MAX_ROWS),
        )
        for metric, mine in metrics.items()
    )
    return Table(title, blocks, sum(len(mine) for mine in metrics.values()))


def _row(score: Score) -> Row:
    about = [score.target, score.model, score.detail]
    rows = (
        ""
        if score.rows == "holdout"
        else f"on {'no real' if score.rows == 'none' else score.rows} rows"
    )
    return Row(
        slice=score.slice,
        about=" · ".join(part for part in (*about, rows) if part),
        people=people(score),
        value=number(score.value),
        interval=spread(score),
        baseline=f"{number(score.baseline)} ({score.baseline_name})" if score.baseline_name else "",
        problem=problem(score),
    )
