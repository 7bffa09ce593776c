"""The rows of a unit that count: a release learns from the first k of each, so a judgement looks at these.

Real rows beyond ``max_rows_per_unit`` are left out, as ``PrivateTable`` does for a release. Synthetic ones are
left out too where no more synthetic than real people have some, so that fresh real people pass. Where
more have, the rows stay, and the bound that they break is told as what it is.

Privacy claim: none; what it says of real rows stays in the house.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from evaluators.policy import POWER
from evaluators.score import Score
from privacy.people.order import first_rows
from privacy.schema.schema import Schema

BEYOND = "histories.beyond"
"""The metric of people with more rows than count."""


@dataclass(frozen=True, eq=False)
class Counted:
    """Tables with the rows that count; ``words``: what was left out, ``scores``: of whom."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    synthetic: tuple[pd.DataFrame, ...]
    words: str = ""
    scores: tuple[Score, ...] = ()


def counted(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: tuple[pd.DataFrame, ...],
    schema: Schema,
) -> Counted:
    """The rows that count; ``synthetic``: further releases are looked at as the first one is."""
    unit, k = schema.unit, schema.max_rows_per_unit
    if unit is None or any(unit not in f for f in (train, holdout, *synthetic)):
        return Counted(train, holdout, synthetic)
    real = pd.concat([_sizes(f, schema) for f in (train, holdout)])
    made = _sizes(synthetic[0], schema)
    p, q = float((made > k).mean()), float((real > k).mean())
    if p == q == 0:
        return Counted(train, holdout, synthetic)
    alike = p <= q + POWER * math.sqrt(q * (1 - q) * (1 / len(made) + 1 / len(real)))
    words = (
        f"{p:.1%} of synthetic and {q:.1%} of real {unit}s have more than the {k} rows that count; rows "
        "beyond were "
        + ("left out of both" if alike else "left out of real ones alone, since these have fewer")
    )
    score = Score(
        metric=BEYOND,
        value=p,
        baseline=q,
        baseline_name="real people",
        rows="train and holdout",
        n=len(real),
        higher_is_better=False,
        detail=words,
    )
    kept = tuple(_first(f, schema) for f in synthetic) if alike else synthetic
    return Counted(_first(train, schema), _first(holdout, schema), kept, words, (score,))


def _sizes(frame: pd.DataFrame, schema: Schema) -> pd.Series:
    """How many rows each unit has."""
    return frame.groupby(schema.unit, sort=False).size()


def _first(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The first k rows of each unit, in order."""
    first = first_rows(frame, schema, frame[schema.unit].to_numpy())
    return frame[first].reset_index(drop=True)
