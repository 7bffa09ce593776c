"""What is found about a column's numbers, and that no unit moves a question by more than its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.histogram import column as histogram
from privacy.histogram.column import BINS, FEWEST, measured, questions
from privacy.noise import gaussian_sigma
from privacy.schema.codec import make_bins
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.numbers import bounds_as_numbers
from tests.privacy.schema.random_schemas import date, integer, real

CLEAR = 1.0
"""A ρ at which noise is small beside thousands of rows."""


def draw_anew(question, draw):
    return draw()


def numeric(**said) -> Numeric:
    return Numeric.model_validate({"kind": "float", "bounds": [0, 10_000]} | said)


def found(values, column, rho=CLEAR):
    return measured(pd.Series(values, name="x"), column, rho, 1, draw_anew)


def redrawn(values, column, rho=CLEAR):
    """Values encoded and drawn again: what is lost by bins alone."""
    bins = make_bins(found(values, column, rho))
    values = np.asarray(values, dtype=float)
    return bins.draw(bins.locate(values), np.random.default_rng(0))


def costs(n=5_000):
    """Four in five cost nothing; the others' logarithms are normal."""
    rng = np.random.default_rng(1)
    spent = np.round(np.exp(rng.normal(6, 1, n)), 2).clip(0.01, 10_000)
    return np.where(rng.random(n) < 0.8, 0.0, spent)


def test_a_point_mass_is_found_and_kept():
    column = found(costs(), numeric())
    assert column.spikes == (0.0,)
    assert column.decimals == 2
    drawn = redrawn(costs(), numeric())
    assert (drawn == 0).mean() == (costs() == 0).mean()
    assert (np.round(drawn, 2) == drawn).all()


def test_few_people_s_births_stay_about_their_middle():
    """Noise once left one cell with anybody in it; people are not crowded at its lower end."""
    rng = np.random.default_rng(0)
    born = np.clip(np.rint(rng.normal(1955, 14, 1000)), 1925, 2003)
    noisy = {
        "steps": [87, 439, 434, 142, 100, 22],
        0: [-12, 53, 50, 18, 72, 176, 122, 145, 92, 85, 81, 38, 35, -58, -4, -19],
        1: [-1, -9, 36, 31, 88, 96, 167, 117, 110, 196, 180, 114, 133, -16, 50, 10],
    }

    def replayed(question, draw):
        return noisy[question[2] if question[0] == "tree" else question[0]]

    column = numeric(kind="integer", bounds=[1920, 2005])
    series = pd.Series(born, name="x")
    bins = make_bins(measured(series, column, 0.00103, 1, replayed))
    drawn = bins.draw(bins.locate(born), np.random.default_rng(0))
    assert abs(drawn.mean() - born.mean()) < 3


def test_a_tail_ends_where_its_mass_does_and_not_at_the_bound():
    drawn, real = redrawn(costs(), numeric(bounds=[0, 1_000_000])), costs()
    assert abs(drawn.mean() - real.mean()) < 0.05 * real.std()
    for share, near in ((0.9, 0.1), (0.99, 0.3)):
        assert np.quantile(drawn, share) == pytest.approx(np.quantile(real, share), rel=near)


def test_heaping_is_found_and_kept():
    heights = 5 * np.random.default_rng(2).normal(34, 2, 5_000).round()
    column = Numeric(kind="integer", bounds=(100, 230))
    assert dict(found(heights, column, rho=0.003).shape.steps).get(1, 0.0) < 0.1
    assert (redrawn(heights, column) % 5 == 0).mean() > 0.99


def test_some_heaping_is_found_as_some():
    rng = np.random.default_rng(3)
    exact = rng.integers(100, 1_000, 8_000)
    pressures = np.where(rng.random(8_000) < 0.5, exact // 10 * 10, exact)
    column = Numeric(kind="integer", bounds=(0, 2_000))
    shares = redrawn(pressures, column, rho=0.005) % 10 == 0
    assert shares.mean() == pytest.approx((pressures % 10 == 0).mean(), abs=0.06)


def test_a_declared_step_is_the_only_one_that_is_looked_for():
    doses = np.random.default_rng(4).integers(1, 400, 4_000) * 2.5
    column = numeric(bounds=[0, 1_000], decimals=1, heaped_at=[2.5])
    assert found(doses, column).shape.steps == ((2.5, 1.0),)
    assert (redrawn(doses, column) % 2.5 == 0).mean() > 0.95


def test_first_days_of_a_month_are_kept():
    rng = np.random.default_rng(5)
    days = np.datetime64("2000-01-01") + rng.integers(0, 7_000, 6_000)
    days = np.where(rng.random(6_000) < 0.6, days.astype("datetime64[M]").astype(days.dtype), days)
    column = Datetime.model_validate({"kind": "datetime", "bounds": ["2000-01-01", "2020-01-01"]})
    dated = pd.Series(days.astype("datetime64[s]"), name="x")
    shape = found(dated, column, rho=0.02)
    numbers = days.astype("datetime64[D]").astype(int)
    bins = make_bins(shape)
    drawn = bins.draw(bins.locate(numbers), rng).astype("datetime64[D]")
    firsts = drawn == drawn.astype("datetime64[M]")
    assert firsts.mean() == pytest.approx((days == days.astype("datetime64[M]")).mean(), abs=0.08)


def test_times_stay_on_the_half_hour():
    rng = np.random.default_rng(6)
    at = np.datetime64("2024-01-01T09:30:00") + rng.integers(0, 31, 3_000) * np.timedelta64(1, "D")
    column = Datetime.model_validate(
        {
            "kind": "datetime",
            "bounds": ["2024-01-01", "2024-02-02"],
            "resolution": "second",
        }
    )
    shape = found(pd.Series(at.astype("datetime64[s]"), name="x"), column)
    bins = make_bins(shape)
    numbers = at.astype("datetime64[s]").astype(np.int64)
    drawn = bins.draw(bins.locate(numbers), rng)
    assert (drawn % 1800 == 0).mean() > 0.95
    assert (drawn % 86_400 // 3600 == 9).mean() > 0.9


def test_decimals_are_never_sixteen():
    for values in (np.random.default_rng(7).random(3_000), np.array([0.5])):
        column = found(values, numeric(bounds=[0, 1]))
        assert column.decimals <= 6


@pytest.mark.parametrize("wide", [1e12, 1e25, 1e299])
def test_bounds_beyond_whole_numbers_are_measured_too(wide):
    values = np.random.default_rng(8).random(2_000) * wide
    column = found(values, numeric(bounds=[-wide, wide]))
    assert column.bins is not None
    assert (np.diff(column.bins) > 0).all()


def test_noise_alone_finds_nothing():
    """With hardly a row there is neither spike nor step, in twenty tries."""
    for _ in range(20):
        column = found([5.0], numeric(decimals=2), rho=0.001)
        assert column.spikes == ()
        assert column.shape.steps == ()


columns = (integer() | real() | date()).map(
    lambda said: (Datetime if said["kind"] == "datetime" else Numeric).model_validate(said)
)


@given(columns, st.data())
def test_a_unit_moves_each_question_by_at_most_its_rows(column, data):
    """There are as many as were said, each at its part of ρ, whatever was answered before."""
    low, high = bounds_as_numbers(column)
    inside = st.integers(int(np.ceil(low)), int(high))
    if int(np.ceil(low)) > int(high):
        return
    others, mine = (data.draw(st.lists(inside, min_size=n, max_size=6)) for n in (0, 1))
    k, rho, answers = len(mine), 0.5, []

    def asked(rows, ask):
        seen = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                histogram, "discrete_gaussian", lambda *a: seen.append(a) or np.asarray(a[0])
            )
            series = pd.Series(rows, dtype=float, name="x")
            if isinstance(column, Datetime):
                unit = 86_400 if column.resolution == "day" else 1
                series = pd.Series(
                    (np.array(rows, dtype=np.int64) * unit).astype("datetime64[s]"), name="x"
                )
            measured(series, column, rho, k, ask)
        return seen

    def recorded(question, draw):
        draw()
        n = len(draw())
        answers.append(data.draw(st.lists(st.integers(-20, 200), min_size=n, max_size=n)))
        return answers[-1]

    first = asked([*others, *mine], recorded)[::2]
    replies = iter(answers)

    def replayed(question, draw):
        draw()
        return next(replies)

    second = asked(others, replayed)
    assert len(answers) == questions(column)
    for (a, price, sensitivity), (b, *_) in zip(first, second, strict=True):
        assert np.abs(a - b).sum() <= k == sensitivity
        assert price == rho / questions(column)


def test_the_noise_is_what_the_charge_says():
    """Fails with probability < 1e-9 when right, and surely when the noise is halved."""
    rho, column = 0.01, Numeric(kind="integer", bounds=(0, 4095), bins=4096)
    answers = []

    def recorded(question, draw):
        answers.append(draw())
        return answers[-1]

    measured(pd.Series([], dtype=float, name="x"), column, rho, 2, recorded)
    sigma = gaussian_sigma(rho / questions(column), 2)
    assert 0.9 < np.std(max(answers, key=len)) / sigma < 1.1


@pytest.mark.parametrize(
    ("people", "bins"), [(1_000, {FEWEST}), (4_000, {10, 11}), (60_000, {BINS})]
)
def test_a_column_in_pairs_with_itself_has_as_many_bins_as_the_noise_bears(people, bins):
    """One draw of 4,000 people lies outside in one of nine, the median of 21 in one of a million."""
    values = pd.Series(np.round(np.random.default_rng(0).normal(75, 12, people), 1), name="x")
    column = numeric(bounds=[30, 150], decimals=1)
    rho = questions(column) * 0.5 / 60**2  # 60 to each count

    def number(**of):
        return len(measured(values, column, rho, 1, draw_anew, **of).bins) - 1

    assert number() == BINS
    assert np.median([number(paired=True) for _ in range(21)]) in bins
