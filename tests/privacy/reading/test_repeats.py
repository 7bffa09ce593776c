"""A draft finds whose rows a table repeats and how they follow one another; nothing where nothing shows it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from privacy.errors import InputError
from privacy.reading.conform import conform
from privacy.reading.draft import draft_schema
from privacy.reading.read import read_texts
from privacy.schema.columns import Identifier
from privacy.schema.schema import DRAFT_MARK, Schema, load_schema
from privacy.schema.visits import Visits


def visits(people: int = 120, seed: int = 0) -> pd.DataFrame:
    """Patients with 1 to 5 visits, months apart; a stage that never falls, a dose that rises, what stays."""
    rng = np.random.default_rng(seed)
    lines = []
    for person in range(people):
        day = dt.date(2019, 1, 1) + dt.timedelta(days=int(rng.integers(300)))
        born, sex, site = 1930 + int(rng.integers(60)), rng.choice(["F", "M"]), int(rng.integers(4))
        stage, dose = 0, float(rng.integers(1, 9))
        for visit in range(1, int(rng.integers(1, 6)) + 1):
            age = (day - dt.date(born, 7, 1)).days // 365.25
            pulse = int(rng.integers(50, 110))
            lines.append(
                (f"P{person:03}", visit, day, sex, born, site, int(age), stage, dose, pulse)
            )
            day += dt.timedelta(days=int(rng.integers(60, 250)))
            stage = min(3, stage + int(rng.random() < 0.4))
            dose += float(rng.integers(1, 4))
    names = ["patient", "visit", "day", "sex", "born", "site", "age", "stage", "dose", "pulse"]
    return pd.DataFrame(lines, columns=names)


def drafted(frame: pd.DataFrame, folder: Path, **said: str) -> str:
    frame.to_csv(folder / "t.csv", index=False)
    return draft_schema(folder / "t.csv", **said).text  # type: ignore[arg-type]


def confirmed(draft: str, folder: Path) -> Schema:
    path = folder / "confirmed.yaml"
    path.write_text(draft.replace("draft: unconfirmed\n", "").replace(DRAFT_MARK, ""), "utf-8")
    return load_schema(path)


def test_unit_and_visits_are_proposed_and_marked(tmp_path: Path) -> None:
    draft = drafted(visits(), tmp_path)
    schema = confirmed(draft, tmp_path)
    assert (schema.unit, schema.max_rows_per_unit) == ("patient", 5)
    assert isinstance(schema.columns["patient"], Identifier)
    assert schema.visits == Visits(
        order="day",
        constant=("sex", "born", "site"),
        numbered=("visit",),
        never_falls=("stage",),
        rises=("dose",),
        ages={"age": 365.25},
    )
    lines = draft.splitlines()
    at = lines.index(next(line for line in lines if line.startswith("visits:")))
    assert all(line.endswith(DRAFT_MARK) for line in lines[at + 1 :] if line)
    assert all(
        x.endswith(DRAFT_MARK) for x in lines if x.startswith(("unit:", "max_rows_per_unit:"))
    )
    _, findings = conform(read_texts([tmp_path / "t.csv"], schema), schema)
    assert findings == []


def test_rows_need_not_stand_together_nor_in_order(tmp_path: Path) -> None:
    shuffled = visits().sample(frac=1, random_state=1)
    schemas = [confirmed(drafted(f, tmp_path), tmp_path) for f in (visits(), shuffled)]
    assert schemas[0].visits == schemas[1].visits


def test_what_changes_in_a_few_units_is_told_as_a_comment(tmp_path: Path) -> None:
    frame = visits(400)
    several = frame.groupby("patient").cumcount() > 0
    frame.loc[frame.index[several][:3], "sex"] = "X"
    draft = drafted(frame, tmp_path)
    assert "units with several rows: sex; if it is listed" in draft
    found = confirmed(draft, tmp_path).visits
    assert found is not None
    assert "sex" not in found.constant


def test_what_rarely_says_anything_is_no_evidence(tmp_path: Path) -> None:
    """A side effect of one visit in 500 hardly ever changes in a patient; that shows nothing."""
    frame = visits().assign(effect="no")
    frame.loc[frame.index[::500], "effect"] = "yes"
    found = confirmed(drafted(frame, tmp_path), tmp_path).visits
    assert found is not None
    assert "effect" not in (*found.constant, *found.never_falls)


def test_without_dates_a_count_of_visits_puts_them_in_order(tmp_path: Path) -> None:
    frame = visits()[["patient", "visit", "sex", "pulse"]]
    schema = confirmed(drafted(frame, tmp_path), tmp_path)
    assert schema.visits == Visits(order="visit", constant=("sex",), numbered=("visit",))
    assert (
        "visit" not in schema.incomplete
    )  # it follows from the rows, so nothing of it is measured


def test_a_date_puts_rows_in_order_though_some_fall_on_one_day(tmp_path: Path) -> None:
    frame = visits().drop(columns=["visit", "dose"])
    again = frame.drop_duplicates("patient").head(10)  # seen twice on the first day
    frame = pd.concat([frame, again]).sort_values(["patient", "day"], kind="stable")
    found = confirmed(drafted(frame, tmp_path), tmp_path).visits
    assert found is not None
    assert found.order == "day"
    assert found.ages == {"age": 365.25}
    once = frame.assign(day=frame.groupby("patient")["day"].transform("first"))
    once.loc[once.groupby("patient").cumcount() == 1, "day"] = dt.date(2024, 1, 1)
    found = confirmed(drafted(once, tmp_path), tmp_path).visits  # one day for most rows is no order
    assert found is not None
    assert found.order is None


def test_an_age_grows_by_any_unit_of_time(tmp_path: Path) -> None:
    frame = visits()
    days = pd.to_datetime(frame["day"]) - pd.Timestamp("2019-01-01")
    frame = frame.assign(day=days.dt.days // 7).sort_values(["patient", "day"])  # weeks
    found = confirmed(drafted(frame, tmp_path), tmp_path).visits
    assert found is not None
    assert found.order == "day"
    assert found.ages == {"age": 52.18}


def test_a_column_that_names_nobody_is_asked_about_and_can_be_named(tmp_path: Path) -> None:
    frame = visits().rename(columns={"patient": "alias"})
    draft = drafted(frame, tmp_path)
    assert "# is it alias? then draft again with --unit alias" in draft
    assert "visits:" not in draft
    named = confirmed(drafted(frame, tmp_path, unit="alias"), tmp_path)
    assert named.unit == "alias"
    assert named.visits is not None
    with pytest.raises(InputError, match="has no column 'patient'; it has alias"):
        drafted(frame, tmp_path, unit="patient")


def test_a_unit_of_one_row_has_no_history(tmp_path: Path) -> None:
    first = visits().drop_duplicates("patient")
    assert "visits:" not in drafted(first, tmp_path)
    alone = confirmed(drafted(first, tmp_path, unit="patient"), tmp_path)
    assert (alone.unit, alone.max_rows_per_unit, alone.visits) == ("patient", 1, None)
