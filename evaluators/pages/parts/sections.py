"""What a report says of utility and fairness: plots beside figures, and tables.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

from collections.abc import Callable

from evaluators.pages.drawing.page import number
from evaluators.pages.drawing.plots import Mark, Shape
from evaluators.pages.drawing.views import Plot, Table, one_mark, pair_marks, plot, spread, table
from evaluators.score import Score, Scorecard
from evaluators.words import metric_words, worst_first

MAJORITY = "majority"
MOST_VALUES = 15
"""At most so many values of columns are drawn."""

MAIN = ("auroc", "accuracy", "c_index", "r2", "mae")
"""The metric that stands for a task, the first that was scored."""

SYNTHETIC_AND_REAL: tuple[tuple[Shape, str], ...] = (
    ("dot", "trained on synthetic rows, 95 % interval"),
    ("diamond", "trained on real rows"),
)


def targets(card: Scorecard) -> list[str]:
    return list(dict.fromkeys(s.target for s in card if s.target))


def main_metric(card: Scorecard, family: str, target: str) -> str:
    """The metric drawn for a target: "fairness.auroc", say; empty where none was scored."""
    known = {s.metric.removesuffix(".difference") for s in card.filter(target=target)}
    return next((m for n in MAIN if (m := f"{family}.{n}") in known), "")


def utility_plots(card: Scorecard) -> list[Plot]:
    """Per target: the main metric of every learner beside its baselines, and the differences."""
    plots = []
    for target in targets(card):
        metric = main_metric(card, "utility", target)
        of = card.filter(target=target, metric=metric)
        learners = [s for s in of if s.model != MAJORITY]
        constant = next((s.value for s in of if s.model == MAJORITY), None)
        name = metric_words(metric)
        plots.append(
            plot(
                f"{name} for {target}",
                "Trained on synthetic or on real rows, both judged on the same real holdout.",
                ("Learner", "Synthetic | real | constant"),
                learners,
                lambda s, c=constant: [*pair_marks(s), Mark("tick", c)],  # type: ignore[misc]
                lambda s, c=constant: (*_figures(s), f"constant {number(c)}"),  # type: ignore[misc]
                (*SYNTHETIC_AND_REAL, ("tick", "predicts the same for everyone")),
                label=_model,
            )
        )
        plots.append(
            _differences(card, metric, target, f"{name} for {target}: synthetic − real", _model)
        )
    return [p for p in plots if p]


def _model(score: Score) -> str:
    return score.model.replace("_", " ") or "every learner"


def _figures(score: Score) -> tuple[str, ...]:
    return f"{number(score.value)} {spread(score)}".strip(), f"real {number(score.baseline)}"


def _differences(
    card: Scorecard,
    metric: str,
    target: str,
    title: str,
    label: Callable[[Score], str],
    **where: object,
) -> Plot | None:
    return plot(
        title,
        "Paired on the same people. Zero: synthetic rows trained as good a model as real ones.",
        ("Learner" if label is _model else "Group", "Difference"),
        card.filter(
            lambda s: s.model != MAJORITY, target=target, metric=f"{metric}.difference", **where
        ),
        one_mark,
        lambda s: (number(s.value, signed=True), spread(s, signed=True)),
        reference=0.0,
        label=label,
    )


def best_learner(card: Scorecard, target: str) -> str:
    """The learner that does best on real rows: the one whose losses by group matter most."""
    scores = card.filter(
        lambda s: s.model != MAJORITY and s.baseline is not None,
        target=target,
        metric=main_metric(card, "utility", target),
    ).scores
    sign = 1 if all(s.higher_is_better for s in scores) else -1
    return max(scores, key=lambda s: sign * (s.baseline or 0.0)).model if scores else ""


def fairness_plots(card: Scorecard) -> list[Plot]:
    """Per target: recall of classes, base rates by subgroup, the excess gaps, and what a model trained on real
    rows finds in each group's synthetic rows."""
    plots: list[Plot | None] = []
    for target in targets(card):
        model = best_learner(card, target)
        plots += [
            plot(
                f"Recall of each class of {target}",
                "Of the real members of a class, the share that is recognised as such.",
                ("Class", "Synthetic | real"),
                by_group(card, "fairness.recall", target, model),
                pair_marks,
                _figures,
                SYNTHETIC_AND_REAL,
            ),
            _base_rates(card, target),
            _class_shares(card, target),
            _rates_by_value(card, target),
            _excess_gaps(card, target, model),
            _believable(card, target),
        ]
    return [p for p in plots if p]


def by_group(card: Scorecard, metric: str, target: str, model: str, order: int = 1) -> list[Score]:
    """A metric in every subgroup; where it is unknown, the score that says why."""
    here = card.filter(target=target, model=model, order=order)
    found = {s.slice: s for s in here.filter(metric=f"{metric}.difference")}
    return list((found | {s.slice: s for s in here.filter(metric=metric)}).values())


def _base_rates(card: Scorecard, target: str) -> Plot | None:
    scores = card.filter(
        lambda s: s.metric in ("base_rate.difference", "target_mean.difference"),
        target=target,
        order=1,
        rows="holdout",
    )
    return plot(
        f"Base rate of {target} by subgroup",
        "How often it occurs among synthetic rows, and among real people in the holdout.",
        ("Group", "Synthetic | real"),
        scores,
        _rates,
        _rate_figures,
        RATES,
    )


def _rates_by_value(card: Scorecard, target: str) -> Plot | None:
    return plot(
        f"Base rate of {target} by the values of other columns, worst first",
        "How often it occurs among synthetic rows with a value, and among real people with it.",
        ("Column and value", "Synthetic | real"),
        worst_first(card.filter(metric="base_rate.by_value", target=target))[:MOST_VALUES],
        _rates,
        _rate_figures,
        RATES,
        label=lambda s: s.detail,
    )


def _class_shares(card: Scorecard, target: str) -> Plot | None:
    return plot(
        f"Share of each class of {target}",
        "How many synthetic rows, and how many real people in the holdout, belong to it.",
        ("Class", "Synthetic | real"),
        card.filter(metric="class_share.difference", target=target, order=0, rows="holdout"),
        _rates,
        _rate_figures,
        RATES,
        label=lambda s: s.detail,
    )


def _rate_figures(score: Score) -> tuple[str, ...]:
    return (
        f"{number(_synthetic_rate(score))} | {number(score.baseline)}",
        f"{number(score.value, signed=True)} {spread(score, signed=True)}".strip(),
    )


RATES: tuple[tuple[Shape, str], ...] = (
    ("dot", "synthetic rows"),
    ("diamond", "real people, 95 % interval"),
)


def _synthetic_rate(score: Score) -> float | None:
    if score.value is None or score.baseline is None:
        return None
    return score.baseline + score.value


def _rates(score: Score) -> list[Mark]:
    """The interval of the difference is the real rate's: the synthetic rate is known exactly."""
    rate, weak = _synthetic_rate(score), score.status != "ok"
    low = None if rate is None or score.high is None else rate - score.high
    high = None if rate is None or score.low is None else rate - score.low
    return [Mark("dot", rate, weak=weak), Mark("diamond", score.baseline, low, high, weak)]


def _excess_gaps(card: Scorecard, target: str, model: str) -> Plot | None:
    return plot(
        f"Excess gaps for {target}",
        "The largest difference between groups when trained on synthetic rows, minus that when "
        "trained on real ones. Above zero: the synthetic rows add a gap that the real data lack.",
        ("Groups and figure", "Excess gap"),
        card.filter(
            lambda s: s.metric.startswith("fairness.") and s.metric.endswith(".excess_gap"),
            target=target,
            model=model,
            order=1,
        ),
        one_mark,
        lambda s: (number(s.value, signed=True), spread(s, signed=True)),
        reference=0.0,
        label=lambda s: f"{s.slice}: {metric_words(s.metric.removesuffix('.excess_gap'))}",
    )


def _believable(card: Scorecard, target: str) -> Plot | None:
    metric = main_metric(card, "truth", target)
    return plot(
        f"Do outcomes of {target} go with features in every group?",
        "How well a model trained on real rows predicts the group's synthetic rows, less how well it predicts "
        "real people. Well below zero: synthetic outcomes of the group are partly noise.",
        ("Group", "Synthetic − real"),
        card.filter(metric=f"{metric}.difference", target=target, order=1),
        one_mark,
        lambda s: (number(s.value, signed=True), spread(s, signed=True)),
        reference=0.0,
    )


RATE_METRICS = ("base_rate.", "class_share.", "target_mean.")


def pair_tables(card: Scorecard) -> list[Table]:
    """Where two subgroups meet: the main metric, the base rate and the representation."""
    tables = []
    for target in targets(card):
        metric = main_metric(card, "fairness", target)
        losses = card.filter(
            metric=f"{metric}.difference", target=target, model=best_learner(card, target), order=2
        )
        tables.append(table(f"{metric_words(metric)} for {target}: synthetic − real", losses))
        rates = card.filter(
            lambda s: s.metric.startswith(RATE_METRICS),
            target=target,
            order=2,
            rows="holdout",
        )
        tables.append(table(f"Base rate of {target}: synthetic − real", rates))
    ratios = card.filter(metric="representation_ratio", order=2)
    tables.append(
        table("Representation: share among synthetic rows / share among real people", ratios)
    )
    return [t for t in tables if t.blocks]
