"""Which rows are equal: as counted one by one, however few are sorted together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.stored import equals
from privacy.stored.equals import before_and_first, fingerprints


@given(st.lists(st.integers(0, 5), max_size=60), st.sampled_from([1, 7, 1000]))
def test_before_and_first_are_those_of_counting(rows, part):
    seen, before, first = {}, [], []
    for place, row in enumerate(rows):
        before.append(len(seen.setdefault(row, [])))
        seen[row].append(place)
        first.append(seen[row][0])
    marks = fingerprints((b"%d" % row for row in rows), len(rows), b"key")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(equals, "PART", part)
        found = before_and_first(marks)
    np.testing.assert_array_equal(found[0], before)
    np.testing.assert_array_equal(found[1], first)
