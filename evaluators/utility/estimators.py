"""The scikit-learn models behind the learners, with settings written here; nothing is tuned.

Privacy claim: none; models fitted on real rows are internal.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import ThreadpoolController, threadpool_limits  # type: ignore[import-untyped]

TREES: dict[str, Any] = {"learning_rate": 0.2, "max_leaf_nodes": 15, "early_stopping": False}
MANY_TREES = 50
"""Trees of a boosted model."""

NETWORK: dict[str, Any] = {"hidden_layer_sizes": (32,), "learning_rate_init": 0.005}
SHOWN = 500_000
PASSES = 50
"""A network is shown so many rows, and none more than ``PASSES`` times: that is its stopping rule."""


class NotConvergedError(Exception):
    """The optimiser of a learner stopped before it was done."""


class NotLearnableError(Exception):
    """The rows cannot teach this; the message says why, in words that are safe to show."""


def boosted(X: np.ndarray, y: np.ndarray, seed: int, trees: int = MANY_TREES) -> Any:
    """A fitted classifier of boosted trees."""
    model = HistGradientBoostingClassifier(max_iter=trees, random_state=seed, **TREES)
    return one_thread(model.fit, X, y)


def mlp(X: np.ndarray, y: np.ndarray, seed: int) -> Any:
    """A fitted classifier with one hidden layer."""
    return capped(MLPClassifier(random_state=seed, **network(X)), X, y)


def network(X: np.ndarray) -> dict[str, Any]:
    """``NETWORK`` with passes and batches for a table of this length."""
    passes = max(1, min(PASSES, SHOWN // len(X)))
    return NETWORK | {"max_iter": passes, "batch_size": max(1, min(256, len(X) // 8))}


def capped(model: Any, X: np.ndarray, y: np.ndarray) -> Any:
    """The model fitted with a fixed number of passes, which scikit-learn would warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def one_thread(function: Callable[..., Any], *arguments: np.ndarray) -> Any:
    """Call without OpenMP's threads: they wait by spinning, and on busy cores two lose to one."""
    with _libraries().limit(limits=1, user_api="openmp"):
        return function(*arguments)


@cache
def _libraries() -> Any:
    """What scikit-learn loaded when it was imported: to look for it takes as long as a prediction."""
    return ThreadpoolController()


def one_thread_for_products() -> Any:
    """A context without the threads of linear algebra, which spin as well, and round by their number."""
    return threadpool_limits(1, user_api="blas")
