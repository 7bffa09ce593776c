"""A judge that asks two questions: for whatever is tested of a release but its figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from evaluators import evaluate

QUESTIONS = ("declared", "impossible")


@contextmanager
def in_short() -> Iterator[None]:
    """Releases in here are judged in a tenth of the time, and leave the same files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "ON_TABLES", {n: evaluate.ON_TABLES[n] for n in QUESTIONS})
        patch.setattr(evaluate, "ON_PREDICTIONS", {})
        patch.setattr(evaluate, "predict_all", lambda tables: [])
        yield
