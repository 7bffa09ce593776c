"""One Prefect server for all flow tests of a process: it takes a quarter of a minute to start.

Releases are judged in short, but in modules marked ``all_questions``.
"""

from collections.abc import Iterator

import pytest
from prefect.testing.utilities import prefect_test_harness

from tests.flows import judge


@pytest.fixture(scope="module", autouse=True)
def judged_in_short(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("all_questions"):
        yield
    else:
        with judge.in_short():
            yield


@pytest.fixture(scope="session")
def server():
    with prefect_test_harness(server_startup_timeout=180):
        yield
