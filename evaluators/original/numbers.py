"""What a reader sees of a column's numbers or dates: their distribution, spikes, decimals, heaps and tails.

All figures are on values that are neither missing nor special, as they stand in the table. Kolmogorov's and
Wasserstein's distance; the largest difference of share among the commonest real values, which is what is lost
when spikes are smeared; how many values have more decimals than real ones do; heaps on multiples (Pearson and
Whipple of ages that end in 0 and 5); how far the outer quantiles are off.

Privacy claim: none; the figures are on real rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evaluators.original.chance import design_effect, kolmogorov, of_kolmogorov
from evaluators.original.originals import Original
from evaluators.resampling import NORMAL
from evaluators.score import Score
from evaluators.tables import MIN_PEOPLE, Tables
from privacy.schema.columns import Numeric

REPLICATES = 100
CELLS = 256
"""Replicates are drawn over so many cells of equally many values, if there are more."""

SPIKE = 0.02
SPIKES = 10
"""So many values at most, with this share of the real rows at least."""

RARE_DECIMALS = 0.999
MOST_DECIMALS = 9
TAILS = (0.01, 0.1, 0.9, 0.99)
MULTIPLES = (0.5, 1.0, 5.0, 10.0, 100.0)
HEAPED = 0.1
"""A heap: so much more of the values than of the numbers that could be there are multiples."""


@dataclass(frozen=True, eq=False)
class Cells:
    """``values`` in increasing order, and how often each table has them, [..., values]."""

    values: np.ndarray
    real: np.ndarray
    ours: np.ndarray


def of_numbers(tables: Tables, column: Original, about: dict[str, Any]) -> list[Score]:
    """Every figure of a column of numbers; none where a table has too few."""
    real, ours, beside = (column.plain(r) for r in ("holdout", "synthetic", "train"))
    if min(len(real), len(ours), len(beside)) < MIN_PEOPLE:
        return []
    there = np.isfinite(column.numbers["holdout"])
    unit = np.unique(tables.units["holdout"][there], return_inverse=True)[1]
    pair = _Pair(real, ours, beside, unit, tables.rng(f"numbers {column.name}"))
    about = about | {"detail": column.name}
    found = [*_ks(pair, about)]
    scale = spread_of(real)
    for metric, figure in (("wasserstein", wasserstein), ("tails", tails)):
        found.append(pair.score(f"column.{metric}", lambda c, f=figure: f(c) / scale, about))  # type: ignore[misc]
    if len(common := spikes(real)):
        found.append(_largest(pair, common, about))
    if isinstance(column.column, Numeric):
        if column.column.kind == "float":
            found.append(_decimals(pair, about))
        if multiple := heap(real):
            found.append(_heaped(pair, multiple, about))
    return found


@dataclass(frozen=True, eq=False)
class _Pair:
    """Real values beside synthetic ones and beside those of train rows."""

    real: np.ndarray
    ours: np.ndarray
    beside: np.ndarray
    unit: np.ndarray
    rng: np.random.Generator

    @cached_property
    def effect(self) -> float:
        """The design effect of the people: the largest of the shares below each tenth of the values."""
        tenths = np.unique(np.quantile(self.real, np.arange(1, 10) / 10))
        return max(
            design_effect((self.real <= tenth).astype(np.int64), self.unit) for tenth in tenths
        )

    def score(
        self, metric: str, figure: Callable[[Cells], np.ndarray], about: dict[str, Any]
    ) -> Score:
        """A figure of both tables, with the deviation that people and synthetic rows drawn anew give it."""
        value = float(figure(cells(self.real, self.ours)))
        around = NORMAL * float(figure(self._redrawn).std(ddof=1))
        return Score(
            metric=metric,
            value=value,
            low=max(0.0, value - around),
            high=value + around,
            baseline=float(figure(cells(self.real, self.beside))),
            **about,
        )

    @cached_property
    def _redrawn(self) -> Cells:
        coarse = coarsened(cells(self.real, self.ours))
        drawn = []
        for counts in (coarse.real, coarse.ours):
            rows = max(1, round(counts.sum() / self.effect))
            drawn.append(self.rng.multinomial(rows, counts / counts.sum(), size=REPLICATES))
        return Cells(coarse.values, *drawn)


def cells(real: np.ndarray, ours: np.ndarray) -> Cells:
    """The distinct values of both."""
    values, place = np.unique(np.concatenate([real, ours]), return_inverse=True)
    counts = [np.bincount(p, minlength=len(values)) for p in np.split(place, [len(real)])]
    return Cells(values, *counts)


def coarsened(fine: Cells) -> Cells:
    """At most ``CELLS`` cells, each with the first of its values."""
    if len(fine.values) <= CELLS:
        return fine
    below = np.cumsum(fine.real / fine.real.sum() + fine.ours / fine.ours.sum()) / 2
    first = np.unique(np.searchsorted(below, np.arange(CELLS) / CELLS))
    real, ours = (np.add.reduceat(c, first) for c in (fine.real, fine.ours))
    return Cells(fine.values[first], real, ours)


def spread_of(values: np.ndarray) -> float:
    """Interquartile range, or the standard deviation where that is 0, or 1 where nothing varies."""
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low) or float(values.std()) or 1.0


def wasserstein(c: Cells) -> np.ndarray:
    """Mean distance that values have to move."""
    gap = np.cumsum(_shares(c.real) - _shares(c.ours), axis=-1)[..., :-1]
    return np.asarray((np.abs(gap) * np.diff(c.values)).sum(axis=-1))


def tails(c: Cells) -> np.ndarray:
    """The largest difference of an outer quantile, the least value with so many at or below it."""
    real, ours = (np.cumsum(_shares(counts), axis=-1) for counts in (c.real, c.ours))
    found = []
    for share in TAILS:
        at = [c.values[(below < share - 1e-12).sum(axis=-1)] for below in (real, ours)]
        found.append(np.abs(at[0] - at[1]))
    return np.asarray(np.max(found, axis=0))


def _shares(counts: np.ndarray) -> np.ndarray:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def _ks(pair: _Pair, about: dict[str, Any]) -> list[Score]:
    ours, beside = cells(pair.real, pair.ours), cells(pair.real, pair.beside)
    distance, base = (float(kolmogorov(c.real, c.ours)) for c in (ours, beside))
    effect = pair.effect
    excess, low, high = of_kolmogorov(ours.real, ours.ours, pair.rng, effect).beyond(distance)
    chance = of_kolmogorov(beside.real, beside.ours, pair.rng, effect)
    return [
        pair.score("column.ks", lambda c: kolmogorov(c.real, c.ours), about),
        Score(
            metric="column.ks_excess",
            value=excess,
            low=low,
            high=high,
            baseline=base - chance.mean,
            **about,
        ),
    ]


def spikes(real: np.ndarray) -> np.ndarray:
    """The commonest real values."""
    values, counts = np.unique(real, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:SPIKES]
    return np.asarray(values[order][counts[order] >= SPIKE * len(real)])


def _largest(pair: _Pair, common: np.ndarray, about: dict[str, Any]) -> Score:
    """The largest difference of share at a common value, which ``detail`` names."""
    of = [np.array([(t == v).mean() for v in common]) for t in (pair.real, pair.ours, pair.beside)]
    worst = int(np.abs(of[1] - of[0]).argmax())
    value = float(abs(of[1] - of[0])[worst])
    around = NORMAL * _deviation(pair, of[0][worst], of[1][worst])
    said = f"{common[worst]:.12g}: {of[0][worst]:.1%} of real rows, {of[1][worst]:.1%} of synthetic"
    return Score(
        metric="column.spikes",
        value=value,
        low=max(0.0, value - around),
        high=value + around,
        baseline=float(np.abs(of[2] - of[0]).max()),
        **about | {"detail": f"{about['detail']} ({said})"},
    )


def decimals(values: np.ndarray) -> np.ndarray:
    """How many digits after the point each number needs, ``MOST_DECIMALS`` at most."""
    found = np.full(len(values), MOST_DECIMALS)
    for digits in range(MOST_DECIMALS - 1, -1, -1):
        found[np.round(values, digits) == values] = digits
    return found


def _decimals(pair: _Pair, about: dict[str, Any]) -> Score:
    """Of synthetic values, the share with more decimals than nearly all real ones."""
    most = int(np.quantile(decimals(pair.real), RARE_DECIMALS, method="inverted_cdf"))
    ours, beside = (float((decimals(t) > most).mean()) for t in (pair.ours, pair.beside))
    around = NORMAL * np.sqrt(pair.effect * ours * (1 - ours) / len(pair.ours))
    return Score(
        metric="column.decimals",
        value=ours,
        low=max(0.0, ours - around),
        high=min(1.0, ours + around),
        baseline=beside,
        **about | {"detail": f"{about['detail']} (more than {most})"},
    )


def heap(real: np.ndarray) -> float | None:
    """The multiple that real values heap on; None where there is none.

    By chance as many are multiples as of the numbers with the same decimals are. Zero, a multiple of
    everything, is a spike.
    """
    values = real[real != 0]
    if len(values) < MIN_PEOPLE:
        return None
    step = 10.0 ** -int(np.quantile(decimals(values), RARE_DECIMALS, method="inverted_cdf"))
    wide = np.ptp(np.quantile(values, [0.05, 0.95]))
    beyond = {
        m: float(on_multiples(values, m).mean()) - step / m
        for m in MULTIPLES
        if step < m and 3 * m <= wide
    }
    best = max(beyond, key=lambda m: beyond[m], default=None)
    return best if best is not None and beyond[best] >= HEAPED else None


def on_multiples(values: np.ndarray, multiple: float) -> np.ndarray:
    """Whether each number is one of the multiples."""
    return np.asarray(np.round(values / multiple) * multiple == values)


def _heaped(pair: _Pair, multiple: float, about: dict[str, Any]) -> Score:
    """The difference of the shares that are multiples."""
    on = [
        float(on_multiples(t[t != 0], multiple).mean()) if (t != 0).any() else 0.0
        for t in (pair.real, pair.ours, pair.beside)
    ]
    value = abs(on[1] - on[0])
    around = NORMAL * _deviation(pair, on[0], on[1])
    said = f"multiples of {multiple:g}: {on[0]:.1%} of real values, {on[1]:.1%} of synthetic"
    return Score(
        metric="column.multiples",
        value=value,
        low=max(0.0, value - around),
        high=value + around,
        baseline=abs(on[2] - on[0]),
        **about | {"detail": f"{about['detail']} ({said})"},
    )


def _deviation(pair: _Pair, real: float, ours: float) -> float:
    """Standard error of the difference of two shares."""
    of = real * (1 - real) / len(pair.real) + ours * (1 - ours) / len(pair.ours)
    return float(np.sqrt(pair.effect * of))
