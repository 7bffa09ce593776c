"""What a report says of fidelity and representation: k-marginals, worst columns and pairs, shares.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

from typing import Any

from evaluators.pages.drawing.page import number, percent
from evaluators.pages.drawing.plots import meter
from evaluators.pages.drawing.views import Plot, one_mark, pair_marks, plot, problem, spread
from evaluators.score import Score, Scorecard
from evaluators.words import metric_words, worst_first


def k_marginals(card: Scorecard) -> list[dict[str, Any]]:
    """The overall k-marginal against the holdout, its subsample reading, and the ceiling."""
    found = []
    for score in card.filter(
        lambda s: s.metric.startswith("kmarginal.") and s.metric.count(".") == 1,
        slice="all",
        rows="holdout",
    ):
        reading = card.filter(
            metric=f"{score.metric}.subsample", slice="all", rows="holdout"
        ).scores
        found.append(
            {
                "name": metric_words(score.metric).partition(", ")[2],
                "value": score.value,
                "ceiling": score.baseline,
                "detail": score.detail,
                "meter": meter([((score.value or 0.0) / 1000, "fill")]),
                "reading": reading[0].value if reading else None,
                "reading_ceiling": reading[0].baseline if reading else None,
                "problem": problem(score),
            }
        )
    return found


def worst_details(card: Scorecard, metric: str, limit: int = 20) -> list[dict[str, Any]]:
    """The worst columns or pairs (``metric`` is a similarity, 1 is best), each with a bar."""
    return [
        {
            "name": s.detail,
            "value": s.value,
            "meter": meter([(s.value or 0.0, "fill")], height=12),
            "problem": problem(s),
        }
        for s in worst_first(card.filter(metric=metric))[:limit]
    ]


def k_marginal_plot(card: Scorecard) -> Plot | None:
    """The k-marginal inside each subgroup beside its ceiling, for the smallest k scored."""
    metrics = sorted({s.metric for s in card if s.metric.startswith("kmarginal.") and s.order == 1})
    if not metrics:
        return None
    return plot(
        f"{metric_words(metrics[0])}, inside each subgroup".replace(
            "k-marginal, ", "k-marginal over "
        ),
        "Do the synthetic members of a group look like its real members? 1000 is best.",
        ("Group", "Synthetic | ceiling"),
        card.filter(metric=metrics[0], order=1),
        pair_marks,
        lambda s: (number(s.value), f"ceiling {number(s.baseline)}"),
        (("dot", "synthetic rows"), ("diamond", "ceiling: the real train rows")),
    )


def overall(card: Scorecard) -> list[tuple[str, str]]:
    """Figures on the whole table, each with its name."""
    found = [
        (metric_words(s.metric), problem(s) or f"{number(s.value)} of 1")
        for name in ("quality", "diagnostic")
        for s in card.filter(metric=name)
    ]
    for s in card.filter(metric="association.mean_difference"):
        name = f"{metric_words(s.metric)} ({s.detail.replace('_', ' ')})"
        found.append(
            (name, problem(s) or f"{number(s.value)}; {s.baseline_name} {number(s.baseline)}")
        )
    for s in card.filter(metric="propensity.pmse_ratio"):
        found.append(
            (
                f"{metric_words(s.metric)} ({s.model.replace('_', ' ')})",
                problem(s) or f"{f'{number(s.value)} {spread(s)}'.strip()}; 1 is best",
            )
        )
    for metric, name in (
        ("impossible_rows", "Impossible rows"),
        ("broken_rows", "Rows that break a relation"),
    ):
        for s in card.filter(metric=metric):
            found.append((name, problem(s) or f"{percent(s.value or 0.0)} ({s.detail})"))
    if categories := card.filter(metric="lost_categories", status="ok").scores:
        lost = [s.detail for s in categories if s.value]
        found.append(("Categories without a synthetic row", "; ".join(lost) or "none"))
    return found


def lost_groups(card: Scorecard) -> list[Score] | None:
    """Groups and pairs of groups that have real people and no synthetic row; None if not judged."""
    judged = card.filter(metric="lost_group")
    return [s for s in judged if s.value] if len(judged) else None


def representation_plot(card: Scorecard) -> Plot | None:
    """Share among synthetic rows over share among real people, by subgroup."""
    return plot(
        "Representation of each subgroup",
        "Share among synthetic rows over share among real people. One: as many as there should be.",
        ("Group", "Ratio"),
        card.filter(metric="representation_ratio", order=1),
        one_mark,
        lambda s: (number(s.value), spread(s)),
        reference=1.0,
        label=lambda s: s.slice if s.rows == "holdout" else f"{s.slice} ({s.rows} rows)",
    )


def told_apart(card: Scorecard) -> Plot | None:
    """How well a classifier tells synthetic rows from real ones."""
    return plot(
        "Can a model tell synthetic rows from real ones?",
        "AUROC of a classifier. A half: it cannot, one: always.",
        ("Classifier", "Synthetic | real train rows"),
        card.filter(metric="propensity.auroc"),
        pair_marks,
        lambda s: (
            f"{number(s.value)} {spread(s)}".strip(),
            f"real train rows {number(s.baseline)}",
        ),
        (("dot", "synthetic rows, 95 % interval"), ("diamond", "real train rows, the ceiling")),
        reference=0.5,
        label=lambda s: s.model.replace("_", " "),
    )


def support(card: Scorecard) -> Plot | None:
    """Do synthetic rows lie among real ones, and do they cover them?"""
    return plot(
        "Do synthetic rows lie where real ones do, and cover them all?",
        "α-precision and density: like real rows. β-recall and coverage: all that real rows show.",
        ("Figure", "Synthetic | real train rows"),
        card.filter(lambda s: s.metric.startswith("manifold."), slice="all"),
        pair_marks,
        lambda s: (
            f"{number(s.value)} {spread(s)}".strip(),
            f"real train rows {number(s.baseline)}",
        ),
        (("dot", "synthetic rows"), ("diamond", "real train rows, the ceiling")),
        label=lambda s: metric_words(s.metric).partition(", ")[2],
    )


def worst_sets(card: Scorecard, limit: int = 15) -> list[dict[str, Any]]:
    """The sets of columns whose joint distribution is furthest off, over everyone."""
    found = card.filter(
        lambda s: s.metric.startswith("kmarginal.") and s.metric.endswith(".worst"),
        slice="all",
        rows="holdout",
    )
    return [
        {
            "name": s.detail,
            "value": s.value,
            "meter": meter([((s.value or 0.0) / 1000, "fill")], height=12),
            "problem": problem(s),
        }
        for s in worst_first(found)[:limit]
    ]
