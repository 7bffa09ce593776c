"""What takes seconds to compute and most tests are not about: ε so far, and the least noise for a guarantee."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from generators.deep import generator, training


@pytest.fixture(autouse=True, scope="session")
def seldom_told() -> Iterator[None]:
    """ε so far at the first step and at the last."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "TOLD", 1)
        yield


@pytest.fixture(scope="module")
def noise_not_looked_for() -> Iterator[None]:
    """Networks are calibrated to a noise that nobody looked for; test_contract.py holds what they cost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator, "least_noise", lambda guarantee, event: 4.0)
        yield
