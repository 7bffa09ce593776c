"""MST: a maximum spanning tree of pairs (McKenna, Miklau, Sheldon, arXiv 2108.04978).

Measure every column and merge rare codes; select a spanning tree of pairs, edge by edge with the
exponential mechanism, by how far each is from independence, ‖M_ij(D) − n p_i p_j‖₁; measure its
edges; fit. A third of the budget each. Edges in ``required`` are in the tree from the start,
measured like the others. Fast, and blind to everything a tree cannot carry: P(target | subgroup)
moves unless it is an edge.

Privacy claim: rho-zCDP as a whole for units of at most ``sensitivity`` rows, under adding or
removing one: every draw goes through one ``Budget``. And no more than the steps of ``schedule``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from itertools import combinations

import numpy as np
import numpy.typing as npt

from generators.marginals.counting.coded import Clique, Counts
from generators.marginals.counting.counter import Counter
from generators.marginals.estimate import Array, Observation, fit, held_zeros
from generators.marginals.measurement import Ask, Budget, Step, draw_anew
from generators.marginals.model import GraphicalModel, Result
from generators.marginals.opening import opening

ITERATIONS = 1000
UNIT = 64
ROUNDING = 1e-12


def schedule(columns: int, rho: float) -> tuple[Step, ...]:
    """What is drawn where no edge is required, by the number of columns."""
    third, edges = rho * (1 - ROUNDING) / 3, columns - 1
    alone = Step("measure", third / columns, columns)
    if not edges:
        return (alone,)
    return alone, Step("select", third / edges, edges), Step("measure", third / edges, edges)


def mst(
    count: Counter,
    rho: float,
    *,
    sensitivity: int = 1,
    required: Collection[Clique] = (),
    ordered: Mapping[str, int] | None = None,
    zeros: Mapping[Clique, npt.NDArray[np.bool_]] | None = None,
    ask: Ask = draw_anew,
    steps: Sequence[Step] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Result:
    """Select and measure a spanning tree of pairs.

    ``zeros``: cells that are publicly known to be empty, True where they are.
    ``steps``: the ``schedule`` that was paid for, where it was.
    """
    budget = Budget(rho, sensitivity, ask, steps)
    third = rho * (1 - ROUNDING) / 3
    impossible = zeros or {}
    whole = {c for clique in impossible for c in clique}
    start = opening(budget, count, one_way=third, ordered=ordered, whole=whole)
    progress(1 / 3)
    domain, n = start.compression.domain, start.total
    observations = [start.compression.observe(m) for m in start.measurements]
    alone = fit(domain, observations, n, iterations=ITERATIONS)
    singles = {c: alone.project((c,)) for c in domain}
    tree = [*required]
    part = {c: i for i, c in enumerate(domain)}
    for a, b in tree:
        _join(part, a, b)
    apart = cache(partial(_apart, start.count, singles, n))
    edges = len(set(part.values())) - 1
    for _ in range(edges):
        pool = [(a, b) for a, b in combinations(domain, 2) if part[a] != part[b]]
        scores = partial(_scores, apart, pool)
        tree.append(pool[budget.select(len(pool), scores, third / edges, UNIT)])
        _join(part, *tree[-1])
    progress(2 / 3)
    joint = [budget.measure(start.count, pair, third / len(tree)) for pair in tree]
    observations += [Observation.plain(m.clique, m.counts, m.sigma) for m in joint]
    root, held = next(iter(required), ()), held_zeros(domain, observations, impossible)
    model = fit(domain, observations, n, iterations=ITERATIONS, start=held, root=root)
    progress(1.0)
    return Result(GraphicalModel.of(model, start.compression, n), (*start.measurements, *joint))


def _scores(apart: Callable[[Clique], int], pool: Sequence[Clique]) -> Counts:
    return np.array([apart(pair) for pair in pool])


def _apart(count: Counter, singles: dict[str, Array], n: float, pair: Clique) -> int:
    """UNIT · ‖M_ij(D) − n p_i p_j‖₁, a whole number; a row moves it by UNIT."""
    a, b = pair
    independent = np.rint(UNIT * n * np.outer(singles[a], singles[b])).astype(np.int64)
    return int(np.abs(UNIT * count(pair) - independent).sum())


def _join(part: dict[str, int], a: str, b: str) -> None:
    gone, kept = part[b], part[a]
    for column, p in part.items():
        if p == gone:
            part[column] = kept
