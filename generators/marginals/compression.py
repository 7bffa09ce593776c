"""Fewer codes: rare ones merged, as MST does (arXiv 2108.04978, §3.2), and ordered ones binned.

A code whose noisy count is below ``RARE`` standard deviations of its noise cannot be told from an
empty one; all such codes of a column become one. Where codes are ordered, neighbours are merged
until a bin holds that much, and further until there are at most ``BINS``. Marginals get fewer
cells, so less noise, and what was known of the merged codes, their noisy one-way counts, spreads
them out again when rows are drawn.

Privacy claim: post-processing of noisy one-way marginals.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generators.marginals.counting.coded import Domain
from generators.marginals.estimate import Array, Observation
from generators.marginals.measurement import Measurement

Codes = npt.NDArray[np.intp]
RARE = 3.0
BINS = 24
TINY = 1e-9


@dataclass(frozen=True)
class Compression:
    """A smaller domain, and how to come back from it."""

    domain: Domain
    groups: Mapping[str, Codes]
    """Column → for each code, the code of its group."""
    within: Mapping[str, Array]
    """Column → for each code, its probability among its group."""

    def observe(self, measurement: Measurement) -> Observation:
        """A measurement over the original domain as an observation over the smaller one."""
        if measurement.groups is not None:
            return self._sums(measurement, measurement.groups)
        counts = measurement.counts.astype(np.float64)
        merged = np.ones(counts.shape)
        for axis, column in enumerate(measurement.clique):
            membership = np.eye(self.domain[column])[self.groups[column]]
            counts = _add_up(counts, axis, membership)
            merged = _add_up(merged, axis, membership)
        return Observation(measurement.clique, counts, 1 / (merged * measurement.sigma**2))

    def _sums(self, measurement: Measurement, groups: Sequence[Codes]) -> Observation:
        """Counts of groups of codes, none of which was merged with one of another group."""
        inside = []
        for column, group in zip(measurement.clique, groups, strict=True):
            merged = np.zeros(self.domain[column], dtype=np.intp)
            merged[self.groups[column]] = group
            inside.append(merged)
        counts = measurement.counts.astype(np.float64)
        part = np.ravel_multi_index(np.ix_(*inside), counts.shape)
        precision = np.full(counts.shape, measurement.sigma**-2.0)
        return Observation(measurement.clique, counts, precision, part)


def compress(
    domain: Domain,
    one_way: Sequence[Measurement],
    *,
    whole: Collection[str] = (),
    ordered: Mapping[str, int] | None = None,
    apart: Mapping[str, Codes] | None = None,
    mirrors: Mapping[str, str] | None = None,
) -> Compression:
    """Merge codes by the noisy count of each, except in the columns in ``whole``.

    ``ordered``: column → how many of its first codes are in order; neighbours of these are merged, and all
    others stay what they are: a missing value is not next to the highest number.
    ``apart``: column → groups of codes; codes of two groups are not merged.
    ``mirrors``: column → one whose codes it has, which are merged as those are.
    """
    groups: dict[str, Codes] = {}
    within: dict[str, Array] = {}
    for m in one_way:
        (column,) = m.clique
        least = RARE * m.sigma
        kept = (apart or {}).get(column, np.zeros(m.counts.size, dtype=np.intp))
        if column in whole:
            group = np.arange(m.counts.size)
        elif column in (ordered or {}):
            code = np.arange(m.counts.size)
            alone = np.where(code < (ordered or {})[column], kept, kept.max() + 1 + code)
            group = _bins(m.counts, least, alone)
        else:
            group = _rest(m.counts, least, kept)
        mass = np.maximum(m.counts, TINY)
        groups[column] = group
        within[column] = mass / np.bincount(group, weights=mass)[group]
    for column, of in (mirrors or {}).items():
        groups[column], within[column] = groups[of], within[of]
    return Compression({c: int(np.max(groups[c])) + 1 for c in domain}, groups, within)


def _rest(counts: npt.NDArray[np.int64], least: float, apart: Codes) -> Codes:
    """One group for all codes below the least count, one for every other code."""
    rare = counts < least
    rare &= np.bincount(apart, weights=rare)[apart] > 1
    name = np.where(rare, rare.size + apart, np.arange(rare.size))
    return np.unique(name, return_inverse=True)[1]


def _bins(counts: npt.NDArray[np.int64], least: float, apart: Codes) -> Codes:
    """At most BINS runs of neighbouring codes, by raising the least count of a run."""
    most = max(BINS, 1 + np.count_nonzero(np.diff(apart)))
    bins = _runs(counts, least, apart)
    while bins[-1] >= most:
        least *= 1.1
        bins = _runs(counts, least, apart)
    return bins


def _runs(counts: npt.NDArray[np.int64], least: float, apart: Codes) -> Codes:
    """Runs of neighbours: one ends when it holds the least count, or before a code that does
    alone, or with its group.
    """
    run, held = 0, 0.0
    runs = np.zeros(counts.size, dtype=np.intp)
    for code, count in enumerate(counts):
        if code and (held >= least or count >= least or apart[code] != apart[code - 1]):
            run, held = run + 1, 0.0
        runs[code] = run
        held += count
    return runs


def _add_up(table: Array, axis: int, membership: Array) -> Array:
    return np.moveaxis(np.tensordot(table, membership, axes=(axis, 0)), -1, axis)
