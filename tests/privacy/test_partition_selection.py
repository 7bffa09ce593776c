"""No category of one unit is named more often than the δ that was charged, by sums of our own."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.domain import domain_event, select_categories
from privacy.errors import InputError
from privacy.noise import gaussian_sigma
from privacy.partition_selection import EXACT, exposed, gaussian_tail, threshold
from privacy.schema.columns import Categorical
from privacy.schema.schema import Schema

WARD = Categorical(kind="categorical", categories=None, other="rest")
DRAWS = 20_000


def summed(sigma, m):
    """P(N_Z(0, σ²) ≥ m), every term for itself."""
    reach = max(m, 0) + int(40 * sigma) + 2
    mass = [math.exp(-(x**2) / (2 * sigma**2)) for x in range(-reach, reach + 1)]
    return math.fsum(mass[m + reach :]) / math.fsum(mass)


def divisions(k):
    """Every way to bring k rows in categories of one's own."""
    return {
        tuple(sorted(d))
        for n in range(1, k + 1)
        for d in itertools.combinations_with_replacement(range(1, k + 1), n)
        if sum(d) <= k
    }


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0, 3.3, 40.0, 700.0])
def test_the_tail_is_the_sum_of_its_terms_and_never_below_it(sigma):
    for m in {1, 2, 3, *(math.ceil(f * sigma) for f in (1, 3, 6))}:
        exact = summed(sigma, m)
        assert exact <= gaussian_tail(sigma, m) <= exact * (1 + 3e-9) + 1e-280


def test_beyond_what_is_summed_the_tail_has_a_bound_that_hardly_differs():
    for m in (5_000, 12_000, 25_000):
        x = np.arange(m, 20 * int(EXACT), dtype=float)
        everything = EXACT * math.sqrt(2 * math.pi)  # to e^(−2π²σ²)
        exact = np.exp(-(x**2) / (2 * EXACT**2)).sum() / everything
        assert exact <= gaussian_tail(EXACT * (1 + 1e-15), m) <= exact * 1.001


@settings(max_examples=60, deadline=None)
@given(st.floats(0.3, 20.0), st.integers(1, 6), st.integers(1, 60))
def test_no_division_of_a_units_rows_is_exposed_more(sigma, k, above):
    def named(division):
        return 1 - math.prod(1 - summed(sigma, k + above - c) for c in division)

    worst = max(named(d) for d in divisions(k))
    found = exposed(sigma, k + above, k)
    assert worst * (1 - 1e-9) - 1e-15 <= found <= worst * (1 + 1e-8) + 1e-15


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("k", [1, 5])
def test_what_is_charged_covers_the_exact_tail(share, k):
    for epsilon, delta in itertools.product((0.5, 1, 5.01, 10, 63), (1e-5, 1e-9)):
        budget = share * zcdp_budget(Guarantee(epsilon, delta))
        for columns in (1, 3, 8):
            rho, charged = budget / columns, share * delta / columns
            least, sigma = threshold(rho, charged, k), gaussian_sigma(rho, k)
            alone = summed(sigma, least - k)
            each = -math.expm1(k * math.log1p(-summed(sigma, least - 1)))
            assert max(alone, each) <= charged
            before = [summed(sigma, least - 1 - c) for c in (k, 1)]
            assert max(before[0], 1 - (1 - before[1]) ** k) > charged  # and no lower one would do


@pytest.mark.parametrize(("delta", "least"), [(0.002, 5), (0.005, 4)])
def test_a_category_of_one_is_named_as_often_as_the_tail_says(delta, least):
    """At 4 it is named with probability .0046: more than .002, which a continuous tail does not see."""
    alone = pd.Series([f"name {i}" for i in range(DRAWS)], dtype=object)
    named = len(select_categories(alone, WARD, 0.5, delta, 1)) - 1
    assert threshold(0.5, delta, 1) == least
    p = summed(1.0, least - 1)
    assert abs(named - DRAWS * p) <= 6 * math.sqrt(DRAWS * p * (1 - p)) + 6
    assert p <= delta


def test_selection_works_at_every_rho_that_a_guarantee_can_give():
    wards = pd.Series(["aa"] * 50, dtype=object)
    for epsilon in (20, 63, 400):
        rho = 0.5 * zcdp_budget(Guarantee(epsilon, 1e-5))
        assert select_categories(wards, WARD, rho, 5e-6, 1) == ["aa", "rest"]
    assert select_categories(wards[:0], WARD, 0.5, 5e-6, 1) == ["rest"]


def test_what_cannot_be_selected_is_refused_with_the_event():
    schema = Schema(name="open", columns={"ward": WARD})
    for delta in (0.0, 1e-300):
        with pytest.raises(InputError, match="too small"):
            domain_event(schema, 0.1, delta)


@pytest.mark.parametrize("other", ["", "two\nlines"])
def test_an_other_that_no_measured_column_could_hold_is_refused_with_the_schema(other):
    with pytest.raises(ValueError, match=r"missing value|one line"):
        Categorical(kind="categorical", categories=None, other=other)
