"""How a column of numbers or dates reads beside the real one: on the values as they stand in the table.

Numbers that the schema calls special are numbers here, so that figures do not go by what a schema declares.
Differences are of a table minus the real one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from evaluators.original.chance import kolmogorov
from evaluators.original.numbers import (
    RARE_DECIMALS,
    cells,
    decimals,
    heap,
    on_multiples,
    spikes,
    spread_of,
)
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.schema import Schema

Figures = dict[str, float]

SECONDS_A_DAY = 86_400
FIRSTS = 12 / 365.25
"""The share of days that are the first of a month."""

HEAPED_DATES = 0.1


def numeric(schema: Schema) -> list[str]:
    """The columns of numbers and dates."""
    return [n for n in schema.modelled if isinstance(schema.columns[n], Numeric | Datetime)]


def as_numbers(series: pd.Series) -> np.ndarray:
    """Floats; dates as days since 1970; NaN where there is no number."""
    if pd.api.types.is_datetime64_any_dtype(series):
        seconds = series.astype("datetime64[s]")
        days = seconds.astype("int64").to_numpy() / SECONDS_A_DAY
        return np.where(series.isna(), np.nan, days)
    return pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def of_column(real: pd.Series, ours: pd.Series) -> Figures:
    """How one column differs.

    ``ks``: 1 − Kolmogorov's distance. ``mean``, ``q90``, ``q99``: differences in interquartile ranges.
    ``spikes``: the largest difference of share at a common real value; ``heaps``: that of the multiples which
    real values heap on (dates: firsts of a month). ``decimals``: the share of values with more digits after the
    point than real ones have. ``missing``: the difference of the shares missing.
    """
    tables = as_numbers(real), as_numbers(ours)
    a, b = (t[np.isfinite(t)] for t in tables)
    found = {"missing": float(np.isnan(tables[1]).mean() - np.isnan(tables[0]).mean())}
    if not len(a) or not len(b):
        return found | {"ks": 0.0}
    both, scale = cells(a, b), spread_of(a)
    found["ks"] = 1 - float(kolmogorov(both.real, both.ours))
    found["mean"] = float(b.mean() - a.mean()) / scale
    for name, share in (("q90", 0.9), ("q99", 0.99)):
        high, low = (np.quantile(t, share, method="inverted_cdf") for t in (b, a))
        found[name] = float(high - low) / scale
    common = [float((b == v).mean() - (a == v).mean()) for v in spikes(a)]
    if common:
        found["spikes"] = max(common, key=abs)
    if pd.api.types.is_datetime64_any_dtype(real):
        firsts = [float((t.dropna().dt.day == 1).mean()) for t in (real, ours)]
        if firsts[0] >= FIRSTS + HEAPED_DATES:
            found["heaps"] = firsts[1] - firsts[0]
        return found
    if not pd.api.types.is_integer_dtype(real):
        most = np.quantile(decimals(a), RARE_DECIMALS, method="inverted_cdf")
        found["decimals"] = float((decimals(b) > most).mean())
    if multiple := heap(a):
        heaped = [
            float(on_multiples(t[t != 0], multiple).mean()) if t.any() else 0.0 for t in (a, b)
        ]
        found["heaps"] = heaped[1] - heaped[0]
    return found


def of_columns(schema: Schema, real: pd.DataFrame, ours: pd.DataFrame) -> dict[str, Figures]:
    """The figures of every column of numbers or dates."""
    return {
        name: {k: round(v, 4) for k, v in of_column(real[name], ours[name]).items()}
        for name in numeric(schema)
    }


def summed_up(columns: Mapping[str, Figures]) -> dict[str, Figures]:
    """Of each figure, in absolute value, the mean and the worst over the columns that have it."""
    found: dict[str, Figures] = {}
    for figure in ("ks", "mean", "q90", "q99", "spikes", "heaps", "decimals", "missing"):
        values = [abs(c[figure]) for c in columns.values() if figure in c]
        if values:
            worst = min(values) if figure == "ks" else max(values)
            found[figure] = {"mean": round(float(np.mean(values)), 4), "worst": worst}
    return found
