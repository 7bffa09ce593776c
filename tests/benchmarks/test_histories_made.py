"""The made-up clinical database: keys and days agree, people are as described, so is the long form."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from histories import made
from histories.concepts import CONDITIONS, SBP, YEAR
from histories.long_form import long, texts

from privacy.people.order import in_order
from privacy.reading.conform import conform
from privacy.schema.schema import load_schema

PATIENTS = 6000
SCHEMA = load_schema(Path(__file__).parents[2] / "configs" / "schemas" / "omop-visits.yaml")


@pytest.fixture(scope="module")
def tables():
    return made.made(PATIENTS, 0)


@pytest.fixture(scope="module")
def visits(tables):
    return long(tables)


def test_the_same_seed_makes_the_same_people(tables):
    for name, table in made.made(PATIENTS, 0).items():
        pd.testing.assert_frame_equal(table, tables[name])
    other = made.made(PATIENTS, 1)
    assert not other["visit_occurrence"].equals(tables["visit_occurrence"])


def test_keys_are_keys_and_point_to_what_is_there(tables):
    keys = {"person": "person_id", "death": "person_id"}
    for name, table in tables.items():
        key = keys.get(name, f"{name}_id")
        key = "condition_occurrence_id" if name == "condition_occurrence" else key
        assert table[key].is_unique
        assert table["person_id"].isin(tables["person"]["person_id"]).all()
    assert set(tables["visit_occurrence"]["person_id"]) == set(tables["person"]["person_id"])
    of_visit = tables["visit_occurrence"].set_index("visit_occurrence_id")["person_id"]
    for name in ("condition_occurrence", "measurement"):
        table = tables[name]
        assert (table["visit_occurrence_id"].map(of_visit) == table["person_id"]).all()
    assert (
        not tables["condition_occurrence"].duplicated(["person_id", "condition_concept_id"]).any()
    )


def test_days_agree(tables):
    visit = tables["visit_occurrence"]
    assert (visit["visit_start_date"] <= visit["visit_end_date"]).all()
    assert visit["visit_start_date"].min() >= pd.Timestamp(made.START)
    assert visit["visit_end_date"].max() <= pd.Timestamp(made.END)
    before = visit.groupby("person_id")["visit_end_date"].shift()
    assert not (visit["visit_start_date"] <= before).any()
    died = visit["person_id"].map(tables["death"].set_index("person_id")["death_date"])
    assert not (visit["visit_end_date"] >= died).any()
    days = visit.set_index("visit_occurrence_id")["visit_start_date"]
    for name, column in (
        ("condition_occurrence", "condition_start_date"),
        ("measurement", "measurement_date"),
    ):
        table = tables[name]
        assert (table["visit_occurrence_id"].map(days) == table[column]).all()


def test_everything_depends_on_what_it_is_said_to(visits):
    first = visits[~visits["person_id"].duplicated()]
    old = first["age"] >= 70
    for name in CONDITIONS:
        assert (first[name] == "1")[old].mean() > 1.3 * (first[name] == "1")[~old].mean()
    men = first["sex"] == "M"
    assert (first["diabetes"] == "1")[men].mean() > (first["diabetes"] == "1")[~men].mean() + 0.02
    ill = (visits[list(CONDITIONS)] == "1").sum(axis=1)
    gap = (
        visits.groupby("person_id")["visit_date"]
        .diff()
        .dt.days.groupby(visits["person_id"])
        .shift(-1)
    )
    assert gap[ill >= 3].mean() < 0.6 * gap[ill == 0].mean()
    assert (visits["visit"] == "inpatient")[ill >= 3].mean() > 2 * 0.09
    died = first["died"] == "1"
    assert 0.05 < died.mean() < 0.2
    assert died[first["failure"] == "1"].mean() > 2 * died[first["failure"] == "0"].mean()


def test_a_value_keeps_to_the_patients_own_and_to_the_one_before(visits):
    """Correlation across patients that are shuffled is none; between rows that are far apart some stays."""
    sbp = visits["sbp"].astype(float)
    by = sbp.groupby(visits["person_id"])
    near, far = (sbp.corr(by.shift(k)) for k in (1, 4))
    assert near > far + 0.05 > 0.4
    mixed = pd.Series(np.random.default_rng(0).permutation(sbp))
    assert abs(mixed.corr(mixed.groupby(visits["person_id"]).shift())) < 0.05


def test_the_long_form_is_what_the_tables_say(tables, visits):
    assert len(visits) == len(tables["visit_occurrence"])
    someone = tables["condition_occurrence"].iloc[0]
    name = next(n for n, c in CONDITIONS.items() if c == someone["condition_concept_id"])
    mine = visits[visits["person_id"] == someone["person_id"]]
    known = mine["visit_date"] >= someone["condition_start_date"]
    assert list(mine[name] == "1") == list(known)
    value = tables["measurement"].query(f"measurement_concept_id == {SBP}").iloc[5]
    row = visits[
        (visits["person_id"] == value["person_id"])
        & (visits["visit_date"] == value["measurement_date"])
    ]
    assert list(row["sbp"]) == [value["value_as_number"]]
    assert (visits["died"] == "1").equals(visits["death_date"].notna())


def test_the_long_form_is_as_its_schema_says(tables):
    frame, findings = conform(texts(tables), SCHEMA)
    assert [str(f) for f in findings if f.action == "refused"] == []
    assert sum(f.rows for f in findings) < 0.001 * len(frame)
    frame = frame.iloc[in_order(frame, SCHEMA, frame[SCHEMA.unit].to_numpy())]
    by = frame.groupby(SCHEMA.unit, sort=False)
    visits = SCHEMA.visits
    assert (by[list(visits.constant)].nunique(dropna=False) == 1).all().all()
    days = by["visit_date"].diff().dt.days.dropna()
    assert days.between(1, 1825).all()
    for name in visits.never_falls:
        assert (frame[name].astype(int).groupby(frame[SCHEMA.unit]).diff().dropna() >= 0).all()
    assert ((by["age"].diff().dropna().astype(float) - days / YEAR).abs() < 1).all()


def test_what_is_written_is_what_was_made(tables, tmp_path):
    made.write(tables, tmp_path)
    assert {p.stem for p in tmp_path.glob("*.csv")} == {*tables, "long"}
    again = pd.read_csv(tmp_path / "measurement.csv", parse_dates=["measurement_date"])
    expected = tables["measurement"]
    pd.testing.assert_frame_equal(again, expected, check_dtype=False, check_index_type=False)
