"""Learners that are trained on real and on synthetic rows, and tested on the real holdout.

A learner is a function (X, y, seed) → predict, where predict(X) is a risk (classification,
survival), a class (multiclass) or a number (regression). For every task there are three of different
kinds: linear, boosted trees and a small network. Each is scikit-learn's with the settings written
here; nothing is tuned. Those of survival are in ``evaluators.utility.survival``.

Privacy claim: none; models trained on real rows, and what they predict, are internal.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evaluators.utility.estimators import (
    MANY_TREES,
    TREES,
    NotConvergedError,
    NotLearnableError,
    boosted,
    capped,
    mlp,
    network,
    one_thread,
)
from evaluators.utility.survival import boosted_hazards, cox, mlp_hazards

Predict = Callable[[np.ndarray], np.ndarray]
Learner = Callable[[np.ndarray, np.ndarray, int], Predict]

CLASSES_WITH_ALL = 10
"""With more classes than this, boosted trees are shared out: each class gets fewer."""

MAX_CLASSES = 50
"""A target with more classes among its training rows is not learned: every class costs a model."""


def logistic(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """L2 logistic regression (C=1) on columns scaled by its own training rows."""
    if len(np.unique(y)) < 2:
        return constant(y)
    model = _logistic(X, y)
    return lambda Z: np.asarray(model.predict_proba(Z)[:, 1])


def logistic_classes(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """The likeliest class by multinomial logistic regression, otherwise as ``logistic``."""
    if count_classes(y) < 2:
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
    """Histogram gradient boosting, 50 trees, no early stopping."""
    if len(np.unique(y)) < 2:
        return constant(y)
    model = boosted(X, y, seed)
    return lambda Z: np.asarray(one_thread(model.predict_proba, Z)[:, 1])


def boosted_classes(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """The likeliest class by histogram gradient boosting, at most 50 trees a class."""
    number = count_classes(y)
    if number < 2:
        return commonest(y)
    shared = MANY_TREES * CLASSES_WITH_ALL // max(number, CLASSES_WITH_ALL)
    return _predict(boosted(X, y, seed, shared))


def boosted_regressor(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Histogram gradient boosting, 50 trees, no early stopping."""
    model = HistGradientBoostingRegressor(max_iter=MANY_TREES, random_state=seed, **TREES)
    return _predict(one_thread(model.fit, X, y))


def mlp_classifier(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """A network with one hidden layer, by Adam."""
    if len(np.unique(y)) < 2:
        return constant(y)
    model = mlp(X, y, seed)
    return lambda Z: np.asarray(model.predict_proba(Z)[:, 1])


def mlp_classes(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """The likeliest class by a network with one hidden layer."""
    if count_classes(y) < 2:
        return commonest(y)
    return _predict(mlp(X, y, seed))


def mlp_regressor(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """A network with one hidden layer, on outcomes scaled by its own training rows."""
    model = TransformedTargetRegressor(
        MLPRegressor(random_state=seed, **network(X)), transformer=StandardScaler()
    )
    return _predict(capped(model, X, y))


def count_classes(y: np.ndarray) -> int:
    """How many classes the rows have; NotLearnableError where too many."""
    number = len(np.unique(y))
    if number > MAX_CLASSES:
        raise NotLearnableError(f"more than {MAX_CLASSES} classes: too many to learn")
    return number


def _predict(model: Any) -> Predict:
    return lambda Z: np.asarray(one_thread(model.predict, Z))


def ridge(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """Ridge regression (α=1) on columns scaled by its own training rows."""
    model = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
    return lambda Z: np.asarray(model.predict(Z))


def constant(y: np.ndarray) -> Predict:
    """Predicts the mean outcome of its training rows for everyone: the majority baseline."""
    mean = float(np.mean(y)) if len(y) else 0.0
    return lambda Z: np.full(len(Z), mean)


def commonest(y: np.ndarray) -> Predict:
    """Predicts the commonest class of its training rows for everyone: the majority baseline."""
    values, counts = np.unique(y, return_counts=True)
    return lambda Z: np.full(len(Z), values[counts.argmax()])


LEARNERS: Mapping[str, Mapping[str, Learner]] = {
    "classification": {
        "logistic": logistic,
        "boosting": boosted_classifier,
        "mlp": mlp_classifier,
    },
    "multiclass": {"logistic": logistic_classes, "boosting": boosted_classes, "mlp": mlp_classes},
    "regression": {"ridge": ridge, "boosting": boosted_regressor, "mlp": mlp_regressor},
    "survival": {"cox": cox, "boosting": boosted_hazards, "mlp": mlp_hazards},
}
"""task → name → learner from the columns of a row."""
