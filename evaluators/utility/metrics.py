"""Metrics of predictions under row weights: each maps weights [B, n] to B figures.

Symbols: ``W`` weights [B, n], whole numbers; ``y`` outcomes [n] (0/1, class numbers or numbers), ``p``
predicted risks or values [n], ``d`` decisions [n] (0/1, or class numbers). Undefined figures (no positives,
say) are NaN.
With W of ones they equal scikit-learn's and lifelines' functions of the same name, which the tests
hold.

Most are made of weighted sums (``Sums``), or of what stands above each positive (``Ranks``), so that many
metrics of one prediction come from one product of matrices and one order (``together``).

Privacy claim: none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

Weighted = Callable[..., np.ndarray]
"""(W, y, prediction) → B figures."""

Name = TypeVar("Name", bound=Hashable)

BLOCK = 100_000
"""So many weights are ranked at once: they stay in the processor's cache."""


@dataclass(frozen=True)
class Sums:
    """A metric of weighted sums.

    ``columns``: (y, prediction) → what is summed [n, k]; ``figure``: sums [B, k] → B figures.
    """

    columns: Callable[..., np.ndarray]
    figure: Callable[[np.ndarray], np.ndarray]

    def __call__(self, W: np.ndarray, *of: np.ndarray) -> np.ndarray:
        return self.figure(W.astype(np.float64) @ self.columns(*of))


@dataclass(frozen=True)
class Ranks:
    """A metric of what stands above each positive in some replicates."""

    figure: Callable[[Standing], np.ndarray]

    def __call__(self, W: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return ranked(W, y, p, [self])[0]


@dataclass(frozen=True, eq=False)
class Order:
    """Row numbers of ``positives`` and ``negatives``, the lowest score first.

    Of each positive: ``first``, how many positives have lower scores; ``below`` and ``reached``, how many
    negatives have lower ones, and no higher ones.
    """

    positives: np.ndarray
    negatives: np.ndarray
    first: np.ndarray
    below: np.ndarray
    reached: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, p: np.ndarray) -> Order:
        rows = np.argsort(p, kind="stable")
        event = y[rows] > 0
        positives, negatives = rows[event], rows[~event]
        scores, others = p[positives], p[negatives]
        below, reached = (np.searchsorted(others, scores, side) for side in ("left", "right"))
        return cls(positives, negatives, np.searchsorted(scores, scores, "left"), below, reached)


@dataclass(frozen=True, eq=False)
class Standing:
    """Sums of weights, which are whole and so exact, by the places of an order: for each positive
    [replicates, positives], and of all [replicates]."""

    order: Order
    W: np.ndarray

    @cached_property
    def weight(self) -> np.ndarray:
        return np.take(self.W, self.order.positives, axis=1)

    @cached_property
    def _negatives(self) -> np.ndarray:
        return _before(np.take(self.W, self.order.negatives, axis=1))

    @cached_property
    def positives(self) -> np.ndarray:
        """All of them."""
        return np.asarray(self.weight.sum(axis=1, dtype=np.float64))

    @cached_property
    def negatives(self) -> np.ndarray:
        """All of them."""
        return np.asarray(self._negatives[:, -1], dtype=np.float64)

    @cached_property
    def below(self) -> np.ndarray:
        """Negatives with lower scores."""
        return np.take(self._negatives, self.order.below, axis=1)

    @cached_property
    def reached(self) -> np.ndarray:
        """Negatives with no higher scores."""
        if (self.order.below == self.order.reached).all():
            return self.below
        return np.take(self._negatives, self.order.reached, axis=1)

    @cached_property
    def fp(self) -> np.ndarray:
        """Negatives that are chosen where the positive's score is the threshold."""
        return np.asarray(self._negatives[:, -1:] - self.below)

    @cached_property
    def tp(self) -> np.ndarray:
        """Positives that are."""
        before = _before(self.weight)
        return np.asarray(before[:, -1:] - np.take(before, self.order.first, axis=1))


def _before(weights: np.ndarray) -> np.ndarray:
    """The sum of all weights before each place, and of all of them."""
    sums = np.zeros((len(weights), weights.shape[1] + 1), dtype=weights.dtype)
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums


def ranked(
    W: np.ndarray, y: np.ndarray, p: np.ndarray, metrics: Sequence[Ranks]
) -> list[np.ndarray]:
    """Several metrics of one prediction."""
    order, step = Order.of(y, p), max(1, BLOCK // max(1, len(y)))
    blocks = (Standing(order, W[start : start + step]) for start in range(0, len(W), step))
    found = [[metric.figure(block) for metric in metrics] for block in blocks]
    return [np.concatenate(figures) for figures in zip(*found, strict=True)]


def together(
    W: np.ndarray, asked: Mapping[Name, tuple[Weighted, tuple[np.ndarray, ...]]]
) -> dict[Name, np.ndarray]:
    """Many metrics, each with what it is taken of, under the same weights."""
    found: dict[Name, np.ndarray] = {}
    sums, columns = {}, {}
    ranks: dict[tuple[int, ...], dict[Name, Ranks]] = {}
    for name, (metric, of) in asked.items():
        if isinstance(metric, Sums):
            sums[name], columns[name] = metric, metric.columns(*of)
        elif isinstance(metric, Ranks):
            ranks.setdefault(tuple(map(id, of)), {})[name] = metric
        else:
            found[name] = metric(W, *of)
    if sums:
        ends = np.cumsum([c.shape[1] for c in columns.values()])[:-1]
        product = W.astype(np.float64) @ np.concatenate(list(columns.values()), axis=1)
        for name, part in zip(sums, np.split(product, ends, axis=1), strict=True):
            found[name] = sums[name].figure(part)
    for alike in ranks.values():
        y, p = asked[next(iter(alike))][1]
        found |= zip(alike, ranked(W, y, p, list(alike.values())), strict=True)
    return {name: found[name] for name in asked}


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.full(np.shape(a), np.nan)
    return np.asarray(np.divide(a, b, out=out, where=b > 0))


def _columns(*columns: np.ndarray) -> np.ndarray:
    return np.column_stack([np.asarray(c, dtype=np.float64) for c in columns])


def _share(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums[:, 0], sums[:, 1])


mean = Sums(lambda x: _columns(x, np.ones(len(x))), _share)
"""Weighted mean."""


def _auroc(at: Standing) -> np.ndarray:
    pairs = np.einsum("ij,ij->i", at.weight.astype(np.float64), at.below + at.reached)
    return _ratio(pairs / 2, at.positives * at.negatives)


auroc = Ranks(_auroc)
"""P(a positive scores above a negative) + half of the ties."""


def _auprc(at: Standing) -> np.ndarray:
    chosen = at.tp + at.fp
    precision = np.divide(at.tp, chosen, out=np.zeros(chosen.shape), where=chosen > 0)
    return _ratio(np.einsum("ij,ij->i", at.weight, precision), at.positives)


auprc = Ranks(_auprc)
"""Average precision: Σ (recall step) × precision, from the highest score down."""


def tpr_at(W: np.ndarray, y: np.ndarray, p: np.ndarray, fpr: float = 0.01) -> np.ndarray:
    """The largest share of positives chosen by a threshold that chooses at most ``fpr`` of the
    negatives."""

    def largest(at: Standing) -> np.ndarray:
        allowed = fpr * at.negatives[:, None] + 1e-9 >= at.fp
        return _ratio((at.tp * allowed).max(axis=1, initial=0.0), at.positives)

    return Ranks(largest)(W, y, p)


f1 = Sums(lambda y, d: _columns(2 * y * d, y + d), _share)
"""2 TP / (2 TP + FP + FN)."""

brier = Sums(lambda y, p: mean.columns((p - y) ** 2), _share)
"""Mean squared error of the predicted risk."""

calibration_gap = Sums(lambda y, p: mean.columns(p - y), _share)
"""Predicted minus observed event rate (calibration in the large); 0 is best."""

BINS = 10


def _in_bins(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    edges = np.quantile(p, np.linspace(0, 1, BINS + 1)[1:-1])
    inside = np.equal.outer(np.searchsorted(edges, p, side="right"), np.arange(BINS))
    return _columns(inside * (p - y)[:, None], np.ones(len(y)))


ece = Sums(_in_bins, lambda sums: _ratio(np.abs(sums[:, :-1]).sum(axis=1), sums[:, -1]))
"""Expected calibration error: mean of |predicted − observed event rate| over bins of equally
many rows, by predicted risk; rows with the same risk share a bin."""

tpr = Sums(lambda y, d: _columns(y * d, y), _share)
"""Share of the positives that is chosen."""

fpr = Sums(lambda y, d: _columns((1 - y) * d, 1 - y), _share)
"""Share of the negatives that is chosen."""

selection_rate = Sums(lambda y, d: mean.columns(d), _share)
"""Share that is chosen; ``y`` is not used."""

accuracy = Sums(lambda y, d: mean.columns(y == d), _share)
"""Share of rows whose class is predicted; on the rows of one class, its recall."""


def _by_class(y: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Which rows are of each class, which are predicted as it, and which are both."""
    classes = np.unique(np.concatenate([y, d]))
    of, chosen = (np.equal.outer(a, classes) for a in (y, d))
    return _columns(of, chosen, of & chosen)


def _mean_of_known(x: np.ndarray) -> np.ndarray:
    known = np.isfinite(x)
    return _ratio(np.where(known, x, 0).sum(axis=1), known.sum(axis=1))


def _balanced(sums: np.ndarray) -> np.ndarray:
    of, _, both = np.split(sums, 3, axis=1)
    return _mean_of_known(_ratio(both, of))


balanced_accuracy = Sums(_by_class, _balanced)
"""Mean recall over the classes that have rows."""


def _macro(sums: np.ndarray) -> np.ndarray:
    of, chosen, both = np.split(sums, 3, axis=1)
    return _mean_of_known(_ratio(2 * both, of + chosen))


macro_f1 = Sums(_by_class, _macro)
"""Mean F1 over the classes that have rows or are predicted."""

mae = Sums(lambda y, p: mean.columns(np.abs(y - p)), _share)
"""Mean absolute error."""


def _about_the_mean(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    centred = y - y.mean()
    return _columns(centred**2, centred, (y - p) ** 2, np.ones(len(y)))


def _explained(sums: np.ndarray) -> np.ndarray:
    square, centred, error = (_ratio(part, sums[:, 3]) for part in sums.T[:3])
    return 1 - _ratio(error, square - centred**2)


r2 = Sums(_about_the_mean, _explained)
"""Share of the variance explained."""


def c_index(
    W: np.ndarray, time: np.ndarray, event: np.ndarray, risk: np.ndarray, block: int = 1024
) -> np.ndarray:
    """Harrell's C: among comparable pairs, the share in which the one who fails first has more
    risk.

    A pair is comparable where one fails before the other's time, or at the other's time of
    censoring. Ties in risk count half. O(n²) time, O(n · block) memory.
    """
    event = event > 0
    concordant = np.zeros(len(W))
    comparable = np.zeros(len(W))
    died = np.flatnonzero(event)
    for start in range(0, len(died), block):
        rows = died[start : start + block]
        later = (time[None, :] > time[rows, None]) | (
            (time[None, :] == time[rows, None]) & ~event[None, :]
        )
        higher = risk[rows, None] > risk[None, :]
        tied = risk[rows, None] == risk[None, :]
        right = (later * (higher + 0.5 * tied)).astype(np.float32)
        comparable += (W[:, rows] * (W @ later.astype(np.float32).T)).sum(axis=1, dtype=np.float64)
        concordant += (W[:, rows] * (W @ right.T)).sum(axis=1, dtype=np.float64)
    return _ratio(concordant, comparable)


RISK: Mapping[str, Weighted] = {
    "auroc": auroc,
    "auprc": auprc,
    "brier": brier,
    "calibration_gap": calibration_gap,
    "ece": ece,
}
"""Classification metrics of the predicted risk."""

DECISION: Mapping[str, Weighted] = {
    "f1": f1,
    "tpr": tpr,
    "fpr": fpr,
    "selection_rate": selection_rate,
}
"""Classification metrics of the decision."""

CLASS: Mapping[str, Weighted] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
}
"""Multi-class metrics of the predicted class."""

NUMBER: Mapping[str, Weighted] = {"r2": r2, "mae": mae}
"""Regression metrics."""

LOWER_IS_BETTER = frozenset({"brier", "calibration_gap", "ece", "fpr", "ibs", "mae"})
