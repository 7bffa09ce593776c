"""What is measured up front: groups and outcomes, and in small groups better."""

from __future__ import annotations

import math

import numpy as np
import pytest

from generators.marginals import opening as opened
from generators.marginals.aim import RATES, schedule
from generators.marginals.counting.counter import Counter
from generators.marginals.measurement import Budget
from generators.marginals.opening import by_weight, opening
from generators.marginals.rates import Rates, by_code
from privacy.noise import gaussian_sigma

DOMAIN = {"age": 14, "sex": 2, "days": 20, "died": 2}
BANDS = np.repeat([0, 1, 2, 3], [4, 4, 3, 3])
RATES_OF = [
    Rates(("age", "died"), (BANDS, np.arange(2)), 16.0),
    Rates(("sex", "died"), (np.arange(2), np.arange(2)), 4.0),
]


def people(n: int = 2000) -> Counter:
    rng = np.random.default_rng(0)
    return Counter.of(DOMAIN, {c: rng.integers(0, size, n) for c, size in DOMAIN.items()})


def start(count: Counter, rho: float = 1.0) -> opened.Opening:
    budget = Budget(rho)
    found = opening(
        budget,
        count,
        one_way=0.2 * rho,
        rates=RATES_OF,
        rates_rho=0.7 * rho,
        ordered={c: DOMAIN[c] for c in ("age", "days")},
    )
    assert budget.spent == pytest.approx(0.9 * rho)
    return found


def test_groups_are_counted_and_not_their_codes() -> None:
    """Where the noise is nothing: four bands, and in each those who died."""
    count = people()
    *alone, age, sex = start(count, 1e6).measurements
    assert [m.groups for m in alone] == [None] * 4
    exact = np.add.reduceat(count(("age", "died")), [0, 4, 8, 11], axis=0)
    np.testing.assert_array_equal(age.counts, exact)
    np.testing.assert_array_equal(sex.counts, count(("sex", "died")))


def test_the_noise_of_a_group_is_that_of_one_cell() -> None:
    """Not of the three or four codes that a band has."""
    *_, age, sex = start(people()).measurements
    assert age.counts.shape == (4, 2)
    assert age.sigma == gaussian_sigma(0.7 * 16 / 20)
    assert sex.sigma == gaussian_sigma(0.7 * 4 / 20)


def test_rates_of_equal_groups_are_equally_wrong() -> None:
    """σ of a table over the size of its groups: n/14 and n/2 people, where a tenth is the least that counts."""
    rates = by_code(DOMAIN | {"age": 9}, ["died"], ["sex", "age"])
    assert [r.clique for r in rates] == [("age", "died"), ("sex", "died")]
    shares = by_weight(1.0, [r.weight for r in rates])
    age, sex = (1 / math.sqrt(2 * share) for share in shares)
    assert age * 9 == pytest.approx(sex * 2)


def test_codes_of_two_groups_are_never_merged() -> None:
    """With noise so large that all would be one."""
    compression = start(people(), 1e-6).compression
    bands = [
        set(BANDS[compression.groups["age"] == code]) for code in range(compression.domain["age"])
    ]
    assert all(len(band) == 1 for band in bands)
    assert compression.domain["died"] == 2
    assert compression.domain["days"] < 20


def test_the_model_is_shown_the_sums_of_what_it_has() -> None:
    count = people()
    found = start(count, 1e6)
    seen = found.compression.observe(found.measurements[-2])
    assert seen.part is not None
    merged = found.count(("age", "died"))
    sums = np.bincount(seen.part.ravel(), merged.ravel(), minlength=8).reshape(4, 2)
    np.testing.assert_array_equal(sums, seen.counts)


def test_the_schedule_pays_for_them() -> None:
    steps = schedule(len(DOMAIN), [r.weight for r in RATES_OF], 1.0)
    rates = [s for s in steps if s.kind == "measure"][1:-1]
    assert math.fsum(s.rho * s.times for s in rates) == pytest.approx(RATES)
