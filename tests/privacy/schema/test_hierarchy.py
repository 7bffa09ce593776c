"""What a code falls back to: its beginnings, then a public table; each at one level, below its parent's."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.records.impossible import impossible_cells, impossible_rows
from privacy.schema.codec import Codec
from privacy.schema.columns import Categorical
from privacy.schema.hierarchy import FLAT, Hierarchy
from privacy.schema.schema import Schema

ICD = Hierarchy.model_validate(
    {
        "prefixes": [3],
        "parents": {
            "E10": "E10-E14",
            "E11": "E10-E14",
            "E10-E14": "E00-E90",
            "E65-E68": "E00-E90",
            "390-459": "Circulatory",
            "785": "Circulatory",
        },
    }
)


@pytest.mark.parametrize(
    ("prefixes", "line"),
    [
        ([3, 1], ["E11.65", "E11", "E"]),
        ([4, 3, 1], ["E11.65", "E11.6", "E11", "E"]),  # the dot is no character of the code
        ([3, 1], ["E1165", "E11", "E"]),
        ([5, 4, 3, 1], ["A10BA02", "A10BA", "A10B", "A10", "A"]),
        ([3], ["02139-4307", "021"]),
        ([5, 3], ["02139-4307", "02139", "021"]),
        ([3], ["E1"]),
        ([3], ["---"]),
    ],
)
def test_a_prefix_counts_letters_and_digits(prefixes: list[int], line: list[str]) -> None:
    assert list(Hierarchy(prefixes=tuple(prefixes)).line(line[0])) == line


@pytest.mark.parametrize(
    "line",
    [
        ["E11.65", "E11", "E10-E14", "E00-E90"],
        ["E66.0", "E66", "E00-E90"],
        ["428.0", "428", "Circulatory"],
        ["785", "Circulatory"],
        ["Circulatory"],  # a parent of the table has no beginning
        ["E10-E14", "E00-E90"],  # as a parent it is a name, no range
        ["V57.1", "V57"],
    ],
)
def test_the_table_goes_on_where_prefixes_end(line: list[str]) -> None:
    assert list(ICD.line(line[0])) == line


CODES = st.text("AE01589.-", max_size=8)


@st.composite
def hierarchies(draw: st.DrawFn) -> Hierarchy:
    """Tables whose parents come later in the alphabet of names, so that there is no circle."""
    prefixes = draw(st.lists(st.integers(1, 6), unique=True, max_size=3))
    names = [f"g{i}" for i in range(5)]
    parents = {n: draw(st.sampled_from(names[i + 1 :])) for i, n in enumerate(names[:-1])}
    parents |= draw(st.dictionaries(CODES, st.sampled_from(names), max_size=5))
    return Hierarchy(prefixes=tuple(sorted(prefixes, reverse=True)), parents=parents)


@given(hierarchies(), CODES)
def test_a_parent_stands_at_a_higher_level(hierarchy: Hierarchy, code: str) -> None:
    levels = [hierarchy.level(c) for c in hierarchy.line(code)]
    assert levels == sorted(set(levels))
    assert 0 <= levels[0] <= levels[-1] < hierarchy.levels


def test_without_a_hierarchy_there_is_one_level() -> None:
    assert (FLAT.levels, FLAT.level("E11"), FLAT.parent("E11")) == (1, 0, None)


CHILD = {"E10": "E10-E14", "E11": "E10-E14", "E12": "E10-E14", "E10-E14": "IV", "E66": "IV"}
GOOD: dict[str, Any] = {"kind": "categorical", "categories": None, "other": "rest"}
BAD = {
    "nothing": ({}, "give prefixes, parents, or both"),
    "no decrease": ({"prefixes": [1, 3]}, "prefixes must decrease"),
    "nothing left": ({"prefixes": [3, 0]}, "prefixes must decrease and end at 1"),
    "itself": ({"parents": {"a": "a"}}, "'a' ends in a circle"),
    "a circle": ({"parents": {"a": "b", "b": "a"}}, "in a circle"),
    "a circle through a range": ({"parents": {"100-199": "150"}}, "in a circle"),
    "other": ({"parents": {"a": "rest"}}, "every root leads to 'rest'"),
    "missing": ({"parents": {"a": "?"}}, "already stand for a missing value"),
    "two lines": ({"parents": {"a": "b\nc"}}, "a category is one line of text"),
    "children of prefixes": ({"prefixes": [3], "released": "child"}, "needs parents that list"),
    "children of a range": (
        {"parents": {"390-459": "C"}, "released": "child"},
        "'390-459' is a range",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_hierarchy_is_refused(case: str) -> None:
    hierarchy, said = BAD[case]
    with pytest.raises(ValueError, match=said):
        Categorical.model_validate(GOOD | {"missing_values": ["?"], "hierarchy": hierarchy})


def test_an_order_has_no_parents() -> None:
    column = {"kind": "ordinal", "categories": ["a", "b"], "hierarchy": {"prefixes": [1]}}
    with pytest.raises(ValueError, match="no place in the order"):
        Categorical.model_validate(column)


def drawn(**more: Any) -> dict[str, Any]:
    column = {
        "kind": "categorical",
        "categories": ["E10", "E10-E14", "IV", "rest"],
        "other": "rest",
        "hierarchy": {"parents": CHILD, "released": "child"},
    }
    return {"name": "t", "columns": {"code": column}, **more}


def test_a_parent_is_written_as_one_of_its_codes_that_are_not_named() -> None:
    codec = Codec(Schema.model_validate(drawn()))
    codes = pd.DataFrame({"code": np.repeat([0, 1, 2, 3], 600)})
    frame = codec.decode(codes, np.random.default_rng(0))
    texts = frame["code"].to_numpy().reshape(4, 600)
    assert [set(t) for t in texts] == [{"E10"}, {"E11", "E12"}, {"E66"}, {"rest"}]
    assert 220 < (texts[1] == "E11").sum() < 380
    assert codec.encode(frame).equals(codes.astype(np.int32))


def test_other_is_written_as_a_code_without_a_named_parent() -> None:
    said = drawn()["columns"]["code"] | {"categories": ["E10", "E10-E14", "rest"]}
    column = Categorical.model_validate(said)
    assert column.stand_ins() == {"E10-E14": ("E11", "E12"), "rest": ("E66",)}


def test_a_drawn_code_is_no_target() -> None:
    target = {"task": "multiclass", "column": "code"}
    with pytest.raises(ValueError, match="is drawn"):
        Schema.model_validate(drawn(targets=[target]))
    plain = copy.deepcopy(drawn(targets=[target]))
    plain["columns"]["code"]["hierarchy"]["released"] = "parent"
    Schema.model_validate(plain)


@pytest.mark.parametrize("categories", [None, ["E10", "E10-E14", "IV", "rest"]])
def test_conditions_are_on_the_codes_that_rows_say(categories: list[str] | None) -> None:
    """A parent's cell is impossible where all codes that are written for it are; open lists have codes too."""
    zero = [{"code": {"values": ["E10", "E11", "E66"]}}]
    said = drawn(impossible=zero)
    said["columns"]["code"]["categories"] = categories
    schema = Schema.model_validate(said)
    with pytest.raises(ValueError, match="not declared values of 'code'"):
        Schema.model_validate(said | {"impossible": [{"code": {"values": ["E10-E14"]}}]})
    if categories is None:
        return
    assert impossible_cells(schema, Codec(schema).columns)[("code",)].tolist() == [
        True,
        False,
        True,
        False,
    ]
    frame = pd.DataFrame({"code": ["E10", "E11", "E12", "E66", "rest"]})
    assert impossible_rows(frame, schema).tolist() == [True, True, False, True, False]
