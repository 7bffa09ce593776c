"""What a reader sees of a column's categories: how far they are off, and which are gone.

Categories are the original ones, with special and missing values among them; all plain numbers are one. Codes
of a hierarchy count at the level that is named, and the share of rows that stand as a parent is told in words.

Privacy claim: none; the figures are on real rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binomtest

from evaluators.original.chance import design_effect, of_missing, of_variation, variation
from evaluators.original.originals import Original
from evaluators.resampling import NORMAL
from evaluators.score import Score
from evaluators.tables import Tables
from privacy.schema.columns import Categorical

MOSTLY = 0.5
"""A larger share of rows that say ``other`` is said in words, if it is twice that of real rows."""


def of_categories(tables: Tables, column: Original, about: dict[str, Any]) -> list[Score]:
    """Distance, distance beyond chance, and people whose category is lost; none for one category."""
    if len(column.labels) < 2:
        return []
    real, ours, beside = (column.counts(r) for r in ("holdout", "synthetic", "train"))
    effect = design_effect(column.codes["holdout"], tables.units["holdout"])
    rng = tables.rng(f"column {column.name}")
    distance, base = float(variation(real, ours)), float(variation(real, beside))
    around = NORMAL * _error(real, ours, effect)
    excess, low, high = of_variation(real, ours, rng, effect).beyond(distance)
    detail = f"{column.name}{_mostly_other(column)}"
    return [
        Score(
            metric="column.tv",
            value=distance,
            low=max(0.0, distance - around),
            high=min(1.0, distance + around),
            baseline=base,
            detail=detail,
            **about,
        ),
        Score(
            metric="column.tv_excess",
            value=excess,
            low=low,
            high=high,
            baseline=base - of_variation(real, beside, rng, effect).mean,
            detail=detail,
            **about,
        ),
        *_lost(tables, column, about, effect, rng),
    ]


def _error(a: np.ndarray, b: np.ndarray, effect: float) -> float:
    """Standard error of the distance: half the sum of the signs times two multinomials' shares."""
    p, q = a / a.sum(), b / b.sum()
    sign = np.sign(p - q)
    of = [
        ((sign**2 * share).sum() - (sign * share).sum() ** 2) / n
        for share, n in ((p, a.sum()), (q, b.sum()))
    ]
    return float(np.sqrt(effect * sum(of)) / 2)


def _lost(
    tables: Tables,
    column: Original,
    about: dict[str, Any],
    effect: float,
    rng: np.random.Generator,
) -> list[Score]:
    """People whose category is lost, and how many more than so few synthetic rows lose by chance."""
    real, ours, beside = (column.counts(r) for r in ("holdout", "synthetic", "train"))
    people = about["n"]

    def without(counts: np.ndarray) -> int:
        return tables.people("holdout", (counts == 0)[column.codes["holdout"]])

    known = (real + beside) > 0
    lost = np.flatnonzero(known & (ours == 0))
    detail = column.name
    if len(lost):
        most = max(lost, key=lambda i: (real + beside)[i])
        share = (real + beside)[most] / (real + beside).sum()
        detail += (
            f": {len(lost)} of {int(known.sum())} categories have no synthetic row, "
            f"the commonest {column.labels[most][:60]!r} ({share:.2%} of real rows)"
        )
    if column.as_parents:
        detail += f"; {column.as_parents:.1%} of real rows hold a code that stands as its parent"
    interval = binomtest(without(ours), people).proportion_ci(method="wilson")
    detail += _mostly_other(column)
    value, base = without(ours) / people, without(beside) / people
    excess, low, high = of_missing(real, ours, rng, effect).beyond(value)
    return [
        Score(
            metric="column.lost_share",
            value=value,
            low=float(interval.low),
            high=float(interval.high),
            baseline=base,
            detail=detail,
            **about,
        ),
        Score(
            metric="column.lost_excess",
            value=excess,
            low=low,
            high=high,
            baseline=base - of_missing(real, beside, rng, effect).mean,
            detail=detail,
            **about,
        ),
    ]


def _mostly_other(column: Original) -> str:
    """ "; 98 % of the synthetic rows say 'other', 3 % of the real ones": where it is so."""
    other = column.column.other if isinstance(column.column, Categorical) else None
    if other not in column.labels:
        return ""
    place = column.labels.index(other)
    ours, real = (float((column.codes[r] == place).mean()) for r in ("synthetic", "holdout"))
    if ours < MOSTLY or ours < 2 * real:
        return ""
    return f"; {ours:.0%} of the synthetic rows say {other!r}, {real:.0%} of the real ones"
