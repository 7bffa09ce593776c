import pytest
import yaml

from privacy.reading.guesses.lines import quoted

BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("sign", BREAKS)
def test_a_value_stands_on_one_line_and_is_read_as_it_was(sign: str) -> None:
    """In a comment a second line would be none."""
    for value in (f"a{sign}unit: b", {f"k{sign}": [f"v{sign}", 1, None]}, [sign], f"'{sign}\""):
        line = quoted(value)
        assert line.splitlines() == [line]
        assert yaml.safe_load(f"[{line}]") == [value]
