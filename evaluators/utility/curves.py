"""How far the synthetic survival curve is from the real one: ``utility.km_distance``.

The mean of |synthetic − real| Kaplan–Meier curve over the horizon, 0 to 1, for everyone, every
subgroup and every pair of them. The horizon is the time up to which a twentieth of the holdout is
followed. Beside it: the same distance of the real training rows, which chance alone gives. The
interval redraws holdout people and synthetic rows; a distance cannot be negative, so its lower end
lies above zero for fresh real people too.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evaluators.features import outcome
from evaluators.resampling import bootstrap_weights, interval
from evaluators.score import Score, finite
from evaluators.tables import ROLES, Slice, Tables, evidence
from evaluators.utility.kaplan_meier import survival_curves
from evaluators.utility.predictions import MAX_TEST, renumbered
from privacy.schema.schema import Survival

METRIC = "utility.km_distance"
FOLLOWED = 0.05
GRID = 200
MAX_GROUPS = 1000


def km_distance(tables: Tables) -> list[Score]:
    """Distances of every survival target."""
    targets = [t for t in tables.schema.targets if isinstance(t, Survival)]
    return [score for target in targets for score in _of(tables, target)]


def _of(tables: Tables, target: Survival) -> Iterator[Score]:
    rows, y = {}, {}
    for role in ROLES:
        found, known = outcome(tables.frame(role), tables.codec, target)
        rows[role] = np.flatnonzero(known)
        if len(rows[role]) > MAX_TEST:
            drawn = tables.rng(f"km {target.name} {role}")
            rows[role] = np.sort(drawn.choice(rows[role], MAX_TEST, replace=False))
        y[role] = found[rows[role]]
    followed = y["holdout"][:, 0]
    end = float(np.quantile(followed, 1 - FOLLOWED)) if len(followed) else 0.0
    times = (np.arange(GRID) + 0.5) * end / GRID
    units = {r: renumbered(tables.units[r][rows[r]]) for r in ("holdout", "synthetic")}
    weights = {
        "holdout": bootstrap_weights(units["holdout"], tables.rng("bootstrap")),
        "synthetic": bootstrap_weights(units["synthetic"], tables.rng("bootstrap synthetic")),
        "train": np.ones((1, len(rows["train"]))),
    }
    for dimension in tables.dimensions:
        if len(dimension.slices) > MAX_GROUPS:
            reason = f"{len(dimension.slices)} groups, more than {MAX_GROUPS}: declare wider ones"
            piece = Slice(dimension.name, 0, dimension.order)
            yield _unknown(target, piece, reason)
            continue
        for piece, masks in tables.masks(dimension, *ROLES):
            inside = {r: m[rows[r]] for r, m in zip(ROLES, masks, strict=True)}
            empty = next((r for r in ROLES if not inside[r].any()), None)
            if empty or end <= 0:
                reason = f"no {empty} row has an outcome" if empty else "nobody is followed"
                yield _unknown(target, piece, reason)
                continue
            curves = {}
            for role, mask in inside.items():
                time, event = y[role][mask].T
                curves[role] = survival_curves(weights[role][:, mask], time, event, times)
            people = tables.people("holdout", rows["holdout"][inside["holdout"]])
            status, reason = evidence(people)
            values = np.abs(curves["synthetic"] - curves["holdout"]).mean(axis=1)
            low, high = interval(values)
            yield Score(
                metric=METRIC,
                value=values[0],
                low=low,
                high=high,
                baseline=finite(np.abs(curves["train"] - curves["holdout"][:1]).mean()),
                baseline_name="real train rows",
                slice=piece.name,
                order=piece.order,
                target=target.name,
                n=people,
                higher_is_better=False,
                status=status,
                reason=reason,
                detail=f"mean over {end:.6g} units of {target.time}",
            )


def _unknown(target: Survival, piece: Slice, reason: str) -> Score:
    return Score(
        metric=METRIC,
        slice=piece.name,
        order=piece.order,
        target=target.name,
        higher_is_better=False,
        status="insufficient evidence",
        reason=reason,
    )
