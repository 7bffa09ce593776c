"""Progress by what metrics cost, and the time that is left."""

from __future__ import annotations

import pytest

from evaluators.pace import COSTS, UNKNOWN, left, shares
from tests.evaluators.clinic import SCHEMA


def test_a_share_is_what_came_before_by_its_cost() -> None:
    found = shares(["dcr", "anonymeter", "quality"], SCHEMA)
    whole = COSTS["dcr"] + UNKNOWN + COSTS["quality"]
    first = COSTS["dcr"] / whole
    assert list(found.values()) == pytest.approx([0, first, first + UNKNOWN / whole])


def test_models_cost_as_often_as_there_are_targets() -> None:
    assert len(SCHEMA.targets) > 1
    one, all_ = (
        shares(["learning", "dcr"], s)["dcr"]
        for s in (SCHEMA.model_copy(update={"targets": SCHEMA.targets[:1]}), SCHEMA)
    )
    assert all_ / (1 - all_) == pytest.approx(one / (1 - one) * len(SCHEMA.targets))


@pytest.mark.parametrize(
    ("share", "seconds", "words"),
    [
        (0.0, 5, ""),
        (0.5, 30, ", about 30 s left"),
        (0.25, 20, ", about 60 s left"),
        (0.1, 60, ", about 9 min left"),
    ],
)
def test_the_rest_takes_as_long_as_what_is_done(share: float, seconds: float, words: str) -> None:
    assert left(share, seconds) == words
