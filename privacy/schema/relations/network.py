"""Numbers whose differences are bounded, chosen one after the other so that all bounds hold.

Bounds on values and on differences are a simple temporal network (Dechter, Meiri, Pearl 1991): once it is
closed under shortest paths, numbers may be chosen in any order, each anywhere inside the interval that the
earlier ones leave, and no choice is ever taken back. Whole bounds leave whole numbers. Every row has a network
of its own: columns without a number in it do not count there.

Privacy claim: none; a row by itself, and public bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ROWS = 1 << 15
"""Rows that are settled at once."""
DUST = 1e-9
"""What floats may be off after sums."""


@dataclass(frozen=True)
class Between:
    """x[later] − x[earlier] ∈ [low, high] in each row, NaN where not; ``earlier`` −1 bounds x[later] itself."""

    earlier: int
    later: int
    low: Floats
    high: Floats


Choose = Callable[[int, Floats, Floats, Floats, slice], Floats]
"""Which column, lowest and highest allowed, numbers chosen so far [rows, columns], which rows → numbers."""


@dataclass(frozen=True)
class Network:
    """``names``: in the order of choosing.

    ``direct``: [j, k] the most that x_k − x_j may be, columns from 1; 0 stands for zero.
    """

    names: tuple[str, ...]
    direct: Floats

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        bounds: Sequence[tuple[float, float]],
        differences: Sequence[tuple[int, int, float, float]],
    ) -> Network:
        """``differences``: (j, k, low, high) of x_k − x_j."""
        direct = np.full((len(names) + 1, len(names) + 1), np.inf)
        np.fill_diagonal(direct, 0.0)
        for k, (low, high) in enumerate(bounds, start=1):
            direct[0, k], direct[k, 0] = high, -low
        for j, k, low, high in differences:
            direct[j + 1, k + 1] = min(direct[j + 1, k + 1], high)
            direct[k + 1, j + 1] = min(direct[k + 1, j + 1], -low)
        return cls(tuple(names), direct)

    def holds_with(self, equal: Sequence[tuple[int, int]] = ()) -> bool:
        """Whether there are numbers within all bounds, also where these pairs are equal."""
        closed = self.direct.copy()
        for j, k in equal:
            closed[j + 1, k + 1] = min(closed[j + 1, k + 1], 0.0)
            closed[k + 1, j + 1] = min(closed[k + 1, j + 1], 0.0)
        return bool(_close(closed[None])[0])

    def between(self, j: int, k: int) -> tuple[float, float]:
        """Least and most that x_k − x_j can be, by the bounds of the two and what is said of both."""
        d, j, k = self.direct, j + 1, k + 1
        return -min(d[k, j], d[k, 0] + d[0, j]), min(d[j, k], d[j, 0] + d[0, k])

    def settle(
        self,
        there: Mask,
        choose: Choose,
        also: Sequence[Between] = (),
        equal: Sequence[tuple[int, int, Mask]] = (),
    ) -> tuple[Floats, Mask]:
        """Numbers [n, columns], NaN where not ``there``, within all bounds; and whether ``also`` could be met.

        ``equal``: pairs that agree in some rows.
        """
        n = len(there)
        values, met = np.full(there.shape, np.nan), np.ones(n, dtype=bool)
        for start in range(0, n, ROWS):
            rows = slice(start, min(start + ROWS, n))
            values[rows], met[rows] = self._settle(there[rows], choose, also, equal, rows)
        return values, met

    def _settle(
        self,
        there: Mask,
        choose: Choose,
        also: Sequence[Between],
        equal: Sequence[tuple[int, int, Mask]],
        rows: slice,
    ) -> tuple[Floats, Mask]:
        n, m = there.shape
        most = np.broadcast_to(self.direct, (n, m + 1, m + 1)).copy()
        for j, k, mask in equal:
            here = mask[rows]
            for a, b in ((j + 1, k + 1), (k + 1, j + 1)):
                most[here, a, b] = np.minimum(most[here, a, b], 0.0)
        for k in range(m):
            absent = ~there[:, k]
            most[absent, k + 1, :] = most[absent, :, k + 1] = np.inf
            most[absent, k + 1, k + 1] = 0.0
        tight = most.copy()
        for one in also:
            a, b = one.earlier + 1, one.later + 1
            # an absent column has no bound here either, since whoever asks gives NaN
            tight[:, a, b] = np.fmin(tight[:, a, b], one.high[rows])
            tight[:, b, a] = np.fmin(tight[:, b, a], -one.low[rows])
        met = _close(tight)
        if not met.all():
            loose = most[~met]
            _close(loose)
            tight[~met] = loose
        low, high = -tight[:, :, 0], tight[:, 0, :]
        values = np.full((n, m), np.nan)
        for k in range(m):
            lowest, highest = low[:, k + 1], high[:, k + 1]
            here = there[:, k]
            x = np.clip(choose(k, lowest, highest, values, rows), lowest, highest)
            x = np.clip(x, -self.direct[k + 1, 0], self.direct[0, k + 1])  # without dust of sums
            values[here, k] = x[here]
            for j in range(k + 1, m):
                low[here, j + 1] = np.maximum(low[here, j + 1], x[here] - tight[here, j + 1, k + 1])
                high[here, j + 1] = np.minimum(
                    high[here, j + 1], x[here] + tight[here, k + 1, j + 1]
                )
        return values, met


def _close(most: Floats) -> Mask:
    """Shortest paths in place (Floyd–Warshall), [n, m, m]; False where a row's bounds exclude each other."""
    for k in range(most.shape[1]):
        np.minimum(most, most[:, :, [k]] + most[:, [k], :], out=most)
    return np.asarray((np.diagonal(most, axis1=1, axis2=2) >= -DUST).all(axis=1))
