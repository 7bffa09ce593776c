"""What a report says of what a reader sees: columns on their original values, and relations that rows break.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

from evaluators.pages.drawing.page import number, percent
from evaluators.pages.drawing.views import Plot, one_mark, pair_marks, plot, problem, spread
from evaluators.score import Score, Scorecard
from evaluators.words import metric_words, worst_first

MOST = 20
SAID = 3
"""So many of the worst columns are named for each figure."""

EXCESS = ("column.tv_excess", "column.ks_excess")
SEEN = (
    "column.lost_share",
    "column.spikes",
    "column.decimals",
    "column.multiples",
    "column.tails",
    "column.wasserstein",
)


def beyond_chance(card: Scorecard) -> Plot | None:
    """How far columns are off beyond chance, the worst first."""
    return plot(
        "How far each column is off, beyond chance",
        "Largest difference of shares, of categories (total variation) or of all numbers up to a value "
        "(Kolmogorov), less what two samples of the same people differ by. Original values, before they "
        "became other and before bins.",
        ("Column", "Synthetic | real train rows"),
        worst_first(card.filter(lambda s: s.metric in EXCESS))[:MOST],
        pair_marks,
        lambda s: (
            f"{number(s.value, signed=True)} {spread(s, signed=True)}".strip(),
            f"real train rows {number(s.baseline, signed=True)}",
        ),
        (("dot", "synthetic rows, 95 % interval"), ("diamond", "real train rows")),
        reference=0.0,
        label=lambda s: f"{s.detail} ({metric_words(s.metric).partition(', ')[2]})",
    )


def seen(card: Scorecard) -> list[tuple[str, str]]:
    """Each figure's worst columns, where they are worse than those of real train rows."""
    found = []
    for metric in SEEN:
        worse = [s for s in worst_first(card.filter(metric=metric, status="ok")) if _worse(s)]
        if worse:
            more = len(worse) - SAID
            said = [f"{s.detail}: {_against(s)}" for s in worse[:SAID]]
            rest = [f"and {more} more columns"] if more > 0 else []
            found.append((metric_words(metric).partition(", ")[2], "; ".join([*said, *rest])))
    return found


def _worse(score: Score) -> bool:
    return score.low is not None and score.baseline is not None and score.low > score.baseline


def _against(score: Score) -> str:
    return f"{number(score.value)} (real train rows {number(score.baseline)})"


def relations(card: Scorecard) -> Plot | None:
    """What every real row keeps, and the share of synthetic rows that do not."""
    return plot(
        "Relations that real rows keep",
        "Found in the train rows, confirmed in the holdout. Share of synthetic rows that break them.",
        ("Relation", "Broken"),
        worst_first(card.filter(metric="relation.broken"))[:MOST],
        one_mark,
        lambda s: (
            problem(s) or percent(s.value or 0.0),
            f"real rows {percent(s.baseline or 0.0)}",
        ),
        reference=0.0,
        label=lambda s: s.detail or "any",
    )
