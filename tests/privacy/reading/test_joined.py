"""Units and their rows from files of their own."""

import pandas as pd
import pytest

from privacy.errors import DataError
from privacy.reading.source import read_source
from privacy.schema.schema import Schema

SCHEMA = Schema.model_validate(
    {
        "name": "t",
        "unit": "who",
        "max_rows_per_unit": 3,
        "columns": {
            "who": {"kind": "identifier"},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "day": {"kind": "integer", "bounds": [0, 99], "bins": 10},
            "x": {"kind": "categorical", "categories": ["a", "b"]},
        },
        "visits": {"order": "day", "constant": ["sex"]},
    }
)
UNITS = pd.DataFrame({"who": ["007", "b", "c"], "sex": ["F", "M", "M"]})
ROWS = pd.DataFrame({"x": list("abba"), "who": ["b", "007", "b", "007"], "day": [4, 1, 2, 9]})


@pytest.fixture
def read(tmp_path):
    def texts(*frames):
        paths = [tmp_path / f"{i}.csv" for i in range(len(frames))]
        for path, frame in zip(paths, frames, strict=True):
            frame.to_csv(path, index=False)
        return read_source(paths, SCHEMA).texts.to_pandas()

    return texts


def test_each_row_has_what_its_unit_has_whatever_the_order_of_files(read):
    found = read(UNITS, ROWS)
    assert found.columns.tolist() == ["who", "sex", "day", "x"]
    assert found.to_numpy().tolist() == [
        ["b", "M", "4", "a"], ["007", "F", "1", "b"], ["b", "M", "2", "b"], ["007", "F", "9", "a"],
    ]  # fmt: skip
    assert read(ROWS, UNITS).equals(found)


def test_one_long_file_and_several_are_the_same_rows(read):
    long = ROWS.merge(UNITS, on="who")[["who", "sex", "day", "x"]]
    assert read(long[:2], long[2:]).equals(read(long))
    assert read(UNITS[:1], UNITS[1:], ROWS).equals(read(UNITS, ROWS))


def test_a_unit_more_without_rows_changes_nothing_and_one_with_rows_only_adds_its_own(read):
    more = pd.concat([UNITS, pd.DataFrame({"who": ["d"], "sex": ["F"]})])
    assert read(more, ROWS).equals(read(UNITS, ROWS))
    visit = pd.DataFrame({"x": ["a"], "who": ["d"], "day": [5]})
    found = read(more, pd.concat([visit, ROWS]))
    assert found[found["who"] != "d"].reset_index(drop=True).equals(read(UNITS, ROWS))


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ((UNITS, ROWS.drop(columns="who")), "holds no column 'who'"),
        ((UNITS, UNITS), "give the file of rows too"),
        ((UNITS[:1], ROWS), "who 'b' is not in"),
        ((pd.concat([UNITS, UNITS[:1]]), ROWS), "who '007' stands in several rows"),
        ((UNITS, ROWS.assign(sex="F")), "holds column 'sex', and .* holds it too"),
        ((ROWS, ROWS.drop(columns="x")), "column 'x' is in one file of rows and not in another"),
        ((ROWS[:2], ROWS[2:]), "column 'sex' of the schema is in none of the files"),
    ],
)
def test_what_does_not_join_is_told_and_what_to_do(read, frames, words):
    with pytest.raises(DataError) as told:
        read(*frames)
    assert pd.Series([told.value.private]).str.contains(words).all()
    assert "007" not in str(told.value)
