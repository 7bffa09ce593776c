"""Merging codes: what is merged, what is kept, and that counts add up."""

import numpy as np
import pytest

from generators.marginals.compression import BINS, compress
from generators.marginals.counting.counter import Counter
from generators.marginals.measurement import Measurement

SIGMA = 10.0


def measured(counts, column="a"):
    return Measurement((column,), np.array(counts), SIGMA)


def test_rare_codes_become_one():
    found = compress({"a": 5}, [measured([100, 5, 200, -20, 29])])
    assert found.groups["a"].tolist() == [0, 2, 1, 2, 2]
    assert found.domain == {"a": 3}
    assert found.within["a"][[0, 2]].tolist() == [1, 1]
    assert found.within["a"][[1, 3, 4]].sum() == pytest.approx(1)


def test_a_single_rare_code_and_whole_columns_are_left_alone():
    alone = compress({"a": 3}, [measured([100, 1, 200])])
    assert alone.groups["a"].tolist() == [0, 1, 2]
    kept = compress({"a": 4}, [measured([0, 0, 0, 90])], whole={"a"})
    assert kept.domain == {"a": 4}


def test_ordered_codes_merge_with_neighbours_only():
    found = compress({"a": 6}, [measured([10, 25, 500, 3, 2, 40])], ordered={"a": 6})
    assert found.groups["a"].tolist() == [0, 0, 1, 2, 2, 3]


def test_codes_after_those_in_order_are_nobodys_neighbours():
    """A missing value is not next to the highest number, nor are both tails one."""
    few = measured([2, 3, 500, 4, 3, 2, 1])
    assert compress({"a": 7}, [few], ordered={"a": 5}).groups["a"].tolist() == [0, 0, 1, 2, 2, 3, 4]
    assert compress({"a": 7}, [few]).groups["a"].tolist() == [1, 1, 0, 1, 1, 1, 1]


def test_ordered_codes_end_in_a_bounded_number_of_bins():
    found = compress({"a": 500}, [measured([100] * 500)], ordered={"a": 500})
    assert BINS / 2 <= found.domain["a"] <= BINS
    assert (np.diff(found.groups["a"]) >= 0).all()


def test_codes_of_two_groups_stay_apart():
    few, apart = measured([1, 2, 3, 1, 2, 3]), {"a": np.array([0, 0, 1, 1, 1, 2])}
    assert compress({"a": 6}, [few], apart=apart).groups["a"].tolist() == [1, 1, 2, 2, 2, 0]
    ordered = compress({"a": 6}, [few], apart=apart, ordered={"a": 6})
    assert ordered.groups["a"].tolist() == [0, 0, 1, 1, 1, 2]


def test_as_many_groups_as_there_are_may_exceed_the_number_of_bins():
    found = compress(
        {"a": 60}, [measured([100] * 60)], ordered={"a": 60}, apart={"a": np.arange(60) // 2}
    )
    assert found.groups["a"].tolist() == (np.arange(60) // 2).tolist()


def test_a_column_of_noise_becomes_one_code_and_still_spreads():
    found = compress({"a": 8}, [measured([-3, -1, 0, -8, -2, -2, -1, -5])])
    assert found.domain == {"a": 1}
    np.testing.assert_allclose(found.within["a"], 1 / 8)


def test_an_observation_adds_up_counts_and_variances():
    found = compress({"a": 5, "b": 2}, [measured([100, 5, 200, -20, 29]), measured([50, 90], "b")])
    joint = Measurement(("b", "a"), np.arange(10).reshape(2, 5), 2.0)
    seen = found.observe(joint)
    assert seen.counts.tolist() == [[0, 2, 8], [5, 7, 23]]
    np.testing.assert_allclose(1 / seen.precision, [[4, 4, 12], [4, 4, 12]])


def test_counts_of_groups_are_sums_over_merged_codes():
    apart = {"a": np.array([0, 0, 0, 1, 1])}
    alone = [measured([100, 5, 2, -20, 29]), measured([50, 90], "b")]
    found = compress({"a": 5, "b": 2}, alone, apart=apart)
    assert found.domain == {"a": 3, "b": 2}
    groups = (np.arange(2), apart["a"])
    seen = found.observe(Measurement(("b", "a"), np.array([[1, 2], [3, 4]]), 2.0, groups))
    np.testing.assert_array_equal(found.groups["a"], [0, 1, 1, 2, 2])
    np.testing.assert_array_equal(seen.part, [[0, 0, 1], [2, 2, 3]])
    np.testing.assert_allclose(seen.precision, 1 / 4)


def test_recoded_rows_agree_with_observed_counts():
    rng = np.random.default_rng(0)
    domain = {"a": 5, "b": 2}
    count = Counter.of(domain, {"a": rng.integers(0, 5, 99), "b": rng.integers(0, 2, 99)})
    found = compress(domain, [measured([100, 5, 200, -20, 29]), measured([50, 90], "b")])
    exact = Measurement(("a", "b"), count(("a", "b")), 1.0)
    recoded = count.recode(found.domain, found.groups)
    np.testing.assert_array_equal(found.observe(exact).counts, recoded(("a", "b")))
