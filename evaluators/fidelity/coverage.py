"""Do synthetic rows lie where real rows lie, and everywhere there?

α-precision, β-recall and authenticity (Alaa et al. 2022), density and coverage (Naeem et al. 2020) on
the columns of ``features.design``: numbers between 0 and 1, and indicators. All but authenticity
compare with the holdout, beside real train rows in place of the synthetic ones. Authenticity
compares with the train rows, beside the holdout; it is about copies and no evidence of privacy.

Rows: holdout, train for authenticity. Visibility: internal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluators.features import design
from evaluators.fidelity.manifold import authenticity, coverage, supports
from evaluators.score import Score
from evaluators.tables import MIN_PEOPLE, ROLES, Tables, evidence

MAX_ROWS = 2_000
"""So many rows of each table at most, drawn by the seed, and as many of each: distances are
quadratic."""

METRICS = ("alpha_precision", "beta_recall", "density", "coverage")


def support(tables: Tables) -> list[Score]:
    """All five; none where the schema has no column to look at."""
    if not tables.schema.modelled:
        return []
    people = {r: tables.people(r, np.ones(len(tables.frame(r)), dtype=bool)) for r in ROLES}
    status, reason = evidence(people["holdout"])
    size = min(MAX_ROWS, *(len(tables.frame(role)) for role in ROLES))
    if status == "ok" and size < MIN_PEOPLE:
        fewest = min(ROLES, key=lambda role: len(tables.frame(role)))
        status, reason = "insufficient evidence", f"{size} {fewest} rows, fewer than {MIN_PEOPLE}"
    about: dict[str, Any] = {"status": status, "reason": reason}
    of_holdout = about | {"rows": "holdout", "n": people["holdout"]}
    of_train = about | {"rows": "train", "n": people["train"]}
    if status != "ok":
        return [
            *(Score(metric=f"manifold.{m}", **of_holdout) for m in METRICS),
            Score(metric="manifold.authenticity", **of_train),
        ]
    points = {role: _points(tables, role, size) for role in ROLES}
    ours, beside = (_figures(points["holdout"], points[r]) for r in ("synthetic", "train"))
    detail = f"{size:,} rows of each table"
    scores = [
        Score(
            metric=f"manifold.{m}",
            value=ours[m],
            baseline=beside[m],
            baseline_name="real train rows",
            detail=detail,
            **of_holdout,
        )
        for m in METRICS
    ]
    own = Score(
        metric="manifold.authenticity",
        value=authenticity(points["train"], points["synthetic"]),
        baseline=authenticity(points["train"], points["holdout"]),
        baseline_name="people held out",
        detail=f"{detail}; no evidence of privacy",
        **of_train,
    )
    return [*scores, own]


def _points(tables: Tables, role: str, size: int) -> np.ndarray:
    frame = tables.frame(role)
    rows = tables.rng(f"support {role}").choice(len(frame), size=size, replace=False)
    return design(frame.iloc[np.sort(rows)], tables.codec, tables.schema.modelled).astype(float)


def _figures(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    covered = {name: found.value for name, found in coverage(real, fake).items()}
    return covered | supports(real, fake)
