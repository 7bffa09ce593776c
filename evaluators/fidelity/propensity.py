"""Can a model tell synthetic rows from real ones? Propensity scores of both tables put together.

AUROC: predictions of models that did not see the row (cross-validation, a person's rows in one fold);
.5 is best. The interval is a bootstrap of people and of synthetic rows.

pMSE (Woo et al. 2009): mean (p̂ − c)² of a model fitted to all rows, c the synthetic share. It is
never 0, so it is told as a ratio to its expectation for two tables of one distribution (Snoke et al.
2018); 1 is best.

- Logistic regression: k c (1 − c) / N, for k independent coefficients beside the constant and N rows.
  Snoke et al. have another factor 1 − c: there the synthetic rows come from a model of the very rows
  they are compared with, and only they are random. Here the people compared with are random too,
  because the generator never saw the holdout. The interval takes k × ratio for a noncentral χ².
- Boosting has no such formula. Shuffling who is synthetic makes both tables samples of one
  distribution, for any model; the mean over shuffles is the expectation.

People with several rows make both ratios larger; the baseline, real train rows in place of the
synthetic ones, shares that.

- ``boosting_originals``: AUROC alone, of boosting that sees values as a reader does (see
  ``evaluators.fidelity.giveaway``); with the columns that tell the tables apart alone.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.linalg import eigh
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from evaluators.features import design
from evaluators.fidelity.giveaway import alone, cell, look
from evaluators.mixed import mixed
from evaluators.original.originals import each_original
from evaluators.resampling import NORMAL, bootstrap_weights, interval, unit_numbers
from evaluators.score import Score, Status
from evaluators.tables import MIN_PEOPLE, ROLES, Tables, evidence
from evaluators.utility.estimators import one_thread
from evaluators.utility.metrics import auroc

MAX_ROWS = 10_000
"""So many rows of each table at most, drawn by the seed, and as many of one as of the other."""

FOLDS = 3
SHUFFLES = 5
REPLICATES = 200
GIVING_AWAY = 5
"""So many columns at most are named."""

TELLS = 0.55
"""The interval of a column that is named lies above this AUROC, and above what real train rows give."""

ORIGINALS = "boosting_originals"
METRICS = ("propensity.auroc", "propensity.pmse_ratio")

Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(X, is synthetic, Z) → probability of being synthetic of each row of Z."""


def logistic(X: np.ndarray, y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Logistic regression, all but unpenalised, for that is what the expected pMSE is about; the
    penalty stops what would run away where a column parts the tables."""
    model = LogisticRegression(C=1e4, solver="newton-cholesky", tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # tables far apart: the figure says so
        model.fit(X, y)
    return np.asarray(model.predict_proba(Z)[:, 1])


def boosting(X: np.ndarray, y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Histogram gradient boosting, 50 trees of at most 15 leaves."""
    model = HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=15, early_stopping=False, random_state=0
    )
    one_thread(model.fit, X, y)
    return np.asarray(one_thread(model.predict_proba, Z)[:, 1])


def pmse(p: np.ndarray, share: float) -> float:
    """Mean squared distance of the propensities from the synthetic share."""
    return float(((p - share) ** 2).mean())


def whitened(X: np.ndarray) -> np.ndarray:
    """As many uncorrelated columns of variance 1 as X has independent ones, of the same span.

    A logistic regression on them predicts the same, in a few steps.
    """
    centred = X.astype(float) - X.mean(axis=0)
    scale = centred.std(axis=0)
    centred = centred[:, scale > 0] / scale[scale > 0]
    if not centred.shape[1]:
        return np.asarray(centred)
    values, vectors = eigh(centred.T @ centred / len(X))
    kept = values > 1e-9 * values[-1]
    return np.asarray(centred @ (vectors[:, kept] / np.sqrt(values[kept])))


@dataclass(frozen=True, eq=False)
class Pool:
    """Rows of two tables together: ``y`` is 1 for the second, ``unit`` numbers people of each."""

    y: np.ndarray
    unit: np.ndarray
    looks: dict[str, np.ndarray]
    columns: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """What one model says of a pool."""

    auroc: float
    low: float | None
    high: float | None
    ratio: float
    ratio_low: float | None = None
    ratio_high: float | None = None
    remark: str = ""


def propensity(tables: Tables) -> list[Score]:
    """AUROC and pMSE ratio of both models."""
    people = tables.people("holdout", np.ones(len(tables.holdout), dtype=bool))
    status, reason = evidence(people)
    size = min(MAX_ROWS, *(len(tables.frame(role)) for role in ROLES))
    if status == "ok" and size < MIN_PEOPLE:
        fewest = min(ROLES, key=lambda role: len(tables.frame(role)))
        status, reason = "insufficient evidence", f"{size} {fewest} rows, fewer than {MIN_PEOPLE}"
    if status != "ok":
        return list(_withheld(people, status, reason))
    ours, beside = (_pool(tables, role, size) for role in ("synthetic", "train"))
    scores: list[Score] = []
    for model, judge in (("logistic", by_logistic), ("boosting", by_boosting)):
        if not np.ptp(ours.looks[model], axis=0).any():
            scores += _withheld(people, "insufficient evidence", "no column varies", model)
            continue
        found = judge(ours, tables.rng(f"propensity {model}"))
        base = judge(beside, tables.rng(f"propensity {model} train"))
        about: dict[str, Any] = {
            "baseline_name": "real train rows",
            "n": people,
            "higher_is_better": False,
            "model": model,
        }
        scores += [
            Score(
                metric="propensity.auroc",
                value=found.auroc,
                low=found.low,
                high=found.high,
                baseline=base.auroc,
                detail=f"{size:,} rows of each table",
                **about,
            ),
            Score(
                metric="propensity.pmse_ratio",
                value=found.ratio,
                low=found.ratio_low,
                high=found.ratio_high,
                baseline=base.ratio,
                detail=found.remark,
                **about,
            ),
        ]
    return scores + _as_they_stand(tables, ours, beside, people)


def _as_they_stand(tables: Tables, ours: Pool, beside: Pool, people: int) -> list[Score]:
    """AUROC of boosting on the values as they stand, and the columns that tell most alone."""
    if not np.ptp(ours.looks[ORIGINALS], axis=0).any():
        reason = "no column varies"
        withheld = _withheld(people, "insufficient evidence", reason, ORIGINALS)
        return [s for s in withheld if s.metric == "propensity.auroc"]
    about: dict[str, Any] = {
        "baseline_name": "real train rows",
        "n": people,
        "higher_is_better": False,
    }
    whole, base = (
        _auroc(p, boosting, p.looks[ORIGINALS], tables.rng(f"propensity {ORIGINALS} {name}"))
        for p, name in ((ours, "synthetic"), (beside, "train"))
    )
    size = len(ours.y) // 2
    scores = [
        Score(
            metric="propensity.auroc",
            value=whole[0],
            low=whole[1],
            high=whole[2],
            baseline=base[0],
            model=ORIGINALS,
            detail=f"{size:,} rows of each table",
            **about,
        )
    ]
    found, usual = (
        _columns_alone(p, tables.rng(f"propensity alone {name}"))
        for p, name in ((ours, "synthetic"), (beside, "train"))
    )
    telling = {n: f for n, f in found.items() if f[1] > TELLS and f[1] > usual[n][0]}
    for name in sorted(telling, key=lambda n: -telling[n][0])[:GIVING_AWAY]:
        value, low, high = telling[name]
        scores.append(
            Score(
                metric="propensity.gives_away",
                value=value,
                low=low,
                high=high,
                baseline=usual[name][0],
                detail=name,
                **about,
            )
        )
    return scores


def _columns_alone(pool: Pool, rng: np.random.Generator) -> dict[str, tuple[float, float, float]]:
    """AUROC of each column alone, with its interval (Hanley and McNeil 1982)."""
    fold = _folds(pool, rng)
    one = np.ones((1, len(pool.y)), dtype=np.float32)
    found = {}
    for name, features in pool.columns.items():
        area = float(auroc(one, pool.y, alone(cell(features), pool.y, fold))[0])
        around = NORMAL * _deviation(area, len(pool.y) / 2)
        found[name] = area, max(0.0, area - around), min(1.0, area + around)
    return found


def _deviation(area: float, n: float) -> float:
    """Standard error of an AUROC of n rows of each kind."""
    area = max(area, 0.5)
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    rest = (n - 1) * (first + second - 2 * area**2)
    return float(np.sqrt(max(0.0, area * (1 - area) + rest)) / n)


def _withheld(people: int, status: Status, reason: str, *models: str) -> Iterator[Score]:
    for model in models or ("logistic", "boosting"):
        for metric in METRICS:
            yield Score(
                metric=metric,
                n=people,
                higher_is_better=False,
                status=status,
                reason=reason,
                model=model,
            )


def _pool(tables: Tables, role: str, size: int) -> Pool:
    """Equally many rows of the holdout and of ``role``."""
    one_hot, compact, units = [], [], []
    chosen: dict[str, np.ndarray] = {}
    for side in ("holdout", role):
        rng = tables.rng(f"propensity rows {side}")
        rows = np.sort(rng.choice(len(tables.frame(side)), size=size, replace=False))
        chosen[side] = rows
        frame, codes = tables.frame(side).iloc[rows], tables.codes[side].iloc[rows]
        one_hot.append(design(frame, tables.codec, tables.schema.modelled))
        table = mixed(frame, codes, tables.codec)
        compact.append(np.column_stack([table.numbers, table.categories]))
        units.append(unit_numbers(tables.units[side][rows], size))
    both = np.concatenate(compact)
    lowest = np.nanmin(both, initial=0.0)
    columns = {c.name: look(c, chosen) for c in each_original(tables)}
    seen = np.concatenate([np.zeros((2 * size, 0)), *columns.values()], axis=1)
    looks = {
        "logistic": whitened(np.concatenate(one_hot)),
        "boosting": np.nan_to_num(both, nan=lowest - 1),  # where a tree may set it apart
        ORIGINALS: np.nan_to_num(seen, nan=np.nanmin(seen, initial=0.0) - 1),
    }
    return Pool(np.repeat([0.0, 1.0], size), np.concatenate(units), looks, columns)


def by_logistic(pool: Pool, rng: np.random.Generator) -> Figures:
    """Against the analytic expectation."""
    X, n = pool.looks["logistic"], len(pool.y)
    share, k = float(pool.y.mean()), X.shape[1]
    ratio = pmse(logistic(X, pool.y, X), share) / (k * share * (1 - share) / n)
    error = 1.96 * np.sqrt(2 * k + 4 * max(0.0, (ratio - 1) * k)) / k
    remark = f"{k} coefficients; interval by a noncentral χ²"
    low, high = max(0.0, ratio - error), ratio + error
    return Figures(*_auroc(pool, logistic, X, rng), ratio, low, high, remark)


def by_boosting(pool: Pool, rng: np.random.Generator) -> Figures:
    """Against shuffled labels."""
    X, share = pool.looks["boosting"], float(pool.y.mean())
    labels = [rng.permutation(pool.y) for _ in range(SHUFFLES)]
    null = [pmse(boosting(X, y, X), share) for y in labels]
    ratio = pmse(boosting(X, pool.y, X), share) / float(np.mean(null))
    spread = [value / float(np.mean(null)) for value in (min(null), max(null))]
    remark = f"{SHUFFLES} shuffles: {spread[0]:.2f} to {spread[1]:.2f}"
    return Figures(*_auroc(pool, boosting, X, rng), ratio, remark=remark)


def _auroc(
    pool: Pool, fit: Fit, X: np.ndarray, rng: np.random.Generator
) -> tuple[float, float | None, float | None]:
    """AUROC of out-of-fold predictions, with its interval."""
    fold = _folds(pool, rng)
    p = np.zeros(len(pool.y))
    for held in range(FOLDS):
        out = fold == held
        p[out] = fit(X[~out], pool.y[~out], X[out])
    W = np.concatenate([bootstrap_weights(u, rng, REPLICATES) for u in _sides(pool)], axis=1)
    figures = auroc(W, pool.y, p)
    return float(figures[0]), *interval(figures)


def _sides(pool: Pool) -> list[np.ndarray]:
    return [pool.unit[pool.y == side] for side in (0, 1)]


def _folds(pool: Pool, rng: np.random.Generator) -> np.ndarray:
    """A fold for each person of each table, by row."""
    return np.concatenate([(rng.permutation(u.max() + 1) % FOLDS)[u] for u in _sides(pool)])
