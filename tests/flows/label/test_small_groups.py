"""Groups that are named on a label: by counting synthetic rows alone."""

from __future__ import annotations

from flows.label.small_groups import IN_WORDS, NONE, not_assessed
from tests.evaluators.clinic import SCHEMA, people

ROWS = people(4000, 1)


def test_small_groups_are_named_by_the_synthetic_rows_and_the_public_count() -> None:
    assert not_assessed(ROWS, SCHEMA, held_out=4000) == {"groups": [], "in_words": NONE}
    said = not_assessed(ROWS, SCHEMA, held_out=1000)  # site C, 6 %: some 60 people
    assert said == {"groups": ["site=C"], "in_words": IN_WORDS}


def test_how_many_rows_were_drawn_says_nothing() -> None:
    few, many = (not_assessed(people(n, 1), SCHEMA, held_out=1000) for n in (2000, 8000))
    assert few == many
