"""What a report says of models beyond their main figure: ceilings, calibration, survival, inference.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

from dataclasses import dataclass

from evaluators.pages.drawing.charts import Grid
from evaluators.pages.drawing.page import DASH, number
from evaluators.pages.drawing.views import Plot, pair_marks, plot, problem, spread
from evaluators.pages.parts.sections import (
    MAJORITY,
    SYNTHETIC_AND_REAL,
    best_learner,
    main_metric,
    targets,
)
from evaluators.score import Score, Scorecard
from evaluators.words import metric_words, worst_first

WAYS = (
    ("", "Synthetic → real"),
    ("draws.", "Several tables → real"),
    ("both.", "Both → real"),
    ("trts.", "Real → synthetic"),
)
"""What a model was trained on → what it was tested on, by a part of the metric's name."""

MOST_COEFFICIENTS = 20
"""At most so many coefficients are drawn, the worst; scores.parquet holds all."""

Cell = tuple[str, str]


def ceilings(card: Scorecard) -> list[Grid]:
    """Per target: the main figure of each learner, however it was trained and tested."""
    return [g for t in targets(card) if (g := _ceilings(card, t))]


def _ceilings(card: Scorecard, target: str) -> Grid | None:
    metric = main_metric(card, "utility", target)
    name = metric.removeprefix("utility.")
    found = {
        (s.model, way): s
        for way, _ in WAYS
        for s in card.filter(metric=f"utility.{way}{name}", target=target)
    }
    learners = dict.fromkeys(model for model, _ in found)
    if not any(way for _, way in found):
        return None
    ways = [(way, title) for way, title in WAYS if any(w == way for _, w in found)]
    rows = []
    for model in learners:
        plain = found.get((model, ""))
        real = (number(plain.baseline) if plain and plain.baseline is not None else DASH, "")
        cells = [_cell(found.get((model, way))) for way, _ in ways]
        learner = "the same for everyone" if model == MAJORITY else model.replace("_", " ")
        rows.append(((learner, ""), *cells, real))
    return Grid(
        ("Learner", *(title for _, title in ways), "Real → real"),
        tuple(rows),
        f"{metric_words(metric)} for {target}, however models are trained and tested",
        "Trained on → tested on. Real → real is the ceiling. In brackets: 95 % intervals; for several "
        "tables, the lowest and the highest of them.",
    )


def _cell(score: Score | None) -> Cell:
    if score is None:
        return DASH, ""
    return number(score.value), problem(score) or spread(score)


def orders(card: Scorecard) -> list[tuple[str, str]]:
    """Whether synthetic rows put learners and columns in the order in which real ones put them."""
    found = []
    for s in card.filter(lambda s: s.metric.startswith("utility.rank.")):
        about = " · ".join(p for p in (s.target, s.model.replace("_", " ")) if p)
        figure = f"{number(s.value)} {spread(s)}".strip()
        says = problem(s) or f"{figure}, real rows again {number(s.baseline)}"
        found.append((f"{metric_words(s.metric)}, {about or 'all targets'}", f"{says}; {s.detail}"))
    return found


def calibration(card: Scorecard) -> list[Plot]:
    """Predicted minus observed event rate, by learner and by subgroup."""
    plots = []
    for target in targets(card):
        best = best_learner(card, target)
        learners = card.filter(
            lambda s: s.model != MAJORITY, metric="utility.calibration_gap", target=target
        )
        groups = card.filter(metric="fairness.calibration_gap", target=target, model=best, order=1)
        plots += [
            _calibration(f"Calibration for {target}", "Learner", learners),
            _calibration(f"Calibration for {target} by subgroup", "Group", groups),
        ]
    return [p for p in plots if p]


def _calibration(title: str, whose: str, scores: Scorecard) -> Plot | None:
    return plot(
        title,
        "Predicted minus observed rate of the event. Above zero: risks are overstated.",
        (whose, "Synthetic | real"),
        scores,
        pair_marks,
        lambda s: (
            f"{number(s.value, signed=True)} {spread(s, signed=True)}".strip(),
            f"real {number(s.baseline, signed=True)}",
        ),
        SYNTHETIC_AND_REAL,
        reference=0.0,
        label=(lambda s: s.model.replace("_", " ")) if whose == "Learner" else (lambda s: s.slice),
    )


def survival(card: Scorecard) -> list[Plot]:
    """How far Kaplan–Meier curves lie apart, for everyone and by subgroup."""
    plots = [
        plot(
            f"Kaplan–Meier curves of {target}: distance",
            "Mean distance of the synthetic curve from that of real people. Zero: the same curve.",
            ("Group", "Synthetic | real train rows"),
            card.filter(lambda s: s.order < 2, metric="utility.km_distance", target=target),
            pair_marks,
            lambda s: (
                f"{number(s.value)} {spread(s)}".strip(),
                f"real train rows {number(s.baseline)}",
            ),
            (("dot", "synthetic rows, 95 % interval"), ("diamond", "real train rows")),
            reference=0.0,
        )
        for target in targets(card)
    ]
    return [p for p in plots if p]


@dataclass(frozen=True)
class TypeOne:
    """How often a 5 % test on the synthetic rows is wrong, and what to do about it."""

    target: str
    share: str
    interval: str
    text: str


def warnings(card: Scorecard) -> list[TypeOne]:
    """The type-I error of tests on one synthetic table, and on several combined."""
    return [
        TypeOne(
            s.target,
            number(100 * (s.value or 0.0)) + " %",
            ""
            if s.low is None or s.high is None
            else f"[{100 * s.low:.0f} %, {100 * s.high:.0f} %]",
            s.detail,
        )
        for metric in ("inference.type_one", "inference.combined.type_one")
        for s in card.filter(metric=metric, status="ok")
    ]


def inference(card: Scorecard) -> list[Plot]:
    """How far the intervals of a regression's coefficients overlap, the worst first."""
    plots = []
    for target in targets(card):
        found = card.filter(metric="inference.coefficient.overlap", target=target, status="ok")
        mean = card.filter(metric="inference.overlap", target=target, status="ok").scores
        over = f" Mean over all: {number(mean[0].value)}." if mean else ""
        plots.append(
            plot(
                f"Coefficients of a regression on {target}, worst first",
                "Overlap of the interval from synthetic rows with that from the rows they were made "
                f"from: 1 the same, 0 touching, below 0 apart.{over}",
                ("Coefficient", "Overlap"),
                worst_first(found)[:MOST_COEFFICIENTS],
                pair_marks,
                lambda s: (number(s.value), f"{s.baseline_name} {number(s.baseline)}"),
                (("dot", "synthetic rows"), ("diamond", "people held out")),
                reference=0.0,
                label=lambda s: s.detail,
            )
        )
    return [p for p in plots if p]
