"""What is measured up front: the event of a subgroup as well as the time to it, and in small groups better."""

from __future__ import annotations

import math

import pytest

from generators.marginals.aim import REQUIRED, schedule
from generators.marginals.opening import by_groups
from generators.marginals.workload import outcomes

DOMAIN = {"age": 14, "sex": 2, "days": 20, "died": 2}
PAIRS = outcomes(DOMAIN, ["days", "died"], ["age", "sex"])


def test_shares_are_of_groups_and_not_of_what_is_told_of_them() -> None:
    shares = dict(zip(PAIRS, by_groups(1.0, PAIRS.values()), strict=True))
    assert shares["age", "died"] == shares["age", "days"]
    assert shares["age", "died"] / shares["sex", "died"] == pytest.approx((14 / 2) ** 2)
    assert math.fsum(shares.values()) == pytest.approx(1.0)


def test_a_rate_is_as_accurate_in_many_groups_as_in_two() -> None:
    """σ of a pair over the size of its groups: n/14 and n/2 people."""
    sigma = {
        p: 1 / math.sqrt(2 * s) for p, s in zip(PAIRS, by_groups(1.0, PAIRS.values()), strict=True)
    }
    assert sigma["age", "died"] * 14 == pytest.approx(sigma["sex", "died"] * 2)


def test_the_schedule_pays_for_them() -> None:
    required = [s for s in schedule(len(DOMAIN), PAIRS.values(), 1.0) if s.kind == "measure"][1:-1]
    assert math.fsum(s.rho * s.times for s in required) == pytest.approx(REQUIRED)
