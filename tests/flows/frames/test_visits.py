"""What rows do not keep of `visits:` is counted, and nothing is said where they keep it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from flows.frames.visits import remarks, unkept
from privacy.schema.schema import Schema
from tests.flows.commands.test_cli import understudy

SCHEMA = Schema.model_validate(
    {
        "name": "visits",
        "unit": "patient",
        "max_rows_per_unit": 3,
        "columns": {
            "patient": {"kind": "identifier"},
            "visit": {"kind": "integer", "bounds": [1, 3], "bins": 3},
            "day": {"kind": "datetime", "bounds": ["2020-01-01", "2024-01-01"], "bins": 4},
            "sex": {"kind": "categorical", "categories": ["F", "M"], "missing": "keep"},
            "stage": {"kind": "ordinal", "categories": ["I", "II", "III"]},
            "dose": {"kind": "float", "bounds": [0, 9], "bins": 3, "missing": "keep"},
            "age": {"kind": "integer", "bounds": [0, 99], "bins": 9},
            "state": {"kind": "categorical", "categories": ["home", "moved", "dead"]},
        },
        "visits": {
            "order": "day",
            "constant": ["sex"],
            "numbered": ["visit"],
            "never_falls": ["stage"],
            "rises": ["dose"],
            "ages": {"age": 365.25},
            "ends": {"state": ["dead", "moved"]},
        },
    }
)
KEPT = [
    ("b", 2, "2021-06-01", "F", "II", 3.0, 41, "dead"),
    ("a", 1, "2020-01-01", "M", "I", 1.0, 70, "home"),
    ("a", 2, "2020-07-01", "M", "I", None, 71, "home"),
    ("b", 1, "2020-05-01", "F", "I", 2.5, 40, "home"),
    ("a", 3, "2022-01-01", "M", "III", 1.5, 72, "moved"),
    ("c", 1, "2023-01-01", None, "II", None, 5, "home"),
]


def rows(**changes: tuple[int, object]) -> pd.DataFrame:
    """The rows above; ``changes``: the value of one row of a column."""
    frame = pd.DataFrame(KEPT, columns=list(SCHEMA.columns)).astype(
        {"visit": object, "age": object}
    )
    for name, (row, value) in changes.items():
        frame.loc[row, name] = value
    return frame.assign(day=pd.to_datetime(frame["day"]).astype("datetime64[s]"))


def test_nothing_is_said_of_rows_that_keep_all_of_it() -> None:
    assert list(unkept(rows(), SCHEMA)) == []


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("sex", (0, "M"), "constant sex changes in 1 of 2 patients with several rows, first row 1"),
        (
            "sex",
            (4, None),
            "constant sex changes in 1 of 2 patients with several rows, first row 5",
        ),
        ("visit", (4, 2), "numbered visit is not 1, 2, 3, … in 1 rows of 1 patients, first row 5"),
        ("stage", (2, "III"), None),
        ("stage", (1, "II"), "never_falls stage falls in 1 rows of 1 patients, first row 3"),
        ("dose", (0, 2.5), "rises dose does not rise in 1 rows of 1 patients, first row 1"),
        (
            "state",
            (1, "moved"),
            "ends state ends a history before 1 rows of 1 patients, first row 3",
        ),
        (
            "state",
            (3, "dead"),
            "ends state ends a history before 1 rows of 1 patients, first row 1",
        ),
        ("state", (0, "home"), None),
        ("age", (4, 74), "ages age grows by more or less than one in 365.25 of day in 1 rows"),
        ("day", (1, "2020-07-01"), "order day is that of the row before in 1 rows of 1 patients"),
    ],
)
def test_each_thing_that_does_not_hold_is_counted(
    name: str, change: tuple[int, object], said: str | None
) -> None:
    frame = rows(**{name: change})
    lines = [*unkept(frame, SCHEMA), *remarks(frame, SCHEMA)]
    assert len(lines) == (said is not None)
    assert said is None or lines[0].startswith(said)


def test_units_with_more_rows_than_count_are_told() -> None:
    (line,) = unkept(rows(), SCHEMA.model_copy(update={"max_rows_per_unit": 2}))
    assert line.startswith("1 of 3 patients have more than 2 rows, up to 3")


def test_where_nobody_has_two_rows_there_is_nothing_to_link() -> None:
    (line,) = remarks(rows().drop_duplicates("patient").assign(visit=1), SCHEMA)
    assert line == "no patient has a second row, so there is nothing to link"


def test_a_schema_without_visits_counts_nothing() -> None:
    assert list(unkept(rows(sex=(0, "M")), SCHEMA.model_copy(update={"visits": None}))) == []


def test_the_command_tells_them(tmp_path: Path) -> None:
    (tmp_path / "schema.yaml").write_text(SCHEMA.to_yaml())
    rows(sex=(0, "M")).to_csv(tmp_path / "t.csv", index=False)
    done = understudy("schema", "check", tmp_path / "schema.yaml", tmp_path / "t.csv")
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert "visits: constant sex changes in 1 of 2 patients" in told
    assert "not linked" not in told


def test_an_age_at_its_bound_need_not_grow() -> None:
    frame = rows(age=(0, 97)).assign(age=lambda f: f["age"].where(f["patient"] != "b", 99))
    assert list(unkept(frame, SCHEMA)) == []
