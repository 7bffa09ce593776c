"""The k-marginal score of NIST, on any schema, with its "equals a p % subsample" reading.

For a set of k columns, L1 = Σ |share of real rows − share of synthetic rows| over the cells; the
score is (1 − mean L1 / 2) · 1000 over all sets, or over a fixed random choice of them where there
are many: 1000 for equal tables, 0 for disjoint ones (SDNist 2.5, ``KMarginal._compute_score``). The
reading is the p for which a random p % of the real rows would score the same against all of them.

Rows: holdout (with the train rows as a ceiling) and train, as the score says. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from evaluators.score import Score
from evaluators.tables import Dimension, Tables, evidence

MAX_SETS = 200
"""At most this many sets of columns are scored, drawn by the seed."""

MAX_ROWS = 50_000
"""At most this many rows of a table are counted, drawn by the seed."""

FRACTIONS = (0.01, 0.02, 0.05, *(i / 10 for i in range(1, 10)))
REPEATS = 3

Set = tuple[str, ...]


def column_sets(
    columns: Sequence[str], k: int, rng: np.random.Generator, limit: int = MAX_SETS
) -> list[Set]:
    """All sets of k columns, or ``limit`` of them at random."""
    sets = list(combinations(columns, min(k, len(columns))))
    if len(sets) <= limit:
        return sets
    return [sets[i] for i in np.sort(rng.choice(len(sets), size=limit, replace=False))]


def score_tables(
    real: pd.DataFrame,
    others: Sequence[pd.DataFrame | np.ndarray],
    sets: Sequence[Set],
    sizes: Mapping[str, int],
) -> np.ndarray:
    """k-marginal score of each other table against ``real``, 0 to 1000.

    Frames hold codes 0 … size−1. An array stands for these rows of ``real`` (a subsample).
    """
    if not len(real) or not all(len(other) for other in others):
        raise ValueError("a table without rows has no marginals")
    distance = np.zeros(len(others))
    for columns in sets:
        frames = [o for o in others if isinstance(o, pd.DataFrame)]
        keys = [_keys(frame, columns, sizes) for frame in (real, *frames)]
        _, cell = np.unique(np.concatenate(keys), return_inverse=True)
        cells = iter(np.split(cell, np.cumsum([len(key) for key in keys])[:-1]))
        of_real, top = next(cells), int(np.max(cell)) + 1
        shares = _shares(of_real, top)
        for i, other in enumerate(others):
            of_other = next(cells) if isinstance(other, pd.DataFrame) else of_real[other]
            distance[i] += np.abs(shares - _shares(of_other, top)).sum()
    return np.asarray(1000 * (1 - distance / len(sets) / 2))


def _keys(codes: pd.DataFrame, columns: Set, sizes: Mapping[str, int]) -> np.ndarray:
    """One whole number for each row's cell."""
    key = np.zeros(len(codes), dtype=np.int64)
    for name in columns:
        key = key * sizes[name] + codes[name].to_numpy()
    return key


def _shares(cell: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(cell, minlength=size) / len(cell)


def subsamples(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Row numbers of REPEATS random subsamples for each of FRACTIONS."""
    return [
        rng.choice(n, size=max(1, round(f * n)), replace=False)
        for f in FRACTIONS
        for _ in range(REPEATS)
    ]


def equals_percent(score: float, subsample_scores: np.ndarray) -> float:
    """The p % subsample that scores the same: monotone interpolation over FRACTIONS, 0 to 100."""
    means = subsample_scores.reshape(len(FRACTIONS), REPEATS).mean(axis=1)
    heights = np.maximum.accumulate(np.r_[0.0, means, 1000.0])
    return float(100 * np.interp(score, heights, np.r_[0.0, FRACTIONS, 1.0]))


def k_marginal_scores(tables: Tables, k: int) -> list[Score]:
    """Scores over everyone, against holdout and against train, and in each subgroup.

    Inside a subgroup both tables are cut to its rows and its own column is left out, so the score
    judges what its people look like, not how many they are.
    """
    scores: list[Score] = []
    for dimension in tables.dimensions:
        if dimension.order < 2:
            scores += _dimension(tables, dimension, k)
    return scores


def _dimension(tables: Tables, dimension: Dimension, k: int) -> list[Score]:
    columns = [c for c in tables.schema.modelled if c not in dimension.columns]
    if not columns:
        return []
    sets = column_sets(columns, k, tables.rng(f"sets {k} {dimension.name}"))
    scores = []
    for piece, masks in tables.masks(dimension, "train", "holdout", "synthetic"):
        codes = {
            role: _capped(tables, role, mask, piece.name)
            for role, mask in zip(("train", "holdout", "synthetic"), masks, strict=True)
        }
        for rows, ceiling in (("holdout", "train"), ("train", None)):
            if dimension.order and rows == "train":
                continue
            people = tables.people(rows, masks[("train", "holdout").index(rows)])
            status, reason = evidence(people)
            about: dict[str, Any] = {
                "slice": piece.name,
                "order": piece.order,
                "rows": rows,
                "n": people,
                "detail": f"{len(sets)} sets of {len(sets[0])} columns",
            }
            others: list[pd.DataFrame | np.ndarray] = [codes["synthetic"]]
            others += [codes[ceiling]] if ceiling else []
            if not len(codes[rows]) or not all(len(o) for o in others):
                empty = "no rows of this group to compare"
                scores += [
                    Score(
                        metric=f"kmarginal.{k}{s}",
                        status="insufficient evidence",
                        reason=empty,
                        **about,
                    )
                    for s in ("", ".subsample")
                ]
                continue
            rng = tables.rng(f"subsamples {k} {piece.name} {rows}")
            drawn = subsamples(len(codes[rows]), rng)
            found = score_tables(codes[rows], [*others, *drawn], sets, tables.codec.domain)
            given, reference = found[: len(others)], found[len(others) :]
            percents = [equals_percent(g, reference) for g in given]
            for suffix, values in (("", given), (".subsample", percents)):
                scores.append(
                    Score(
                        metric=f"kmarginal.{k}{suffix}",
                        value=values[0],
                        baseline=values[1] if ceiling else None,
                        baseline_name="real train rows" if ceiling else "",
                        status=status,
                        reason=reason,
                        **about,
                    )
                )
    return scores


def _capped(tables: Tables, role: str, mask: np.ndarray, name: str) -> pd.DataFrame:
    rows = np.flatnonzero(mask)
    if len(rows) > MAX_ROWS:
        rng = tables.rng(f"rows {role} {name}")
        rows = np.sort(rng.choice(rows, size=MAX_ROWS, replace=False))
    return tables.codes[role].iloc[rows]
