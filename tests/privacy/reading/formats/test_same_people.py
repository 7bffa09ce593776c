"""The same table is the same people, on the same sides, in whatever file it comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from privacy.people.identity import PLAIN
from privacy.people.keys import keys_of
from privacy.people.split import Split
from privacy.reading.conform import conform
from privacy.reading.formats.digest import source_digest
from privacy.reading.source import read_source
from privacy.schema.schema import Schema
from tests.privacy.reading.formats import made


def people(path: Path, schema: Schema) -> tuple[pd.DataFrame, list[str]]:
    source = read_source([path], schema)
    frame, findings = conform(source.texts, schema)
    assert not findings
    keys = keys_of(source, schema, PLAIN)
    return frame, keys.names.iloc[keys.units].tolist()


@pytest.mark.parametrize("family", made.WRITERS)
def test_the_same_table_is_the_same_people(family: str, tmp_path: Path) -> None:
    schema, table = made.schema(), made.frame()
    expected, names = people(made.csv(table, tmp_path), schema)
    path = made.WRITERS[family](table, tmp_path)
    found, again = people(path, schema)
    if family == "DuckDB":  # which has no order
        order, was = np.argsort(again), np.argsort(names)
        found, expected = found.iloc[order], expected.iloc[was]
        found, expected = (f.reset_index(drop=True) for f in (found, expected))
        again, names = sorted(again), sorted(names)
    pd.testing.assert_frame_equal(found, expected)
    assert again == names
    split = Split(b"k" * 32, 0.5)
    sides = [split.is_holdout(pd.Series(n)).tolist() for n in (again, names)]
    assert sides[0] == sides[1]
    assert len(set(names)) == len(names) == 8


@pytest.mark.parametrize("family", made.WRITERS)
def test_units_keep_their_names(family: str, tmp_path: Path) -> None:
    """Whole numbers as names of people, which Excel and Stata store as floats."""
    declared = {"patient": {"kind": "identifier"}} | made.SCHEMA["columns"]
    schema = made.schema(columns=declared, unit="patient", max_rows_per_unit=2)
    table = made.frame().assign(patient=[1001, 2, 1001, 4, 12345678901, 6, 6, 80000000])
    path = made.WRITERS[family](table, tmp_path)
    _, names = people(path, schema)
    assert sorted(names) == sorted(["1001", "2", "1001", "4", "12345678901", "6", "6", "80000000"])


@pytest.mark.parametrize("family", made.WRITERS)
def test_a_digest_is_of_the_file_or_of_the_rows(family: str, tmp_path: Path) -> None:
    table = made.frame()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    path = made.WRITERS[family](table, tmp_path / "a")
    assert source_digest(path) == source_digest(path)
    other = made.WRITERS[family](table.iloc[1:], tmp_path / "b")
    assert source_digest(path) != source_digest(other)


@pytest.mark.parametrize("family", made.WRITERS)
def test_what_a_value_is_read_as_depends_on_no_other_row(family: str, tmp_path: Path) -> None:
    """Without the rows that lack values or hold others, the rest is read as the very same texts."""
    schema, table = made.schema(), made.frame()
    for name, kept in (("all", slice(None)), ("some", [1, 4, 7]), ("one", [4])):
        folder = tmp_path / name
        folder.mkdir()
        rows = table.iloc[kept].reset_index(drop=True)
        texts = read_source([made.WRITERS[family](rows, folder)], schema).texts.to_pylist()
        if name == "all":
            everybody = texts
        else:
            assert all(row in everybody for row in texts)
