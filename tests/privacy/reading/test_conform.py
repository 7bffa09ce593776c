"""What does not fit is refused, clamped or mapped as declared; nothing is ever adopted."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.reading.conform import Finding, conform
from privacy.reading.formats.strict import NULL
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from tests.privacy.schema.random_schemas import TEXT, schemas


def conformed(texts: list[str], **column: Any) -> tuple[list[Any], list[Finding]]:
    beside = {"kind": "categorical", "categories": ["a"], "other": "a"}
    schema = Schema.model_validate({"name": "t", "columns": {"x": column, "y": beside}})
    array = pa.array(texts, pa.string())
    frame, findings = conform(pa.table({"x": array, "y": array}), schema)
    findings = [finding for finding in findings if finding.column == "x"]
    return [None if pd.isna(v) else v for v in frame["x"]], findings


def summary(findings: list[Finding]) -> list[tuple[str, str, int, int]]:
    return [(f.action, f.value, f.row, f.rows) for f in findings]


ANYTHING = TEXT | st.integers().map(str) | st.floats().map(str) | st.sampled_from(["", NULL, "N"])


@given(schemas(), st.data())
def test_what_conforms_lies_inside_the_schema(schema: Schema, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 20))
    texts = {
        name: pa.array(data.draw(st.lists(ANYTHING, min_size=rows, max_size=rows)), pa.string())
        for name in schema.columns
    }
    frame, findings = conform(pa.table(texts), schema)
    assert all("\n" not in str(finding) for finding in findings)
    assert len(frame) == rows
    refused = {f.column for f in findings if f.action == "refused"}
    codec = Codec(schema)
    for name, column in codec.columns.items():
        if name not in refused:
            codes = column.encode(frame[name])
            assert ((codes >= 0) & (codes < column.size)).all()


@given(schemas(), st.integers(0, 2**32))
def test_a_synthetic_table_conforms_to_its_own_schema(schema: Schema, seed: int) -> None:
    rng, codec = np.random.default_rng(seed), Codec(schema)
    codes = {name: rng.integers(0, size, 20) for name, size in codec.domain.items()}
    frame = codec.decode(pd.DataFrame(codes), rng)
    texts = {n: pa.array(["" if pd.isna(v) else str(v) for v in frame[n]]) for n in frame}
    again, findings = conform(pa.table(texts), schema)
    assert findings == []
    pd.testing.assert_frame_equal(codec.encode(again), codec.encode(frame))


def test_categories() -> None:
    column = {"kind": "categorical", "categories": ["F", "M"]}
    values, findings = conformed(["F", "x", "M", "x"], **column)
    assert values == ["F", None, "M", None]
    assert summary(findings) == [("refused", "x", 2, 2)]
    assert str(findings[0]) == (
        "column 'x', row 2: undeclared category 'x' (2 rows): correct it; or list it under"
        " `categories:` where it is public, or say `aliases:` or `other:`"
    )
    values, findings = conformed(["F", "x", ""], **column, other="M")
    assert values == ["F", "M", "M"]
    assert summary(findings) == [("mapped", "x", 2, 1), ("mapped", "", 3, 1)]
    values, findings = conformed(["F", "", "?"], **column, missing="keep", missing_values=["?", ""])
    assert (values, findings) == (["F", None, None], [])


def test_aliases_then_rules_then_other() -> None:
    values, findings = conformed(
        ["390", "459.9", "460", "V27", "E9", "icd", "", "circulatory", "1e400", "n/a"],
        kind="categorical",
        categories=["circulatory", "supplementary", "other"],
        aliases={"icd": "circulatory", "E9": "other"},
        rules=[
            {"to": "circulatory", "min": 390, "below": 460},
            {"to": "supplementary", "prefix": "V"},
            {"to": "circulatory", "prefix": "V2"},
            {"to": "supplementary", "prefix": "E"},
        ],
        other="other",
        missing="keep",
    )
    assert values == [
        *["circulatory", "circulatory", "other", "supplementary", "other", "circulatory", None],
        *["circulatory", "other", "other"],
    ]
    assert summary(findings) == [("mapped", "460", 3, 3)]


def test_a_code_goes_to_its_nearest_ancestor_that_is_a_category() -> None:
    """After aliases and rules; only what has no ancestor but ``other`` is a finding."""
    values, findings = conformed(
        ["E11.65", "E11", "E12", "I10", "old", "?"],
        kind="categorical",
        categories=["E11", "E", "rest"],
        other="rest",
        aliases={"old": "E11"},
        hierarchy={"prefixes": [3, 1]},
        missing="keep",
        missing_values=["?"],
    )
    assert values == ["E11", "E11", "E", "rest", "E11", None]
    assert summary(findings) == [("mapped", "I10", 4, 1)]
    _, findings = conformed(
        ["E11.65", "I10"], kind="categorical", categories=["E"], hierarchy={"prefixes": [3, 1]}
    )
    assert summary(findings) == [("refused", "I10", 2, 1)]


def test_aliases_may_swap() -> None:
    column = {"kind": "categorical", "categories": ["a", "b"], "aliases": {"A": "b", "B": "a"}}
    assert conformed(["A", "B", "a"], **column) == (["b", "a", "a"], [])


def test_open_categories_are_kept_for_the_measurement() -> None:
    values, findings = conformed(["a", "b", ""], kind="categorical", categories=None, other="rest")
    assert values == ["a", "b", "rest"]
    assert summary(findings) == [("mapped", "", 3, 1)]


def test_integers() -> None:
    column = {"kind": "integer", "bounds": [0, 10]}
    values, findings = conformed(["1", "2.0", " 3", "1e1", "4.5", "11", "ten", "inf", ""], **column)
    assert values == [1, 2, 3, 10, None, None, None, None, None]
    assert summary(findings) == [
        ("refused", "", 9, 1),
        ("refused", "4.5", 5, 1),
        ("refused", "ten", 7, 2),
        ("refused", "11", 6, 1),
    ]
    assert "outside 0 to 10: '11'" in str(findings[-1])
    values, findings = conformed(
        ["-5", "11", "99999999999999999999999"], **column, out_of_range="clamp"
    )
    assert values == [0, 10, 10]
    assert summary(findings) == [("clamped", "-5", 1, 3)]


def test_special_values_stand_beside_the_numbers() -> None:
    column = {"kind": "integer", "bounds": [0, 500], "special": ["N", 501]}
    assert conformed(["N", "501", "501.0", "12"], **column) == (["N", 501, 501, 12], [])
    values, findings = conformed(["M", "502"], **column)
    assert values == [None, None]
    assert [f.action for f in findings] == ["refused", "refused"]


def test_floats() -> None:
    column = {"kind": "float", "bounds": [0, 1], "missing": "keep", "missing_values": ["", "NA"]}
    assert conformed(["0.5", "NA", "", "1"], **column) == ([0.5, None, None, 1.0], [])
    values, findings = conformed(["nan", "1.5"], **column, out_of_range="clamp")
    assert values == [None, 1.0]
    assert summary(findings) == [("refused", "nan", 1, 1), ("clamped", "1.5", 2, 1)]


def test_dates() -> None:
    column = {"kind": "datetime", "bounds": ["2000-01-01", "2000-12-31"]}
    values, findings = conformed(
        ["2000-05-05", "2000-12-31T23:59:59", "2000-06-01T01:00:00+02:00", "1999-01-01", "soon"],
        **column,
    )
    days = ["2000-05-05", "2000-12-31", "2000-06-01"]
    assert values == [*(pd.Timestamp(d) for d in days), None, None]
    assert summary(findings) == [
        ("refused", "soon", 5, 1),
        ("refused", "1999-01-01", 4, 1),
        ("local", "2000-06-01T01:00:00+02:00", 3, 1),
    ]
    values, findings = conformed(
        ["03.04.2000", "1.1.1990"], **column, format="%d.%m.%Y", out_of_range="clamp"
    )
    assert values == [pd.Timestamp("2000-04-03"), pd.Timestamp("2000-01-01")]
    assert summary(findings) == [("clamped", "1.1.1990", 2, 1)]
    values, _ = conformed(["2000-05-05 10:11:12"], **column, resolution="second")
    assert values == [pd.Timestamp("2000-05-05 10:11:12")]


def test_a_parquet_null_is_missing_and_an_identifier_is_left_alone() -> None:
    assert conformed(["a", NULL], kind="identifier", missing="keep") == (["a", None], [])
    _, findings = conformed(["a", NULL], kind="identifier")
    assert summary(findings) == [("refused", "null", 2, 1)]


@pytest.mark.parametrize("problem", ["a\nb", "x" * 200, "\x1b[31mred"])
def test_a_finding_quotes_any_text_in_one_short_line(problem: str) -> None:
    _, (finding,) = conformed([problem], kind="integer", bounds=[0, 1])
    assert str(finding).isprintable()
    assert len(str(finding)) < 250


def test_a_hundred_thousand_categories_are_one_finding() -> None:
    texts = [f"person {i}" for i in range(100_000)]
    _, findings = conformed(texts, kind="categorical", categories=["a"])
    assert summary(findings) == [("refused", "person 0", 1, 100_000)]


def test_long_tables_cost_little() -> None:
    rng = np.random.default_rng(0)
    texts = pa.array(rng.integers(0, 1000, 500_000)).cast(pa.string())
    schema = Schema.model_validate(
        {"name": "t", "columns": {"x": {"kind": "integer", "bounds": [0, 999]}}}
    )
    start = time.process_time()
    conform(pa.table({"x": texts}), schema)
    assert time.process_time() - start < 1.5  # a million rows of 40 columns: under two minutes


TIMES = (
    "2024-05-05",
    "2024-05-05T12:00:00",
    "2024-05-05T12:00:00+09:00",
    "2024-05-05 12:00Z",
    "now",
)


@pytest.mark.parametrize("other", TIMES)
@pytest.mark.parametrize("text", TIMES)
@pytest.mark.parametrize("resolution", ["day", "second"])
def test_a_date_means_the_same_whoever_stands_beside_it(
    text: str, other: str, resolution: str
) -> None:
    """pandas moves a time without an offset by the offset of the one before it."""
    schema = Schema.model_validate(
        {
            "name": "t",
            "columns": {
                "at": {
                    "kind": "datetime",
                    "bounds": ["2024-01-01", "2024-12-31"],
                    "bins": 4,
                    "resolution": resolution,
                    "missing": "keep",
                }
            },
        }
    )
    alone, _ = conform(pa.table({"at": [text]}), schema)
    after, _ = conform(pa.table({"at": [other, text]}), schema)
    assert alone["at"].tolist() == after["at"].tolist()[1:] or (
        alone["at"].isna().all() and after["at"].isna()[1]
    )


@pytest.mark.parametrize("resolution", ["day", "second"])
def test_local_days_and_hours_are_kept_and_an_offset_that_is_left_out_is_told(
    resolution: str,
) -> None:
    column = {"kind": "datetime", "bounds": ["2024-01-01", "2024-01-31T23:59:59"]} | {
        "resolution": resolution
    }
    texts = [
        "2024-01-29T20:30:00-05:00",
        "2024-01-31 22:30:00",
        "2024-01-31T22:30:00-06:00",
        "soon",
    ]
    local = ["2024-01-29 20:30", "2024-01-31 22:30", "2024-01-31 22:30"]
    wanted = [pd.Timestamp(t) for t in local]
    values, findings = conformed(texts, **column)
    assert values == [*(t.floor("D") if resolution == "day" else t for t in wanted), None]
    assert summary(findings) == [("refused", "soon", 4, 1), ("local", texts[0], 1, 2)]
    assert str(findings[1]) == (
        "column 'x', row 1: an offset '2024-01-29T20:30:00-05:00' (2 rows): the local time is kept and the"
        " offset left out (declare `zone:` to have all in one zone, and times written with its offset)"
    )
    values, findings = conformed(texts[:3], **column, zone="America/Chicago")
    moved = [wanted[0] - pd.Timedelta(hours=1), *wanted[1:]]
    assert values == [t.floor("D") if resolution == "day" else t for t in moved]
    assert findings == []


def test_floats_of_pandas_are_dates_under_a_format_of_digits() -> None:
    column = {"kind": "datetime", "bounds": ["2018-01-01", "2018-12-31"], "format": "%Y%m%d"}
    values, findings = conformed(
        ["20180614.0", "20180614", "", "20180614.7"], missing="keep", **column
    )
    assert values == [pd.Timestamp("2018-06-14")] * 2 + [None, None]
    assert summary(findings) == [("refused", "20180614.7", 4, 1)]


def test_a_day_as_excel_counts_them_is_refused_with_what_would_help() -> None:
    column: dict[str, Any] = {"kind": "datetime", "bounds": ["2018-01-01", "2018-12-31"]}
    _, (finding,) = conformed(["44197"], **column)
    assert finding.hint == "a day as Excel counts them: format the column as a date there"
    _, (finding,) = conformed(["441970"], **column)
    assert "Excel" not in finding.hint


def test_a_code_that_became_a_float_is_refused_with_what_would_help() -> None:
    column: dict[str, Any] = {"kind": "categorical", "categories": ["0", "1"]}
    _, (finding,) = conformed(["0", "1.0"], **column)
    assert finding.hint == "a code that became a float: `aliases: {'1.0': '1'}`"
    assert conformed(["0", "1.0"], **column, aliases={"1.0": "1"}) == (["0", "1"], [])
    _, (finding,) = conformed(["1.5"], **column)
    assert finding.hint.startswith("list it under `categories:`")


@pytest.mark.parametrize(
    ("value", "column", "hint"),
    [
        ("", {"kind": "integer", "bounds": [0, 9]}, "`missing: keep`"),
        ("3.5", {"kind": "integer", "bounds": [0, 9]}, "`kind: float`"),
        ("12", {"kind": "integer", "bounds": [0, 9]}, "`out_of_range: clamp`"),
        ("ND", {"kind": "float", "bounds": [0, 9]}, "`special:`"),
        (
            "3/4/2021",
            {"kind": "datetime", "bounds": ["2020-01-01", "2022-01-01"]},
            "'%d/%m/%Y' or '%m/%d/%Y'",
        ),
        ("soon", {"kind": "datetime", "bounds": ["2020-01-01", "2022-01-01"]}, "`missing_values:`"),
    ],
)
def test_whatever_is_refused_is_told_with_what_would_help(
    value: str, column: dict[str, Any], hint: str
) -> None:
    _, (finding,) = conformed([value], **column)
    assert finding.action == "refused"
    assert hint in str(finding)
