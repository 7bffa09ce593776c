"""What is learned of the same rows with the same seed is the same, and is learned once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from evaluators.utility import convolution, estimators, predictions, rank
from evaluators.utility.learners import LEARNERS


def remembered(train: Callable[..., Any]) -> Callable[..., Any]:
    """A training that remembers its models; test_learning.py and test_scores.py hold that it repeats."""
    known: dict[Any, Any] = {}

    def once(*given: Any) -> Any:
        asked = tuple(
            (a.shape, a.dtype, a.tobytes()) if isinstance(a, np.ndarray) else a for a in given
        )
        if asked not in known:
            known[asked] = train(*given)
        return known[asked]

    return once


@pytest.fixture(scope="module")
def learned_once() -> Iterator[None]:
    """The learners of tables."""
    learners = {t: {n: remembered(f) for n, f in by.items()} for t, by in LEARNERS.items()}
    with pytest.MonkeyPatch.context() as patch:
        for place in (predictions, rank):
            patch.setattr(place, "LEARNERS", learners)
        yield


@pytest.fixture(scope="module")
def small_models() -> Iterator[None]:
    """Networks of tables that see each row a few times, and trees of a few leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimators, "PASSES", 5)
        patch.setitem(estimators.TREES, "max_leaf_nodes", 3)
        yield


@pytest.fixture(scope="module")
def images_learned_once() -> Iterator[None]:
    """Networks of images, which learn in a few passes."""
    train = remembered(convolution.train)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "EPOCHS", 12)
        patch.setattr(convolution, "train", train)
        yield
