"""Codes and values are two views of one thing, for every schema."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.schema.codec import MISSING, Codec, make_bins, rounded
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.numbers import bounds_as_numbers
from privacy.schema.schema import Schema
from tests.privacy.schema.random_schemas import schemas


def codec_of(*, subgroups: list[dict] | None = None, **columns: dict) -> Codec:
    data = {"name": "t", "columns": columns, "subgroups": subgroups or []}
    return Codec(Schema.model_validate(data))


def random_codes(codec: Codec, rng: np.random.Generator, n: int = 50) -> pd.DataFrame:
    drawn = {name: rng.integers(0, size, n) for name, size in codec.domain.items()}
    return pd.DataFrame(drawn, dtype=np.int32)


@given(schemas(), st.integers(0, 2**32))
def test_encoding_what_was_decoded_gives_the_codes_back(schema: Schema, seed: int) -> None:
    rng, codec = np.random.default_rng(seed), Codec(schema)
    codes = random_codes(codec, rng)
    frame = codec.decode(codes, rng)
    pd.testing.assert_frame_equal(codec.encode(frame), codes)


@given(schemas())
def test_bins_partition_the_bounds(schema: Schema) -> None:
    for column in schema.columns.values():
        if isinstance(column, Numeric | Datetime):
            bins = make_bins(column)
            low, high = bounds_as_numbers(column)
            assert bins.edges[0] == low
            assert bins.edges[-1] == (high if column.kind == "float" else high + 1)
            assert (np.diff(bins.edges) > 0).all()
            if isinstance(column.bins, int):
                assert len(bins.edges) == column.bins + 1
            assert list(bins.locate(np.array([low, high]))) == [0, len(bins.edges) - 2]
            starts = bins.locate(bins.edges[:-1])
            assert list(starts) == list(range(len(bins.edges) - 1))


@given(schemas())
def test_every_code_has_a_label_of_its_own_and_a_group(schema: Schema) -> None:
    codec = Codec(schema)
    for name, size in codec.domain.items():
        assert len(codec.columns[name].labels) == size
    for subgroup in schema.subgroups:
        number, labels = codec.groups(subgroup)
        assert len(number) == codec.domain[subgroup.column]
        assert set(number) == set(range(len(labels)))


@given(schemas(), st.integers(0, 2**32))
def test_decoding_is_repeatable_by_seed(schema: Schema, seed: int) -> None:
    codec = Codec(schema)
    codes = random_codes(codec, np.random.default_rng(seed))
    first, second = (codec.decode(codes, np.random.default_rng(seed)) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_kinds_come_back_as_they_are() -> None:
    codec = codec_of(
        id={"kind": "identifier"},
        sex={"kind": "categorical", "categories": ["F", "M"], "missing": "keep"},
        age={"kind": "integer", "bounds": [0, 99], "bins": 10},
        bmi={"kind": "float", "bounds": [10, 60], "bins": [10, 18.5, 25, 60], "decimals": 1},
        born={"kind": "datetime", "bounds": ["1920-01-01", "2020-12-31"], "bins": 4},
        income={"kind": "integer", "bounds": [0, 9], "bins": 2, "special": ["N", 10]},
    )
    frame = codec.decode(random_codes(codec, np.random.default_rng(0)), np.random.default_rng(0))
    assert list(frame) == ["id", "sex", "age", "bmi", "born", "income"]
    assert list(frame["id"][:3]) == ["1", "2", "3"]
    assert frame["age"].dtype == "Int64"
    assert frame["bmi"].dtype == float
    assert (frame["bmi"] == frame["bmi"].round(1)).all()
    assert frame["born"].dtype == "datetime64[s]"
    assert (frame["born"] == frame["born"].dt.normalize()).all()
    assert set(frame["income"]) <= {*range(10), 10, "N"}
    assert codec.columns["sex"].labels == ("F", "M", MISSING)
    assert codec.columns["bmi"].labels == ("10 to 18.5", "18.5 to 25", "25 to 60")


def test_bands_cut_bins() -> None:
    codec = codec_of(
        age={"kind": "integer", "bounds": [0, 99], "bins": [0, 30, 60, 99], "missing": "keep"},
        subgroups=[{"column": "age", "bands": [0, 50, 99]}],
    )
    assert codec.columns["age"].labels == ("0 to 29", "30 to 49", "50 to 59", "60 to 99", MISSING)
    number, labels = codec.groups(codec.schema.subgroups[0])
    assert list(number) == [0, 0, 1, 1, 2]
    assert labels == ("0 to 49", "50 to 99", MISSING)


@pytest.mark.parametrize("value", [-1.0, 11.0, "N"])
def test_a_value_outside_the_schema_has_no_code(value: object) -> None:
    codec = codec_of(x={"kind": "float", "bounds": [0, 10], "bins": 5})
    with pytest.raises(ValueError, match="x: a value outside the schema"):
        codec.encode(pd.DataFrame({"x": [1.0, value]}))


def test_an_undeclared_missing_value_has_no_code() -> None:
    codec = codec_of(x={"kind": "categorical", "categories": ["a"]})
    with pytest.raises(ValueError, match="x: a value outside the schema"):
        codec.encode(pd.DataFrame({"x": ["a", None]}))


def test_bins_that_are_yet_to_be_measured_have_no_codes() -> None:
    with pytest.raises(ValueError, match="not measured yet: x"):
        codec_of(x={"kind": "float", "bounds": [0, 10]})
    column = Numeric(kind="float", bounds=(0, 10))
    with pytest.raises(ValueError, match="not been measured"):
        make_bins(column)


def test_a_bin_without_room_for_the_decimals_is_refused() -> None:
    with pytest.raises(ValueError, match="no number with 0 lies in the bin from"):
        codec_of(x={"kind": "float", "bounds": [0, 1], "bins": [0, 0.2, 0.4, 1], "decimals": 0})


def test_bins_are_called_by_few_digits_and_stay_what_they_are() -> None:
    """Sevenths have no end; what a person wrote is shown as written."""
    column = Numeric(kind="float", bounds=(0, 10), bins=7)
    assert make_bins(column).edges[1] == 10 / 7
    named = Codec(Schema(name="t", columns={"x": column})).columns["x"].labels
    assert named[:3] == ("0 to 1.43", "1.43 to 2.86", "2.86 to 4.3")
    written = Numeric(kind="float", bounds=(0, 10), bins=(0, 1.2345, 10))
    assert Codec(Schema(name="t", columns={"x": written})).columns["x"].labels[0] == "0 to 1.2345"


@given(st.sets(st.integers(-(10**6), 10**6), min_size=2, max_size=8))
def test_bins_are_called_in_their_order_and_near_their_edges(sevenths: set[int]) -> None:
    edges = np.array(sorted(sevenths)) / 7
    called = np.array([float(text) for text in rounded(edges)])
    assert (np.diff(called) > 0).all()
    assert np.abs(called - edges).max() <= 0.0101 * np.diff(edges).max()
