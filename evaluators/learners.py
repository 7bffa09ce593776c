"""Learners that are trained twice, on real and on synthetic rows, and tested on the real holdout.

A learner is a function (X, y, seed) → predict, where predict(X) is a risk (classification,
survival), a class (multiclass) or a number (regression). Each is scikit-learn's or lifelines' with
the settings written here; nothing is tuned.

Privacy claim: none; models trained on real rows, and what they predict, are internal.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.exceptions import ConvergenceError as CoxConvergenceError
from lifelines.exceptions import ConvergenceWarning as CoxConvergenceWarning
from scipy.linalg import qr
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Predict = Callable[[np.ndarray], np.ndarray]
Learner = Callable[[np.ndarray, np.ndarray, int], Predict]

COX_PENALIZERS = (0.01, 0.1, 1.0)
TREES = 100


class NotConvergedError(Exception):
    """The optimiser of a learner stopped before it was done."""


def logistic(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """L2 logistic regression (C=1) on columns scaled by its own training rows."""
    if len(np.unique(y)) < 2:
        return constant(y)
    model = _logistic(X, y)
    return lambda Z: np.asarray(model.predict_proba(Z)[:, 1])


def logistic_classes(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """The likeliest class by multinomial logistic regression, otherwise as ``logistic``."""
    if len(np.unique(y)) < 2:
        return commonest(y)
    return _predict(_logistic(X, y))


def _logistic(X: np.ndarray, y: np.ndarray) -> Any:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return model.fit(X, y)
        except ConvergenceWarning as warning:
            raise NotConvergedError from warning


def boosted_classifier(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Histogram gradient boosting, 100 trees, no early stopping."""
    if len(np.unique(y)) < 2:
        return constant(y)
    model = _boosted(X, y, seed)
    return lambda Z: np.asarray(one_thread(model.predict_proba, Z)[:, 1])


def boosted_classes(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """The likeliest class by histogram gradient boosting, 100 trees a class, no early stopping."""
    if len(np.unique(y)) < 2:
        return commonest(y)
    return _predict(_boosted(X, y, seed))


def _boosted(X: np.ndarray, y: np.ndarray, seed: int) -> Any:
    model = HistGradientBoostingClassifier(max_iter=TREES, early_stopping=False, random_state=seed)
    return one_thread(model.fit, X, y)


def boosted_regressor(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Histogram gradient boosting, 100 trees, no early stopping."""
    model = HistGradientBoostingRegressor(max_iter=TREES, early_stopping=False, random_state=seed)
    return _predict(one_thread(model.fit, X, y))


def _predict(model: Any) -> Predict:
    return lambda Z: np.asarray(one_thread(model.predict, Z))


def one_thread(function: Callable[..., Any], *arguments: np.ndarray) -> Any:
    """Call without OpenMP's threads: they wait by spinning, and on busy cores two lose to one."""
    with threadpool_limits(1, user_api="openmp"):
        return function(*arguments)


def ridge(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Ridge regression (α=1) on columns scaled by its own training rows."""
    model = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
    return lambda Z: np.asarray(model.predict(Z))


def cox(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Cox proportional hazards with a ridge penalty, on linearly independent columns.

    ``y`` is (time, event). A penalty that does not converge gives way to the next larger one;
    raises NotConvergedError where none does.
    """
    kept = independent(X)
    if len(kept) == 0 or not y[:, 1].any():
        return lambda Z: np.zeros(len(Z))
    frame = pd.DataFrame(X[:, kept].astype(float), columns=[f"x{i}" for i in kept])
    frame["time"], frame["event"] = y[:, 0], y[:, 1]
    for penalizer in COX_PENALIZERS:
        model = CoxPHFitter(penalizer=penalizer)
        with warnings.catch_warnings():
            # lifelines warns of rare columns as well; here only a failure to converge matters
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", "Newton-Raphson failed", CoxConvergenceWarning)
            try:
                model.fit(frame, "time", "event")
            except (CoxConvergenceWarning, CoxConvergenceError):
                continue
        weights = model.params_.to_numpy()
        return lambda Z: np.asarray(Z[:, kept].astype(float) @ weights)
    raise NotConvergedError


def independent(X: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
    """Numbers of columns that, with a constant, are linearly independent (one-hot columns are
    not)."""
    if not X.size:
        return np.arange(0)
    centred = X.astype(float) - X.mean(axis=0)
    _, R, order = qr(centred, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(R))
    return np.sort(order[: len(diagonal)][diagonal > tolerance * max(1.0, diagonal[0])])


def constant(y: np.ndarray) -> Predict:
    """Predicts the mean outcome of its training rows for everyone: the majority baseline."""
    mean = float(np.mean(y)) if len(y) else 0.0
    return lambda Z: np.full(len(Z), mean)


def commonest(y: np.ndarray) -> Predict:
    """Predicts the commonest class of its training rows for everyone: the majority baseline."""
    values, counts = np.unique(y, return_counts=True)
    return lambda Z: np.full(len(Z), values[counts.argmax()])


LEARNERS: Mapping[str, Mapping[str, Learner]] = {
    "classification": {"logistic": logistic, "boosting": boosted_classifier},
    "multiclass": {"logistic": logistic_classes, "boosting": boosted_classes},
    "regression": {"ridge": ridge, "boosting": boosted_regressor},
    "survival": {"cox": cox},
}
"""task → name → learner from the columns of a row."""
