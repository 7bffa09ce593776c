"""Five tables of OMOP as one: a row a visit, with what was known by then.

From the tables alone, whoever made them; configs/schemas/omop-visits.yaml describes the result.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from histories.concepts import (
    A1C,
    CONDITIONS,
    EMERGENCY,
    FEMALE,
    INPATIENT,
    MALE,
    OUTPATIENT,
    RACES,
    SBP,
    YEAR,
    Tables,
)

LONG = {
    "sex": {MALE: "M", FEMALE: "F"},
    "race": {concept: name for name, concept in RACES.items()},
    "visit": {INPATIENT: "inpatient", OUTPATIENT: "outpatient", EMERGENCY: "emergency"},
}


def long(tables: Tables) -> pd.DataFrame:
    """One row a visit: who, when, which conditions were known by then, and the last values by then.

    ``died`` and ``death_date`` are of the person. From the tables alone, whoever made them.
    """
    person = tables["person"].set_index("person_id")
    visit = tables["visit_occurrence"].sort_values(["person_id", "visit_start_date"], kind="stable")
    visit = visit.reset_index(drop=True)
    who, day = visit["person_id"], visit["visit_start_date"]
    born = pd.to_datetime(
        person[[f"{part}_of_birth" for part in ("year", "month", "day")]].rename(
            columns=lambda c: c.removesuffix("_of_birth")
        )
    )
    days = (day.to_numpy() - born.loc[who].to_numpy()) / np.timedelta64(1, "D")
    died = tables["death"].set_index("person_id")["death_date"]
    found = pd.DataFrame(
        {
            "person_id": who,
            "visit_date": day,
            "visit": visit["visit_concept_id"].map(LONG["visit"]),
            "sex": person["gender_concept_id"].map(LONG["sex"]).loc[who].to_numpy(),
            "race": person["race_concept_id"].map(LONG["race"]).loc[who].to_numpy(),
            "age": (days // YEAR).astype(int),
        }
    )
    recorded = tables["condition_occurrence"]
    for name, concept in CONDITIONS.items():
        first = recorded[recorded["condition_concept_id"] == concept]
        since = first.groupby("person_id")["condition_start_date"].min()
        found[name] = np.where(who.map(since) <= day, "1", "0")
    values = tables["measurement"]
    for name, concept in (("sbp", SBP), ("hba1c", A1C)):
        of = values[values["measurement_concept_id"] == concept]
        at = of.drop_duplicates("visit_occurrence_id", keep="last").set_index("visit_occurrence_id")
        here = visit["visit_occurrence_id"].map(at["value_as_number"])
        found[name] = here.groupby(who).ffill()
    return found.assign(
        sbp=found["sbp"].astype("Int64"),
        died=np.where(who.isin(died.index), "1", "0"),
        death_date=who.map(died),
    )


def texts(tables: Tables) -> pa.Table:
    """``long`` as the texts of a file."""
    return pa.table({name: as_texts(column) for name, column in long(tables).items()})


def as_texts(column: pd.Series) -> pa.Array:
    """A column as a CSV file has it: ISO dates, one decimal, nothing where a value is missing."""
    if column.dtype.kind == "M":
        column = column.dt.strftime("%Y-%m-%d")
    elif column.dtype.kind == "f":
        column = column.map(lambda v: f"{v:.1f}", na_action="ignore")
    return pa.array(column.astype(object).where(column.notna(), "").astype(str))
