"""A table as numbers and categories, by the public schema: what associations and propensities see.

A number or date is one column of numbers, missing where the value is missing or special; where a
schema declares special values, a second column of categories tells them apart (as
``evaluators.fidelity.sdmetrics.plain`` does for SDMetrics). A missing category is a category.

Privacy claim: none; row-wise post-processing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluators.features import as_numbers
from privacy.schema.codec import Codec
from privacy.schema.columns import Categorical, Datetime
from privacy.schema.schema import Schema


@dataclass(frozen=True, eq=False)
class Mixed:
    """Rows as ``numbers`` [rows, numeric columns], NaN where there is none, and ``categories``
    [rows, categorical columns], whole numbers from 0; ``sizes`` of the latter."""

    number_names: tuple[str, ...]
    numbers: np.ndarray
    category_names: tuple[str, ...]
    categories: np.ndarray
    sizes: tuple[int, ...]


def mixed(frame: pd.DataFrame, codes: pd.DataFrame, codec: Codec) -> Mixed:
    """The canonical rows ``frame``, whose codes are ``codes``."""
    numbers: dict[str, np.ndarray] = {}
    categories: dict[str, np.ndarray] = {}
    sizes = []
    for name, column in codec.columns.items():
        code = codes[name].to_numpy()
        if isinstance(column.column, Categorical):
            categories[name] = code
            sizes.append(column.size)
            continue
        in_bin = code < column.n_bins
        values = np.full(len(code), np.nan)
        values[in_bin] = as_numbers(frame.loc[in_bin, name], codec, name)
        numbers[name] = values
        if has_specials(codec.schema, name):
            categories[special_name(name)] = np.where(in_bin, 0, code - column.n_bins + 1)
            sizes.append(1 + column.size - column.n_bins)
    return Mixed(
        tuple(numbers),
        _stacked(numbers, len(frame), float),
        tuple(categories),
        _stacked(categories, len(frame), np.int64),
        tuple(sizes),
    )


def _stacked(columns: dict[str, np.ndarray], n: int, kind: type) -> np.ndarray:
    return np.stack(list(columns.values()), axis=1) if columns else np.zeros((n, 0), dtype=kind)


def has_specials(schema: Schema, name: str) -> bool:
    """Whether a number has special values, and so a second column."""
    column = schema.columns[name]
    return not isinstance(column, Categorical | Datetime) and bool(getattr(column, "special", ()))


def special_name(name: str) -> str:
    """The name of the second column."""
    return f"{name} (special)"
