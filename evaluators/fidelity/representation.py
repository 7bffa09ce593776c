"""Is everybody there, and with the right outcomes? Shares and base rates of every group.

Representation ratio: the group's share among synthetic rows over its share among real people. Base
rate: P(event | group) for classification and survival, P(class | group) of every class for
multiclass, the mean (in standard deviations) for regression. Lost group: real people, but no
synthetic row. No model is involved.

Intervals hold the chance in both: the holdout's people (bootstrap) and the synthetic rows, which
are a sample of their model; a fresh sample of real people is thus not taken for harm.

Rows: holdout for shares and for the base rates that the gate reads; train beside it; lost groups:
both. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evaluators.features import classes, event_of, outcome
from evaluators.resampling import SMALL, bootstrap_weights, interval, means
from evaluators.score import RealRows, Score, finite
from evaluators.tables import ROLES, Dimension, Slice, Tables, evidence
from privacy.schema.schema import Multiclass, Target

MIN_LOST = 20
"""A group of fewer real people may be missing by chance: its loss is insufficient evidence."""


def representation(tables: Tables) -> list[Score]:
    """Lost groups and classes, representation ratios and base rates of every subgroup and pair of
    subgroups."""
    tables = tables.whole() if tables.whole else tables
    scores: list[Score] = []
    units, rng = tables.units["holdout"], tables.rng("representation")
    weights = bootstrap_weights(units, rng, kind=SMALL)
    outcomes = {
        (target, role): outcome(tables.frame(role), tables.codec, target)
        for target in tables.schema.targets
        for role in ROLES
    }
    for dimension in tables.dimensions:
        for piece, masks in tables.masks(dimension, *ROLES):
            group = dict(zip(ROLES, masks, strict=True))
            if dimension.order:
                scores.append(_lost(tables, piece, group))
                scores += [_ratio(tables, piece, group, r, weights) for r in ("holdout", "train")]
            for target in tables.schema.targets:
                of = {role: outcomes[target, role] for role in ROLES}
                scores += _base_rates(tables, target, dimension, piece, group, of, weights)
    return scores + _lost_classes(tables)


def _lost_classes(tables: Tables) -> list[Score]:
    """The classes of multi-class targets that real people have, as groups that may be lost."""
    grouped = {g.column for g in tables.schema.subgroups}
    scores = []
    for target in tables.schema.targets:
        if isinstance(target, Multiclass) and target.column not in grouped:
            for number, label in enumerate(classes(tables.codec, target)):
                of = {r: tables.codes[r][target.column].to_numpy() == number for r in ROLES}
                if of["train"].any() or of["holdout"].any():
                    scores.append(_lost(tables, Slice(f"{target.name}={label}", number, 1), of))
    return scores


def _lost(tables: Tables, piece: Slice, group: dict[str, np.ndarray]) -> Score:
    people = sum(tables.people(role, group[role]) for role in ("train", "holdout"))
    lost = not group["synthetic"].any()
    rare = lost and people < MIN_LOST
    return Score(
        metric="lost_group",
        value=float(lost),
        slice=piece.name,
        order=piece.order,
        rows="train and holdout",
        n=people,
        higher_is_better=False,
        status="insufficient evidence" if rare else "ok",
        reason=f"absent, but so rare ({people} people) that chance explains it" if rare else "",
    )


def _ratio(
    tables: Tables,
    piece: Slice,
    group: dict[str, np.ndarray],
    rows: RealRows,
    weights: np.ndarray,
) -> Score:
    """Synthetic over real share."""
    people = tables.people(rows, group[rows])
    status, reason = evidence(people)
    W = weights if rows == "holdout" else np.ones((1, len(group[rows])))
    real = means(W, group[rows], np.ones(len(group[rows]), dtype=bool))
    share = redrawn(
        group["synthetic"],
        tables.units["synthetic"],
        len(real),
        tables.rng(f"synthetic {piece.name}"),
    )
    ratio = np.divide(share, real, out=np.full(real.shape, np.nan), where=real > 0)
    low, high = interval(ratio)
    return Score(
        metric="representation_ratio",
        value=finite(ratio[0]),
        low=low,
        high=high,
        baseline=finite(real[0]),
        baseline_name="real share",
        slice=piece.name,
        order=piece.order,
        rows=rows,
        n=people,
        status=status,
        reason=reason,
        detail=f"synthetic share {share[0]:.4f}",
    )


def _base_rates(
    tables: Tables,
    target: Target,
    dimension: Dimension,
    piece: Slice,
    group: dict[str, np.ndarray],
    of: dict[str, tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray,
) -> list[Score]:
    """Synthetic minus real base rates, against holdout (with an interval) and against train."""
    kept = {role: group[role] & of[role][1] for role in ROLES}
    return [
        score
        for metric, detail, value in _values(tables, target, of)
        for score in _differences(
            tables, target, metric, detail, dimension, piece, kept, value, weights
        )
    ]


def _values(
    tables: Tables, target: Target, of: dict[str, tuple[np.ndarray, np.ndarray]]
) -> Iterator[tuple[str, str, dict[str, np.ndarray]]]:
    """What means are taken of: metric, the class it is about, and the values of every role."""
    if isinstance(target, Multiclass):
        for number, label in enumerate(classes(tables.codec, target)):
            found = {role: (y == number).astype(float) for role, (y, _) in of.items()}
            yield "class_share", f"{target.name}={label}", found
    elif target.task == "regression":
        y, known = of["train"]
        scale = (float(y[known].std()) if known.any() else 0.0) or 1.0
        yield "target_mean", "", {role: y / scale for role, (y, _) in of.items()}
    else:
        yield "base_rate", "", {role: _event(y, target) for role, (y, _) in of.items()}


def _differences(
    tables: Tables,
    target: Target,
    metric: str,
    detail: str,
    dimension: Dimension,
    piece: Slice,
    kept: dict[str, np.ndarray],
    value: dict[str, np.ndarray],
    weights: np.ndarray,
) -> list[Score]:
    scores = []
    sides: tuple[RealRows, ...] = ("holdout", "train")
    for rows in sides:
        real, rest = value[rows][kept[rows]], None
        people, events = tables.people(rows, kept[rows]), None
        if target.task != "regression":
            events = tables.people(rows, kept[rows] & (value[rows] > 0))
            rest = tables.people(rows, kept[rows] & (value[rows] <= 0))
        status, reason = evidence(people, events, rest)
        if status == "ok" and not kept["synthetic"].any():
            status, reason = "insufficient evidence", "no synthetic row in this group"
        figures = np.full(1, np.nan)
        ours = value["synthetic"][kept["synthetic"]]
        if len(real) and len(ours):
            W = weights if rows == "holdout" else np.ones((1, len(kept[rows])))
            mean = means(W, value[rows], kept[rows])
            rng = tables.rng(f"synthetic {detail or target.name} {piece.name}")
            unit = tables.units["synthetic"][kept["synthetic"]]
            figures = redrawn(ours, unit, len(mean), rng) - mean
        low, high = interval(figures)
        scores.append(
            Score(
                metric=f"{metric}.difference",
                value=finite(figures[0]),
                low=low,
                high=high,
                baseline=float(real.mean()) if len(real) else None,
                baseline_name=REAL[metric],
                slice=piece.name,
                order=dimension.order,
                target=target.name,
                rows=rows,
                n=people,
                positives=events,
                status=status,
                reason=reason,
                detail=detail,
            )
        )
    return scores


REAL = {
    "base_rate": "real base rate",
    "class_share": "real share",
    "target_mean": "real mean, in SD",
}
"""What stands beside each figure."""


def redrawn(values: np.ndarray, unit: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """The mean of synthetic values, then n − 1 draws of its sampling distribution (normal).

    ``unit``: whose each value is; what a unit's values are off by is added up before it is squared.
    """
    if len(values) == 0:
        return np.zeros(n)
    off = np.bincount(unit, values - values.mean())
    error = np.sqrt((off**2).sum()) / len(values)
    return np.asarray(values.mean() + error * np.r_[0.0, rng.normal(size=n - 1)])


def _event(y: np.ndarray, target: Target) -> np.ndarray:
    event = event_of(y, target)
    assert event is not None
    return event
