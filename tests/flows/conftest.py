"""One Prefect server for all flow tests of a process: it takes a quarter of a minute to start."""

import pytest
from prefect.testing.utilities import prefect_test_harness


@pytest.fixture(scope="session")
def server():
    with prefect_test_harness(server_startup_timeout=180):
        yield
