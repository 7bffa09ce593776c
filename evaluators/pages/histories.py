"""What a report says of histories: whether a person's rows follow one another as a real person's do.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

from typing import Any

from evaluators.pages.drawing.page import number, percent
from evaluators.pages.drawing.plots import Shape
from evaluators.pages.drawing.views import Plot, one_mark, pair_marks, plot, problem, spread
from evaluators.pages.parts.sections import MAJORITY
from evaluators.score import Score, Scorecard
from evaluators.words import metric_words, worst_first

FIGURES = (
    "rows",
    "transitions",
    "following",
    "first_last",
    "visited",
    "gaps",
    "span",
    "autocorrelation",
)
OF_COLUMNS = ("histories.transition_excess", "histories.autocorrelation_of_excess")
OF_TWO_TABLES = tuple(
    f"quality.tables{part}" for part in ("", ".cardinality", ".intertable_trends")
)
"""What SDMetrics says of people and their rows as two tables; the rest is in the table of every score."""
OF_GROUPS = ("histories.rows_excess", "histories.transitions_excess")
MOST = 20

BESIDE: tuple[tuple[Shape, str], ...] = (
    ("dot", "synthetic people, 95 % interval"),
    ("diamond", "real train people"),
)


def histories(card: Scorecard) -> dict[str, Any] | None:
    """All that the section shows; None where rows are no histories."""
    if not card.filter(lambda s: s.metric.startswith("histories.")):
        return None
    plots = [
        _everyone(card),
        _columns(card),
        _groups(card),
        _learned(card),
        _learned_by_group(card),
    ]
    return {"facts": list(_facts(card)), "plots": [p for p in plots if p]}


def _facts(card: Scorecard) -> list[tuple[str, str]]:
    found = []
    for score in card.filter(metric="histories.rows", order=0):
        found.append((metric_words(score.metric), problem(score) or score.detail))
    for score in card.filter(metric="histories.strangers", order=0):
        text = problem(score) or f"{percent(score.value or 0.0)} of the way to rows dealt at random"
        found.append(("steps from row to row", text))
    for score in card.filter(metric="histories.broken"):
        found.append(
            (
                metric_words(score.metric),
                problem(score) or f"{percent(score.value or 0.0)}: {score.detail}",
            )
        )
    for score in card.filter(metric="histories.broken_by_real"):
        found.append((metric_words(score.metric), f"{percent(score.value or 0.0)}: {score.detail}"))
    for score in card.filter(lambda s: s.metric in OF_TWO_TABLES):
        found.append((metric_words(score.metric), problem(score) or f"{number(score.value)} of 1"))
    return found


def _everyone(card: Scorecard) -> Plot | None:
    figures = [f"histories.{f}_excess" for f in FIGURES]
    return plot(
        "How far histories are off, beyond chance",
        "Distances between synthetic and real people, less what two groups of the same people differ by: of "
        "how many rows they have, of steps from row to row, first and last rows, and values visited (total "
        "variation, the mean over columns), of time (Kolmogorov), and of how alike rows are (the largest "
        "difference of a correlation). Of rows dealt to people at random stands what it would be in all.",
        ("Figure", "Synthetic | real train people"),
        card.filter(lambda s: s.metric in figures, order=0),
        pair_marks,
        _beside,
        BESIDE,
        reference=0.0,
        label=lambda s: metric_words(s.metric).removesuffix(", beyond chance"),
    )


def _columns(card: Scorecard) -> Plot | None:
    return plot(
        "Columns from row to row, worst first",
        "Steps of a column to its next value, and how alike a person's numbers are, beyond chance.",
        ("Column", "Synthetic | real train people"),
        worst_first(card.filter(lambda s: s.metric in OF_COLUMNS))[:MOST],
        pair_marks,
        _beside,
        BESIDE,
        reference=0.0,
        label=_column,
    )


def _column(score: Score) -> str:
    what = "likeness of rows" if "autocorrelation" in score.metric else "steps"
    about = score.detail.partition(";")[0]
    return f"{about} ({what})"


def _groups(card: Scorecard) -> Plot | None:
    return plot(
        "Histories of subgroups, beyond chance",
        "A person belongs to the groups of the first row.",
        ("Group and figure", "Synthetic | real train people"),
        card.filter(lambda s: s.metric in OF_GROUPS, order=1),
        pair_marks,
        _beside,
        BESIDE,
        reference=0.0,
        label=lambda s: f"{s.slice}: {metric_words(s.metric).removesuffix(', beyond chance')}",
    )


def _learned(card: Scorecard) -> Plot | None:
    return plot(
        "Models that learned from histories: synthetic − real",
        "What stays the same in all rows of a person is predicted from the whole history, what changes from "
        "a row and the one before it. Paired on the same people held out.",
        ("Target and learner", "Difference"),
        card.filter(lambda s: _is_main(s, "utility") and s.model != MAJORITY, order=0),
        one_mark,
        _signed,
        reference=0.0,
        label=lambda s: f"{s.target}, {s.model.replace('_', ' ')} ({_figure(s)})",
    )


def _learned_by_group(card: Scorecard) -> Plot | None:
    return plot(
        "Models that learned from histories, by subgroup: synthetic − real",
        "The worst first; of every learner.",
        ("Group and target", "Difference"),
        worst_first(card.filter(lambda s: _is_main(s, "fairness"), order=1))[:MOST],
        one_mark,
        _signed,
        reference=0.0,
        label=lambda s: f"{s.slice}: {s.target}, {s.model.replace('_', ' ')} ({_figure(s)})",
    )


MAIN = ("auroc", "accuracy", "c_index", "r2")


def _is_main(score: Score, family: str) -> bool:
    return score.metric in [f"histories.{family}.{m}.difference" for m in MAIN]


def _figure(score: Score) -> str:
    return metric_words(score.metric.split(".")[2])


def _beside(score: Score) -> tuple[str, ...]:
    dealt = score.detail.rpartition("; ")[2]
    return (
        f"{number(score.value, signed=True)} {spread(score, signed=True)}".strip(),
        f"real train people {number(score.baseline, signed=True)}",
        *([f"in all {dealt}"] if dealt.endswith("at random") and score.order == 0 else []),
    )


def _signed(score: Score) -> tuple[str, ...]:
    return number(score.value, signed=True), spread(score, signed=True)
