"""A stranger's table is brought into the schema; what was bent is counted and said."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from flows.judging.forms import STANDARD, Brought, bring
from flows.judging.stranger import fit
from privacy.schema.schema import Schema

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
