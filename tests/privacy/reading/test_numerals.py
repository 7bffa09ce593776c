"""A text is the same number alone as beside any other."""

from __future__ import annotations

import math
import random
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.reading.conform import conform
from privacy.reading.numerals import commas_to_points, have_points, numbers_in
from privacy.schema.schema import Schema

NUMBERS = {
    "1": 1, " 1": 1, "1 ": 1, "\t1\n": 1, "\v1\f\r": 1, "+1": 1, "-1": -1, "00012": 12, "-0": 0,
    "1.": 1, ".5": 0.5, "-.5": -0.5, "0.1": 0.1, "1e5": 1e5, "1E+5": 1e5, "1e-5": 1e-5, "5.e1": 50,
    "1e-400": 0, "5e-324": 5e-324, "9007199254740993": 2.0**53, "18446744073709551616": 2.0**64,
    "-47393996303418497800": -47393996303418497800.0, "9" * 30: 1e30, "0." + "1" * 400: 1 / 9,
    "000000000010084566": 10084566,
}  # fmt: skip
"""Texts that ``pandas.to_numeric`` read as these numbers, each alone."""

NONE = [
    "", " ", ".", "-", "e5", "1e", "1e5.0", "--1", "+-1", "- 1", "1 000", "1,000", "1_000", "1\0", "x1", "1x",
    "1L", "1j", "1d5", "0x10", "0b1", "0o7", "0x1p3", "\xa01", "\u20031", "\x1c1", "\ufeff1", "١٢", "１２",
    "½", "²", "nan", "NaN", "-nan", "NA", "None", "<NA>", "True", "true", "inf", "-inf", "+Infinity", "1e400",
    "-1e400", "1" * 400,
]  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_plain_decimals_are_numbers(text: str) -> None:
    (found,) = numbers_in([text])
    assert found == NUMBERS[text]
    before = pd.to_numeric(pd.Series([text], dtype=object), errors="coerce")[0]
    assert found == pytest.approx(before, rel=1e-15, abs=0), "pandas may err by the last bit"


@pytest.mark.parametrize("text", NONE)
def test_everything_else_is_none(text: str) -> None:
    assert np.isnan(numbers_in([text])[0])


def test_two_that_pandas_gave_up_on() -> None:
    np.testing.assert_array_equal(
        numbers_in(["1e0000000000000000000005", "0e99999999999999999999"]), [1e5, 0]
    )


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**25), 10**25))
def test_what_python_writes_is_what_it_was(value: float) -> None:
    (found,) = numbers_in([repr(value)])
    assert found == float(value)
    assert math.copysign(1, found) == math.copysign(1, float(value))


TOGETHER = [
    "0.5",
    "1e5",
    "",
    "x",
    "-47393996303418497800",
    "18446744073709551615",
    "nan",
    "9" * 400,
]
"""What stood in the column when pandas read others another way: pandas-dev/pandas 24910, 64184."""


@pytest.mark.parametrize("other", TOGETHER)
@pytest.mark.parametrize("kind", ["float", "integer", "rule"])
def test_a_number_means_the_same_whoever_stands_beside_it(kind: str, other: str) -> None:
    rng = random.Random(17)
    numbers = [rng.randrange(10**15, 10 ** rng.randint(16, 19)) for _ in range(300)]
    texts = [f"{n:{pad}}" for n in numbers for pad in ("d", "025d")]
    column = {
        "float": {"bounds": [0, 1e20]},
        "integer": {"bounds": [0, 2**53]},
        "rule": {
            "categories": ["a", "b"],
            "rules": [{"to": "a", "min": n, "below": n + 4 * math.ulp(n)} for n in numbers[:20]],
            "other": "b",
        },
    }[kind] | {"missing": "keep"}
    more = {"kind": "categorical"} if kind == "rule" else {"kind": kind, "out_of_range": "clamp"}
    schema = Schema.model_validate({"name": "t", "columns": {"x": column | more}})
    alone, _ = conform(pa.table({"x": texts}), schema)
    beside, _ = conform(pa.table({"x": [*texts, other]}), schema)
    assert beside["x"][:-1].tolist() == alone["x"].tolist()


def test_a_million_texts_take_seconds() -> None:
    texts = [str(n) for n in range(250_000)]
    start = time.process_time()
    numbers_in(texts)
    assert time.process_time() - start < 2


def brought(text: str) -> str:
    (found,) = commas_to_points(pa.chunked_array([[text]], pa.string())).to_pylist()
    return str(found)


@pytest.mark.parametrize("text", NUMBERS)
def test_with_a_comma_for_the_point_it_is_the_same_number(text: str) -> None:
    assert brought(text.replace(".", ",")) == text
    points = have_points(pa.chunked_array([[text]], pa.string()))
    assert points.to_pylist() == ["." in text]


@pytest.mark.parametrize(
    "text", [",", "1,2,3", "1,e", "1.234,5", "1,234.5", "a,5", "1,5 kg", "", "-,"]
)
def test_what_is_no_number_keeps_its_comma(text: str) -> None:
    assert brought(text) == text
