"""Relations that every row of a table keeps, as lines of a draft: orders, sums, columns that agree or are
missing together.

A relation has to be more than chance: rows are dealt out anew, and what then still holds is no evidence.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

LEAST = 30
"""Fewer rows with both show no relation."""
BY_CHANCE = 8
"""So many rows have to break an order of numbers once they are dealt out anew."""
MOST_NUMBERS = 30
"""Of more columns of numbers no relations are looked for: too many agree by chance."""
MOST_PARTS = 12
"""Nor sums of more."""


def ties(
    table: pa.Table,
    dates: Mapping[str, Mapping[str, dt.datetime]],
    numbers: Mapping[str, Mapping[str, float]],
    missing: Collection[str],
) -> list[dict[str, Any]]:
    """What ``relations:`` might list.

    ``dates``, ``numbers``: what the texts of a column say, ``missing``: texts of a missing value.
    """
    texts = {n: table[n].to_pandas() for n in table.column_names}
    when = {n: pd.to_datetime(texts[n].map(dates[n]), errors="coerce") for n in dates}
    days = [n for n in dates if (when[n].dropna() == when[n].dropna().dt.normalize()).all()]
    stamps = {n: (t - pd.Timestamp(0)) / pd.Timedelta(seconds=1) for n, t in when.items()}
    found: list[dict[str, Any]] = []
    for alike in (days, [n for n in dates if n not in days]):  # days and seconds stand in no order
        values = {n: stamps[n].to_numpy(dtype=float) for n in alike}
        found += [{"order": list(pair)} for pair in _orders(values, chance=False)]
    if 1 < len(numbers) <= MOST_NUMBERS:
        values = {n: texts[n].map(numbers[n]).to_numpy(dtype=float) for n in numbers}
        found += _of_numbers(values)
    absent = {n: t.isin(missing).to_numpy(dtype=bool) for n, t in texts.items()}
    groups: dict[bytes, list[str]] = {}
    for name, rows in absent.items():
        if LEAST <= rows.sum() <= len(rows) - LEAST:
            groups.setdefault(np.packbits(rows).tobytes(), []).append(name)
    return found + [{"missing_together": g} for g in groups.values() if len(g) > 1]


def _of_numbers(values: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Columns that agree, sums, and orders between what is left."""
    same = [(a, b) for a, b in combinations(values, 2) if _agree(values[a], values[b])]
    yield from ({"equal": [a, b]} for a, b in same)
    once = {n: v for n, v in values.items() if n not in {b for _, b in same}}
    sums = list(_sums(once)) if len(once) <= MOST_PARTS else []
    yield from ({"total": total, "parts": list(parts)} for total, parts in sums)
    summed = {n for total, parts in sums for n in (total, *parts)}  # an order of these follows
    yield from (
        {"order": [a, b]}
        for a, b in _orders({n: v for n, v in once.items() if n not in summed}, chance=True)
    )


def _agree(a: np.ndarray, b: np.ndarray) -> bool:
    both = np.isfinite(a) & np.isfinite(b)
    return bool(both.sum() >= LEAST and (a[both] == b[both]).all() and np.ptp(a[both]) > 0)


def _sums(values: Mapping[str, np.ndarray]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A number that is the sum of two or three others in every row."""
    for total in values:
        others = [n for n in values if n != total]
        for size in (2, 3):
            for parts in combinations(others, size):
                table = np.array([values[n] for n in (total, *parts)])
                known = np.isfinite(table).all(axis=0)
                if known.sum() < LEAST or not (np.ptp(table[:, known], axis=1) > 0).all():
                    continue
                if np.allclose(table[0, known], table[1:, known].sum(axis=0), rtol=0, atol=1e-6):
                    yield total, parts
                    break


def _orders(values: Mapping[str, np.ndarray], chance: bool) -> list[tuple[str, str]]:
    """Pairs of which the first is never larger; none that follows from two others.

    ``chance``: whether rows that are dealt out anew have to break it.
    """
    kept = set()
    for a, b in permutations(values, 2):
        both = np.isfinite(values[a]) & np.isfinite(values[b])
        low, high = values[a][both], values[b][both]
        if both.sum() < LEAST or not (low <= high).all() or not (low < high).any():
            continue
        dealt = np.random.default_rng(0).permutation(len(high))
        if not chance or (low > high[dealt]).sum() >= BY_CHANCE:
            kept.add((a, b))
    return sorted(p for p in kept if not any({(p[0], c), (c, p[1])} <= kept for c in values))
