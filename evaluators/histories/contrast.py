"""Two groups of people held against each other by what each person adds to a table of counts.

A figure is a function of the sums of two groups, so that drawing people anew is a product of matrices. Its
interval is a bootstrap of both groups. How far two groups of the same people lie apart by chance is found by
dealing all people anew to groups of the same sizes (a permutation test): what is beyond that can be asked to
be small at any size, as in ``evaluators.original.chance``.

Privacy claim: none; used on real people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluators.histories.lived import SHUFFLED
from evaluators.resampling import NORMAL

DEALT = 199
"""The 197th of 199 is an exact test at 1.5 %."""

DRAWS = 100
UPPER = 0.985
TELLING = 0.02

Matrix = Any
"""People × cells: a dense array, or a sparse matrix of scipy."""

Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Sums of the real and of the other group, [..., cells] each → figures [...]."""


@dataclass(frozen=True, eq=False)
class Tally:
    """What each person of each role adds, and the figure that is made of it.

    ``says``: what it is about, in words, from the sums of each role. ``shuffled``: whether it means something
    of rows that are dealt at random.
    """

    metric: str
    of: Mapping[str, Matrix]
    distance: Distance
    says: Callable[[Mapping[str, np.ndarray]], str] = lambda sums: ""
    shuffled: bool = True


@dataclass(frozen=True)
class Contrast:
    """Figures of synthetic people (``value``) and train people (``baseline``) beside people held out: as they
    are, with an interval, and beyond chance. ``shuffled``: of train people with rows dealt at random."""

    value: float
    low: float
    high: float
    baseline: float
    excess: float
    excess_low: float
    excess_high: float
    excess_baseline: float
    shuffled: float
    says: str

    @property
    def strangers(self) -> tuple[float, float, float] | None:
        """How far from chance (0) to rows dealt at random (1) synthetic people are, and its interval; None
        where rows dealt at random are hardly further off than chance."""
        whole = self.shuffled - (self.value - self.excess)
        if not whole > TELLING:
            return None
        return self.excess / whole, self.excess_low / whole, self.excess_high / whole


@dataclass(frozen=True, eq=False)
class Draws:
    """How people are drawn, the same for every figure of a slice.

    ``again`` [DRAWS, people]: how often each is drawn with replacement, by role. ``dealt`` [DEALT, people of
    both]: 1 for who is dealt to the first of two groups as large as people held out and those of the role.
    """

    again: Mapping[str, np.ndarray]
    dealt: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, kept: Mapping[str, np.ndarray], rng: np.random.Generator) -> Draws:
        people = {role: int(mask.sum()) for role, mask in kept.items()}
        again = {role: _drawn_again(people[role], rng) for role in ("holdout", "synthetic")}
        dealt = {r: _dealt(people["holdout"], people[r], rng) for r in ("synthetic", "train")}
        return cls(again, dealt)


def contrast(tally: Tally, kept: Mapping[str, np.ndarray], draws: Draws) -> Contrast | None:
    """The figures of the people in ``kept`` (role → mask); None where one is undefined."""
    real, ours, beside = (tally.of[r][kept[r]] for r in ("holdout", "synthetic", "train"))
    distance = tally.distance
    value, baseline = (float(distance(_sum(real), _sum(m))) for m in (ours, beside))
    chance = _by_chance(distance, real, ours, draws.dealt["synthetic"])
    chance_beside = _by_chance(distance, real, beside, draws.dealt["train"])
    drawn = distance(*(draws.again[r] @ m for r, m in (("holdout", real), ("synthetic", ours))))
    around = NORMAL * float(np.nanstd(drawn, ddof=1))
    mean = float(np.nanmean(chance))
    high = float(np.sort(chance)[int(np.ceil(UPPER * (DEALT + 1))) - 1])
    shuffled = np.nan
    if tally.shuffled and SHUFFLED in tally.of:
        shuffled = float(distance(_sum(real), _sum(tally.of[SHUFFLED][kept[SHUFFLED]])))
    found = Contrast(
        value,
        max(0.0, value - around),
        value + around,
        baseline,
        value - mean,
        value - high,
        value - mean + high - mean,
        baseline - float(np.nanmean(chance_beside)),
        shuffled,
        said(tally, kept),
    )
    return found if np.isfinite([value, around, baseline, found.excess, high]).all() else None


def said(tally: Tally, kept: Mapping[str, np.ndarray]) -> str:
    """What the figure is about, of the people in ``kept``."""
    return tally.says({r: _sum(tally.of[r][kept[r]]) for r in ("holdout", "synthetic")})


def contributes(matrix: Matrix) -> np.ndarray:
    """Who adds anything at all, bool [people]."""
    if isinstance(matrix, np.ndarray):
        return np.asarray((matrix != 0).any(axis=1))
    return np.asarray(np.diff(matrix.indptr) > 0)


def _sum(matrix: Matrix) -> np.ndarray:
    return np.asarray(matrix.sum(axis=0), dtype=float).reshape(-1)


def _drawn_again(people: int, rng: np.random.Generator) -> np.ndarray:
    drawn = (rng.integers(max(1, people), size=people) for _ in range(DRAWS))
    return np.stack([np.bincount(d, minlength=people) for d in drawn]).astype(np.float32)


def _dealt(first: int, second: int, rng: np.random.Generator) -> np.ndarray:
    dealt = np.zeros((DEALT, first + second), dtype=np.float32)
    for row in dealt:
        row[rng.permutation(first + second)[:first]] = 1.0
    return dealt


def _by_chance(distance: Distance, real: Matrix, ours: Matrix, dealt: np.ndarray) -> np.ndarray:
    """The distance of groups of the same sizes to which all these people are dealt anew, [DEALT]."""
    people = real.shape[0]
    sums = dealt[:, :people] @ real + dealt[:, people:] @ ours
    return np.asarray(distance(sums, _sum(real) + _sum(ours) - sums))


# distances


def variation(starts: np.ndarray) -> Distance:
    """Mean over blocks of cells, a column each, of the total variation; blocks that a group lacks are left
    out."""

    def of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        apart = (
            np.add.reduceat(np.abs(_shares(a, starts) - _shares(b, starts)), starts, axis=-1) / 2
        )
        return np.asarray(_mean(apart))

    return of


def following(sizes: np.ndarray) -> Distance:
    """Mean over columns of Σ over states of their real share × total variation of what follows them.

    ``sizes``: states of each column; its cells are (state, next state). Of a state that the other group never
    has, nothing follows as it should: 1.
    """
    starts = np.concatenate(
        [np.arange(s) * s + at for s, at in zip(sizes, _before(sizes**2), strict=True)]
    )
    columns = _before(sizes)

    def of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        apart = (
            np.add.reduceat(np.abs(_shares(a, starts) - _shares(b, starts)), starts, axis=-1) / 2
        )
        real = np.add.reduceat(a, starts, axis=-1)
        weight = _shares(real, columns)
        apart = np.where(np.isfinite(apart), apart, 1.0)
        return np.asarray(
            _mean(np.add.reduceat(np.where(real > 0, apart * weight, 0.0), columns, axis=-1))
        )

    return of


def kolmogorov(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Largest distance of the distribution functions of counts of increasing values."""
    apart = np.cumsum(_shares(a, FROM_0) - _shares(b, FROM_0), axis=-1)
    return np.asarray(np.abs(apart).max(axis=-1))


FROM_0 = np.zeros(1, dtype=np.int64)


def _before(sizes: np.ndarray) -> np.ndarray:
    return np.asarray(np.cumsum(sizes) - sizes)


def _shares(counts: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Shares within each block; NaN where it is empty."""
    total = np.add.reduceat(counts, starts, axis=-1)
    widths = np.diff(np.r_[starts, counts.shape[-1]])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(counts / np.repeat(total, widths, axis=-1))


def _mean(apart: np.ndarray) -> np.ndarray:
    known = np.isfinite(apart)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, apart, 0.0).sum(axis=-1) / known.sum(axis=-1))
