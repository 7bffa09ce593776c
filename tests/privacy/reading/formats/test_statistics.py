"""What SPSS, Stata and SAS keep of a value, and what is read of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from privacy.errors import DataError, InputError
from privacy.reading.formats import statistics
from privacy.reading.formats.statistics import Described, described
from privacy.reading.formats.strict import NULL
from privacy.reading.read import read_any
from privacy.schema.schema import Csv


def read(path: Path, form: Csv = Csv()) -> dict[str, list[str]]:  # noqa: B008 (frozen)
    found: dict[str, list[str]] = read_any(path, form).to_pydict()
    return found


def spss(path: Path, columns: dict[str, Any], **more: Any) -> Path:
    pyreadstat.write_sav(pd.DataFrame(columns), path, **more)
    return path


def test_a_label_stands_for_its_value_and_other_values_for_themselves(tmp_path: Path) -> None:
    path = spss(
        tmp_path / "t.sav",
        {"sex": [1.0, 2, np.nan], "age": [45.0, 999, 61.5], "code": ["F", "X", ""]},
        variable_value_labels={
            "sex": {1: "male", 2: " fe\nmale "},
            "age": {999: "unknown"},
            "code": {"F": "free"},
        },
    )
    assert read(path) == {
        "sex": ["male", "fe male", NULL],
        "age": ["45", "unknown", "61.5"],
        "code": ["free", "X", ""],
    }


def test_what_spss_calls_missing_is_missing(tmp_path: Path) -> None:
    path = spss(
        tmp_path / "t.sav",
        {"sex": [1.0, 9, 2], "score": [45.0, 997, -1]},
        variable_value_labels={"sex": {1: "male", 2: "female", 9: "refused"}},
        missing_ranges={"sex": [9], "score": [{"lo": 900, "hi": 1000}, -1]},
        column_labels={"sex": "Sex at\nbirth"},
    )
    assert read(path) == {"sex": ["male", NULL, "female"], "score": ["45", NULL, NULL]}
    assert described(path) == {
        "sex": Described("Sex at birth", {"1": "male", "2": "female", "9": "refused"}, ("9",)),
        "score": Described("", {}, ("900 to 1000", "-1")),
    }


def test_two_values_of_one_label_stay_codes(tmp_path: Path) -> None:
    labels = {"why": {1: "other", 2: "other", 3: "cost"}}
    path = spss(tmp_path / "t.sav", {"why": [1.0, 2, 3]}, variable_value_labels=labels)
    assert read(path) == {"why": ["1", "2", "3"]}


def test_what_stata_calls_missing_is_missing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"dose": pd.Series([1, "a", 3, None, "z"], dtype=object)})
    path = tmp_path / "t.dta"
    pyreadstat.write_dta(
        frame,
        path,
        missing_user_values={"dose": ["a", "z"]},
        variable_value_labels={"dose": {1: "low"}},
    )
    assert read(path) == {"dose": ["low", NULL, "3", NULL, NULL]}


def test_stata_counts_time_in_many_ways(tmp_path: Path) -> None:
    days = pd.to_datetime(["2020-02-29", "1959-10-01"])
    times = pd.to_datetime(["2020-02-29 10:00:01", "1959-12-31 23:59:59"])
    forms = {"d": "%td", "m": "%tm", "q": "%tq", "h": "%th", "w": "%tw", "y": "%ty", "c": "%tc"}
    frame = pd.DataFrame(dict.fromkeys(forms, days) | {"c": times})
    path = tmp_path / "t.dta"
    frame.to_stata(path, convert_dates=forms, write_index=False, version=118)
    assert read(path) == {
        "d": ["2020-02-29", "1959-10-01"],
        "m": ["2020-02-01", "1959-10-01"],
        "q": ["2020-01-01", "1959-10-01"],
        "h": ["2020-01-01", "1959-07-01"],
        "w": ["2020-02-26", "1959-10-01"],
        "y": ["2020", "1959"],
        "c": ["2020-02-29 10:00:01", "1959-12-31 23:59:59"],
    }


@pytest.mark.parametrize("form", ["%tdDD-Mon-YY", "%-td", "%d", "%tdCCYY-NN-DD"])
def test_a_date_is_one_however_stata_shows_it(form: str, tmp_path: Path) -> None:
    path = tmp_path / "t.dta"
    pyreadstat.write_dta(pd.DataFrame({"d": [21974.0, np.nan]}), path, variable_format={"d": form})
    assert read(path) == {"d": ["2020-02-29", NULL]}


def test_floats_of_32_bits_have_no_more_digits(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"f": np.array([0.1, 2, 1234.5678], dtype="float32"), "d": [0.1, 2, 1 / 3]}
    )
    frame.to_stata(tmp_path / "t.dta", write_index=False)
    assert read(tmp_path / "t.dta") == {
        "f": ["0.1", "2", "1234.5677"],
        "d": ["0.1", "2", "0.3333333333333333"],
    }


SHOWN = {
    "DATE11": (13802313600, "2020-02-29"), "ADATE10": (13802313600, "2020-02-29"),
    "SDATE10": (13802313600, "2020-02-29"), "MOYR8": (13802313600, "2020-02-29"),
    "DATETIME20": (13802349601, "2020-02-29 10:00:01"), "TIME8": (36001, "10:00:01"),
    "DTIME10": (108000, "30:00:00"), "F8.2": (13802313600, "13802313600"),
    "DOLLAR8": (3.5, "3.5"),
}  # fmt: skip


@pytest.mark.parametrize("form", SHOWN)
def test_a_format_of_spss_says_what_a_number_is(form: str, tmp_path: Path) -> None:
    stored, text = SHOWN[form]
    path = spss(tmp_path / "t.sav", {"x": [float(stored)]}, variable_format={"x": form})
    assert read(path) == {"x": [text]}


SAS = {
    "DATE9": (21974, "2020-02-29"), "YYMMDD10": (21974, "2020-02-29"),
    "E8601DA": (21974, "2020-02-29"), "DATETIME20": (1898589601, "2020-02-29 10:00:01"),
    "E8601DT": (1898589601.5, "2020-02-29 10:00:01.500"), "TIME8": (36001, "10:00:01"),
    "BEST12": (21974, "21974"),
}  # fmt: skip


@pytest.mark.parametrize("form", SAS)
def test_a_format_of_sas_says_what_a_number_is(form: str, tmp_path: Path) -> None:
    stored, text = SAS[form]
    path = tmp_path / "t.xpt"
    frame = pd.DataFrame({"x": [float(stored), np.nan]})
    pyreadstat.write_xport(frame, path, variable_format={"x": form})
    assert read(path) == {"x": [text, NULL]}


def test_what_python_thinks_of_dates_is_thought_here(tmp_path: Path) -> None:
    days = [dt.date(1583, 1, 1), dt.date(1899, 12, 31), dt.date(1960, 1, 1), dt.date(2261, 1, 1)]
    spss(tmp_path / "t.sav", {"d": days})
    pyreadstat.write_dta(pd.DataFrame({"d": days}), tmp_path / "t.dta")
    pyreadstat.write_xport(pd.DataFrame({"d": days}), tmp_path / "t.xpt")
    for name in ("t.sav", "t.dta", "t.xpt"):
        assert read(tmp_path / name)["d"] == [day.isoformat() for day in days]


def test_a_portable_file_is_read(tmp_path: Path) -> None:
    pyreadstat.write_por(pd.DataFrame({"A": [1.0, 2.5], "B": ["x", "y"]}), tmp_path / "t.por")
    assert read(tmp_path / "t.por")["A"] == ["1", "2.5"]


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises((DataError, InputError)) as caught:
        read(path)
    error = caught.value
    message = error.private if isinstance(error, DataError) else str(error)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    return message


def test_bad_files_are_refused_in_one_line(tmp_path: Path) -> None:
    whole = spss(tmp_path / "t.sav", {"a": [1.0] * 500}).read_bytes()
    assert "it may be damaged" in refusal(tmp_path / "a.sav", whole[:400])
    assert "an SPSS file by its content; rename it" in refusal(tmp_path / "a.dta", whole)
    assert "plain text, CSV perhaps" in refusal(tmp_path / "b.dta", b"a,b\n1,2\n")
    assert "the file is empty" in refusal(tmp_path / "c.xpt", b"")
    assert "it may be damaged" in refusal(tmp_path / "d.sav", b"$FL2" + bytes(range(256)) * 9)


def test_a_reader_that_crashes_is_an_error_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(statistics, "WORKER", worker)
    whole = spss(tmp_path / "t.sav", {"a": [1.0]}).read_bytes()
    assert "the reader crashed on it" in refusal(tmp_path / "t.sav", whole)


def test_texts_in_another_encoding_than_the_file_says(tmp_path: Path) -> None:
    whole = spss(tmp_path / "t.sav", {"name": ["Mull-er"]}).read_bytes()
    assert whole.count(b"Mull-er") == 1
    other = whole.replace(b"Mull-er", "M\xfcll-er".encode("latin-1"))
    assert "csv.encoding in the schema" in refusal(tmp_path / "t.sav", other)
    assert read(tmp_path / "t.sav", Csv(encoding="latin-1")) == {"name": ["Müll-er"]}
