"""What AIM may select: marginals of the workload, and parities of four and five columns with a target.

A marginal is worth w_r (‖M_r(D) − M_r(p̂)‖₁ − √(2/π) σ n_r), as in the paper. A parity (``parities``) is worth
what its table of halves is off at least, less the noise of that table; and since there are thousands, less what
chance makes of the largest of so many sums, and less what gives all of them together the weight of one in the
exponential mechanism: where nothing is to be seen they would win by their number. One that is selected is
measured over all codes where noise leaves most of such a table, over halves otherwise.

Privacy claim: none by itself; scores are whole numbers, and one row moves each by ``per_row`` at most. What is
a candidate, and how it is measured, follows from noisy counts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from generators.marginals.counting.coded import Clique, Counts, cells
from generators.marginals.counting.counter import Counter
from generators.marginals.model import Codes
from generators.marginals.opening import Opening
from generators.marginals.rates import Rates
from generators.marginals.selecting.distances import UNIT, Distances
from generators.marginals.selecting.parities import Parities
from generators.marginals.workload import PLAIN, Workload

WHOLE = 8
"""A table over all codes is measured, and not halves, where there are so many times more people than noise."""


@dataclass(frozen=True)
class Candidates:
    """``cliques``: the columns of each; the first are marginals, the others those of ``parities.sets``."""

    cliques: tuple[Clique, ...]
    weights: Counts
    expected: Counts
    """UNIT times what each is off by chance and by noise."""
    whole: npt.NDArray[np.bool_]
    """Which are measured over all codes."""
    apart: Distances
    parities: Parities
    start: Opening

    @classmethod
    def of(
        cls,
        start: Opening,
        workload: Workload,
        noise: float,
        luck: float,
        drawn: int,
        targets: Collection[str] = (),
        ordered: Mapping[str, int] | None = None,
    ) -> Candidates:
        """``noise``: of a cell, in the mean; ``luck``: the scale of a selection's noise, in rows.

        ``drawn``: rows of the model that are looked at.

        ``ordered``: of the columns that were measured, how many of their first codes are in order.
        """
        domain, n = start.compression.domain, start.total
        varied = {c for c, size in domain.items() if size > 1}
        pool = {r: w for r, w in workload.items() if varied.issuperset(r)}
        pool = {r: w for r, w in pool.items() if noise * cells(domain, r) < 2 * n}
        merged = start.compression.groups
        in_order = {c: int(merged[c][:k].max()) + 1 for c, k in (ordered or {}).items() if k}
        parities = Parities.of(targets, _people(start), in_order)
        sets = [p.clique for p in parities.sets]
        weights = np.array([*pool.values(), *[PLAIN] * len(sets)], dtype=np.int64)
        many = math.log(max(1, len(sets)))
        chance = math.sqrt(2 * many * n * (1 + n / drawn))
        chance += many * luck * int(weights.max(initial=0)) / PLAIN
        off = [noise * cells(domain, r) for r in pool]
        off += [noise * 2 ** len(r) + chance for r in sets]
        large = np.array([WHOLE * noise * cells(domain, r) > n for r in sets], dtype=bool)
        return cls(
            (*pool, *sets),
            weights,
            np.array([int(UNIT * x) for x in off], dtype=np.int64),
            np.append(np.ones(len(pool), dtype=bool), ~large),
            Distances.of([*pool]),
            parities,
            start,
        )

    @cached_property
    def kin(self) -> npt.NDArray[np.intp]:
        """A number for the columns of each, in whatever view."""
        number = {r: i for i, r in enumerate(dict.fromkeys(self.cliques))}
        return np.array([number[r] for r in self.cliques], dtype=np.intp)

    @property
    def per_row(self) -> int:
        """How far one row moves any score."""
        return UNIT * int(self.weights.max(initial=0))

    def scores(self, some: npt.NDArray[np.intp], drawn: Codes, scale: float) -> Counts:
        """Of ``some`` of them, by rows that the model drew, which count ``scale`` times."""
        rows, others = self.start.count, Counter.of(self.start.compression.domain, drawn)
        off = [self.apart(rows, others, scale), self.parities.gaps(rows, others, scale)]
        found: Counts = self.weights * (np.concatenate(off) - self.expected)
        return found[some]

    def halves(self, i: int) -> Rates | None:
        """The halves of the columns of one, of all their codes, where it is measured over halves."""
        if self.whole[i]:
            return None
        parity = self.parities.sets[i - len(self.apart.cliques)]
        merged = self.start.compression.groups
        halves = zip(parity.clique, self.parities.groups(parity), strict=True)
        return Rates(parity.clique, tuple(half[merged[c]] for c, half in halves), 1.0)


def _people(start: Opening) -> dict[str, npt.NDArray[np.float64]]:
    """Noisy counts of the merged codes of every column that was measured alone."""
    alone = {m.clique[0]: m.counts for m in start.measurements if len(m.clique) == 1}
    groups = start.compression.groups
    return {
        c: np.bincount(groups[c], alone[c]).astype(float)
        for c in start.compression.domain
        if c in alone
    }
