"""Which columns give synthetic rows away, and a look at rows as they stand: decimals and common values too.

A classifier that sees a number only by its size misses that real ones end in two decimals or stand at 40. Here
a number also has its count of decimals and its place among the commonest values. What one column alone tells is
read off its values: the share of synthetic rows among the other folds' rows in the same cell, as an AUROC. So a
column is found however many others tell the tables apart too, as by a drop under permutation it would not be;
where rows are told apart and no column does it alone, it is by how columns go together.

Privacy claim: none; the figures are on real rows.
"""

from __future__ import annotations

import numpy as np

from evaluators.original.numbers import decimals
from evaluators.original.originals import Original

COMMON = 20
SHARE = 0.005
"""So many values at most, with this share of the rows at least, are cells of their own."""

QUANTILES = 50
PRIOR = 5.0
"""So many rows, half of them synthetic, are added to each cell."""


def look(column: Original, rows: dict[str, np.ndarray]) -> np.ndarray:
    """Features of the chosen rows of each role, one role after the other; no number is NaN."""
    codes = np.concatenate([column.codes[role][of] for role, of in rows.items()])
    if not column.numeric:
        return codes[:, None].astype(float)
    numbers = np.concatenate([column.numbers[role][of] for role, of in rows.items()])
    there = np.isfinite(numbers)
    digits = np.where(there, decimals(np.where(there, numbers, 0.0)), -1)
    return np.column_stack([numbers, codes, digits, _common(numbers)])


def _common(numbers: np.ndarray) -> np.ndarray:
    """The place of each number among the commonest, from 1; 0 for the rest."""
    values, place, counts = np.unique(
        numbers[np.isfinite(numbers)], return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")[:COMMON]
    kept = order[counts[order] >= SHARE * len(numbers)]
    rank = np.zeros(len(values), dtype=np.int64)
    rank[kept] = np.arange(1, len(kept) + 1)
    found = np.zeros(len(numbers), dtype=np.int64)
    found[np.isfinite(numbers)] = rank[place]
    return found


def cell(features: np.ndarray) -> np.ndarray:
    """A number for each distinct kind of row: sizes as quantiles, all else as it is."""
    if features.shape[1] == 1:
        return features[:, 0].astype(np.int64)
    numbers = features[:, 0]
    there = np.isfinite(numbers)
    size = np.full(len(numbers), -1)
    if there.any():
        edges = np.unique(np.quantile(numbers[there], np.arange(1, QUANTILES) / QUANTILES))
        size[there] = np.searchsorted(edges, numbers[there], side="right")
    joint = size + 1
    for other in features[:, 1:].astype(np.int64).T:
        joint = joint * (int(other.max()) + 2) + other + 1
    return np.asarray(np.unique(joint, return_inverse=True)[1])


def alone(of: np.ndarray, y: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The share of synthetic rows (``y`` is 1) in each row's cell, among the other folds."""
    width = int(of.max()) + 1
    found = np.zeros(len(of))
    for held in np.unique(fold):
        out = fold == held
        ours = np.bincount(of[~out], y[~out], width) + PRIOR / 2
        rows = np.bincount(of[~out], minlength=width) + PRIOR
        found[out] = (ours / rows)[of[out]]
    return found
