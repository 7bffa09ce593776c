"""A column given all others as a sum of effects, fitted to the noisy marginals that join them.

The log-odds of the column's codes are a constant and, for each marginal with the column, an effect of every
other column in it and one of these together. The effects are the most likely ones given the noisy counts y_r,
least in

    ½ Σ_r ‖(n p_r − y_r)/σ_r‖² + ½ ‖θ‖²,

where p_r is what the model makes of rows drawn from the graphical model, and θ are effects in units of what is
plausible before anything is seen: log-odds differ by about ``MAIN`` between two codes, by a random walk that
comes to ``RANGE`` over all codes that are in order, and by ``TOGETHER`` beyond the sum of single effects. So
neighbours share what is known of them, and a joint effect must stand out from its noise. A graphical model has
the same effects, and no such opinion of them: it follows every cell as far as its noise goes.

Privacy claim: post-processing of noisy counts; the rows are synthetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod, sqrt

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import softmax

from generators.marginals.counting.coded import Clique, Columns, Domain, shape
from generators.marginals.estimate import Array, Observation, _Term, _terms

MAIN, RANGE, TOGETHER = 1.0, 1.5, 0.2
"""Standard deviations of the log-odds of one code against another: see above."""
ITERATIONS = 150


@dataclass(frozen=True)
class Additive:
    """Log-odds of a column: ``constant`` [codes], and for each clique of others ``effects`` [cells, codes]."""

    column: str
    constant: Array
    effects: Mapping[Clique, Array]

    def chances(self, domain: Domain, rows: Columns) -> Array:
        """The probability of each code, [rows, codes]."""
        odds = sum((e[cell(domain, rows, r)] for r, e in self.effects.items()), self.constant)
        return np.asarray(softmax(odds, axis=1))


def cell(domain: Domain, rows: Columns, clique: Clique) -> npt.NDArray[np.intp]:
    """In which cell of the clique's marginal each row is."""
    codes = tuple(np.asarray(rows[c], dtype=np.intp) for c in clique)
    return np.asarray(np.ravel_multi_index(codes, shape(domain, clique)))


def additive(
    domain: Domain,
    ordered: Mapping[str, int],
    observations: Sequence[Observation],
    total: float,
    column: str,
    rows: Columns,
) -> Additive | None:
    """Fit; None where no observation joins the column with another.

    ``ordered``: how many of a column's first codes are in order. ``total``: the number of people observed.
    ``rows``: codes of all other columns, [n] each, that stand for how these go together.
    """
    seen = [o for o in observations if column in o.clique]
    if all(o.clique == (column,) for o in seen):
        return None
    problem = _Problem.of(domain, ordered, _terms(seen, total), column, rows)
    size = domain[column] * (1 + sum(b.shape[1] for b in problem.bases.values()))
    options = {"maxiter": ITERATIONS, "maxcor": 30}
    found = minimize(problem, np.zeros(size), jac=True, method="L-BFGS-B", options=options)
    constant, effects = problem.effects(found.x)
    return Additive(column, constant, effects)


@dataclass(frozen=True)
class _Problem:
    """The loss and its gradient by θ.

    ``bases``: for each clique of others, effects of its cells by θ. ``places``: for each clique, where each row
    is, as a number and as a matrix [cells, rows].
    """

    column: str
    codes: int
    terms: Sequence[_Term]
    bases: Mapping[Clique, Array]
    places: Mapping[Clique, tuple[npt.NDArray[np.intp], csr_array]]

    @classmethod
    def of(
        cls,
        domain: Domain,
        ordered: Mapping[str, int],
        terms: Sequence[_Term],
        column: str,
        rows: Columns,
    ) -> _Problem:
        others = dict.fromkeys(_others(t.clique, column) for t in terms)
        bases: dict[Clique, Array] = {
            (c,): _alone(domain[c], ordered.get(c, 0)) for r in others for c in r
        }
        for r in others:
            if len(r) > 1:
                bases[r] = np.eye(prod(shape(domain, r))) * TOGETHER / sqrt(2)
        n = len(rows[next(c for c in domain if c != column)])
        places = {}
        for r in {**bases, **others}:
            at = cell(domain, rows, r) if r else np.zeros(n, dtype=np.intp)
            size = (prod(shape(domain, r)), n)
            places[r] = at, csr_array((np.ones(n), (at, np.arange(n))), shape=size)
        return cls(column, domain[column], terms, bases, places)

    def effects(self, theta: Array) -> tuple[Array, dict[Clique, Array]]:
        """The constant [codes], and of each clique the effects [cells, codes]."""
        left, found = theta[self.codes :].reshape(-1, self.codes), {}
        for r, basis in self.bases.items():
            found[r] = basis @ left[: basis.shape[1]]
            left = left[basis.shape[1] :]
        return theta[: self.codes], found

    def __call__(self, theta: Array) -> tuple[float, Array]:
        constant, effects = self.effects(theta)
        odds = sum((e[self.places[r][0]] for r, e in effects.items()), constant)
        p = np.asarray(softmax(odds, axis=1))
        loss = 0.5 * float(np.vdot(theta[self.codes :], theta[self.codes :]))
        slope = np.zeros(p.shape)
        for term in self.terms:
            r, axis = _others(term.clique, self.column), term.clique.index(self.column)
            at, inside = self.places[r]
            sizes = [n for i, n in enumerate(_sizes(term)) if i != axis]
            share = (inside @ p / len(p)).reshape(*sizes, self.codes)
            table = np.moveaxis(share, -1, axis)
            loss += term.loss(table)
            steep = term.slope(table).reshape(table.shape)
            slope += np.moveaxis(steep, axis, -1).reshape(-1, self.codes)[at] / len(p)
        slope = p * (slope - (p * slope).sum(axis=1, keepdims=True))
        parts = [(b.T @ (self.places[r][1] @ slope)).ravel() for r, b in self.bases.items()]
        gradient = np.concatenate([slope.sum(axis=0), *parts])
        gradient[self.codes :] += theta[self.codes :]
        return loss, gradient


def _others(clique: Clique, column: str) -> Clique:
    return tuple(c for c in clique if c != column)


def _sizes(term: _Term) -> tuple[int, ...]:
    """The shape of a table over the clique's cells, which may be parts of what was counted."""
    return (term.target if term.part is None else term.part).shape


def _alone(size: int, ordered: int) -> Array:
    """Effects of a column's codes by θ: a centred walk over those in order, the others each by itself."""
    steps = max(ordered - 1, 0)
    walk = np.tril(np.ones((ordered, ordered)), -1)[:, :steps] * RANGE / sqrt(max(steps, 1))
    basis = np.zeros((size, steps + size - ordered))
    basis[:ordered, :steps] = walk - walk.mean(axis=0) if ordered else walk
    basis[ordered:, steps:] = np.eye(size - ordered) * MAIN
    return basis / sqrt(2)
