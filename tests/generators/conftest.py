"""ε so far is only told, and a second goes by until it is found: at the first step and at the last will do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from generators.deep import training


@pytest.fixture(autouse=True, scope="session")
def seldom_told() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "TOLD", 1)
        yield
