"""Fairness: utility and calibration in each subgroup, where two meet and in each class, and the
excess gaps between them.

Excess gap = gap(train on synthetic, test on real) − gap(train on real, test on real), a gap being
the largest minus the smallest figure over the groups of a dimension that are large enough to judge:
what the real data do already is not the generator's doing. Gaps are those of the learner that does
best when trained on real rows; figures of groups are given for every learner.

The interval of an excess gap is corrected for multiplicity: the intervals of all gaps of a target,
over dimensions and metrics, hold all at once in 95 of 100 cases (max-T over the shared
replicates). So a veto that asks for a whole interval is wrong by chance for a target in about 5 of 100
releases, and not once for every gap looked at. ``detail`` keeps the interval of the gap alone.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from evaluators.features import classes
from evaluators.resampling import interval, simultaneous
from evaluators.score import MAIN, Score, Status, finite
from evaluators.tables import Dimension, Tables, evidence
from evaluators.utility.paired import METRICS, Replicates, comparisons, metrics_of, replicates
from evaluators.utility.predictions import Failure, Prediction
from evaluators.utility.scores import failed, remark, support
from privacy.schema.schema import Multiclass

PREFIX = "fairness"
NOT_COMPARED = frozenset({"auprc", "f1", "macro_f1", "r2", "ibs"})
"""Metrics that move with a group's base rate or spread: each group has them, and no gap is made of
them."""

MAX_GROUPS = 1000
"""A dimension with more groups is not judged: no holdout fills them."""


@dataclass(frozen=True, eq=False)
class Group:
    """People who are compared with others of a dimension.

    ``support``: how many people, with the event, without; ``figures``: metric → its replicates.
    """

    name: str
    support: tuple[int, int | None, int | None]
    figures: Callable[[], Mapping[str, Replicates]]


@dataclass(frozen=True, eq=False)
class Gap:
    """The excess gap of one metric between the groups of a dimension.

    ``values``: its [1 + replicates] figures, ``real``: the gap when trained on real rows, ``about``:
    the fields of its score, ``problem``: why there is none.
    """

    metric: str
    about: Mapping[str, object]
    values: np.ndarray
    real: float
    problem: str = ""


def fairness(tables: Tables, predictions: list[Prediction | Failure]) -> list[Score]:
    """Scores by subgroup, pair of subgroups and class, and the excess gaps of each dimension."""
    scores = [failed(PREFIX, p) for p in predictions if isinstance(p, Failure)]
    for target in tables.schema.targets:
        gaps: list[Gap] = []
        mine = [p for p in predictions if isinstance(p, Prediction) and p.target == target]
        chosen = best(mine) if mine else None
        for prediction in mine:
            for dimension in tables.dimensions:
                if dimension.order and len(dimension.slices) > MAX_GROUPS:
                    scores.append(too_many(PREFIX, prediction, dimension))
                elif dimension.order:
                    groups = _subgroups(tables, prediction, dimension)
                    names = METRICS[target.task]
                    judged = gaps if prediction is chosen else []
                    scores += _compared(
                        prediction, dimension.name, names, groups, dimension.order, judged
                    )
        if isinstance(target, Multiclass) and chosen:
            groups = _classes(tables, chosen, target)
            scores += _compared(chosen, target.name, ["recall"], groups, 1, gaps)
        scores += _excess(gaps)
    return scores


def too_many(prefix: str, prediction: Prediction, dimension: Dimension) -> Score:
    """The one score of a dimension with more than MAX_GROUPS."""
    reason = f"{len(dimension.slices)} groups, more than {MAX_GROUPS}: declare wider ones"
    about = {
        "slice": dimension.name,
        "order": dimension.order,
        "target": prediction.target.name,
        "model": prediction.model,
    }
    metric = f"{prefix}.{MAIN[prediction.target.task]}.difference"
    return _unknown(metric, "insufficient evidence", reason, about)


def best(predictions: list[Prediction]) -> Prediction:
    """Whose figures of groups decide: what does best on everybody when trained on real rows.

    A learner that tells people apart badly favours one group or another by chance.
    """

    def figure(prediction: Prediction) -> float:
        metrics = metrics_of(prediction.target.task, prediction.y, prediction.real)
        everyone = np.arange(len(prediction.y))
        value = metrics[MAIN[prediction.target.task]](np.ones((1, len(everyone))), everyone)[0]
        return float(np.nan_to_num(value, nan=-np.inf))

    return max(predictions, key=figure)


def _subgroups(tables: Tables, prediction: Prediction, dimension: Dimension) -> Iterator[Group]:
    member = tables.members["holdout", dimension.name][prediction.rows]
    for piece, _ in tables.masks(dimension):
        mask = member == piece.number
        figures = partial(replicates, prediction, mask)
        yield Group(piece.name, support(tables, prediction, mask), figures)


def _classes(tables: Tables, prediction: Prediction, target: Multiclass) -> Iterator[Group]:
    """The classes of a multi-class target, by recall: the accuracy on a class's rows.

    Belonging to the class is the event, so a class is judged from 20 people on, as a TPR is.
    """
    rows = prediction.rows
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
    gaps: list[Gap],
) -> list[Score]:
    """The figures of every group that is large enough; the gap of each metric goes to ``gaps``."""
    scores: list[Score] = []
    large: dict[str, dict[str, Replicates]] = {name: {} for name in names}
    left_out: list[str] = []
    for group in groups:
        people, positives, rest = group.support
        status, reason = evidence(people, positives, rest)
        about: dict[str, Any] = {
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
        pairs = group.figures()
        for name, pair in pairs.items():
            large[name][group.name] = pair
        scores += comparisons(PREFIX, pairs, status, reason, **about)
    gaps += [
        _gap(prediction, dimension, order, name, pairs, left_out)
        for name, pairs in large.items()
        if name not in NOT_COMPARED
    ]
    return scores


def _unknown(metric: str, status: Status, reason: str, about: Mapping[str, object]) -> Score:
    return Score(metric=metric, status=status, reason=reason, **about)  # type: ignore[arg-type]


def _gap(
    prediction: Prediction,
    dimension: str,
    order: int,
    name: str,
    groups: dict[str, Replicates],
    left_out: list[str],
) -> Gap:
    """The excess gap of one metric over the groups of a dimension that are large enough."""
    about = {
        "slice": dimension,
        "order": order,
        "target": prediction.target.name,
        "model": prediction.model,
        "detail": f"without {', '.join(left_out)}" if left_out else "",
    }
    metric = f"{PREFIX}.{name}.excess_gap"
    none = np.full(1, np.nan)
    if len(groups) < 2:
        return Gap(metric, about, none, 0, "fewer than two groups are large enough to compare")
    gaps = [np.ptp([getattr(r, s) for r in groups.values()], axis=0) for s in ("synthetic", "real")]
    values = gaps[0] - gaps[1]
    if not np.isfinite(values[0]):
        return Gap(metric, about, none, 0, "the figure is undefined in a group")
    return Gap(metric, about, values, gaps[1][0])


def _excess(gaps: list[Gap]) -> list[Score]:
    """The scores of all gaps of a target, with intervals that hold together."""
    known = [gap for gap in gaps if not gap.problem]
    bounds = dict(zip(map(id, known), simultaneous([g.values for g in known]), strict=True))
    scores = []
    for gap in gaps:
        if gap.problem:
            scores.append(_unknown(gap.metric, "insufficient evidence", gap.problem, gap.about))
            continue
        low, high = bounds[id(gap)]
        scores.append(
            Score(
                metric=gap.metric,
                value=gap.values[0],
                low=low,
                high=high,
                baseline=finite(gap.real),
                baseline_name="gap when trained on real",
                higher_is_better=False,
                **{**gap.about, "detail": _remarks(gap, len(known))},  # type: ignore[arg-type]
            )
        )
    return scores


def _remarks(gap: Gap, number: int) -> str:
    low, high = interval(gap.values)
    alone = "" if low is None else f"alone [{low:.4f}, {high:.4f}]"
    corrected = f"interval corrected over {number} gaps (max-T)"
    return "; ".join(part for part in (str(gap.about["detail"]), corrected, alone) if part)
