"""Half of the noise of AIM and MST shows in their synthetic rows; all of it hides what it is charged to."""

import time

import pytest

from generators.marginals import aim
from generators.registry import GENERATORS
from tests.generators import plants
from tests.generators.black_box import CERTAIN, CLAIM, Seen, bound, claimed

FIRST = 300
"""Runs of each side that say what to look at and where."""
RUNS = {"aim": 1000, "mst": 3000}
"""In all. A third of MST's budget goes to a choice, which noise on counts has no part in."""


@pytest.fixture
def few_public_rows(monkeypatch):
    """Rows of the model that AIM compares private ones with are free and most of its time."""
    monkeypatch.setattr(aim, "SAMPLE", 10_000)


@pytest.mark.long
@pytest.mark.parametrize("halved", [False, True], ids=["honest", "halved"])
@pytest.mark.parametrize("name", RUNS)
def test_halved_noise_shows_in_the_rows_alone(name, halved, few_public_rows, monkeypatch, capsys):
    if halved:
        plants.halved_noise(monkeypatch)
    began, kind = time.process_time(), GENERATORS[name]
    claim, found = claimed(kind), bound(Seen.of(kind, RUNS[name]), FIRST)
    with capsys.disabled():
        noise = "half of the noise" if halved else "all of the noise"
        print(
            f"\n{name}, {noise}: ρ ≥ {found:.3f} at {CERTAIN:.0%}, {claim:.3f} in all (ε = {CLAIM.epsilon} at "
            f"δ = {CLAIM.delta}); {2 * RUNS[name]} fits, {time.process_time() - began:.0f} s of CPU"
        )
    assert (found > claim) == halved
