"""How strongly columns go together, and whether synthetic rows keep it: one figure for every pair.

Two numbers: Pearson's correlation over the rows that have both. Two categories: Cramér's V. A
category and a number: the correlation ratio η, the root of the share of the number's variance that
lies between the categories.

V and η of independent columns grow with the number of categories over that of rows, so a small holdout
would seem more associated than a large synthetic table. Both are therefore corrected for chance: V by
Bergsma (2013), η² by Kelley's ε² (1935); the correction is what either has on average under
independence. Corrected values below 0 count as 0.

All pairs come from three products of matrices with as many rows as the table: categories as one
sparse indicator matrix, so a wide column costs what its rows hold, not what its square would.

Rows: holdout, with the train rows against it as a baseline. Visibility: internal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
from scipy import sparse

from evaluators.mixed import Mixed, mixed, special_name
from evaluators.original.originals import each_original
from evaluators.score import Score, finite
from evaluators.tables import ROLES, Tables, evidence

MAX_ROWS = 50_000
"""At most this many rows of a table are looked at, drawn by the seed."""

KINDS = ("pearson", "cramers_v", "correlation_ratio")
MEAN = "association.mean_difference"


@dataclass(frozen=True, eq=False)
class Associations:
    """The association of every pair, NaN where one of the two does not vary.

    ``pearson`` [numbers, numbers], ``cramers_v`` [categories, categories], ``correlation_ratio``
    [categories, numbers].
    """

    pearson: np.ndarray
    cramers_v: np.ndarray
    correlation_ratio: np.ndarray


def associations(table: Mixed) -> Associations:
    """All three kinds."""
    known = np.isfinite(table.numbers)
    numbers = _standardised(table.numbers, known)
    indicators, column = _indicators(table)
    return Associations(
        _pearson(numbers, known.astype(float)),
        _cramers_v(indicators, column, len(table.sizes)),
        _correlation_ratio(numbers, known.astype(float), indicators, column, len(table.sizes)),
    )


def _standardised(numbers: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1 over the known values, 0 elsewhere: sums of squares stay exact."""
    count = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, numbers, 0.0)
    centred = np.where(known, centred - centred.sum(axis=0) / count, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / count)
    largest = np.abs(np.where(known, numbers, 0.0)).max(axis=0, initial=0.0)
    varies = spread > 1e-12 * largest  # below it, rounding
    return np.where(varies, centred / np.where(varies, spread, 1.0), 0.0)


def _indicators(table: Mixed) -> tuple[sparse.csr_array, np.ndarray]:
    """One column for each category of each categorical column, and whose category it is."""
    n, width = table.categories.shape
    first = np.concatenate([[0], np.cumsum(table.sizes)]).astype(np.int64)
    places = (table.categories + first[:-1]).ravel()
    rows = np.arange(0, n * width + 1, width) if width else np.zeros(n + 1, dtype=np.int64)
    matrix = sparse.csr_array((np.ones(n * width), places, rows), shape=(n, int(first[-1])))
    return matrix, np.repeat(np.arange(width), table.sizes)


def _pearson(X: np.ndarray, M: np.ndarray) -> np.ndarray:
    """Correlations over pairwise complete rows; X is 0 and M is 0 where a value is missing."""
    n, sums, squares = M.T @ M, X.T @ M, (X**2).T @ M
    between = n * (X.T @ X) - sums * sums.T
    variance = n * squares - sums**2
    varies = variance > 1e-12 * n**2
    scale = np.sqrt(np.where(varies & varies.T, variance * variance.T, 0))
    return np.asarray(np.clip(_ratio(between, scale), -1, 1))


def _cramers_v(S: sparse.csr_array, column: np.ndarray, width: int) -> np.ndarray:
    """Bergsma's bias-corrected V of every two categorical columns.

    χ² / n = Σ nᵢⱼ² / (nᵢ nⱼ) − 1, and only cells with people add to it.
    """
    n = S.shape[0]
    count = np.asarray(S.sum(axis=0))
    cells = (S.T @ S).tocoo()
    weight = cells.data**2 / (count[cells.row] * count[cells.col])
    pair = column[cells.row] * width + column[cells.col]
    phi2 = np.bincount(pair, weight, width**2).reshape(width, width) - 1
    used = np.bincount(column, count > 0, width)
    less = np.maximum(used - 1, 0)
    corrected = np.maximum(phi2 - np.outer(less, less) / max(n - 1, 1), 0)
    levels = less - less**2 / max(n - 1, 1)
    return np.asarray(np.sqrt(np.minimum(_ratio(corrected, np.minimum.outer(levels, levels)), 1)))


def _correlation_ratio(
    X: np.ndarray, M: np.ndarray, S: sparse.csr_array, column: np.ndarray, width: int
) -> np.ndarray:
    """√ε² of every category and number, over the rows that have the number."""
    count, sums = np.asarray(S.T @ M), np.asarray(S.T @ X)
    of = sparse.csr_array(
        (np.ones(len(column)), (column, np.arange(len(column)))), shape=(width, len(column))
    )
    squares = np.divide(sums**2, count, out=np.zeros_like(sums), where=count > 0)
    n, total = M.sum(axis=0), X.sum(axis=0)
    mean = np.divide(total**2, n, out=np.zeros_like(total), where=n > 0)
    between, whole = of @ squares - mean, (X**2).sum(axis=0) - mean
    used = of @ (count > 0).astype(float)
    within = _ratio((whole - between) * (n - 1), whole * (n - used))  # of the variance
    enough = (used > 1) & (whole > 1e-12 * n)
    return np.where(enough, np.sqrt(np.clip(1 - within, 0, 1)), np.nan)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = np.broadcast_arrays(a, b)
    return np.asarray(np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0))


def association(tables: Tables) -> list[Score]:
    """The mean absolute difference of each kind, and the difference of every pair."""
    people = tables.people("holdout", np.ones(len(tables.holdout), dtype=bool))
    status, reason = evidence(people)
    if tables.synthetic.empty:
        status, reason = "insufficient evidence", "the synthetic table has no rows"
    if status != "ok":
        return [
            Score(metric=MEAN, n=people, status=status, reason=reason, detail=kind)
            for kind in KINDS
        ]
    seen = {role: _seen(tables, role) for role in ROLES}
    found = {role: associations(table) for role, table in seen.items()}
    scores: list[Score] = []
    for kind in KINDS:
        real, ours, beside = (getattr(found[r], kind) for r in ("holdout", "synthetic", "train"))
        pairs = _pairs(seen["holdout"], kind)
        gaps = [np.array([abs(f[p] - real[p]) for p in pairs]) for f in (ours, beside)]
        scores.append(_mean(kind, people, *gaps))
        scores += [
            _difference(f"{a} × {b} ({kind})", people, float(real[p]), float(ours[p]))
            for p, (a, b) in pairs.items()
        ]
    return scores + (_on_originals(tables, scores) if tables.originals else [])


def _on_originals(tables: Tables, coarsened: list[Score]) -> list[Score]:
    """The mean differences before categories became ``other``, beside those after it."""
    after = {s.detail: s.value for s in coarsened if s.metric == MEAN}
    seen = {role: _seen(tables, role, original=True) for role in ("holdout", "synthetic")}
    found = {role: associations(table) for role, table in seen.items()}
    scores = []
    for kind in ("cramers_v", "correlation_ratio"):
        pairs = _pairs(seen["holdout"], kind)
        real, ours = (getattr(found[r], kind) for r in ("holdout", "synthetic"))
        gaps = np.array([abs(ours[p] - real[p]) for p in pairs])
        if np.isfinite(gaps).any():
            scores.append(
                Score(
                    metric="association.original.mean_difference",
                    value=float(np.nanmean(gaps)),
                    baseline=after.get(kind),
                    baseline_name="with rare categories merged",
                    n=tables.people("holdout", np.ones(len(tables.holdout), dtype=bool)),
                    higher_is_better=False,
                    detail=kind,
                )
            )
    return scores


def _seen(tables: Tables, role: str, original: bool = False) -> Mixed:
    rows = np.arange(len(tables.frame(role)))
    if len(rows) > MAX_ROWS:
        rng = tables.rng(f"association {role}")
        rows = np.sort(rng.choice(rows, size=MAX_ROWS, replace=False))
    table = mixed(tables.frame(role).iloc[rows], tables.codes[role].iloc[rows], tables.codec)
    if not original:
        return table
    codes, sizes = table.categories.copy(), list(table.sizes)
    for column in each_original(tables):
        if not column.numeric:
            place = table.category_names.index(column.name)
            codes[:, place], sizes[place] = column.codes[role][rows], len(column.labels)
    return replace(table, categories=codes, sizes=tuple(sizes))


def _pairs(table: Mixed, kind: str) -> dict[tuple[int, int], tuple[str, str]]:
    """Place in the matrix of this kind → names; a number has no pair with its own specials."""
    if kind == "correlation_ratio":
        sides = list(product(enumerate(table.category_names), enumerate(table.number_names)))
    else:
        names = table.number_names if kind == "pearson" else table.category_names
        sides = list(combinations(enumerate(names), 2))
    return {(i, j): (a, b) for (i, a), (j, b) in sides if a != special_name(b)}


def _mean(kind: str, people: int, ours: np.ndarray, beside: np.ndarray) -> Score:
    both = np.isfinite(ours)
    if not both.any():
        return Score(
            metric=MEAN,
            n=people,
            higher_is_better=False,
            status="insufficient evidence",
            reason="no two columns of this kind vary in the real and in the synthetic rows",
            detail=kind,
        )
    both_train = both & np.isfinite(beside)
    return Score(
        metric=MEAN,
        value=float(ours[both].mean()),
        baseline=float(beside[both_train].mean()) if both_train.any() else None,
        baseline_name="real train rows",
        n=people,
        higher_is_better=False,
        detail=kind,
    )


def _difference(detail: str, people: int, real: float, ours: float) -> Score:
    known = np.isfinite(real) and np.isfinite(ours)
    where = "synthetic" if np.isfinite(real) else "real"
    return Score(
        metric="association.difference",
        value=ours - real if known else None,
        baseline=finite(real),
        baseline_name="real association",
        n=people,
        status="ok" if known else "insufficient evidence",
        reason="" if known else f"among the {where} rows that have both, one does not vary",
        detail=detail,
    )
