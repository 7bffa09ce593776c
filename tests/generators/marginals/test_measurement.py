"""A budget never spends more than it has, and its measurements have the noise they claim."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.marginals.counting import Counter
from generators.marginals.measurement import Budget, Measurement, total

COUNT = Counter.of({"a": 4000}, {"a": np.zeros(10, dtype=int)})


@given(st.floats(1e-6, 10), st.lists(st.floats(0.01, 0.6), min_size=1, max_size=8))
def test_spending_stays_within_rho(rho, shares):
    budget = Budget(rho)
    small = Counter.of({"a": 2}, {"a": np.array([0, 1])})
    for share in shares:
        before = budget.spent
        if share * rho <= budget.left:
            budget.measure(small, ("a",), share * rho)
        else:
            with pytest.raises(ValueError, match="does not fit"):
                budget.measure(small, ("a",), share * rho)
            assert budget.spent == before
    assert budget.spent <= rho


def test_nothing_is_counted_for_a_draw_that_is_refused():
    def count(clique):
        raise AssertionError("private rows were read")

    with pytest.raises(ValueError, match="does not fit"):
        Budget(0.1).measure(count, ("a",), 0.2)
    with pytest.raises(ValueError, match="does not fit"):
        Budget(0.1).measure(count, ("a",), 0.0)


def test_a_measurement_has_the_sigma_it_names():
    measured = Budget(1.0, sensitivity=3).measure(COUNT, ("a",), 0.02)
    noise = measured.counts - COUNT(("a",))
    # 4,000 draws: a relative standard error of 1.1 % of the deviation; half of sigma is far outside
    assert abs(noise.std() / measured.sigma - 1) < 0.07
    assert measured.sigma == pytest.approx(3 / np.sqrt(2 * 0.02))


def test_the_total_weighs_measurements_by_their_variance():
    sure = Measurement(("a",), np.array([60, 40]), 1.0)
    vague = Measurement(("b",), np.array([100, 100]), 100.0)
    assert total([sure, vague]) == pytest.approx(100, abs=0.1)
    assert total([Measurement(("a",), np.array([-5, -9]), 1.0)]) == 1.0


def test_a_recorded_answer_is_not_drawn_again():
    asked = []

    def ask(question, draw):
        asked.append(question)
        return [5, 6]

    measured = Budget(1.0, ask=ask).measure(Counter.of({"a": 2}, {"a": [0]}), ("a",), 0.5)
    assert measured.counts.tolist() == [5, 6]
    assert asked == [["measure", ["a"], 0.5]]
