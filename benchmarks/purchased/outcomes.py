"""The outcomes of drawn rows, drawn again from what two models of the same noisy marginals say together.

The graphical model knows how everything goes together and follows the noise of every cell; the additive one
(see ``additive``) is wrong where effects do not add up, and takes up little noise. They err apart from each
other, so the mean of their P(outcome | the rest) is what the codes of a target are drawn by, in balance (see
``balance``), after all columns of a row are there.

Privacy claim: post-processing of a model and of noisy counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from purchased.additive import Additive, additive
from purchased.balance import balanced
from scipy.special import softmax

from generators.marginals.compression import Compression
from generators.marginals.counting.coded import Columns, Domain, shape
from generators.marginals.estimate import Array, Observation
from generators.marginals.junction import JunctionTree
from generators.marginals.measurement import Measurement
from generators.marginals.model import Codes, GraphicalModel, sample, spread

ROWS = 20_000
"""Rows that an additive model is fitted over."""
COLUMNS = 60
"""The most columns that outcomes are in balance over: those with the largest effects first."""
TINY = 1e-12


def outcomes(
    model: GraphicalModel,
    measurements: Sequence[Measurement],
    ordered: Mapping[str, int],
    targets: Collection[str],
) -> tuple[Additive, ...]:
    """An additive model of each target that was measured with another column.

    ``ordered``: how many of a column's first codes are in order, of the domain that was measured.
    """
    small, domain = model.compression, model.compression.domain
    seen = [observed(m, small) for m in measurements]
    rows = sample(domain, model.tree, model.marginals, ROWS, np.random.default_rng(0))
    runs = {c: int(small.groups[c][k - 1]) + 1 for c, k in ordered.items() if c in domain and k}
    found = (additive(domain, runs, seen, model.total, c, rows) for c in targets if c in domain)
    return tuple(a for a in found if a is not None)


def redrawn(
    model: GraphicalModel, outcomes: Sequence[Additive], codes: Codes, rng: np.random.Generator
) -> Codes:
    """Rows [n] of the domain that was measured with their outcomes drawn again, one column after the other."""
    small, found = model.compression, dict(codes)
    rows = {c: small.groups[c][own] for c, own in codes.items()}
    for outcome in outcomes:
        column = outcome.column
        by_tree = chances(small.domain, model.tree, model.marginals, rows, column)
        p = (by_tree + outcome.chances(small.domain, rows)) / 2
        rows[column] = balanced(small.domain, rows, _weighty(outcome, small.domain), p, rng)
        found[column] = spread(rows[column].astype(np.uint64), small, column, rng)
    return found


def chances(
    domain: Domain, tree: JunctionTree, marginals: Sequence[Array], rows: Columns, column: str
) -> Array:
    """P(column | all others) by the graphical model for each row, [n, codes]."""
    odds: npt.NDArray[Any] = np.zeros((1, domain[column]))
    for clique, separator, marginal in zip(tree.cliques, tree.separators, marginals, strict=True):
        if column in clique:
            table = marginal.reshape(shape(domain, clique))
            below = tuple(range(len(separator), len(clique)))
            sums = table.sum(axis=below, keepdims=True)
            within = np.divide(table, sums, out=np.zeros(table.shape), where=sums > 0)
            odds_of = np.log(np.moveaxis(within, clique.index(column), -1) + TINY)
            odds = odds + odds_of[tuple(rows[c] for c in clique if c != column)]
    return np.asarray(softmax(odds, axis=1))


def observed(m: Measurement, small: Compression) -> Observation:
    """Of codes or groups of codes of the domain that was measured, or of what these were merged to."""
    merged = m.groups is None and m.counts.shape == shape(small.domain, m.clique)
    return Observation.plain(m.clique, m.counts, m.sigma) if merged else small.observe(m)


def _weighty(outcome: Additive, domain: Domain) -> list[str]:
    """All other columns, or those that say most of the outcome."""
    said = {r[0]: float(np.ptp(e)) for r, e in outcome.effects.items() if len(r) == 1}
    others = [c for c in domain if c != outcome.column]
    return sorted(others, key=lambda c: -said.get(c, 0.0))[:COLUMNS]
