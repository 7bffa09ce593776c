"""Metrics of predictions under row weights: each maps weights [B, n] to B figures.

Symbols: ``W`` weights [B, n], ``y`` outcomes [n] (0/1, class numbers or numbers), ``p`` predicted
risks or values [n], ``d`` decisions [n] (0/1, or class numbers). Undefined figures (no positives, say) are NaN.
With W of ones they equal scikit-learn's and lifelines' functions of the same name, which the tests
hold.

Privacy claim: none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Weighted = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(W, y, prediction) → B figures."""


def mean(W: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Weighted mean of ``x``."""
    return _ratio(W @ x.astype(np.float64), W.sum(axis=1, dtype=np.float64))


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.full(np.shape(a), np.nan)
    return np.asarray(np.divide(a, b, out=out, where=b > 0))


def _by_score(W: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of positives and of negatives at each distinct score, increasing, [B, scores] each."""
    order = np.argsort(p, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(p[order]) > 0])
    ordered = W[:, order]
    positive = ordered * (y[order] > 0)
    P = np.add.reduceat(positive, starts, axis=1).astype(np.float64)
    return P, np.add.reduceat(ordered, starts, axis=1).astype(np.float64) - P


def auroc(W: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """P(a positive scores above a negative) + half of the ties."""
    P, N = _by_score(W, y, p)
    below = np.cumsum(N, axis=1) - N
    return _ratio((P * (below + N / 2)).sum(axis=1), P.sum(axis=1) * N.sum(axis=1))


def auprc(W: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Average precision: Σ (recall step) × precision, from the highest score down."""
    P, N = (a[:, ::-1] for a in _by_score(W, y, p))
    tp, fp = np.cumsum(P, axis=1), np.cumsum(N, axis=1)
    precision = np.nan_to_num(_ratio(tp, tp + fp))
    return _ratio((P * precision).sum(axis=1), P.sum(axis=1))


def f1(W: np.ndarray, y: np.ndarray, d: np.ndarray) -> np.ndarray:
    """2 TP / (2 TP + FP + FN)."""
    tp, positives, chosen = W @ (y * d), W @ y, W @ d
    return _ratio(2.0 * tp, positives + chosen)


def brier(W: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Mean squared error of the predicted risk."""
    return mean(W, (p - y) ** 2)


def calibration_gap(W: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Predicted minus observed event rate (calibration in the large); 0 is best."""
    return mean(W, p - y)


def ece(W: np.ndarray, y: np.ndarray, p: np.ndarray, bins: int = 10) -> np.ndarray:
    """Expected calibration error: mean of |predicted − observed event rate| over bins of equally
    many rows, by predicted risk; rows with the same risk share a bin."""
    edges = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1])
    inside = np.equal.outer(np.searchsorted(edges, p, side="right"), np.arange(bins))
    errors = W @ (inside * (p - y)[:, None])
    return _ratio(np.abs(errors).sum(axis=1), W.sum(axis=1, dtype=np.float64))


def tpr(W: np.ndarray, y: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Share of the positives that is chosen."""
    return _ratio(W @ (y * d), W @ y)


def fpr(W: np.ndarray, y: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Share of the negatives that is chosen."""
    return _ratio(W @ ((1 - y) * d), W @ (1 - y))


def selection_rate(W: np.ndarray, y: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Share that is chosen; ``y`` is not used."""
    return mean(W, d)


def tpr_at(W: np.ndarray, y: np.ndarray, p: np.ndarray, fpr: float = 0.01) -> np.ndarray:
    """The largest share of positives chosen by a threshold that chooses at most ``fpr`` of the
    negatives."""
    P, N = (np.cumsum(a[:, ::-1], axis=1) for a in _by_score(W, y, p))
    allowed = fpr * N[:, -1:] + 1e-9 >= N
    return _ratio((P * allowed).max(axis=1), P[:, -1])


def accuracy(W: np.ndarray, y: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Share of rows whose class is predicted; on the rows of one class, its recall."""
    return mean(W, y == d)


def balanced_accuracy(W: np.ndarray, y: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Mean recall over the classes that have rows."""
    of, _, both = _by_class(W, y, d)
    return _mean_of_known(_ratio(both, of))


def macro_f1(W: np.ndarray, y: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that have rows or are predicted."""
    of, chosen, both = _by_class(W, y, d)
    return _mean_of_known(_ratio(2 * both, of + chosen))


def _by_class(W: np.ndarray, y: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, ...]:
    """Weight of each class's rows, of those predicted as it, and of both at once, [B, classes]."""
    classes = np.unique(np.concatenate([y, d]))
    of, chosen = (np.equal.outer(a, classes).astype(np.float32) for a in (y, d))
    return tuple((W @ rows).astype(np.float64) for rows in (of, chosen, of * chosen))


def _mean_of_known(x: np.ndarray) -> np.ndarray:
    known = np.isfinite(x)
    return _ratio(np.where(known, x, 0).sum(axis=1), known.sum(axis=1))


def mae(W: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Mean absolute error."""
    return mean(W, np.abs(y - p))


def r2(W: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Share of the variance explained."""
    centred = y - y.mean()
    variance = mean(W, centred**2) - mean(W, centred) ** 2
    return 1 - _ratio(mean(W, (y - p) ** 2), variance)


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
