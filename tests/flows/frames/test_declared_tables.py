"""Tables that a schema declares: written from rows of visits, read back they are those rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import mlcroissant
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.bundle.manifest import MANIFEST, manifest
from flows.bundle.verify import verify
from flows.bundle.write import _public
from flows.frames.tables import parts, tables, write_tables
from flows.frames.written import texts
from flows.label.histories import told_histories
from privacy.reading.conform import conform
from privacy.reading.folded import by_table
from privacy.reading.source import read_tables
from privacy.stored.rows import Rows
from tests.evaluators.made_pages import make_label
from tests.made_tables import SCHEMA, read_back, written

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "diabetes": st.sampled_from(["0", "1"]),
    "asthma": st.sampled_from(["0", "1"]),
    "sbp": st.none() | st.integers(60, 260),
    "sbp_again": st.none() | st.integers(60, 260),
    "a1c": st.none() | st.integers(30, 150).map(lambda n: n / 10),
    "drug": st.none() | st.sampled_from(["x", "y"]),
    "dose": st.none() | st.integers(1, 50),
}


def rows_of(people: list[tuple[str, int | None, list[dict[str, Any]]]]) -> pd.DataFrame:
    """Canonical rows: sex, day of death and visits of each person, who are numbered from 1."""
    first, lines = pd.Timestamp("2020-01-01"), []
    for who, (sex, died, visits) in enumerate(people, start=1):
        for place, visit in enumerate(visits):
            lines.append(
                {
                    "who": str(who),
                    "sex": sex,
                    "died": "no" if died is None else "yes",
                    "died_on": pd.NaT if died is None else first + pd.Timedelta(days=died),
                    "visit": str(len(lines) + 1),
                    "day": first + pd.Timedelta(days=30 * place),
                    **visit,
                }
            )
    frame = pd.DataFrame(lines)
    frame = frame.astype({"sbp": "Int64", "sbp_again": "Int64", "dose": "Int64", "a1c": float})
    frame["died_on"] = pd.to_datetime(frame["died_on"])
    return frame.astype({"drug": object})[list(SCHEMA.columns)]


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["F", "M"]),
        st.none() | st.integers(0, 1800),
        st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=6,
)


def packed(rows: pd.DataFrame) -> pd.DataFrame:
    """The second of two measurements is the first where that is missing."""
    alone = rows["sbp"].isna()
    return rows.assign(
        sbp=rows["sbp"].fillna(rows["sbp_again"]), sbp_again=rows["sbp_again"].mask(alone)
    )


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=PEOPLE)
def test_read_back_they_are_the_rows(
    tmp_path_factory: pytest.TempPathFactory, people: list[Any]
) -> None:
    rows, folder = rows_of(people), tmp_path_factory.mktemp("out")
    write_tables(rows, SCHEMA, folder)
    for ending in ("csv", "parquet"):
        files = {n: folder / "tables" / f"{n}.{ending}" for n in SCHEMA.tables}
        source = read_tables(files, SCHEMA)
        assert not source.unfolded
        frame, findings = conform(source.texts, SCHEMA)
        assert not findings
        found = texts(frame, SCHEMA).fillna("")
        pd.testing.assert_frame_equal(found, texts(packed(rows), SCHEMA).fillna(""))


def test_they_are_the_files_that_came_in_with_keys_of_their_own(tmp_path: Path) -> None:
    source = read_tables(by_table((written(tmp_path / "in"),), SCHEMA), SCHEMA)
    frame, _ = conform(source.texts, SCHEMA)
    write_tables(frame, SCHEMA, tmp_path)
    out = {n: read_back(tmp_path / "tables", n) for n in SCHEMA.tables}
    assert out["people"].to_numpy().tolist() == [["b", "M"], ["007", "F"]]
    assert list(out["diagnoses"]) == ["id", "visit", "who", "since", "code"]
    assert out["diagnoses"].to_numpy().tolist() == [
        ["1", "1", "007", "2021-03-02", "E11"],
        ["2", "1", "007", "2021-03-02", "J45"],
        ["3", "3", "b", "2021-09-01", "E11"],
    ]
    assert out["values"].to_numpy().tolist() == [
        ["1", "SBP", "mmHg", "140"],
        ["1", "SBP", "mmHg", "131"],
        ["1", "A1c", "%", "6.5"],
        ["3", "SBP", "mmHg", "118"],
    ]
    assert out["drugs"].to_numpy().tolist() == [["2", "x", "10"], ["3", "y", ""]]
    assert out["deaths"].to_numpy().tolist() == [["b", "2022-01-01"]]
    assert pd.read_parquet(tmp_path / "tables" / "values.parquet")["value"].dtype == float


def some_rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    one = {"diabetes": "1", "asthma": "0", "a1c": 6.5, "drug": "x", "dose": 5}
    return rows_of(
        [
            (
                "F",
                None if n % 3 else 900,
                [one | {"sbp": int(v), "sbp_again": None} for v in values],
            )
            for n, values in enumerate(rng.integers(100, 180, (40, 3)))
        ]
    )


@pytest.fixture
def public(tmp_path: Path) -> Path:
    rows = some_rows()
    label = make_label() | {"histories": told_histories(SCHEMA, rows)}
    label["release"] |= {"synthetic_units": 40, "synthetic_rows": len(rows)}
    _public(tmp_path / "public", SCHEMA, label, Rows.of(rows))
    return tmp_path / "public"


def test_croissant_and_datasets_open_every_table(
    public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = mlcroissant.Dataset(public / "croissant.json")
    assert not data.metadata.ctx.issues.errors
    wanted = {n: len(t) for n, t in tables(some_rows(), SCHEMA).items()}
    assert {n: len(list(data.records(n))) for n in wanted} == wanted
    sets = {r["@id"]: r for r in json.loads((public / "croissant.json").read_text())["recordSet"]}
    refers = {
        (name, f["name"]): f["references"]
        for name in wanted
        for f in sets[name]["field"]
        if "references" in f
    }
    person = {"field": {"@id": "people/who"}}
    visit = {"fileObject": {"@id": "tables/visits.parquet"}, "extract": {"column": "visit"}}
    of_visits = {(name, "visit"): visit for name in ("diagnoses", "values", "drugs")}
    assert refers == {("visits", "who"): person, ("deaths", "who"): person, **of_visits}
    assert sets["visits"]["key"] == {"@id": "visits/visit"}
    for name, rows in wanted.items():
        opened = datasets.load_dataset(
            str(public), name, split="train", cache_dir=str(tmp_path / "cache")
        )
        assert opened.num_rows == rows
        assert list(opened.features) == list(parts(SCHEMA)[name].schema.columns)
    assert "`drugs` (rows of `visits`, by `visit`)" in (public / "README.md").read_text("utf-8")


def test_verify_finds_a_row_that_is_not_in_the_rows(public: Path) -> None:
    def wrong() -> str:
        (public / MANIFEST).write_text(json.dumps(manifest(public)))
        return "\n".join(f.text for f in verify(public) if f.status == "wrong")

    assert "tables/" not in wrong()
    file = public / "tables" / "diagnoses.csv"
    file.write_text(file.read_text().replace("E11", "J45", 1))
    assert "tables/diagnoses.csv: other rows than in data.csv" in wrong()
