"""Numbers inside their bins: drawn by a measured shape, on the values that people write.

A shape is a histogram finer than the bins. Inside one of its cells the density is exponential: between a denser
and a thinner neighbour it falls as it does to the nearer of them (a minmod slope, van Leer 1979, of the log),
and where nothing is known beyond a cell it decays from the neighbour that it has, so that a tail ends where its
mass says and not at a public bound. A drawn number is brought to a multiple of a step that values of the column
are rounded to.

Privacy claim: post-processing of what the schema says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from privacy.schema.columns import Shape, Step
from privacy.schema.lattice import Lattice, snap

FLAT = 1e-6
"""A rate times width below this is flat."""

LONE = 10.0
"""Rate times width of a cell that follows a spike and has no other neighbour: most such tails are long."""

SPIKE = 4.0
"""A single value that much denser than the cell beside it is a spike."""

UNEXPLAINED = 0.25
"""A part of a bin's people that is too large for noise in the cells beside its end."""

STEEPEST = 500.0
"""Rate times width beyond which all lies at one end."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """Where numbers of each bin may lie: runs of the lattice, [low, stop), ``share`` of their bin each.

    ``edges``: those of the bins on the lattice, the last one exclusive.
    ``rate``: of the exponential density over a piece, by lattice unit, positive where it decays.
    ``first``: the first piece of each bin.
    """

    edges: np.ndarray
    low: np.ndarray
    stop: np.ndarray
    share: np.ndarray
    rate: np.ndarray
    first: np.ndarray
    lattice: Lattice
    steps: tuple[tuple[Step, float], ...]

    @classmethod
    def of(cls, edges: np.ndarray, lattice: Lattice, shape: Shape | None) -> Pieces:
        """The pieces of these bins; flat ones where there is no shape."""
        if shape is None:
            n = len(edges) - 1
            flat = np.zeros(n), np.arange(n + 1)
            return cls(edges, edges[:-1], edges[1:], np.ones(n), *flat, lattice, ())
        cell_edges, weights = _on(edges, lattice, shape)
        rates = rates_of(np.diff(cell_edges), weights)
        cuts = np.unique(np.concatenate([edges, cell_edges]))
        low, stop = cuts[:-1], cuts[1:]
        cell = np.searchsorted(cell_edges, low, side="right") - 1
        rate = rates[cell]
        mass = weights[cell] * _between(rate, cell_edges[cell], cell_edges[cell + 1], low, stop)
        of = np.searchsorted(edges, low, side="right") - 1
        in_bin = np.bincount(of, weights=mass, minlength=len(edges) - 1)
        empty = in_bin <= 0
        mass = np.where(empty[of], np.maximum(stop - low, 0), mass)
        rate = np.where(empty[of], _towards(cell_edges, weights, low), rate)
        in_bin = np.bincount(of, weights=mass, minlength=len(edges) - 1)
        share = mass / np.maximum(in_bin, 1e-300)[of]
        first = np.searchsorted(of, np.arange(len(edges)))
        return cls(edges, low, stop, share, rate, first, lattice, shape.steps)

    def draw(self, bins: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A number k of the lattice for each bin."""
        piece = self._piece(bins, rng)
        low, stop = self.low[piece], self.stop[piece]
        k = low + np.floor(_exponential(self.rate[piece], stop - low, rng)).astype(np.int64)
        k = np.clip(k, low, stop - 1)
        if self.steps:
            shares = np.array([share for _, share in self.steps])
            chosen = np.searchsorted(np.cumsum(shares / shares.sum()), rng.random(len(k)))
            for i, (step, _) in enumerate(self.steps):
                rows = np.flatnonzero((chosen == i) & (stop - low > 1))
                k[rows] = self._on(step, k[rows], low[rows], stop[rows], bins[rows])
        return np.asarray(k)

    def _on(
        self, step: Step, k: np.ndarray, low: np.ndarray, stop: np.ndarray, bins: np.ndarray
    ) -> np.ndarray:
        """A multiple of the step inside the piece, or else inside the bin, or else k."""
        inside = snap(step, k, low, stop, self.lattice)
        start = self.edges[bins]
        near = snap(step, k, start, self.edges[bins + 1], self.lattice)
        return np.where(inside >= low, inside, np.where(near >= start, near, k))

    def _piece(self, bins: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A piece of each bin, by its share."""
        below = np.cumsum(self.share) - self.share
        start = below[self.first[bins]]
        total = (below + self.share)[self.first[bins + 1] - 1] - start
        found = np.searchsorted(below, start + rng.random(len(bins)) * total, side="right") - 1
        return np.asarray(np.clip(found, self.first[bins], self.first[bins + 1] - 1))


def with_ends(shape: Shape, edges: np.ndarray, lattice: Lattice, masses: np.ndarray) -> Shape:
    """The shape with as many people in its first and last cell as the bins there hold beside its other cells.

    ``edges``: of the bins, on the lattice. ``masses``: how many people each holds, on any scale. A shape's end
    is the sum of many noisy counts, and may come out empty where a twentieth of all people are; what a model
    counted in the whole bin is surer. Less than UNEXPLAINED of the bin is left to noise.
    """
    cells, weights = lattice.first(np.asarray(shape.edges)), np.asarray(shape.weights, dtype=float)
    cells[0], cells[-1] = edges[0], edges[-1]
    if (np.diff(cells) <= 0).any() or len(weights) < 2 or masses.sum() <= 0:
        return shape
    people = masses / masses.sum() * weights.sum()
    rates = rates_of(np.diff(cells), weights)
    for at, inside in ((0, cells[1] < edges[1]), (-1, cells[-2] > edges[-2])):
        if not inside:
            continue
        low, stop = edges[:-1][at], edges[1:][at]
        within = (np.clip(edge, cells[:-1], cells[1:]) for edge in (low, stop))
        parts = _between(rates, cells[:-1], cells[1:], *within)
        rest = people[at] - float((weights * parts).sum() - weights[at] * parts[at])
        if rest > max(UNEXPLAINED * people[at], weights[at]):
            weights[at] = rest
    return shape.model_copy(update={"weights": tuple(weights.tolist())})


def _on(edges: np.ndarray, lattice: Lattice, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """The shape's cells on the lattice, from the first edge of the bins to the last."""
    cells = lattice.first(np.asarray(shape.edges))
    cells[0], cells[-1] = edges[0], edges[-1]
    clipped = np.maximum.accumulate(np.clip(cells, edges[0], edges[-1]))
    keep = np.diff(clipped) > 0
    weights = np.add.reduceat(np.asarray(shape.weights), _starts(keep))
    return np.concatenate([clipped[:1], clipped[1:][keep]]), weights


def _starts(keep: np.ndarray) -> np.ndarray:
    """Where the weights of each kept cell begin, those of cells without a value before it included."""
    ends = np.flatnonzero(keep)
    return np.concatenate([[0], ends[:-1] + 1])


def rates_of(width: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The rate of each cell's density; a single value, and a spike, tell nothing about its neighbours."""
    density = weight / width
    n = len(width)
    rate = np.zeros(n)
    for i in range(n):
        if width[i] == 1 or density[i] <= 0:
            continue
        left = _beside(density, width, i, -1)
        right = _beside(density, width, i, 1)
        if left > 0 and right > 0:
            falls = np.log(left / density[i]), np.log(density[i] / right)
            if falls[0] * falls[1] > 0:  # neither a peak nor a trough
                rate[i] = min(falls, key=abs) / width[i]
        elif left == right == 0:  # flat where nobody is beside it; else it is the tail of a spike
            rate[i] = LONE / width[i] if (density[:i] > 0).any() else 0.0
        elif left > density[i]:
            rate[i] = decay(left / density[i]) / width[i]
        elif right > density[i]:
            rate[i] = -decay(right / density[i]) / width[i]
    return np.clip(rate, -STEEPEST / width, STEEPEST / width)


def _beside(density: np.ndarray, width: np.ndarray, i: int, way: int) -> float:
    """The density on one side, 0 where all is empty; empty cells and spikes are passed over."""
    j = i + way
    while 0 <= j < len(density) and (
        density[j] <= 0 or (width[j] == 1 and density[j] > SPIKE * density[i])
    ):
        j += way
    return float(density[j]) if 0 <= j < len(density) else 0.0


def decay(ratio: float) -> float:
    """z with z / (1 − e^−z) = ratio > 1: a density that begins ``ratio`` times above its mean."""
    return float(brentq(lambda z: z + ratio * np.expm1(-z), 1e-9, ratio))


def _between(
    rate: np.ndarray, start: np.ndarray, end: np.ndarray, low: np.ndarray, stop: np.ndarray
) -> np.ndarray:
    """The part of a cell's mass that lies in [low, stop)."""
    width = end - start
    z = rate * width
    flat = np.abs(z) < FLAT
    safe = np.where(flat, 1.0, z)
    a, b = (low - start) / width, (stop - start) / width
    curved = (np.exp(-safe * a) - np.exp(-safe * b)) / -np.expm1(-safe)
    return np.asarray(np.where(flat, b - a, curved))


def _towards(edges: np.ndarray, weights: np.ndarray, low: np.ndarray) -> np.ndarray:
    """The rate of a density that falls away from the nearest cell that holds anybody, by that cell's width."""
    held = np.flatnonzero(weights > 0)
    if len(held) == 0:
        return np.zeros(len(low))
    width = np.diff(edges)
    cell = np.searchsorted(edges, low, side="right") - 1
    before, after = np.searchsorted(held, cell) - 1, np.searchsorted(held, cell)
    falls = np.where(before >= 0, 1 / width[held[np.maximum(before, 0)]], 0.0)
    rises = np.where(after < len(held), 1 / width[held[np.minimum(after, len(held) - 1)]], 0.0)
    return np.asarray(np.where(falls * rises > 0, 0.0, falls - rises))


def _exponential(rate: np.ndarray, width: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A place in [0, width) by a density ∝ e^(−rate·x)."""
    return np.asarray(width * quantile(rng.random(len(rate)), rate * width))


def quantile(share: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Below which part of a cell a share of its mass lies; ``z``: rate times width."""
    flat = np.abs(z) < FLAT
    safe = np.clip(np.where(flat, 1.0, z), -STEEPEST, STEEPEST)
    return np.asarray(np.where(flat, share, -np.log1p(share * np.expm1(-safe)) / safe))
