"""A stranger's table is brought into the schema; what was bent is counted and said."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from flows.judging.forms import STANDARD, Brought, bring
from flows.judging.stranger import fit, unnamed
from privacy.schema.schema import Schema
from tests.flows.made_histories import SCHEMA, made

ARRIVED = {
    "kind": "datetime", "bounds": ["2024-01-01", "2024-12-31"], "bins": 12, "resolution": "second",
}  # fmt: skip


def brought(folder: Path, texts: list[str], schema: Schema) -> Brought:
    path = folder / "s.csv"
    pd.DataFrame({"at": texts}).to_csv(path, index=False)
    return bring(path, schema, STANDARD)


@pytest.mark.parametrize(
    ("zone", "hours", "said"),
    [
        (None, [20, 9], "taken: at '2024-01-29T20:30:00-' as its local time (1 of 2 rows)"),
        ("America/Chicago", [19, 9], ""),
    ],
)
def test_times_of_a_stranger_are_read_as_real_ones_are(
    zone: str | None, hours: list[int], said: str, tmp_path: Path
) -> None:
    schema = Schema.model_validate({"name": "t", "columns": {"at": {**ARRIVED, "zone": zone}}})
    texts = ["2024-01-29T20:30:00-05:00", "2024-01-30 09:30:00"]
    fitted = fit(brought(tmp_path, texts, schema), schema)
    assert fitted.frame["at"].dt.hour.tolist() == hours
    assert fitted.words == said
    assert [s.value for s in fitted.scores if s.metric == "input.spelling"] == (
        [0.5] if said else []
    )


def test_a_date_of_another_year_s_format_is_written_in_the_schema_s(tmp_path: Path) -> None:
    column = ARRIVED | {"resolution": "day", "format": "%d/%m/%y", "pivot": 2026}
    schema = Schema.model_validate({"name": "t", "columns": {"at": column}})
    fitted = fit(brought(tmp_path, ["2024-05-06", "07/05/24"], schema), schema)
    assert fitted.frame["at"].dt.strftime("%Y-%m-%d").tolist() == ["2024-05-06", "2024-05-07"]
    assert fitted.words == "taken: at '2024-05-06' as '06/05/24' (1 of 2 rows)"


def histories(folder: Path, frame: pd.DataFrame, schema: Schema = SCHEMA) -> Brought:
    path = folder / "h.csv"
    frame.to_csv(path, index=False)
    return bring(path, schema, STANDARD)


def test_rows_of_a_stranger_s_patient_stand_together_and_in_order(tmp_path: Path) -> None:
    rows = made(60).assign(patient=lambda f: "synthetic-" + f["patient"])
    shuffled = rows.sample(frac=1, random_state=3)
    fitted = fit(histories(tmp_path, shuffled), SCHEMA)
    found = fitted.frame[list(rows)].sort_values("patient", kind="stable").reset_index(drop=True)
    wanted = rows.sort_values("patient", kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)
    starts = fitted.frame["patient"] != fitted.frame["patient"].shift()
    assert starts.sum() == 60
    assert fitted.words == ""


def test_rows_of_nobody_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = made(60)
    rows.loc[:4, "patient"] = ""
    fitted = fit(histories(tmp_path, rows), SCHEMA)
    assert len(fitted.frame) == len(rows) - 5
    (score,) = [s for s in fitted.scores if s.metric == "input.unfit"]
    assert (score.value, score.detail) == (5 / len(rows), "patient: is missing")


def test_without_the_unit_s_column_no_histories_are_judged_and_that_is_said(tmp_path: Path) -> None:
    rows = made(60)
    for name, near in (("row", ""), ("Patient", ", but 'Patient'; rename it")):
        table = histories(tmp_path, rows.rename(columns={"patient": name}))
        schema, (score,) = unnamed([table], SCHEMA)
        assert schema.visits is None
        assert score.status == "failed"
        assert f"patient: the synthetic table has no such column{near}" in score.reason
        assert "no histories are judged" in score.reason
        assert "patient" not in fit(table, schema).frame
    assert unnamed([histories(tmp_path, rows)], SCHEMA) == (SCHEMA, ())


def test_an_identifier_that_orders_rows_is_needed_too(tmp_path: Path) -> None:
    plain = SCHEMA.model_dump()
    plain["columns"]["stay"] = {"kind": "identifier"}
    plain["visits"] = {"order": "stay", "constant": ["sex"]}
    schema = Schema.model_validate(plain)
    rows = made(60)
    assert unnamed([histories(tmp_path, rows)], schema)[1][0].detail == "stay"
    stays = rows.assign(stay=[str(i) for i in range(8, 8 + len(rows))])
    fitted = fit(histories(tmp_path, stays.sample(frac=1, random_state=1), schema), schema)
    for _, mine in fitted.frame.groupby("patient"):
        assert mine["stay"].astype(int).is_monotonic_increasing
