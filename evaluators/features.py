"""Canonical rows → what a learner is shown, by the public schema alone: nothing is fitted.

A category becomes one-hot columns; a number becomes its place between the public bounds, with
one-hot columns for its special values and for a missing value. Every table, real or synthetic,
takes the same way. A learner looks at the columns of a row or at its image.

Privacy claim: none; row-wise post-processing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from privacy.reading.images import stack
from privacy.schema.codec import Codec
from privacy.schema.columns import Categorical
from privacy.schema.schema import Classification, Multiclass, Regression, Schema, Survival, Target

Look = Callable[[pd.DataFrame, Codec, Target], np.ndarray]
"""(rows, codec, what is to be predicted) → what a learner sees of each row."""

MAX_ONE_HOT = 64
"""A wider category shares this many columns: its code modulo 64 (public, so no fit)."""


def feature_columns(schema: Schema, target: Target) -> tuple[str, ...]:
    """The columns that may predict ``target``.

    Left out: the columns of every target, and those that the target is to be predicted without
    because they give the outcome away (a cause of death, say).
    """
    hidden = {column for t in schema.targets for column in t.columns} | set(target.without)
    return tuple(n for n in schema.modelled if n not in hidden)


def design(frame: pd.DataFrame, codec: Codec, columns: tuple[str, ...]) -> np.ndarray:
    """Feature matrix [rows, features], float32; the same features for every table of a schema."""
    blocks = [_block(frame[name], codec, name) for name in columns]
    return np.concatenate([np.zeros((len(frame), 0), dtype=np.float32), *blocks], axis=1)


def columns_of(frame: pd.DataFrame, codec: Codec, target: Target) -> np.ndarray:
    """The features of the columns that may predict ``target``."""
    return design(frame, codec, feature_columns(codec.schema, target))


def image_of(frame: pd.DataFrame, codec: Codec, target: Target) -> np.ndarray:
    """The images, uint8 [rows, height, width, channels], and nothing else of the rows."""
    return stack(frame[codec.schema.image])


def width(codec: Codec, name: str) -> int:
    """How many features a column becomes."""
    column = codec.columns[name]
    one_hot = min(column.size - column.n_bins, MAX_ONE_HOT)
    return one_hot if isinstance(column.column, Categorical) else 1 + one_hot


def _block(series: pd.Series, codec: Codec, name: str) -> np.ndarray:
    column = codec.columns[name]
    codes = column.encode(series)
    if isinstance(column.column, Categorical):
        return _one_hot(codes, column.size)
    assert column.bins is not None
    in_bin = codes < column.n_bins
    low, high = column.bins.edges[0], column.bins.edges[-1]
    place = np.zeros(len(series))
    place[in_bin] = (as_numbers(series[in_bin], codec, name) - low) / (high - low)
    other = _one_hot(np.where(in_bin, -1, codes - column.n_bins), column.size - column.n_bins)
    return np.column_stack([place.astype(np.float32), other])


def _one_hot(codes: np.ndarray, size: int) -> np.ndarray:
    """Indicator columns; a negative code has none."""
    width = min(size, MAX_ONE_HOT)
    out = np.zeros((len(codes), width), dtype=np.float32)
    rows = np.flatnonzero(codes >= 0)
    out[rows, codes[rows] % width] = 1
    return out


def as_numbers(series: pd.Series, codec: Codec, name: str) -> np.ndarray:
    """The numbers (dates as days or seconds since 1970) of values that are neither missing nor
    special."""
    column = codec.columns[name].column
    if column.kind != "datetime":
        return series.to_numpy(dtype=float)
    seconds = series.to_numpy(dtype="datetime64[s]").astype(np.int64)
    return seconds // 86_400 if column.resolution == "day" else seconds


def outcome(frame: pd.DataFrame, codec: Codec, target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and the rows that have one (neither missing nor special).

    Classification: 0/1 [n]. Multiclass: class numbers [n]. Regression: numbers [n]. Survival:
    (time, event) [n, 2].
    """
    if isinstance(target, Multiclass):
        codes = codec.columns[target.column].encode(frame[target.column])
        return codes.astype(float), codes < len(classes(codec, target))
    if isinstance(target, Classification):
        values = frame[target.column]
        return values.isin(target.positive).to_numpy(float), values.notna().to_numpy()
    number = target.column if isinstance(target, Regression) else target.time
    known = codec.columns[number].encode(frame[number]) < codec.columns[number].n_bins
    y = np.zeros(len(frame))
    y[known] = as_numbers(frame.loc[known, number], codec, number)
    if isinstance(target, Survival):
        event = frame[target.event]
        known &= event.notna().to_numpy()
        y = np.column_stack([y, event.isin(target.event_values).to_numpy(float)])
    return y, known


def classes(codec: Codec, target: Multiclass) -> tuple[str, ...]:
    """The classes of a target, by their numbers."""
    code = codec.columns[target.column]
    return code.labels[: len(code.values)]


def event_of(y: np.ndarray, target: Target) -> np.ndarray | None:
    """The 0/1 event inside an outcome; None where the target is a number or has many
    classes."""
    if isinstance(target, Regression | Multiclass):
        return None
    return y[:, 1] if isinstance(target, Survival) else y
