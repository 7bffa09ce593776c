"""Exact marginals of the private rows: the only place in this package that touches them.

Every marginal is counted once and remembered. Rows may lie in parts on the workers of a cluster (``spread``);
what is counted of each is whole numbers, whose sum is the same in whatever parts and order.

Privacy claim: none by itself. Its answers are exact and must meet noise before they leave a
mechanism. Adding or removing one unit of at most k rows, or of rows that weigh k together, changes an
answer by at most k in L1, hence in L2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from generators.marginals.counting.coded import (
    Clique,
    CodedRows,
    Columns,
    Counts,
    Domain,
    Groups,
    shape,
)
from generators.marginals.counting.spread import Spread, Summed, spread
from privacy.stored.growing import Growing


@dataclass(frozen=True)
class Counter:
    """Counts marginals of integer codes; build it with ``Counter.of``."""

    domain: Domain
    rows: CodedRows | Spread = field(repr=False)
    known: dict[Clique, Counts] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, domain: Domain, codes: Columns, weights: Counts | None = None) -> Counter:
        """Of codes in memory. ValueError for one outside the domain."""
        return cls(domain, CodedRows.of(domain, codes, weights))

    @classmethod
    def gathered(cls, domain: Domain, parts: Iterable[Columns], room: Path | None) -> Counter:
        """Of codes that come some rows after the other, in files in ``room`` or in memory.

        Inside of ``spread.workers_at`` they are counted by these workers.
        """
        return cls(domain, spread(CodedRows.gathered(domain, parts, room)))

    @classmethod
    def weighed(
        cls, domain: Domain, parts: Iterable[tuple[Columns, Counts]], room: Path | None
    ) -> Counter:
        """As ``gathered``, of codes that come with the weight of each row."""
        weights = Growing(np.int64, room)

        def codes() -> Iterator[Columns]:
            for part, weight in parts:
                weights.append(weight)
                yield part

        rows = CodedRows.gathered(domain, codes(), room)
        return cls(domain, spread(replace(rows, weights=weights.whole())))

    def recode(self, domain: Domain, groups: Groups) -> Counter:
        """The same rows with every code replaced by that of its group."""
        return Counter(domain, self.rows.recode(domain, groups))

    def __call__(self, clique: Clique) -> Counts:
        self.ahead([clique])
        return self.known[clique]

    def ahead(self, cliques: Sequence[Clique]) -> None:
        """Count what is not known yet, all at once."""
        new = [clique for clique in dict.fromkeys(cliques) if clique not in self.known]
        if not new:
            return
        counts, at = self.summed(partial(tallies, cliques=new)), 0
        for clique in new:
            sizes = shape(self.domain, clique)
            size = int(np.prod(sizes))
            self.known[clique] = counts[at : at + size].reshape(sizes)
            at += size

    def tally(self, clique: Clique, groups: Groups | None = None) -> Counts:
        """Count without remembering; ``groups``: what codes count as, for every column of the clique."""
        return self.summed(partial(tally, clique=clique, groups=groups))

    def summed(self, of: Summed) -> Counts:
        """Σ of what ``of`` makes of each part of the rows."""
        return of(self.rows) if isinstance(self.rows, CodedRows) else self.rows.summed(of)


def tally(rows: CodedRows, clique: Clique, groups: Groups | None) -> Counts:
    """One marginal, by a name that a worker knows too."""
    return rows.tally(clique, groups)


def tallies(rows: CodedRows, cliques: Sequence[Clique]) -> Counts:
    """Several marginals, one after the other, flat."""
    return np.concatenate([rows.tally(clique).ravel() for clique in cliques])
