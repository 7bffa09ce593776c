"""Who is attacked, and the strangers an attacker learns from.

The holdout is parted by unit: half of it stand beside the train people as those the release was not made
from; a quarter is the attacker's sample of the population; the last quarter is what shadow releases are
made of. No unit is in two parts, so no figure compares anybody with themselves.

Privacy claim: none; row numbers of real people, internal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evaluators.attacks.claims import MEMBERSHIP, STRONGEST
from evaluators.resampling import bootstrap_weights, interval, simultaneous
from evaluators.score import Score
from evaluators.tables import Tables, evidence
from evaluators.utility.metrics import auroc, tpr_at

HELD_OUT = "people held out"

MOST = 4_000
"""At most so many rows of each part are looked at, drawn by the seed."""


@dataclass(frozen=True, eq=False)
class People:
    """Row numbers. ``members`` of train; ``strangers``, ``known`` and ``pool`` of the holdout.

    ``member``, ``unit``: 1 or 0, and the unit, of each row of members and then strangers.
    ``weights``: the bootstrap's, of the same rows.
    """

    members: np.ndarray
    strangers: np.ndarray
    known: np.ndarray
    pool: np.ndarray
    member: np.ndarray
    unit: np.ndarray
    weights: np.ndarray


def people(tables: Tables, most: int = MOST) -> People | str:
    """The parts, or the reason why there is nobody to attack or to compare with."""
    if tables.synthetic.empty:
        return "no synthetic row"
    if tables.holdout.empty:
        return "not measured: no people were held out to compare with"
    units = tables.units["holdout"]
    place = tables.rng("attacked people").permutation(int(units.max()) + 1)[units]
    quarter = 4 * place // (int(units.max()) + 1)
    parts = (quarter < 2, quarter == 2, quarter == 3)
    strangers, known, pool = (_drawn(tables, np.flatnonzero(part), most) for part in parts)
    members = _drawn(tables, np.arange(len(tables.train)), most)
    fewest = min(
        tables.people("train", members),
        *(tables.people("holdout", rows) for rows in (strangers, known, pool)),
    )
    status, reason = evidence(fewest)
    if status != "ok":
        return f"not measured: a part of those attacked or held out has {reason}"
    apart = units[strangers] + int(tables.units["train"].max()) + 1
    unit = np.concatenate([tables.units["train"][members], apart])
    unit = np.unique(unit, return_inverse=True)[1]
    return People(
        members,
        strangers,
        known,
        pool,
        np.repeat([1.0, 0.0], [len(members), len(strangers)]),
        unit,
        bootstrap_weights(unit, tables.rng("attack bootstrap")),
    )


def _drawn(tables: Tables, rows: np.ndarray, most: int) -> np.ndarray:
    if len(rows) <= most:
        return rows
    rng = tables.rng("attacked rows")
    return np.sort(rng.choice(rows, size=most, replace=False))


def unmeasured(metric: str, reason: str, detail: str = "") -> Score:
    """The score that says why an attack was not tried."""
    return Score(
        metric=metric,
        status="insufficient evidence",
        reason=reason,
        rows="train and holdout",
        higher_is_better=False,
        detail=detail,
    )


def rates(
    metric: str, weights: np.ndarray, member: np.ndarray, hits: np.ndarray, detail: str
) -> list[Score]:
    """How often the attacker is right about members, beside strangers, and the difference: the leak.

    ``weights`` [B, n], ``member`` and ``hits`` [n]: of members and strangers alike.
    """
    sides = [member, 1 - member]
    # whole numbers, exact in single precision; a few replicates at a time, since small ones are copied
    columns = np.column_stack([*sides, *(side * hits for side in sides)]).astype(np.float32)
    parts = np.array_split(weights, max(1, len(weights) // 16))
    counts = np.concatenate([part @ columns for part in parts])
    people, right = np.split(counts.astype(float), 2, axis=1)
    of = np.divide(right, people, out=np.full(people.shape, np.nan), where=people > 0).T
    about: dict[str, Any] = {
        "rows": "train and holdout",
        "n": len(member),
        "positives": int(member.sum()),
        "baseline_name": HELD_OUT,
        "higher_is_better": False,
        "detail": detail,
    }
    scores = []
    for name, figures, control in (
        (metric, of[0], float(of[1][0])),
        (f"{metric}.leak", of[0] - of[1], 0.0),
    ):
        low, high = interval(figures)
        scores.append(
            Score(
                metric=name,
                value=figures[0],
                low=low,
                high=high,
                baseline=control,
                **about,
            )
        )
    return scores


METRICS: Mapping[str, Callable[..., np.ndarray]] = {
    "": auroc,
    ".tpr_at_1_percent_fpr": tpr_at,
}
"""What is said of a membership attack, by the ends of its scores' names."""

Figures = Mapping[str, np.ndarray]
"""Each of METRICS under every weighting."""


def strongest(found: Mapping[str, Figures], scores: Sequence[Score]) -> list[Score]:
    """The attack that surely finds most; its interval is one of those that hold for all attacks at once, so
    that a rule may read the best of many. ``scores``: of every attack, its METRICS one after the other.
    """
    best_of = []
    for place, suffix in enumerate(METRICS):
        values = [figures[suffix] for figures in found.values()]
        bounds = simultaneous(values)
        best = max(range(len(values)), key=lambda i: (bounds[i][0] or 0.0, values[i][0]))
        low, high = bounds[best]
        best_of.append(
            replace(
                scores[len(METRICS) * best + place],
                metric=f"{MEMBERSHIP}.{STRONGEST}{suffix}",
                low=low,
                high=high,
                detail=f"{list(found)[best]}, of {len(found)} attacks",
            )
        )
    return best_of
