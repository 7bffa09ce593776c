"""Structural zeros: combinations that the schema declares impossible, in rows and in cells.

Privacy claim: none; what is impossible is public.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.codec import Codec, ColumnCode
from privacy.schema import Condition, Schema


def impossible_rows(frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """Which rows of a canonical frame meet a combination that never holds, bool [n]."""
    bad = np.zeros(len(frame), dtype=bool)
    for zero in schema.impossible:
        hit = np.ones(len(frame), dtype=bool)
        for name, condition in zero.items():
            hit &= _holds(frame[name], condition)
        bad |= hit
    return bad


def impossible_cells(codec: Codec) -> dict[tuple[str, ...], np.ndarray]:
    """Columns, in schema order → the cells of their joint codes that are wholly impossible, bool.

    A bin that a range cuts through is possible: only some of its values are not.
    """
    cells: dict[tuple[str, ...], np.ndarray] = {}
    for zero in codec.schema.impossible:
        clique = tuple(name for name in codec.domain if name in zero)
        mask = np.ones((), dtype=bool)
        for name in clique:
            mask = np.logical_and.outer(mask, _holds_in_all(codec.columns[name], zero[name]))
        cells[clique] = cells.get(clique, np.zeros_like(mask)) | mask
    return cells


def _holds(series: pd.Series, condition: Condition) -> np.ndarray:
    missing = series.isna().to_numpy()
    found = missing & condition.missing
    if condition.values is not None:
        found |= ~missing & series.map(str).isin(condition.values).to_numpy()
    if condition.min is not None or condition.max is not None:
        numbers = pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        low, high = _range(condition)
        found |= (numbers >= low) & (numbers <= high)
    return np.asarray(found)


def _holds_in_all(code: ColumnCode, condition: Condition) -> np.ndarray:
    """For each code, whether the condition holds whatever value the code stands for."""
    found = np.zeros(code.size, dtype=bool)
    values = set(condition.values or ())
    found[code.n_bins : code.n_bins + len(code.values)] = [str(v) in values for v in code.values]
    if code.has_missing:
        found[-1] = condition.missing
    if code.bins is not None and (condition.min is not None or condition.max is not None):
        first, last = code.bins.edges[:-1], code.bins.edges[1:] - code.bins.whole
        low, high = _range(condition)
        found[: code.n_bins] = (first >= low) & (last <= high)
    return found


def _range(condition: Condition) -> tuple[float, float]:
    low = -np.inf if condition.min is None else condition.min
    return low, np.inf if condition.max is None else condition.max
