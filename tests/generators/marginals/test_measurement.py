"""A budget never spends more than it has, and its measurements have the noise they claim."""

import math

import numpy as np
import pytest
from dp_accounting import SelfComposedDpEvent, ZCDpEvent
from hypothesis import given
from hypothesis import strategies as st

from generators.marginals.counting.counter import Counter
from generators.marginals.measurement import Budget, Measurement, Step, price, total
from privacy.accounting.composition import spent
from privacy.accounting.events import BoundedRangeDpEvent, DiscreteGaussianDpEvent
from privacy.noise import gaussian_sigma, selection_range

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


def test_what_is_no_step_of_the_schedule_is_refused_before_anything_is_counted():
    def unread(*clique):
        raise AssertionError("private rows were read")

    small = Counter.of({"a": 2}, {"a": np.array([0, 1])})
    steps = Step("measure", 0.1, 1), Step("measure", 0.2, 1), Step("select", 0.1, 1)
    budget = Budget(9.0, steps=steps)
    with pytest.raises(ValueError, match=r"no step to measure at 0\.3"):
        budget.measure(unread, ("a",), 0.3)
    with pytest.raises(ValueError, match=r"no step to select at 0\.2"):
        budget.select(1, unread, 0.2, 1)
    budget.measure(small, ("a",), 0.1)
    budget.measure(small, ("a",), 0.2)
    for rho in (0.1, 0.2, 0.05):
        with pytest.raises(ValueError, match="no step to measure"):
            budget.measure(unread, ("a",), rho)
    budget.select(1, lambda: np.zeros(1, dtype=int), 0.1, 1)
    with pytest.raises(ValueError, match="no step to select"):
        budget.select(1, unread, 0.1, 1)


def test_a_schedule_is_priced_step_by_step_and_below_its_zcdp():
    steps = Step("measure", 0.001, 20), Step("select", 0.0005, 10)
    event = price(steps)
    assert event.events == [
        SelfComposedDpEvent(DiscreteGaussianDpEvent(gaussian_sigma(0.001)), 20),
        SelfComposedDpEvent(BoundedRangeDpEvent(selection_range(0.0005)), 10),
    ]
    assert spent([event], 1e-9).epsilon < spent([ZCDpEvent(0.025)], 1e-9).epsilon


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


def test_what_does_not_fit_moves_no_chance_among_what_does():
    """As by the exponential mechanism over the two that fit; the two that do not are often drawn first."""
    scores = np.array([2, 3, 0, 1])
    rho, draws = 0.5, 1200

    def draw():
        budget = Budget(rho)
        return budget.select(4, lambda: scores, rho, 1, lambda i: i in (2, 3))

    found = [draw() for _ in range(draws)]
    assert {*found} == {2, 3}
    # a step of a score is a factor exp(ε/2), ε = √(8ρ) = 2
    chance = 1 / (1 + math.exp(-1))
    assert found.count(3) / draws == pytest.approx(
        chance, abs=5 * math.sqrt(chance * (1 - chance) / draws)
    )


def test_places_known_not_to_fit_are_not_drawn():
    scores, open_ = np.array([9000, 8000, 0, 7000]), np.array([False, True, True, False])
    asked = []
    budget = Budget(1.0)
    found = budget.select(4, lambda: scores, 1.0, 1, lambda i: not asked.append(i), open_=open_)
    assert [found] == asked == [1], "the highest of those that are open, by its own place"


def test_places_that_fit_alike_are_thrown_away_together():
    asked = []

    def fits(i):
        asked.append(i)
        return i == 4

    scores, kin = np.array([9, 8, 7, 6, 0]) * 1000, np.array([0, 1, 0, 1, 2])
    assert Budget(1.0).select(5, lambda: scores, 1.0, 1, fits, kin) == 4
    assert asked == [0, 1, 4]


def test_a_recorded_answer_is_not_drawn_again():
    asked = []

    def ask(question, draw):
        asked.append(question)
        return [5, 6]

    measured = Budget(1.0, ask=ask).measure(Counter.of({"a": 2}, {"a": [0]}), ("a",), 0.5)
    assert measured.counts.tolist() == [5, 6]
    assert asked == [["measure", ["a"], 0.5]]
