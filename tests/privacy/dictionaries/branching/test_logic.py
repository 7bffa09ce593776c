"""Branching logic is read as REDCap reads it, or not at all."""

from __future__ import annotations

import pytest

from privacy.dictionaries.branching.logic import MOST, Comparison, Joined, parsed

A = Comparison("a", None, "=", "1")
B = Comparison("b", "-9", "<>", "0")
C = Comparison("c", None, ">=", "1.5")


@pytest.mark.parametrize(
    ("text", "logic"),
    [
        ("[a] = '1'", A),
        ('( ([a]="1") )', A),
        ("[b(-9)] <> 0", B),
        ("[b(-9)]!=0", B),
        ("[a]='1' OR [b(-9)]<>0\nand [c] >= '1.5'", Joined("or", (A, Joined("and", (B, C))))),
        ("([a]='1' or [b(-9)]<>0) and [c]>='1.5'", Joined("and", (Joined("or", (A, B)), C))),
        ("[a]=''", Comparison("a", None, "=", "")),
        ("[a]='x or (y'", Comparison("a", None, "=", "x or (y")),
    ],
)
def test_what_is_read(text, logic):
    assert parsed(text) == logic


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[a]",
        "[a] =",
        "[a] = [b]",
        "[first_arm_1][a] = '1'",
        "datediff([a], 'today', 'y') > 3",
        "[a] + [b] > 3",
        "([a] = '1'",
        "[a] = '1')",
        "[a] = '1' [b] = '2'",
        "[a] = '1' and",
        "not [a] = '1'",
        "[a] = or",
        "[a] = '1",
        "[a] => 1",
        "(" * MOST * 9,
    ],
)
def test_what_is_not_read(text):
    assert parsed(text) is None
