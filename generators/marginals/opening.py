"""What AIM and MST measure before they select anything, and the smaller domain that follows from
it.

Every column alone, in equal shares, and the ``required`` cliques, in shares by the square of their
number of cells: a group's size falls with the number of groups, so its noise has to, for rates of
equal accuracy.

Privacy claim: costs ``one_way`` + ``required_rho`` of the budget.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from generators.marginals.compression import Compression, compress
from generators.marginals.counting import Clique, Counter, Domain, cells
from generators.marginals.measurement import Budget, Measurement, total


@dataclass(frozen=True)
class Opening:
    """The first measurements, the merged codes, the rows recoded to them and how many rows there
    are.
    """

    measurements: tuple[Measurement, ...]
    compression: Compression
    count: Counter
    total: float


def opening(
    budget: Budget,
    count: Counter,
    *,
    one_way: float,
    required: Sequence[Clique] = (),
    required_rho: float = 0.0,
    ordered: Collection[str] = (),
    whole: Collection[str] = (),
) -> Opening:
    """Measure, then merge codes in all columns but the required ones and those in ``whole``."""
    domain: Domain = count.domain
    alone = [budget.measure(count, (c,), one_way / len(domain)) for c in domain]
    shares = by_size(required_rho, [cells(domain, r) for r in required])
    joint = [budget.measure(count, r, rho) for r, rho in zip(required, shares, strict=True)]
    whole = {c for clique in required for c in clique} | set(whole)
    compression = compress(domain, alone, whole=whole, ordered=ordered)
    measurements = (*alone, *joint)
    recoded = count.recode(compression.domain, compression.groups)
    return Opening(measurements, compression, recoded, total(measurements))


def by_size(rho: float, sizes: Sequence[int]) -> list[float]:
    """``rho`` in shares by the square of numbers of cells."""
    weight = sum(size**2 for size in sizes)
    return [rho * size**2 / weight for size in sizes]
