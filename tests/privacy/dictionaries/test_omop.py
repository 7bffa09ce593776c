"""Field-level definitions of OMOP describe one table at a time."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy.dictionaries.document import schema_from
from privacy.errors import InputError
from privacy.schema.columns import Categorical, Numeric
from tests.privacy.dictionaries.described import findings, loaded, write

LINES = [
    "cdmTableName,cdmFieldName,isRequired,cdmDatatype,userGuidance,isPrimaryKey,isForeignKey,fkTableName,fkDomain",
    "person,person_id,Yes,integer,Names a person. And more.,Yes,No,NA,NA",
    "person,gender_concept_id,Yes,integer,Sex at birth.,No,Yes,CONCEPT,Gender",
    "person,year_of_birth,Yes,integer,NA,No,No,NA,NA",
    "person,month_of_birth,No,integer,NA,No,No,NA,NA",
    "person,provider_id,No,integer,NA,No,Yes,PROVIDER,NA",
    "person,gender_source_value,No,varchar(50),NA,No,No,NA,NA",
    "visit_occurrence,visit_occurrence_id,Yes,integer,NA,Yes,No,NA,NA",
    "visit_occurrence,person_id,Yes,integer,NA,No,Yes,PERSON,NA",
    "visit_occurrence,visit_concept_id,Yes,Integer,NA,No,Yes,CONCEPT,Visit",
    "visit_occurrence,visit_start_date,Yes,date,NA,No,No,NA,NA",
    "visit_occurrence,visit_end_date,Yes,date,NA,No,No,NA,NA",
    "visit_occurrence,note_text,No,varchar(MAX),NA,No,No,NA,NA",
]
DOCUMENT = [line.split(",") for line in LINES]


def test_a_table_is_described_with_its_person_as_the_unit(tmp_path):
    schema = loaded(tmp_path, DOCUMENT, table="person")
    assert (schema.name, schema.unit, schema.surplus_columns) == ("person", "person_id", "drop")
    assert list(schema.columns) == [
        "person_id", "gender_concept_id", "year_of_birth", "month_of_birth", "provider_id",
    ]  # fmt: skip
    gender, month = schema.columns["gender_concept_id"], schema.columns["month_of_birth"]
    assert isinstance(gender, Categorical)
    assert gender.categories == ("8532", "8507", "0")
    assert isinstance(month, Numeric)
    assert (month.bounds, month.missing) == ((1, 12), "keep")
    assert schema.columns["provider_id"].kind == "identifier"


def test_visits_ask_for_their_rows_and_propose_an_order(tmp_path):
    described = schema_from(write(tmp_path, DOCUMENT), "VISIT_OCCURRENCE")
    assert "#   - {order: [visit_start_date, visit_end_date]}" in described.text
    assert "max_rows_per_unit: how many rows" in described.text
    assert "#   note_text: free text" in described.text
    assert any("set max_rows_per_unit" in line for line in described.told)


def test_a_table_has_to_be_named(tmp_path):
    with pytest.raises(
        InputError, match="describes 2 tables; name one with --table: person, visit_occurrence"
    ):
        loaded(tmp_path, DOCUMENT)
    with pytest.raises(InputError, match="has no table 'death'"):
        loaded(tmp_path, DOCUMENT, table="death")


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_rows_of_the_table_conform(tmp_path, data):
    schema = loaded(tmp_path, DOCUMENT, table="visit_occurrence")
    days = st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)).map(str)
    row = st.tuples(
        st.integers(1), st.integers(1, 50), st.integers(0, 10**8), days, days, st.just("x")
    )
    rows = data.draw(st.lists(row.map(lambda r: [*map(str, r)]), min_size=1, max_size=8))
    header = [line[1] for line in DOCUMENT if line[0] == "visit_occurrence"]
    assert findings(tmp_path, schema, header, rows) == []
