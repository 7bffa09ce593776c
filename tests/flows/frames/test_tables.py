"""Linked rows as two tables: joined they are the rows again, and Croissant follows the key."""

from __future__ import annotations

import json
from pathlib import Path

import mlcroissant
import numpy as np
import pandas as pd
import pytest

from flows.bundle.manifest import MANIFEST, manifest
from flows.bundle.verify import verify
from flows.bundle.write import _public
from flows.frames.tables import parts, tables
from flows.label.histories import told_histories
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows
from tests.evaluators.made_pages import make_label
from tests.flows.made_histories import SCHEMA, made

ROWS = made(150)


def changed(**changes: object) -> Schema:
    return Schema.model_validate(SCHEMA.model_dump() | changes)


@pytest.fixture
def public(tmp_path: Path) -> Path:
    label = make_label() | {"histories": told_histories(SCHEMA, ROWS)}
    label["release"] |= {"synthetic_units": 150, "synthetic_rows": len(ROWS)}
    _public(tmp_path / "public", SCHEMA, label, Rows.of(ROWS))
    return tmp_path / "public"


def test_joined_by_the_unit_they_are_the_rows(public: Path) -> None:
    for ending, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        units, visits = (read(public / "tables" / f"{n}.{ending}") for n in ("units", "visits"))
        rows = read(public / f"data.{ending}")
        assert units["patient"].is_unique
        assert set(units["patient"]) == set(visits["patient"])
        joined = visits.merge(units, on="patient", validate="many_to_one")[list(rows)]
        pd.testing.assert_frame_equal(joined, rows)
        assert list(units) == ["patient", "sex"]


def test_each_has_a_schema_of_its_own() -> None:
    units, visits = (part.schema for part in parts(SCHEMA).values())
    assert list(parts(SCHEMA)) == ["units", "visits"]
    assert (units.visits, units.max_rows_per_unit) == (None, 1)
    assert visits.visits is not None
    assert visits.visits.constant == ()
    assert [s.column for s in units.subgroups] == ["sex"]


@pytest.mark.parametrize(
    "visits",
    [
        None,
        {"order": "visit", "numbered": ["visit"]},
        {"constant": [n for n in SCHEMA.columns if n != "patient"]},
    ],
)
def test_there_are_none_where_rows_are_not_linked_or_one_table_would_have_no_column(
    visits: object,
) -> None:
    assert tables(ROWS, changed(visits=visits)) == {}


def test_croissant_knows_the_key_and_reads_both(public: Path) -> None:
    data = mlcroissant.Dataset(public / "croissant.json")
    assert not data.metadata.ctx.issues.errors
    found = {name: list(data.records(name)) for name in ("units", "visits")}
    assert len(found["units"]) == 150
    assert len(found["visits"]) == len(ROWS)
    sets = {r["@id"]: r for r in json.loads((public / "croissant.json").read_text())["recordSet"]}
    assert sets["units"]["key"] == {"@id": "units/patient"}
    (patient,) = [f for f in sets["visits"]["field"] if f["name"] == "patient"]
    assert patient["references"] == {"field": {"@id": "units/patient"}}
    assert "all rows of one share it" in patient["description"]


def wrong(folder: Path) -> str:
    (folder / MANIFEST).write_text(json.dumps(manifest(folder)))
    return "\n".join(f.text for f in verify(folder) if f.status == "wrong")


def test_verify_finds_a_key_that_is_not_there_and_a_history_that_breaks(public: Path) -> None:
    before = wrong(public)  # the label is made up
    assert "data.csv:" not in before
    assert "tables/" not in before
    visits = public / "tables" / "visits.csv"
    visits.write_text(visits.read_text().replace("\n2,", "\n999,"))
    data = public / "data.csv"
    lines = data.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("2,2,"))
    flipped = lines[at].translate(str.maketrans("FM", "MF"))
    data.write_text("\n".join([*lines[:at], flipped, *lines[at + 1 :]]) + "\n")
    after = wrong(public)
    assert "tables/visits.csv: other rows than in data.csv" in after
    assert "data.csv: constant sex changes in 1 of " in after


def test_the_manifest_covers_all_of_it(public: Path) -> None:
    names = {f["name"] for f in json.loads((public / MANIFEST).read_text())["files"]}
    made_of = {f"tables/{n}.{e}" for n in ("units", "visits") for e in ("csv", "parquet")}
    assert made_of | {"histories.svg"} <= names
    listed = {f["@id"] for f in json.loads((public / "croissant.json").read_text())["distribution"]}
    assert made_of | {"histories.svg"} <= listed
    assert np.all([n in (public / "README.md").read_text() for n in ("`tables/`", "histories.svg")])
