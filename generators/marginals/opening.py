"""What AIM and MST measure before they select anything, and the smaller domain that follows from
it.

Every column alone, in equal shares, and the tables of ``rates``, in shares by their weights.

Privacy claim: costs ``one_way`` + ``rates_rho`` of the budget.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from generators.marginals.compression import Codes, Compression, compress
from generators.marginals.counting.coded import Domain
from generators.marginals.counting.counter import Counter
from generators.marginals.measurement import Budget, Measurement, total
from generators.marginals.rates import Rates


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
    rates: Sequence[Rates] = (),
    rates_rho: float = 0.0,
    ordered: Mapping[str, int] | None = None,
    whole: Collection[str] = (),
    mirrors: Mapping[str, str] | None = None,
) -> Opening:
    """Measure, then merge codes inside the groups of ``rates``, and none of the columns in ``whole``.

    ``mirrors``: columns with the codes of another, which are merged as that one's are, so that they are not
    measured alone.
    """
    domain: Domain = count.domain
    own = [c for c in domain if c not in (mirrors or {})]
    alone = [budget.measure(count, (c,), one_way / len(own)) for c in own]
    shares = by_weight(rates_rho, [r.weight for r in rates])
    joint = [measure_groups(budget, count, r, rho) for r, rho in zip(rates, shares, strict=True)]
    compression = compress(
        domain, alone, whole=whole, ordered=ordered, apart=_apart(rates), mirrors=mirrors
    )
    measurements = (*alone, *joint)
    recoded = count.recode(compression.domain, compression.groups)
    return Opening(measurements, compression, recoded, total(measurements))


def by_weight(rho: float, weights: Sequence[float]) -> list[float]:
    """``rho`` in shares by weights."""
    return [rho * weight / sum(weights) for weight in weights]


def measure_groups(budget: Budget, count: Counter, rates: Rates, rho: float) -> Measurement:
    """The noisy counts of groups of codes."""
    groups = dict(zip(rates.clique, rates.groups, strict=True))
    grouped = partial(count.tally, groups=groups)
    return replace(budget.measure(grouped, rates.clique, rho), groups=rates.groups)


def _apart(rates: Sequence[Rates]) -> dict[str, Codes]:
    """Column → the coarsest groups of its codes that cut through none of those that were measured."""
    seen: dict[str, list[Codes]] = {}
    for r in rates:
        for column, group in zip(r.clique, r.groups, strict=True):
            seen.setdefault(column, []).append(group)
    return {
        c: np.unique(np.array(g), axis=1, return_inverse=True)[1].ravel() for c, g in seen.items()
    }
