"""Releases as files of Stata, SPSS and SAS: what their own readers find in them is what was published."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.bundle.write import _public
from flows.commands.main import app
from flows.frames.names import SIMPLE, simple_names
from flows.frames.published import Published, read_published
from flows.frames.statistics import ENDINGS, write_statistics
from flows.frames.tables import parts, tables
from flows.frames.written import texts
from privacy.errors import InputError
from privacy.reading.conform import conform
from privacy.reading.formats.statistics import described
from privacy.reading.formats.strict import NULL
from privacy.reading.read import read_any
from privacy.reading.source import read_source
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.schema import Csv, Schema
from privacy.stored.rows import Rows
from tests import made_tables
from tests.flows.frames.test_export import NASTY, PICTURES, SCHEMA, drawn, label

READ = {".dta": "read_dta", ".sav": "read_sav", ".zsav": "read_sav", ".xpt": "read_xport"}


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "public"
    _public(folder, SCHEMA, label(SCHEMA, license="cc-by-4.0"), Rows.of(drawn(SCHEMA)))
    return folder


@pytest.fixture(scope="module", params=ENDINGS)
def written(request: pytest.FixtureRequest, public: Path, tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("out") / f"x{request.param}"
    done = CliRunner().invoke(app, ["export", str(public), "--out", str(path)])
    assert done.exit_code == 0, done.output
    assert "is called a_q_b_c_d_e_f_g_i_h_i_amp_j_k_" in done.output.replace("\n", "")
    return path


def test_every_value_is_the_published_one(written: Path, public: Path) -> None:
    frame, names = read_published(public).frames["data"], simple_names(SCHEMA.columns)
    found = read_any(written, Csv()).to_pandas().replace(NULL, "")
    for name, column in SCHEMA.columns.items():
        read, there = found[names[name]], frame[name].notna()
        assert (read[~there] == "").all(), name
        if isinstance(column, Datetime):
            pd.testing.assert_series_equal(
                pd.to_datetime(read[there], format="ISO8601").dt.as_unit("s"),
                frame[name][there].dt.as_unit("s"),
                check_names=False,
            )
        elif isinstance(column, Numeric) and "N/A" not in column.special:
            assert (read[there].astype(float) == frame[name][there].astype(float)).all()
        else:  # blanks around a label are no part of it
            wanted = frame[name][there].astype(str).map(lambda text: " ".join(text.split()))
            assert (read[there].map(lambda text: " ".join(text.split())) == wanted).all(), name


def test_types_and_labels_are_those_of_the_format(written: Path) -> None:
    rows, about = getattr(pyreadstat, READ[written.suffix])(written)
    kinds = about.readstat_variable_types
    assert {kinds[n] for n in ("age", "rank", "beds", "lab")} <= {"int32", "double"}
    assert kinds["who"] == kinds["dose"] == "string"
    if written.suffix == ".dta":
        assert (kinds["age"], kinds["beds"]) == ("int32", "double")
        pandas = pd.read_stata(written)
        assert pandas["age"].equals(pd.to_numeric(rows["age"]).astype("float64"))
        assert list(pandas["sex"].cat.categories) == ["F", "M"]
    assert isinstance(rows["born"][0], __import__("datetime").date)
    assert pd.api.types.is_datetime64_any_dtype(rows["at"])
    labelled = written.suffix != ".xpt"
    assert pd.api.types.is_numeric_dtype(rows["sex"]) == labelled
    said = about.variable_value_labels
    assert said.get("sex") == ({1: "F", 2: "M"} if labelled else None)
    assert said.get("stage") == ({1: "low", 2: "high", 3: "10"} if labelled else None)
    assert "rank" not in said
    assert about.file_label.startswith("Synthetic. epsilon=")
    if written.suffix in (".sav", ".zsav"):
        assert all(len(line.encode()) <= 80 for line in about.notes)
        assert "Licence: cc-by-4.0." in about.notes
        assert about.variable_measure["stage"] == "ordinal"
    assert about.column_names_to_labels[simple_names(SCHEMA.columns)[NASTY]].startswith('a "q"')


def test_the_lines_in_python_load_it(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written.parent)
    found = runpy.run_path("x.load.py")
    assert len(found["rows"]) == 80
    assert set(found["rows"]["sex"].dropna()) == {"F", "M"}
    for ending in (".R", ".do", ".sas", ".py"):
        lines = Path(f"x.load{ending}").read_text().strip().splitlines()
        assert len([line for line in lines if line]) <= 3
        assert "every row is invented" in lines[0]
        assert f'"{written.name}"' in lines[-1] or f'"{written.name}"' in lines[-2]


def test_a_file_that_is_there_is_kept(written: Path, public: Path) -> None:
    with pytest.raises(InputError, match="exists already"):
        write_statistics(read_published(public), written)


def test_pictures_are_refused(tmp_path: Path) -> None:
    published = Published({"data": drawn(PICTURES)}, {"data": PICTURES}, label(PICTURES))
    with pytest.raises(InputError, match="holds no pictures"):
        write_statistics(published, tmp_path / "x.dta")


@pytest.mark.parametrize("ending", ENDINGS)
def test_many_sizes(ending: str, tmp_path: Path) -> None:
    """No row, one row, rows without a value, texts that are too long for a label."""
    columns = {
        "n": {"kind": "integer", "bounds": [0, 9], "bins": 3, "missing": "keep"},
        "c": {"kind": "categorical", "categories": ["a", "b" * 200], "missing": "keep"},
        "d": {"kind": "datetime", "bounds": ["2000-01-01", "2001-01-01"], "bins": 3, "missing": "keep"},
    }  # fmt: skip
    schema = Schema.model_validate({"name": "t", "columns": columns})
    one = pd.DataFrame(
        {"n": pd.array([3], "Int64"), "c": ["b" * 200], "d": pd.to_datetime(["2000-02-29"])}
    )
    none = pd.DataFrame({"n": pd.array([None], "Int64"), "c": [None], "d": [pd.NaT]}, dtype=None)
    none["c"], none["d"] = none["c"].astype(object), pd.to_datetime(none["d"])
    for name, frame in (
        ("one", one),
        ("none", none),
        ("both", pd.concat([one, none], ignore_index=True)),
    ):
        path = tmp_path / f"{name}{ending}"
        write_statistics(Published({"data": frame}, {"data": schema}, label(schema)), path)
        read = read_any(path, Csv()).to_pandas().replace(NULL, "")
        wanted = texts(frame, schema)
        assert read.to_dict("list") == wanted.to_dict("list")


def test_codes_that_stand_in_for_a_category_stay(tmp_path: Path) -> None:
    """Rows say a child of the category (``released: child``), which has no code of its own."""
    column = {
        "kind": "categorical",
        "categories": ["1", "2"],
        "hierarchy": {"parents": {"11": "1", "12": "1"}, "released": "child"},
    }
    schema = Schema.model_validate({"name": "t", "columns": {"code": column}})
    frame = pd.DataFrame({"code": ["11", "12", "2"]})
    for ending in ENDINGS:
        path = tmp_path / f"x{ending}"
        write_statistics(Published({"data": frame}, {"data": schema}, label(schema)), path)
        assert read_any(path, Csv()).to_pydict() == {"code": ["11", "12", "2"]}


def test_what_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    published = Published({"data": drawn(SCHEMA)}, {"data": SCHEMA}, label(SCHEMA))
    with pytest.raises(InputError, match="cannot be written") as caught:
        write_statistics(published, tmp_path / "no" / "x.dta")
    assert str(caught.value).isprintable()


def test_tables_are_files_in_a_folder(tmp_path: Path) -> None:
    schema = made_tables.SCHEMA
    source = read_source((made_tables.written(tmp_path / "in"),), schema)
    frame = conform(source.texts, schema)[0]
    known = {n: p.schema for n, p in parts(schema).items()}
    published = Published(tables(frame, schema), known, label(schema))
    found = write_statistics(published, tmp_path / "all.dta")
    assert [w.path for w in found] == [tmp_path / "all" / f"{n}.dta" for n in known]
    for one in found:
        read = read_any(one.path, Csv())
        assert read.num_rows == len(published.frames[one.table])
        assert set(described(one.path)) == set(read.column_names)


@given(st.lists(st.text(max_size=40), unique=True, max_size=12))
def test_names_are_taken_and_differ(names: list[str]) -> None:
    found = simple_names(names)
    assert list(found) == names
    assert len({new.lower() for new in found.values()}) == len(names)
    for old, new in found.items():
        assert SIMPLE.fullmatch(new)
        assert len(new) <= 32
        if SIMPLE.fullmatch(old) and sum(n.lower() == old.lower() for n in names) == 1:
            assert new == old or len(old) > 32 or len(new) == len(old) + 1
    assert simple_names(found.values()) == {n: n for n in found.values()}


def test_names_as_people_meet_them() -> None:
    found = simple_names(["HDL (mmol/L)", "Größe", "1st", "with", "id", "ID", "x" * 40, "%"])
    assert list(found.values()) == [
        "HDL_mmol_L", "Groe", "v_1st", "with_", "id", "ID_2", "x" * 32, "column",
    ]  # fmt: skip
    assert np.all([len(n) <= 32 for n in found.values()])
