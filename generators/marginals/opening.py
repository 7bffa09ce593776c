"""What AIM and MST measure before they select anything, and the smaller domain that follows from
it.

Every column alone, in equal shares, and the ``required`` cliques, in shares by the square of the number of
groups that each is about: a group's size falls with the number of groups, so its noise has to, for rates of
equal accuracy. The cells that a group has do not count, or a time to an event would leave nothing for the
event.

Privacy claim: costs ``one_way`` + ``required_rho`` of the budget.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from generators.marginals.compression import Compression, compress
from generators.marginals.counting import Clique, Counter, Domain
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
    required: Mapping[Clique, int] | None = None,
    required_rho: float = 0.0,
    ordered: Collection[str] = (),
    whole: Collection[str] = (),
) -> Opening:
    """Measure, then merge codes in all columns but the required ones and those in ``whole``.

    ``required``: cliques, and how many groups each is about.
    """
    domain: Domain = count.domain
    alone = [budget.measure(count, (c,), one_way / len(domain)) for c in domain]
    required = required or {}
    shares = by_groups(required_rho, required.values())
    joint = [budget.measure(count, r, rho) for r, rho in zip(required, shares, strict=True)]
    whole = {c for clique in required for c in clique} | set(whole)
    compression = compress(domain, alone, whole=whole, ordered=ordered)
    measurements = (*alone, *joint)
    recoded = count.recode(compression.domain, compression.groups)
    return Opening(measurements, compression, recoded, total(measurements))


def by_groups(rho: float, groups: Iterable[int]) -> list[float]:
    """``rho`` in shares by the square of numbers of groups."""
    squares = [n**2 for n in groups]
    return [rho * square / sum(squares) for square in squares]
