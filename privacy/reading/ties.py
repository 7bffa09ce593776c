"""Relations that every row of a table keeps, as lines of a draft: dates in order, columns missing together.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from itertools import permutations

import numpy as np
import pandas as pd
import pyarrow as pa

LEAST = 30
"""Fewer rows with both show no order."""


def ties(
    table: pa.Table, dates: Mapping[str, Mapping[str, dt.datetime]], missing: Collection[str]
) -> list[dict[str, list[str]]]:
    """What ``relations:`` might list; ``dates``: the times that texts of a column say, ``missing``: texts of a
    missing value.
    """
    texts = {n: table[n].to_pandas() for n in table.column_names}
    when = {n: pd.to_datetime(texts[n].map(dates[n]), errors="coerce") for n in dates}
    days = [n for n in dates if (when[n].dropna() == when[n].dropna().dt.normalize()).all()]
    found = []
    for alike in (days, [n for n in dates if n not in days]):  # days and seconds stand in no order
        found += [{"order": [a, b]} for a, b in _orders({n: when[n] for n in alike})]
    absent = {n: t.isin(missing).to_numpy(dtype=bool) for n, t in texts.items()}
    groups: dict[bytes, list[str]] = {}
    for name, rows in absent.items():
        if LEAST <= rows.sum() <= len(rows) - LEAST:
            groups.setdefault(np.packbits(rows).tobytes(), []).append(name)
    return found + [{"missing_together": g} for g in groups.values() if len(g) > 1]


def _orders(when: dict[str, pd.Series]) -> list[tuple[str, str]]:
    """Pairs of dates of which the first is never later; none that follows from two others."""
    kept = set()
    for a, b in permutations(when, 2):
        both = (when[a].notna() & when[b].notna()).to_numpy()
        apart = (when[b] - when[a])[both]
        if both.sum() >= LEAST and (apart >= pd.Timedelta(0)).all() and apart.any():
            kept.add((a, b))
    return sorted(p for p in kept if not any({(p[0], c), (c, p[1])} <= kept for c in when))
