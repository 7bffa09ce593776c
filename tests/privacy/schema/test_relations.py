"""Relations as a person writes them: what is refused, what they say, and what is drawn from what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from privacy.errors import InputError
from privacy.histories.schemas import StepSchema
from privacy.records.broken import breaks
from privacy.records.codec import RecordCodec
from privacy.records.gaps import gap_values
from privacy.records.impossible import impossible_rows
from privacy.schema.placing import plan
from privacy.schema.schema import Schema, load_schema

DAY = {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 12}
COLUMNS: dict[str, Any] = {
    "ward": {"kind": "categorical", "categories": ["A", "B"]},
    "degree": {"kind": "categorical", "categories": ["low", "high"]},
    "found": {"kind": "categorical", "categories": None, "other": "(other)"},
    "in": DAY,
    "out": DAY,
    "seen": DAY | {"resolution": "second"},
    "month": DAY | {"format": "%Y-%m"},
    "month_of_death": DAY | {"format": "%Y-%m", "missing": "keep"},
    "day": DAY | {"resolution": "second", "format": "%Y-%m-%d"},
    "age": {"kind": "integer", "bounds": [0, 99], "bins": 9},
    "years": {"kind": "integer", "bounds": [0, 50], "bins": 5, "missing": "keep"},
    "more": {"kind": "integer", "bounds": [0, 99], "bins": 5, "missing": "keep"},
    "cost": {"kind": "float", "bounds": [0, 100], "bins": 4, "decimals": 2},
    "lab": {"kind": "float", "bounds": [0, 60], "bins": 4, "decimals": 2},
    "bed": {"kind": "float", "bounds": [0, 60], "bins": 4, "decimals": 2},
    "far": {"kind": "float", "bounds": [500, 600], "bins": 4},
}


def schema(*relations: dict[str, Any], **more: Any) -> Schema:
    return Schema.model_validate({"name": "t", "columns": COLUMNS, "relations": relations} | more)


REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no kind": ([{"sum": "age"}], "relations.0: is none of order, total, equal"),
    "unknown column": ([{"order": ["in", "nobody"]}], "'nobody' is not a declared, modelled"),
    "one column": ([{"order": ["in"]}], "relations.0.order: expected a list"),
    "a column twice": ([{"order": ["in", "out", "in"]}], "stands twice"),
    "categories": (
        [{"order": ["age", "ward"]}],
        "'ward' is categorical, which cannot be more or less; give numbers or dates",
    ),
    "date and number": ([{"order": ["in", "age"]}], "'in' is a date by the day and 'age'"),
    "day and second": ([{"order": ["in", "seen"]}], "declare both by the day"),
    "a date of which the month is written": (
        [{"order": ["in", "month"]}],
        "'in ≤ month': '%Y-%m' does not write all of 'month'",
    ),
    "a time of which the day is written": ([{"order": ["seen", "day"]}], "does not write all of"),
    "a month that equals a day": ([{"equal": ["month", "in"]}], "does not write all of 'month'"),
    "a month before another": (
        [{"order": ["month", "month_of_death"], "strict": True}],
        "does not write all of 'month_of_death'",
    ),
    "whole and not": ([{"order": ["age", "cost"]}], "a number with decimals; declare both"),
    "a circle": (
        [{"order": ["in", "out"], "strict": True}, {"order": ["out", "in"]}],
        "cannot hold together within the bounds: in < out; out ≤ in",
    ),
    "out of the bounds": ([{"order": ["far", "cost"]}], "cannot hold together"),
    "a gap of three": ([{"order": ["age", "years", "more"], "gap": {"max": 3}}], "two columns"),
    "a gap that decreases": (
        [{"order": ["in", "out"], "gap": {"min": 5, "max": 3}}],
        "relations.0.gap: min must not exceed max, got 5 and 3",
    ),
    "a negative gap": ([{"order": ["in", "out"], "gap": {"min": -5}}], "gap.min"),
    "an equality that cannot be": (
        [
            {"order": ["in", "out"], "strict": True},
            {"equal": ["in", "out"], "when": {"ward": ["A"]}},
        ],
        "cannot hold together",
    ),
    "a condition that is no category": (
        [{"equal": ["in", "out"], "when": {"ward": ["C"]}}],
        "['C'] are not categories of 'ward'",
    ),
    "a condition on an open column": (
        [{"equal": ["in", "out"], "when": {"found": ["C"]}}],
        "'found' must be categorical, with its categories declared",
    ),
    "a total out of reach": ([{"total": "far", "parts": ["lab", "bed"]}], "within the bounds"),
    "a total of two kinds": ([{"total": "cost", "parts": ["lab", "age"]}], "declare all of one"),
    "a sum of dates": ([{"total": "out", "parts": ["in", "seen"]}], "the sum of one date"),
    "two totals": (
        [{"total": "cost", "parts": ["lab", "bed"]}, {"total": "far", "parts": ["cost", "lab"]}],
        "relations: ",
    ),
    "a total in an order": (
        [{"total": "cost", "parts": ["lab", "bed"]}, {"order": ["lab", "cost"]}],
        "'lab' already follows from 'cost = lab + bed'; leave 'lab ≤ cost' out",
    ),
    "a table of what is none": (
        [{"determined": "years", "by": "degree", "table": {"middle": 3}}],
        "['middle'] are not categories of 'degree'",
    ),
    "a table out of the bounds": (
        [{"determined": "years", "by": "degree", "table": {"low": 51}}],
        "'years' cannot be 51, as the table has it for 'low'",
    ),
    "a table of halves": (
        [{"determined": "years", "by": "degree", "table": {"low": 0.5}}],
        "'years' is whole",
    ),
    "tables in a circle": (
        [
            {"determined": "ward", "by": "degree", "table": {"low": "A"}},
            {"determined": "degree", "by": "ward", "table": {"A": "low"}},
        ],
        "ward and degree determine each other in a circle",
    ),
    "never missing": ([{"missing_together": ["age", "years"]}], "'age' is never missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_kept_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    relations, expected = REFUSED[case]
    path = tmp_path / "schema.yaml"
    path.write_text(yaml.safe_dump({"name": "t", "columns": COLUMNS, "relations": relations}))
    with pytest.raises(InputError) as caught:
        load_schema(path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_formats_leave_out_is_no_matter_where_the_order_outlives_it() -> None:
    """The first of an order only grows earlier when written; months in one format stay in order."""
    tied = schema({"order": ["month", "in"]}, {"order": ["month", "month_of_death"]})
    assert [r.says for r in tied.relations] == ["month ≤ in", "month ≤ month_of_death"]


def test_a_total_leaves_its_parts_the_decimals_they_have() -> None:
    """What parts give way by is a difference of floats: 40.370000000000225 was written."""
    total = {"total": "cost", "parts": ["lab", "bed"]}
    tied = schema(total, columns={n: COLUMNS[n] for n in ("cost", "lab", "bed")})
    codec, rng = RecordCodec(tied), np.random.default_rng(0)
    codes = pd.DataFrame({c: rng.integers(0, n, 2000) for c, n in codec.domain.items()})
    for name in ("cost", "lab", "bed"):
        values = codec.decode(codes, rng)[name].to_numpy(dtype=float)
        assert (values == np.round(values, 2)).all()


def test_of_two_dates_one_is_drawn_from_the_gap_and_targets_keep_their_codes() -> None:
    tied = schema({"order": ["in", "out"]})
    assert {n: (r.anchor, r.sign) for n, r in plan(tied).relative.items()} == {"out": ("in", 1)}
    gap = plan(tied).gaps["out - in"]
    assert (gap.kind, gap.bounds, gap.bins) == ("integer", (0.0, 365.0), None)
    assert "out - in" in tied.incomplete
    about = {"subgroups": [{"column": "more", "bands": [0, 50, 99]}]}
    tied = schema({"order": ["age", "more"]}, **about)
    assert {n: (r.anchor, r.sign) for n, r in plan(tied).relative.items()} == {"age": ("more", -1)}


def test_a_column_in_narrower_bounds_than_the_gap_keeps_its_own_bins_unless_a_gap_is_declared() -> (
    None
):
    about = {"subgroups": [{"column": "age", "bands": [0, 50, 99]}]}
    assert not plan(schema({"order": ["years", "age"]}, **about)).relative
    assert plan(schema({"order": ["years", "age"], "gap": {"max": 40}}, **about)).relative


def test_two_dates_whose_bounds_are_a_few_days_apart_are_drawn_from_their_gap() -> None:
    """A draft takes bounds from the rows: discharges end later than admissions, so the gap could be longer."""
    date = {"kind": "datetime", "resolution": "day"}
    stay = {
        "in": date | {"bounds": ["2019-01-01", "2022-10-31"]},
        "out": date | {"bounds": ["2019-01-04", "2022-11-25"]},
    }
    tied = Schema.model_validate(
        {"name": "stays", "columns": stay, "relations": [{"order": ["in", "out"]}]}
    )
    assert list(plan(tied).gaps) == ["out - in"]


def test_the_rest_of_a_total_that_is_a_target_is_one_of_its_parts() -> None:
    target = {"targets": [{"task": "regression", "column": "cost"}]}
    (found,) = plan(schema({"total": "cost", "parts": ["lab", "bed"]}, **target)).sums
    assert (found.follows, dict(found.of)) == ("bed", {"cost": 1, "lab": -1})
    every = [{"task": "regression", "column": c} for c in ("cost", "lab", "bed")]
    with pytest.raises(ValueError, match="neither a target's column nor a subgroup's"):
        schema({"total": "cost", "parts": ["lab", "bed"]}, targets=every)


def test_a_gap_that_is_found_is_put_into_the_schema_and_comes_back_from_its_file(
    tmp_path: Path,
) -> None:
    tied = schema({"order": ["in", "out"]})
    found = plan(tied).gaps["out - in"].model_copy(update={"bins": (0.0, 2.0, 30.0, 365.0)})
    whole = tied.completed({"out - in": found})
    assert "out - in" not in whole.incomplete
    (tmp_path / "schema.yaml").write_text(whole.to_yaml())
    assert load_schema(tmp_path / "schema.yaml") == whole
    assert not whole.without(["in"]).gaps
    assert not whole.without(["in"]).relations


def test_a_gap_by_another_name_or_range_is_refused() -> None:
    gap = {"kind": "integer", "bounds": [0, 365], "bins": 3}
    with pytest.raises(ValueError, match="no relation has 'in - out'"):
        schema({"order": ["in", "out"]}, gaps={"in - out": gap})
    with pytest.raises(ValueError, match="'out - in' lies between 0 and 365"):
        schema({"order": ["in", "out"]}, gaps={"out - in": gap | {"bounds": [0, 99]}})


def dates(*days: str) -> pd.Series:
    return pd.Series(np.array(days, dtype="datetime64[s]"))


def test_a_row_that_breaks_an_order_is_counted_and_repaired_by_itself() -> None:
    tied = schema({"order": ["in", "out"], "gap": {"min": 1, "max": 30, "bins": 30}})
    frame = pd.DataFrame(
        {
            "in": dates("2020-03-01", "2020-03-01", "2020-03-01", "2020-12-31"),
            "out": dates("2020-03-05", "2020-02-01", "2020-09-01", "2020-12-31"),
        }
    )
    applies, broken = breaks(frame, tied, tied.relations[0])
    assert applies.tolist() == [True] * 4
    assert broken.tolist() == [False, True, True, True]
    two = {n: COLUMNS[n] for n in ("in", "out")}
    small = Schema.model_validate(
        {"name": "t", "columns": two, "relations": [r.model_dump() for r in tied.relations]}
    )
    assert gap_values(frame, small, "out - in").tolist() == [4, 1, 30, 1]
    codec = RecordCodec(small)
    codes = codec.encode(frame)
    assert codes["out"].tolist() == [3, 0, 29, 0]
    again = codec.decode(codes, np.random.default_rng(0))
    assert (again["out"] - again["in"]).dt.days.tolist() == [4, 1, 30, 1]


def test_a_range_of_dates_may_be_impossible() -> None:
    zero = {"in": {"min": "2020-06-01"}, "ward": {"values": ["A"]}}
    cut = schema(impossible=[zero])
    frame = pd.DataFrame({"in": dates("2020-05-31", "2020-06-01"), "ward": ["A", "A"]})
    assert impossible_rows(frame, cut).tolist() == [False, True]
    with pytest.raises(ValueError, match="give the range of 'in' in dates"):
        schema(impossible=[{"in": {"min": 5}}])
    with pytest.raises(ValueError, match="give the range of 'age' in numbers"):
        schema(impossible=[{"age": {"max": "2020-06-01"}}])


def test_relations_say_what_they_ask_for() -> None:
    said = [
        r.says
        for r in schema(
            {"order": ["in", "out"], "strict": True},
            {"order": ["age", "more"], "gap": {"min": 2, "max": 9}},
            {"total": "cost", "parts": ["lab", "bed"]},
            {"missing_together": ["years", "more"]},
        ).relations
    ]
    assert said == [
        "in < out",
        "more − age is 2 to 9",
        "cost = lab + bed",
        "years and more are missing together",
    ]


def test_what_is_tied_to_several_is_drawn_from_the_narrowest_gap() -> None:
    """The end of a stay lies within weeks of its beginning, and within years of a death."""
    day = {"kind": "datetime", "bounds": ["2015-01-01", "2020-01-01"], "bins": 5}
    steps = StepSchema.model_validate(
        {
            "name": "stays",
            "columns": {"death": day, "begin": day, "end": day},
            "given": ["death", "begin"],
            "relations": [
                {"order": ["end", "death"]},
                {"order": ["begin", "end"], "gap": {"max": 60}},
            ],
        }
    )
    assert plan(steps).relative["end"].anchor == "begin"
