"""Numbers that are in order with each other, drawn one after the other inside what is left for each.

Privacy claim: post-processing of codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from privacy.records.following import FollowingCode, spans
from privacy.records.rows import equal_pairs, numbers_of
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.network import Between, Floats, Mask, Network
from privacy.schema.numbers import with_numbers
from privacy.schema.placing import Relative

if TYPE_CHECKING:
    from privacy.records.codec import RecordCodec

TRIES = 8
"""How often a number is drawn again from its bin before it is drawn anywhere that is allowed."""


@dataclass(frozen=True)
class Drawing:
    """The numbers of one network, drawn in turn."""

    codec: RecordCodec
    network: Network
    said: Mapping[str, np.ndarray]
    own: Mapping[str, np.ndarray]
    follows: Mapping[str, Mask]
    rng: np.random.Generator
    given: frozenset[str] = frozenset()
    """Columns whose values stand in the frame already."""

    def into(self, frame: pd.DataFrame) -> Mask:
        """Put them into the frame, where there is a number; whether they are as the codes say."""
        names, schema = self.network.names, self.codec.schema
        there, first = numbers_of(frame, schema, names)
        equal = equal_pairs(frame, self.codec.plan.equal, self.network, there)
        freed = np.zeros_like(there)
        for _, k, mask in equal:
            freed[:, k] |= mask
        also, met = [], np.ones(len(frame), dtype=bool)
        tied = np.zeros_like(there)
        for k, name in enumerate(names):
            use = there[:, k] & ~freed[:, k]
            relative = self.codec.plan.relative.get(name)
            if relative is not None:
                j = names.index(relative.anchor)
                tied[:, k] = use & there[:, j] & self.follows[name]
                met &= ~use | (there[:, j] == self.follows[name])
                also.append(self._gap(name, relative, j, k, tied[:, k]))
                use = use & ~self.follows[name] & ~there[:, j]
            use &= name not in self.given  # a value is surer than its code
            low, high = spans(self.codec.own.columns[name])
            also.append(
                Between(
                    -1,
                    k,
                    np.where(use, low[self.own[name]], np.nan),
                    np.where(use, high[self.own[name]], np.nan),
                )
            )

        def choose(k: int, low: Floats, high: Floats, values: Floats, rows: slice) -> Floats:
            return self._choose(k, low, high, values, rows, first, tied)

        values, kept = self.network.settle(there, choose, also, equal)
        for k, name in enumerate(names):
            column = self.codec.numeric(name)
            written = as_written(values[:, k], column)
            frame[name] = with_numbers(frame[name], column, written, there[:, k])
        return met & kept

    def _gap(self, name: str, relative: Relative, j: int, k: int, use: Mask) -> Between:
        code = self.codec.columns[name]
        assert isinstance(code, FollowingCode)
        assert code.gap is not None
        low, high = spans(code.gap)
        at = np.where(use, self.said[name], 0)
        least, most = np.where(use, low[at], np.nan), np.where(use, high[at], np.nan)
        return Between(j, k, least, most) if relative.sign > 0 else Between(k, j, least, most)

    def _choose(
        self,
        k: int,
        low: Floats,
        high: Floats,
        values: Floats,
        rows: slice,
        first: Floats,
        tied: Mask,
    ) -> Floats:
        """A number of the code's bin, anywhere allowed where the bin has none that is."""
        name = self.network.names[k]
        if name in self.given:
            return np.asarray(np.clip(first[rows, k], low, high))
        column = self.codec.numeric(name)
        at = np.arange(rows.start, rows.stop)
        x = np.where(high <= low, low, first[rows, k])
        by_gap = tied[rows, k]
        redo = np.isfinite(low) & (high > low) & (by_gap | (x < low) | (x > high))
        for _ in range(TRIES):
            if not redo.any():
                break
            gapped, rest = np.flatnonzero(redo & by_gap), np.flatnonzero(redo & ~by_gap)
            if len(gapped):
                x[gapped] = self._from_gap(name, at[gapped], values[gapped])
            if len(rest):
                bins = self.codec.own.columns[name].bins
                assert bins is not None
                x[rest] = bins.draw(self.own[name][at[rest]], self.rng)
            x[redo] = on_grid(x[redo], low[redo], high[redo], column)
            redo &= (x < low) | (x > high)
        x[redo] = anywhere(low[redo], high[redo], column, self.rng)
        return x

    def _from_gap(self, name: str, at: np.ndarray, values: Floats) -> Floats:
        relative, code = self.codec.plan.relative[name], self.codec.columns[name]
        assert isinstance(code, FollowingCode)
        assert code.gap is not None
        assert code.gap.bins is not None
        drawn = code.gap.bins.draw(self.said[name][at], self.rng)
        anchor = values[:, self.network.names.index(relative.anchor)]
        return np.asarray(anchor + relative.sign * drawn)


def on_grid(x: Floats, low: Floats, high: Floats, column: Numeric | Datetime) -> Floats:
    """With the column's decimals, where such a number is allowed."""
    if not isinstance(column, Numeric) or column.kind == "integer" or column.decimals is None:
        return x
    rounded = np.round(x, column.decimals)
    return np.where((rounded >= low) & (rounded <= high), rounded, x)


def as_written(x: Floats, column: Numeric | Datetime) -> Floats:
    """Without what sums of floats are off, so that equal numbers are equal."""
    if not isinstance(column, Numeric) or column.decimals is None:
        return x
    rounded = np.round(x, column.decimals)
    return np.where(np.abs(rounded - x) < 1e-9 * np.maximum(1.0, np.abs(x)), rounded, x)


def anywhere(
    low: Floats, high: Floats, column: Numeric | Datetime, rng: np.random.Generator
) -> Floats:
    """A number drawn uniformly."""
    if column.kind == "float":
        return on_grid(rng.uniform(low, high), low, high, column)
    first, last = np.ceil(low - 1e-6).astype(np.int64), np.floor(high + 1e-6).astype(np.int64)
    return rng.integers(first, np.maximum(last, first) + 1).astype(float)
