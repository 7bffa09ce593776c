"""Fairness: utility and calibration in each subgroup and where two meet, and the excess gaps
between them.

Excess gap = gap(train on synthetic, test on real) − gap(train on real, test on real), a gap being
the largest minus the smallest figure over the groups of a dimension that are large enough to judge:
what the real data do already is not the generator's doing. Groups come through fairlearn's
``MetricFrame``.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame

from evaluators.compare import Replicates, comparison, decide, replicates
from evaluators.metrics import DECISION, NUMBER, RISK, c_index
from evaluators.predictions import Failure, Prediction
from evaluators.resampling import interval
from evaluators.score import Score, Status, finite
from evaluators.tables import Dimension, Tables, evidence
from evaluators.utility import failed, remark, support

PREFIX = "fairness"
SKIPPED = frozenset({"auprc", "f1", "r2"})
"""Metrics that move with a group's base rate or spread, so that groups cannot be compared by
them."""


def fairness(tables: Tables, predictions: list[Prediction | Failure]) -> list[Score]:
    """Scores by subgroup and pair of subgroups, and the excess gaps of each dimension."""
    scores: list[Score] = []
    for prediction in predictions:
        if isinstance(prediction, Failure):
            scores.append(failed(PREFIX, prediction))
            continue
        for dimension in tables.dimensions:
            if dimension.order:
                scores += _dimension(tables, prediction, dimension)
    return scores


def _dimension(tables: Tables, prediction: Prediction, dimension: Dimension) -> list[Score]:
    member = tables.members["holdout", dimension.name][prediction.rows]
    estimates = by_group(prediction, member)
    scores: list[Score] = []
    large: dict[str, dict[str, Replicates]] = {}
    left_out: list[str] = []
    for piece, _ in tables.masks(dimension):
        mask = member == piece.number
        people, positives, rest = support(tables, prediction, mask)
        status, reason = evidence(people, positives, rest)
        about = {
            "slice": piece.name,
            "order": piece.order,
            "target": prediction.target.name,
            "model": prediction.model,
            "n": people,
            "positives": positives,
            "detail": remark(prediction),
        }
        if status != "ok":
            left_out.append(piece.name)
            scores += [
                _unknown(f"{PREFIX}.{n}.difference", status, reason, about) for n in estimates
            ]
            continue
        for name, pair in replicates(prediction, mask).items():
            if name not in SKIPPED:
                pair.synthetic[0], pair.real[0] = estimates[name][piece.number]
                large.setdefault(name, {})[piece.name] = pair
                scores += comparison(PREFIX, name, pair, status, reason, **about)
    return scores + [
        _excess(prediction, dimension, name, large.get(name, {}), left_out) for name in estimates
    ]


def _unknown(metric: str, status: Status, reason: str, about: dict[str, object]) -> Score:
    return Score(metric=metric, status=status, reason=reason, **about)  # type: ignore[arg-type]


def by_group(
    prediction: Prediction, member: np.ndarray
) -> dict[str, dict[int, tuple[float, float]]]:
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
    if prediction.target.task == "regression":
        found = {n: one(m, y, risk) for n, m in NUMBER.items()}
    else:
        found = {n: one(m, y, risk) for n, m in RISK.items()}
        found |= {n: one(m, y, chosen) for n, m in DECISION.items()}
    return {n: f for n, f in found.items() if n not in SKIPPED}


def _excess(
    prediction: Prediction,
    dimension: Dimension,
    name: str,
    groups: dict[str, Replicates],
    left_out: list[str],
) -> Score:
    """The excess gap of one metric over the groups of a dimension that are large enough."""
    about = {
        "slice": dimension.name,
        "order": dimension.order,
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
