"""The share of files that was read grows to one, whatever they are, and never says more."""

import numpy as np
import pandas as pd
import pytest

from privacy.people.sketch import Sketch
from privacy.reading.formats import delimited
from privacy.reading.read import batches
from privacy.stored.reading import Told
from tests.privacy.stored.test_reading import NAMED, SECRET, people, permit, small


def as_csv(frame, path):
    frame.to_csv(path.with_suffix(".csv"), index=False)
    return (path.with_suffix(".csv"),)


def as_parquet(frame, path):
    frame.astype(str).to_parquet(path.with_suffix(".parquet"), index=False)
    return (path.with_suffix(".parquet"),)


def as_parts(frame, path):
    path.mkdir()
    for i, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        frame.iloc[part].astype(str).to_parquet(path / f"{i}.parquet", index=False)
    return (path,)


def as_several(frame, path):
    return (*as_csv(frame.iloc[:100], path), *as_parquet(frame.iloc[100:], path))


@pytest.mark.parametrize("written", [as_csv, as_parquet, as_parts, as_several])
def test_it_grows_to_one(tmp_path, monkeypatch, written):
    paths, told = written(people(900, 0), tmp_path / "t"), []
    small(monkeypatch, 50)
    rows = sum(part.num_rows for part in batches(paths, NAMED, told.append))
    assert rows == 900
    assert len(told) > 10
    assert told == sorted(told)
    assert told[0] < 0.2
    assert told[-1] == pytest.approx(1, abs=0.02)
    assert max(told) <= 1


def test_of_a_zipped_file_nothing_is_said(tmp_path):
    people(90, 0).to_csv(tmp_path / "t.csv.gz", index=False)
    told = []
    assert list(batches((tmp_path / "t.csv.gz",), NAMED, told.append))
    assert set(told) == {0.0}


def test_rows_that_are_asked_for_twice_are_told_once(tmp_path, monkeypatch):
    paths, told = as_csv(people(900, 0), tmp_path / "t"), []
    monkeypatch.setattr(delimited, "BLOCK", 1 << 12)
    read_ = Told(paths, NAMED, permit().split, SECRET, None, told.append)
    Sketch.of_parts(read_.parts, NAMED, read_.keys(), SECRET)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1, abs=0.02)
    assert pd.Series(told).between(0.3, 0.7).any()
