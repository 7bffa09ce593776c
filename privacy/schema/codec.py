"""Schema → integer codes and back. There is no ``fit``: codes are known before any private row.

A column becomes the integers 0 … size−1: categories in schema order, or bins in increasing order
followed by the special values, and last the missing value where the schema keeps one. ``decode``
draws numbers inside their bin (``drawing``), whole where the column is integer, days where it is a
date.

Frames that go in and come out are *canonical*, as ``privacy.table`` makes them: texts for
categories, Int64/float64/datetime64[s] for numbers and dates (object where texts such as "N" stand
among the numbers), and pandas' missing value for a missing value.

Privacy claim: post-processing; reads no data of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

from privacy.schema.columns import Categorical, Datetime, Numeric, Shape
from privacy.schema.drawing import Pieces, with_ends
from privacy.schema.lattice import Lattice
from privacy.schema.numbers import (
    bounds_as_numbers,
    date_to_number,
    number_to_date,
    numbers,
)
from privacy.schema.schema import Schema, Subgroup

MISSING = "(missing)"


@dataclass(frozen=True)
class Bins:
    """Bins of one numeric or date column, [edge, next edge), as numbers.

    ``edges``: B+1 increasing floats; the last is exclusive for whole numbers (upper bound + 1) and
    the closed upper bound for floats. Dates are whole days or seconds since 1970.
    ``decimals``: floats are drawn with so many digits after the point.
    ``shape``: how numbers lie inside the bins; flat where it is not known.
    """

    edges: np.ndarray
    whole: bool
    decimals: int | None = None
    shape: Shape | None = None

    def locate(self, values: np.ndarray) -> np.ndarray:
        """Bin index of each value inside the bounds."""
        found = np.searchsorted(self.edges, values, side="right") - 1
        return np.asarray(np.clip(found, 0, len(self.edges) - 2))

    def draw(self, bins: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A value inside each bin."""
        if not self.whole and self.decimals is None:
            return self._anywhere(bins, rng)
        pieces = self._pieces
        k = pieces.draw(bins, rng)
        if self.whole:
            return np.asarray(k)
        # a bin between two numbers with so many decimals
        bare = pieces.edges[bins] >= pieces.edges[bins + 1]
        drawn = pieces.lattice.values(k)
        return np.where(bare, self._anywhere(bins, rng), drawn) if bare.any() else drawn

    def _anywhere(self, bins: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        low, high = self.edges[bins], self.edges[bins + 1]
        return np.asarray(np.minimum(rng.uniform(low, high), np.nextafter(high, low)))

    @cached_property
    def _pieces(self) -> Pieces:
        edges, lattice = self._on_lattice()
        return Pieces.of(edges, lattice, self.shape)

    def _on_lattice(self) -> tuple[np.ndarray, Lattice]:
        bounds = float(self.edges[0]), float(self.edges[-1])
        lattice = Lattice() if self.whole else Lattice.fine(self.decimals or 0, bounds)
        edges = lattice.first(self.edges)
        closed = not self.whole and edges[-1] / lattice.scale <= self.edges[-1]
        edges[-1] += closed
        return edges, lattice

    def holding(self, masses: np.ndarray) -> Bins:
        """The bins with the ends of their shape as full as these say: people in each of the bins."""
        if self.shape is None:
            return self
        return replace(self, shape=with_ends(self.shape, *self._on_lattice(), masses))


def make_bins(column: Numeric | Datetime, also: tuple[float, ...] = ()) -> Bins:
    """The bins of a column whose ``bins`` are given, and one for each spike.

    ``also`` adds edges (bands of a subgroup). Equal-width bins of whole numbers are equal as nearly as whole
    edges allow.
    """
    low, high = bounds_as_numbers(column)
    whole = column.kind != "float"
    top = high + 1 if whole else high
    decimals = column.decimals if isinstance(column, Numeric) else None
    if column.bins is None:
        raise ValueError("the bins of this column have not been measured yet")
    if isinstance(column.bins, int) and whole:
        steps = range(1, column.bins)
        inner = np.array([low - (-step * int(top - low) // column.bins) for step in steps])
    elif isinstance(column.bins, int):
        inner = np.linspace(low, top, column.bins + 1)[1:-1]
    else:
        given = _edges_as_numbers(column)
        # an edge listed at the closed upper bound is that bound, not a bin of its own
        inner = np.array([e for e in given if e < high], dtype=float)
    inner = np.concatenate([inner, also])
    if whole:
        inner = np.ceil(inner)
    inner = np.concatenate([inner, *spike_edges(column)])
    edges = np.concatenate([[low], inner[(inner > low) & (inner < top)], [top]])
    return Bins(np.unique(edges).astype(float), whole, decimals, column.shape)


def spike_edges(column: Numeric | Datetime) -> list[tuple[float, float]]:
    """Around each spike, the edges of a bin that holds no other value."""
    if isinstance(column, Datetime):
        days = [date_to_number(s, column.resolution) for s in column.spikes or ()]
        return [(day, day + 1) for day in days]
    digits = column.decimals if column.kind == "float" else 0
    unit = 10.0 ** -(digits or 0)
    return [(s, round(s + unit, digits or 0)) for s in column.spikes or ()]


def _edges_as_numbers(column: Numeric | Datetime) -> list[float]:
    assert isinstance(column.bins, tuple)
    if isinstance(column, Datetime):
        return [date_to_number(edge, column.resolution) for edge in column.bins]
    return [float(edge) for edge in column.bins if not isinstance(edge, dt.datetime)]


@dataclass(frozen=True)
class ColumnCode:
    """Codes of one column: its bins, then ``values`` (categories or specials), then missing."""

    column: Categorical | Numeric | Datetime
    bins: Bins | None
    values: tuple[object, ...]
    has_missing: bool

    @property
    def n_bins(self) -> int:
        return 0 if self.bins is None else len(self.bins.edges) - 1

    @property
    def size(self) -> int:
        return self.n_bins + len(self.values) + self.has_missing

    def holding(self, people: np.ndarray) -> ColumnCode:
        """The same codes, whose bins are drawn from as ones that hold so many people; ``people``: by code."""
        if self.bins is None:
            return self
        return replace(self, bins=self.bins.holding(people[: self.n_bins]))

    @cached_property
    def stand_ins(self) -> Mapping[str, tuple[str, ...]]:
        """By category, the codes of its hierarchy that are written in its place."""
        return self.column.stand_ins() if isinstance(self.column, Categorical) else {}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What a person reads for each code."""
        labels = [*self._bin_labels(), *(str(v) for v in self.values)]
        return tuple(labels + [MISSING] * self.has_missing)

    def _bin_labels(self) -> list[str]:
        if self.bins is None:
            return []
        edges = self.bins.edges
        if isinstance(self.column, Datetime):
            days = self.column.resolution == "day"
            starts = [number_to_date(e, self.column.resolution) for e in edges[:-1]]
            return [f"from {s.date() if days else s}" for s in starts]
        if self.bins.whole:
            pairs = [(int(a), int(b) - 1) for a, b in pairwise(edges)]
            return [str(a) if a == b else f"{a} to {b}" for a, b in pairs]
        return [f"{a} to {b}" for a, b in pairwise(rounded(edges))]

    def encode(self, series: pd.Series) -> np.ndarray:
        """Codes of a canonical series, int32."""
        codes = np.full(len(series), -1, dtype=np.int32)
        missing = series.isna().to_numpy()
        if self.has_missing:
            codes[missing] = self.size - 1
        if self.values:
            place = {v: self.n_bins + i for i, v in enumerate(self.values)}
            place |= {c: place[v] for v, children in self.stand_ins.items() for c in children}
            codes = np.where(missing, codes, series.map(place).fillna(-1).to_numpy(dtype=np.int32))
        if self.bins is not None:
            rest = codes < 0
            rest &= ~missing
            codes[rest] = self._locate(series[rest])
        if (codes < 0).any():
            raise ValueError(f"{series.name}: a value outside the schema; conform the table first")
        return codes.astype(np.int32)

    def _locate(self, series: pd.Series) -> np.ndarray:
        assert self.bins is not None
        assert not isinstance(self.column, Categorical)
        low, high = bounds_as_numbers(self.column)
        try:
            found = numbers(series, self.column)
        except ValueError:
            return np.full(len(series), -1)
        return np.where((found >= low) & (found <= high), self.bins.locate(found), -1)

    def decode(self, codes: np.ndarray, rng: np.random.Generator) -> pd.Series:
        """A canonical series with a value for each code; numbers lie inside their bin."""
        codes = np.asarray(codes, dtype=np.int64)  # narrow unsigned codes would wrap
        if self.bins is None:
            table = np.array([*self.values, *[None] * self.has_missing], dtype=object)
            texts = table[codes]
            for value, children in self.stand_ins.items():
                here = texts == value
                texts[here] = rng.choice(np.array(children, dtype=object), here.sum())
            return pd.Series(texts, dtype=object)
        in_bin = codes < self.n_bins
        drawn = np.zeros(len(codes))
        drawn[in_bin] = self.bins.draw(codes[in_bin], rng)
        if isinstance(self.column, Datetime):
            unit = "D" if self.column.resolution == "day" else "s"
            dates = drawn.astype(np.int64).astype(f"datetime64[{unit}]").astype("datetime64[s]")
            return pd.Series(np.where(in_bin, dates, np.datetime64("NaT", "s")))
        return canonical_numbers(
            drawn, codes - self.n_bins, self.values, self.column.kind == "integer"
        )


def canonical_numbers(
    numbers: np.ndarray, special: np.ndarray, values: tuple[object, ...], whole: bool
) -> pd.Series:
    """Numbers with special values put in.

    ``special[i]`` < 0 keeps the number, ≥ len(values) is missing.
    """
    if whole:
        out = pd.Series(numbers.astype(np.int64), dtype="Int64")
    else:
        out = pd.Series(numbers + 0.0, dtype=float)  # of two equal zeros one has no sign
    if any(isinstance(v, str) for v in values):
        out = out.astype(object)
    for i, value in enumerate(values):
        out[special == i] = value
    out[special >= len(values)] = None if out.dtype == object else pd.NA if whole else np.nan
    return out


@dataclass(frozen=True)
class Codec:
    """Codes of every modelled column of a complete schema.

    Raises ValueError where the schema still has bins or categories to be measured.
    """

    schema: Schema
    columns: Mapping[str, ColumnCode] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if open_ := [n for n in self.schema.incomplete if n in self.schema.columns]:
            raise ValueError(f"not measured yet: {', '.join(open_)}")
        object.__setattr__(self, "columns", {n: self._column(n) for n in self.schema.modelled})

    def _column(self, name: str) -> ColumnCode:
        column = self.schema.columns[name]
        keeps = column.missing == "keep"
        if isinstance(column, Categorical):
            assert column.categories is not None
            return ColumnCode(column, None, column.categories, keeps)
        assert isinstance(column, Numeric | Datetime)
        bins = make_bins(column, band_edges(self.schema, name))
        special = column.special if isinstance(column, Numeric) else ()
        return ColumnCode(column, bins, special, keeps)

    @property
    def domain(self) -> dict[str, int]:
        """Column → number of codes, in schema order."""
        return {name: column.size for name, column in self.columns.items()}

    def encode(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Canonical frame [n rows] → int32 codes [n, modelled columns]."""
        return pd.DataFrame({n: c.encode(frame[n]) for n, c in self.columns.items()})

    def decode(self, codes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Codes → canonical frame in schema order; identifiers become fresh numbers 1 … n."""
        decoded = {n: c.decode(codes[n].to_numpy(), rng) for n, c in self.columns.items()}
        return number_identifiers(pd.DataFrame(decoded), self.schema)

    def groups(self, subgroup: Subgroup) -> tuple[np.ndarray, tuple[str, ...]]:
        """Code → group number of a subgroup [size of its column], and the groups' labels."""
        code = self.columns[subgroup.column]
        if code.bins is None or subgroup.bands is None:
            return np.arange(code.size), code.labels
        inner = band_edges(self.schema, subgroup.column, only=subgroup)
        bands = Bins(np.array([code.bins.edges[0], *inner, code.bins.edges[-1]]), code.bins.whole)
        number = np.concatenate(
            [
                bands.locate(code.bins.edges[:-1]),
                len(inner) + 1 + np.arange(code.size - code.n_bins),
            ]
        )
        named = ColumnCode(
            code.column, bins=bands, values=code.values, has_missing=code.has_missing
        )
        return number, named.labels


WRITTEN = 6
"""Edges with as many digits or fewer are shown as they are."""

CLOSE = 0.01
"""Others are rounded by at most so much of the narrower bin beside them."""


def rounded(edges: np.ndarray) -> list[str]:
    """Increasing edges for people: no more digits than tell them apart; the bins stay as they are."""
    widths = np.diff(edges)
    narrow = np.minimum(np.append(widths, widths[-1]), np.append(widths[0], widths))
    return [_rounded(float(e), CLOSE * float(w)) for e, w in zip(edges, narrow, strict=True)]


def _rounded(edge: float, slack: float) -> str:
    if float(f"{edge:.{WRITTEN}g}") == edge:
        return f"{edge:.{WRITTEN}g}"
    near = (round(edge, digits) for digits in range(13))
    return f"{next((e for e in near if abs(e - edge) <= slack), edge):.12g}"


def number_identifiers(
    frame: pd.DataFrame, schema: Schema, before: int = 0, units: np.ndarray | None = None
) -> pd.DataFrame:
    """The frame in schema order, with fresh numbers for every identifier, from ``before`` + 1 on.

    ``units``: the number of each row's unit, from 0, where rows of a unit follow one another; else each is one.
    """
    fresh = _numbers(np.arange(before, before + len(frame)))
    unit = fresh if units is None else _numbers(units)
    columns = {
        n: frame.get(n) if n in schema.informative else (unit if n == schema.unit else fresh).copy()
        for n in schema.columns
    }
    return pd.DataFrame(columns, copy=False)  # a copy would lay all columns side by side


def _numbers(places: np.ndarray) -> pd.Series:
    return pd.Series((places + 1).astype(str), dtype=object)


def band_edges(schema: Schema, name: str, only: Subgroup | None = None) -> tuple[float, ...]:
    """Band edges strictly inside the bounds that subgroups (or only one) draw through a column."""
    column = schema.columns[name]
    assert isinstance(column, Numeric | Datetime)
    low, high = bounds_as_numbers(column)
    subgroups = [only] if only else [s for s in schema.subgroups if s.column == name]
    return tuple(e for s in subgroups for e in s.bands or () if low < e < high)
