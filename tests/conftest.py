"""One thread for a process: two test workers share two cores, and threads that wait for each other spin.

Tests marked ``browser`` look at pages in Chromium, those marked ``gpu`` train on CUDA; where there is none,
they are left out and say so.
"""

import os

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # tests ask no hub
settings.register_profile("any machine", deadline=None)  # how long an example takes is its load
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    import torch

    from tests.browser import CHROMIUM

    missing = {}
    if CHROMIUM is None:
        missing["browser"] = "no Chromium on this machine: apt-get install chromium"
    if not torch.cuda.is_available():
        missing["gpu"] = "no CUDA on this machine"
    for item in items:
        for mark in missing.keys() & item.keywords:
            item.add_marker(pytest.mark.skip(reason=missing[mark]))


@pytest.fixture(autouse=True, scope="session")
def state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What tests see of ledgers is nobody else's."""
    os.environ["UNDERSTUDY_STATE"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture
def few_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that asks one question, for tests of everything but its figures."""
    from evaluators import evaluate

    monkeypatch.setattr(evaluate, "ON_TABLES", {"declared": evaluate.ON_TABLES["declared"]})
    monkeypatch.setattr(evaluate, "ON_PREDICTIONS", {})
    monkeypatch.setattr(evaluate, "predict_all", lambda tables: [])
