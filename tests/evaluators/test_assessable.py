"""Who has too few people to be assessed: counts of people, not rows, of outcomes of both kinds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.assessable import unassessed
from privacy.schema.schema import Schema
from tests.evaluators.clinic import SCHEMA, people

PEOPLE = people(2000, 1)
ALONE = np.arange(2000)


def names(**given: object) -> dict[str, str]:
    asked = {"frame": PEOPLE, "units": ALONE, "schema": SCHEMA} | given
    return {u.name: u.reason for u in unassessed(**asked)}  # type: ignore[arg-type]


def test_who_is_enough_is_not_named() -> None:
    assert names() == {}


def test_a_small_group_is_named_once_with_its_count() -> None:
    of_c = int((PEOPLE["site"] == "C").sum())
    assert names(share=0.5) == {"site=C": f"{of_c // 2} people, fewer than 100"}


def test_people_count_and_not_rows() -> None:
    assert names(units=ALONE // 40) == {"everyone": "50 people, fewer than 100"}


def test_too_few_outcomes_in_a_group_are_told_with_their_target() -> None:
    frame = PEOPLE.assign(back=np.where(PEOPLE["site"] == "C", "no", PEOPLE["back"]))
    assert names(frame=frame) == {"back for site=C": "0 people with the event, fewer than 20"}


def test_of_a_target_that_nobody_can_judge_no_group_is_told() -> None:
    assert names(frame=PEOPLE.assign(back="no")) == {
        "back": "0 people with the event, fewer than 20"
    }


@pytest.mark.parametrize("rows", [0, 5])
def test_a_table_of_five_rows_is_one_line(rows: int) -> None:
    found = names(frame=PEOPLE[:rows], units=ALONE[:rows])
    assert found == {"everyone": f"{rows} people, fewer than 100"}


def test_what_a_schema_leaves_open_is_not_looked_at() -> None:
    open_ = SCHEMA.columns["site"].model_copy(update={"categories": None, "other": "else"})
    schema = SCHEMA.model_copy(update={"columns": {**SCHEMA.columns, "site": open_}})
    assert names(schema=schema, share=0.5) == {}


def test_bands_are_looked_at_also_where_bins_are_open() -> None:
    """A draft leaves bins open: nobody was told that a band of age has hardly anybody."""
    age = {"kind": "integer", "bounds": [0, 120]}
    ill = {"kind": "categorical", "categories": ["0", "1"]}
    about = {
        "name": "t",
        "columns": {"age": age, "ill": ill},
        "targets": [{"task": "classification", "column": "ill", "positive": ["1"]}],
        "subgroups": [{"column": "age", "bands": [0, 40, 120]}],
    }
    ages, rng = np.repeat([30, 60], [90, 1910]), np.random.default_rng(0)
    frame = pd.DataFrame({"age": ages, "ill": rng.choice(["0", "1"], 2000)})
    schema = Schema.model_validate(about)
    assert names(frame=frame, schema=schema) == {"age=0 to 39": "90 people, fewer than 100"}
    known = Schema.model_validate(about | {"columns": {"age": age | {"bins": 5}, "ill": ill}})
    assert names(frame=frame, schema=known) == names(frame=frame, schema=schema)


def test_of_a_schema_that_leaves_all_open_everybody_is_counted() -> None:
    age = {"kind": "integer", "bounds": [0, 99]}
    schema = Schema.model_validate({"name": "t", "columns": {"age": age}})
    assert names(schema=schema) == {}
    assert names(schema=schema, share=0.01) == {"everyone": "20 people, fewer than 100"}
