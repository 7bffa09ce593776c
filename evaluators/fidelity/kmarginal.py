"""The k-marginal score of NIST, on any schema, with its "equals a p % subsample" reading.

For a set of k columns, L1 = Σ |share of real rows − share of synthetic rows| over the cells; the
score is (1 − mean L1 / 2) · 1000 over all sets, or over a fixed random choice of them where there
are many: 1000 for equal tables, 0 for disjoint ones (SDNist 2.5, ``KMarginal._compute_score``). The
reading is the p for which a random p % of the real rows would score the same against all of them.
Worst sets are those that fall furthest below what the train rows reach: a set of many cells scores
low for anybody's rows.

Rows: holdout (with the train rows as a ceiling) and train, as the score says. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from evaluators.score import Score
from evaluators.tables import ROLES, Dimension, Tables, evidence

MAX_SETS = {1: 300, 2: 300, 3: 300, 4: 200}
"""At most this many sets of k columns are scored, drawn by the seed."""

MAX_ROWS = 50_000
"""At most this many rows of a table are counted, drawn by the seed."""

WORST = 10
"""So many of the worst sets get a score of their own."""

WORST_GROUPS = 3
WORST_IN_GROUP = 5
"""For pairs of columns, so many of the worst sets inside so many of the worst subgroups too."""

FRACTIONS = (0.01, 0.02, 0.05, *(i / 10 for i in range(1, 10)))
REPEATS = 3

Set = tuple[str, ...]


def column_sets(columns: Sequence[str], k: int, rng: np.random.Generator, limit: int) -> list[Set]:
    """All sets of k columns, or ``limit`` of them at random."""
    sets = list(combinations(columns, min(k, len(columns))))
    if len(sets) <= limit:
        return sets
    return [sets[i] for i in np.sort(rng.choice(len(sets), size=limit, replace=False))]


def set_scores(
    real: pd.DataFrame,
    others: Sequence[pd.DataFrame],
    sets: Sequence[Set],
    sizes: Mapping[str, int],
) -> np.ndarray:
    """Score of each other table against ``real`` on each set, 0 to 1000, [others, sets].

    Frames hold codes 0 … size−1.
    """
    if not all(len(table) for table in (real, *others)):
        raise ValueError("a table without rows has no marginals")
    found = np.zeros((len(others), len(sets)))
    tables = [_arrays(table, sets) for table in (real, *others)]
    for j, columns in enumerate(sets):
        of_real, *of_others = _cells(tables, columns, sizes)
        top = 1 + max(int(cell.max()) for cell in (of_real, *of_others))
        shares = _shares(of_real, top)
        for i, cell in enumerate(of_others):
            found[i, j] = np.abs(shares - _shares(cell, top)).sum()
    return np.asarray(1000 * (1 - found / 2))


def score_tables(
    real: pd.DataFrame,
    others: Sequence[pd.DataFrame],
    sets: Sequence[Set],
    sizes: Mapping[str, int],
) -> np.ndarray:
    """k-marginal score of each other table against ``real``, 0 to 1000."""
    return np.asarray(set_scores(real, others, sets, sizes).mean(axis=1))


def _arrays(table: pd.DataFrame, sets: Sequence[Set]) -> dict[str, np.ndarray]:
    """The columns that the sets are made of."""
    names = {name for columns in sets for name in columns}
    return {name: table[name].to_numpy(dtype=np.int64) for name in names}


def _cells(
    tables: Sequence[Mapping[str, np.ndarray]], columns: Set, sizes: Mapping[str, int]
) -> list[np.ndarray]:
    """The number of each row's cell; where there are more cells than rows, of those in use."""
    keys = []
    for table in tables:
        key = table[columns[0]]
        for name in columns[1:]:
            key = key * sizes[name] + table[name]
        keys.append(key)
    ends = np.cumsum([len(key) for key in keys])
    if np.prod([float(sizes[name]) for name in columns]) <= ends[-1]:
        return keys
    return np.split(pd.factorize(np.concatenate(keys))[0], ends[:-1])


def _shares(cell: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(cell, minlength=size) / len(cell)


def subsample_scores(
    real: pd.DataFrame, sets: Sequence[Set], sizes: Mapping[str, int], rng: np.random.Generator
) -> np.ndarray:
    """Score of REPEATS random subsamples for each of FRACTIONS, against all of ``real``.

    A repeat puts the rows into a random order once and takes longer and longer beginnings of it,
    so that one count tells all fractions.
    """
    n, last = len(real), len(FRACTIONS)
    ends = np.maximum(1, np.round(n * np.array(FRACTIONS)))
    stage = [np.searchsorted(ends, rng.permutation(n), side="right") for _ in range(REPEATS)]
    distance, table = np.zeros((last, REPEATS)), _arrays(real, sets)
    for columns in sets:
        (cell,) = _cells((table,), columns, sizes)
        top = 1 + int(cell.max())
        for repeat in range(REPEATS):
            key = stage[repeat] * top + cell
            counts = np.bincount(key, minlength=(last + 1) * top).reshape(last + 1, top)
            total = counts.cumsum(axis=0)
            shares = total[:-1] / ends[:, None]
            distance[:, repeat] += np.abs(shares - total[-1] / n).sum(axis=1)
    return np.asarray(1000 * (1 - distance / max(1, len(sets)) / 2)).ravel()


def equals_percent(score: float, subsample_scores: np.ndarray) -> float:
    """The p % subsample that scores the same: monotone interpolation over FRACTIONS, 0 to 100."""
    means = subsample_scores.reshape(len(FRACTIONS), REPEATS).mean(axis=1)
    heights = np.maximum.accumulate(np.r_[0.0, means, 1000.0])
    return float(100 * np.interp(score, heights, np.r_[0.0, FRACTIONS, 1.0]))


def k_marginal_scores(tables: Tables, k: int) -> list[Score]:
    """Scores over everyone, against holdout and against train, and in each subgroup; the worst sets.

    Inside a subgroup both tables are cut to its rows and its own column is left out, so the score
    judges what its people look like, not how many they are.
    """
    scores: list[Score] = []
    worst: list[list[Score]] = []
    for dimension in tables.dimensions:
        if dimension.order < 2:
            found, by_set = _dimension(tables, dimension, k)
            scores += found
            worst += by_set
    everyone = [sets for sets in worst if sets[0].order == 0]
    groups = [sets for sets in worst if sets[0].order] if k == 2 else []
    groups.sort(key=lambda sets: -np.mean([_shortfall(s) for s in sets]))
    for sets in everyone:
        scores += sorted(sets, key=_shortfall, reverse=True)[:WORST]
    for sets in groups[:WORST_GROUPS]:
        scores += sorted(sets, key=_shortfall, reverse=True)[:WORST_IN_GROUP]
    return scores


def _shortfall(score: Score) -> float:
    assert score.value is not None
    assert score.baseline is not None
    return score.baseline - score.value


def _dimension(
    tables: Tables, dimension: Dimension, k: int
) -> tuple[list[Score], list[list[Score]]]:
    """The scores of its slices, and for each slice that can be judged those of every set."""
    columns = [c for c in tables.schema.modelled if c not in dimension.columns]
    if not columns:
        return [], []
    sets = column_sets(columns, k, tables.rng(f"sets {k} {dimension.name}"), MAX_SETS[k])
    domain = tables.codec.domain
    scores, by_set = [], []
    for piece, masks in tables.masks(dimension, *ROLES):
        group = dict(zip(ROLES, masks, strict=True))
        codes = {role: _capped(tables, role, mask, piece.name) for role, mask in group.items()}
        for rows, beside in (("holdout", ["train"]), ("train", [])):
            if dimension.order and rows == "train":
                continue
            people = tables.people(rows, group[rows])
            about: dict[str, Any] = {
                "slice": piece.name,
                "order": piece.order,
                "rows": rows,
                "n": people,
                "baseline_name": "real train rows" if beside else "",
            }
            remark = f"{len(sets)} sets of {len(sets[0])} columns"
            empty = [role for role in (rows, "synthetic", *beside) if not len(codes[role])]
            status, reason = evidence(people)
            if empty:
                status, reason = "insufficient evidence", f"no {empty[0]} row of this group"
                scores += [
                    Score(metric=m, status=status, reason=reason, detail=remark, **about)
                    for m in (f"kmarginal.{k}", f"kmarginal.{k}.subsample")
                ]
                continue
            others = [codes[role] for role in ("synthetic", *beside)]
            given = set_scores(codes[rows], others, sets, domain)
            rng = tables.rng(f"subsamples {k} {piece.name} {rows}")
            reference = subsample_scores(codes[rows], sets, domain, rng)
            means = given.mean(axis=1)
            percents = [equals_percent(mean, reference) for mean in means]
            scores += [
                Score(
                    metric=metric,
                    value=values[0],
                    baseline=values[1] if beside else None,
                    status=status,
                    reason=reason,
                    detail=remark,
                    **about,
                )
                for metric, values in (
                    (f"kmarginal.{k}", means),
                    (f"kmarginal.{k}.subsample", percents),
                )
            ]
            if beside and status == "ok":
                names = [" × ".join(columns) for columns in sets]
                by_set.append(
                    [
                        Score(
                            metric=f"kmarginal.{k}.worst",
                            value=ours,
                            baseline=ceiling,
                            detail=name,
                            **about,
                        )
                        for name, ours, ceiling in zip(names, *given, strict=True)
                    ]
                )
    return scores, by_set


def _capped(tables: Tables, role: str, mask: np.ndarray, name: str) -> pd.DataFrame:
    rows = np.flatnonzero(mask)
    if len(rows) > MAX_ROWS:
        rng = tables.rng(f"rows {role} {name}")
        rows = np.sort(rng.choice(rows, size=MAX_ROWS, replace=False))
    return tables.codes[role].iloc[rows]
