"""Fairness: utility and calibration in each subgroup, where two meet and in each class, and the
excess gaps between them.

Excess gap = gap(train on synthetic, test on real) − gap(train on real, test on real), a gap being
the largest minus the smallest figure over the groups of a dimension that are large enough to judge:
what the real data do already is not the generator's doing. Groups come through fairlearn's
``MetricFrame``.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame

from evaluators.compare import WHOLE, Replicates, comparison, decide, replicates
from evaluators.features import classes
from evaluators.metrics import DECISION, RISK, c_index
from evaluators.predictions import Failure, Prediction
from evaluators.resampling import interval
from evaluators.score import Score, Status, finite
from evaluators.tables import Dimension, Tables, evidence
from evaluators.utility import failed, remark, support
from privacy.schema import Multiclass, Target

PREFIX = "fairness"
SKIPPED = frozenset({"auprc", "f1", "macro_f1", "r2"})
"""Metrics that move with a group's base rate or spread, so that groups cannot be compared by
them."""


@dataclass(frozen=True, eq=False)
class Group:
    """People who are compared with others of a dimension.

    ``support``: how many people, with the event, without; ``figures``: metric → its replicates.
    """

    name: str
    support: tuple[int, int | None, int | None]
    figures: Callable[[], Mapping[str, Replicates]]


Estimates = Mapping[str, Mapping[int, tuple[float, float]]]
"""metric → slice number → figure (train on synthetic, train on real)."""


def fairness(tables: Tables, predictions: list[Prediction | Failure]) -> list[Score]:
    """Scores by subgroup, pair of subgroups and class, and the excess gaps of each dimension."""
    scores: list[Score] = []
    for prediction in predictions:
        if isinstance(prediction, Failure):
            scores.append(failed(PREFIX, prediction))
            continue
        for dimension in tables.dimensions:
            if dimension.order:
                member = tables.members["holdout", dimension.name][prediction.rows]
                estimates = by_group(prediction, member)
                groups = _subgroups(tables, prediction, dimension, member, estimates)
                scores += _compared(prediction, dimension.name, estimates, groups, dimension.order)
        if prediction is _best(predictions, prediction.target):
            groups = _classes(tables, prediction)
            scores += _compared(prediction, prediction.target.name, ["recall"], groups, 1)
    return scores


def _best(predictions: list[Prediction | Failure], target: Target) -> Prediction | None:
    """Whose recall of each class is compared: what does best when trained on real rows.

    A learner that cannot tell the classes apart gives one or the other to everybody, by chance.
    """
    if not isinstance(target, Multiclass):
        return None
    mine = [p for p in predictions if isinstance(p, Prediction) and p.target == target]
    return max(mine, key=lambda p: float((p.real == p.y).mean()))


def _subgroups(
    tables: Tables,
    prediction: Prediction,
    dimension: Dimension,
    member: np.ndarray,
    estimates: Estimates,
) -> Iterator[Group]:
    for piece, _ in tables.masks(dimension):
        mask = member == piece.number
        figures = partial(_figures, prediction, mask, piece.number, estimates)
        yield Group(piece.name, support(tables, prediction, mask), figures)


def _figures(
    prediction: Prediction, mask: np.ndarray, number: int, estimates: Estimates
) -> dict[str, Replicates]:
    kept = {n: r for n, r in replicates(prediction, mask).items() if n not in SKIPPED}
    for name, pair in kept.items():
        pair.synthetic[0], pair.real[0] = estimates[name][number]
    return kept


def _classes(tables: Tables, prediction: Prediction) -> Iterator[Group]:
    """The classes of a multi-class target, by recall: the accuracy on a class's rows.

    Belonging to the class is the event, so a class is judged from 20 people on, as a TPR is.
    """
    target, rows = prediction.target, prediction.rows
    assert isinstance(target, Multiclass)
    people = tables.people("holdout", rows)
    for number, label in enumerate(classes(tables.codec, target)):
        mask = prediction.y == number
        inside, outside = (tables.people("holdout", rows[m]) for m in (mask, ~mask))
        yield Group(
            f"{target.name}={label}", (people, inside, outside), partial(_recall, prediction, mask)
        )


def _recall(prediction: Prediction, mask: np.ndarray) -> dict[str, Replicates]:
    return {"recall": replicates(prediction, mask)["accuracy"]}


def _compared(
    prediction: Prediction,
    dimension: str,
    names: Iterable[str],
    groups: Iterable[Group],
    order: int,
) -> list[Score]:
    """The figures of every group that is large enough, and the excess gap of each metric."""
    scores: list[Score] = []
    large: dict[str, dict[str, Replicates]] = {name: {} for name in names}
    left_out: list[str] = []
    for group in groups:
        people, positives, rest = group.support
        status, reason = evidence(people, positives, rest)
        about = {
            "slice": group.name,
            "order": order,
            "target": prediction.target.name,
            "model": prediction.model,
            "n": people,
            "positives": positives,
            "detail": remark(prediction),
        }
        if status != "ok":
            left_out.append(group.name)
            scores += [_unknown(f"{PREFIX}.{n}.difference", status, reason, about) for n in large]
            continue
        for name, pair in group.figures().items():
            large[name][group.name] = pair
            scores += comparison(PREFIX, name, pair, status, reason, **about)
    return scores + [
        _excess(prediction, dimension, order, name, pairs, left_out)
        for name, pairs in large.items()
    ]


def _unknown(metric: str, status: Status, reason: str, about: dict[str, object]) -> Score:
    return Score(metric=metric, status=status, reason=reason, **about)  # type: ignore[arg-type]


def by_group(prediction: Prediction, member: np.ndarray) -> Estimates:
    """metric → slice number → figure (train on synthetic, train on real), by ``MetricFrame``."""
    row = np.arange(len(member))
    sides = []
    for risk, chosen in zip(
        (prediction.synthetic, prediction.real), decide(prediction), strict=True
    ):
        frame = MetricFrame(
            metrics=_functions(prediction, risk, chosen),
            y_true=row,
            y_pred=row,
            sensitive_features=pd.Series(member, name="slice"),
        )
        sides.append(frame.by_group)
    synthetic, real = sides
    return {
        str(name): {
            int(number): (float(synthetic.at[number, name]), float(real.at[number, name]))
            for number in synthetic.index
        }
        for name in synthetic.columns
    }


def _functions(
    prediction: Prediction, risk: np.ndarray, chosen: np.ndarray
) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    """Metrics as functions of row numbers, because a survival outcome is two columns."""
    y = prediction.y

    def one(function: Callable[..., np.ndarray], *columns: np.ndarray) -> Callable[..., float]:
        def of_rows(rows: np.ndarray, _: np.ndarray) -> float:
            at = np.asarray(rows)
            return float(function(np.ones((1, len(at))), *(c[at] for c in columns))[0])

        return of_rows

    if prediction.target.task == "survival":
        return {"c_index": one(c_index, y[:, 0], y[:, 1], risk)}
    if prediction.target.task in WHOLE:
        found = {n: one(m, y, risk) for n, m in WHOLE[prediction.target.task].items()}
    else:
        found = {n: one(m, y, risk) for n, m in RISK.items()}
        found |= {n: one(m, y, chosen) for n, m in DECISION.items()}
    return {n: f for n, f in found.items() if n not in SKIPPED}


def _excess(
    prediction: Prediction,
    dimension: str,
    order: int,
    name: str,
    groups: dict[str, Replicates],
    left_out: list[str],
) -> Score:
    """The excess gap of one metric over the groups of a dimension that are large enough."""
    about = {
        "slice": dimension,
        "order": order,
        "target": prediction.target.name,
        "model": prediction.model,
        "detail": f"without {', '.join(left_out)}" if left_out else "",
    }
    metric = f"{PREFIX}.{name}.excess_gap"
    if len(groups) < 2:
        reason = "fewer than two groups are large enough to compare"
        return _unknown(metric, "insufficient evidence", reason, about)
    gaps = [np.ptp([getattr(r, s) for r in groups.values()], axis=0) for s in ("synthetic", "real")]
    values = gaps[0] - gaps[1]
    if not np.isfinite(values[0]):
        reason = "the figure is undefined in a group"
        return _unknown(metric, "insufficient evidence", reason, about)
    low, high = interval(values)
    return Score(
        metric=metric,
        value=values[0],
        low=low,
        high=high,
        baseline=finite(gaps[1][0]),
        baseline_name="gap when trained on real",
        higher_is_better=False,
        **about,  # type: ignore[arg-type]
    )
