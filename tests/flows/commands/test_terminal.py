"""How the command line puts things."""

import pytest

from flows.commands.terminal import lasting


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.4, 1.6, "1 to 2 seconds"),
        (18, 72, "18 to 72 seconds"),
        (43, 172, "1 to 3 minutes"),
        (150, 600, "2 to 10 minutes"),
    ],
)
def test_a_range_of_seconds_is_told_in_the_larger_unit(low, high, told):
    assert lasting(low, high) == told
