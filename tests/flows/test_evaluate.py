"""Anybody's synthetic table: from files to a verdict, whatever is wrong with it."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from evaluators.pages.parts.facts import Facts
from evaluators.score import Scorecard
from flows.judging.forms import bring
from flows.judging.judgement import Case, judge, prepare
from flows.judging.stranger import Fitted
from flows.judging.stranger import fit as fit_brought
from flows.stages.telling import StageError, told_publicly
from privacy.errors import DataError, InputError
from privacy.schema.schema import Csv, Schema
from tests.flows import clinic
from tests.flows.stages.test_steps import quiet

pytestmark = pytest.mark.all_questions

CLOSED = clinic.SCHEMA | {
    "columns": clinic.SCHEMA["columns"]
    | {
        "ward": {"kind": "categorical", "categories": ["north", "south"]},
        "marker": {"kind": "float", "bounds": [0, 10], "bins": 5, "missing": "keep"},
    }
}


def cases(folder: Path, frame: pd.DataFrame, schema: Any = CLOSED, **more: Any) -> Case:
    """Two halves of the clinic as real rows, and this synthetic table, on disk."""
    rows = clinic.rows().drop(columns="notes").head(1200)
    rows.loc[5, "ward"] = "north"
    rows.head(800).to_csv(folder / "real.csv", index=False)
    rows.tail(400).to_csv(folder / "holdout.csv", index=False)
    frame.to_csv(folder / "synthetic.csv", index=False)
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema, sort_keys=False))
    (folder / "policy.yaml").write_text(yaml.safe_dump(clinic.POLICY))
    files = {
        "real": (folder / "real.csv",),
        "holdout": (folder / "holdout.csv",),
        "synthetic": (folder / "synthetic.csv",),
        "policy": folder / "policy.yaml",
    }
    return Case(folder / "schema.yaml", **(files | more))


def fit(path: Path, schema: Schema) -> Fitted:
    return fit_brought(bring(path, schema, None), schema)


def another(n: int = 800) -> pd.DataFrame:
    """Rows of the same clinic, as a tool without identifiers would write them."""
    frame = clinic.rows().sample(n, random_state=1).drop(columns=["patient", "notes"])
    return frame.assign(ward=frame["ward"].where(frame["ward"] != clinic.SECRET, "north"))


def test_a_table_of_another_tool_is_judged_and_everything_is_written(tmp_path: Path) -> None:
    verdict = judge(cases(tmp_path, another()), tmp_path / "out", quiet)
    assert verdict.decision == "approved"
    scores = Scorecard.read(tmp_path / "out" / "scores.parquet")
    assert scores.one(metric="input.unfit_rows").value == 0
    assert scores.filter(metric="utility.auroc", status="ok")
    saved = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert saved["decision"] == "approved"
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0  # of nobody else's business
    with pytest.raises(InputError, match="exists already"):
        judge(cases(tmp_path, another()), tmp_path / "out", quiet)


def test_why_rows_were_refused_is_for_the_owner_of_the_run(tmp_path: Path) -> None:
    story = tmp_path / "out.error.txt"
    story.write_text("of the try before")
    with pytest.raises(StageError) as caught, told_publicly(story, "judge"):
        raise DataError(f"column 'ward', row 6: {clinic.SECRET}")
    assert clinic.SECRET not in str(caught.value)
    assert clinic.SECRET in story.read_text()
    assert story.stat().st_mode & 0o077 == 0


def test_without_a_holdout_no_attack_is_run_and_the_report_says_why(tmp_path: Path) -> None:
    judge(cases(tmp_path, another(), holdout=()), tmp_path / "out", quiet)
    scores = Scorecard.read(tmp_path / "out" / "scores.parquet")
    attacks = scores.filter(lambda s: s.metric.startswith("attack"))
    assert attacks
    assert all(s.status == "insufficient evidence" and "held out" in s.reason for s in attacks)


def test_missing_columns_are_failures_by_name_and_the_rest_is_judged(tmp_path: Path) -> None:
    material = prepare(cases(tmp_path, another().drop(columns=["age", "ill"])))
    lost = {(s.metric, s.detail) for s in material.found if s.status == "failed"}
    assert lost == {("input.column", "age"), ("input.column", "ill"), ("input.target", "ill")}
    assert "age" not in material.schema.columns
    assert len(material.synthetic[0]) == 800


@pytest.mark.parametrize(
    ("change", "metric", "share"),
    [
        (lambda f: f.assign(age=f["age"] + 0.4), "input.rounded", 1.0),
        (lambda f: f.assign(age=500), "input.clamped", 1.0),
        (lambda f: f.assign(ward=["mars"] * 8 + ["north"] * 792), "input.unfit", 0.01),
        (lambda f: f.assign(sex=[np.nan] * 8 + ["F"] * 792), "input.unfit", 0.01),
        (lambda f: f.assign(age=["old"] * 8 + [50] * 792), "input.unfit", 0.01),
    ],
    ids=["fraction", "beyond", "unknown", "missing", "text"],
)
def test_every_misfit_is_counted(tmp_path: Path, change: Any, metric: str, share: float) -> None:
    frame = change(another().assign(age=lambda f: f["age"].clip(18, 97)))
    frame.to_csv(tmp_path / "s.csv", index=False)
    found = fit(tmp_path / "s.csv", Schema.model_validate(CLOSED))
    score = Scorecard(found.scores).one(metric=metric)
    assert score.value == pytest.approx(share)
    assert len(found.frame) == (792 if metric == "input.unfit" else 800)


def test_a_table_that_hardly_fits_fails(tmp_path: Path) -> None:
    another().assign(sex="?").to_csv(tmp_path / "s.csv", index=False)
    found = fit(tmp_path / "s.csv", Schema.model_validate(CLOSED))
    overall = Scorecard(found.scores).one(metric="input.unfit_rows")
    assert overall.status == "failed"
    assert "sex, first '?'" in overall.reason
    assert found.frame.empty


def test_a_missing_marker_is_a_missing_value_however_it_is_written(tmp_path: Path) -> None:
    frame = another().assign(marker=["nan", "", "None", "<NA>"] * 200)
    frame.to_csv(tmp_path / "s.csv", index=False)
    assert fit(tmp_path / "s.csv", Schema.model_validate(CLOSED)).frame["marker"].isna().all()


def test_open_categories_and_bins_are_closed_by_the_real_rows(tmp_path: Path) -> None:
    material = prepare(cases(tmp_path, another(), schema=clinic.SCHEMA))
    assert material.schema.incomplete == ()
    assert set(material.schema.columns["ward"].categories) == {"north", "south", "elsewhere"}


def test_nothing_to_judge_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column of the schema"):
        prepare(cases(tmp_path, pd.DataFrame({"x": [1]})))
    with pytest.raises(InputError, match="synthetic"):
        prepare(cases(tmp_path, another(), synthetic=()))
    bad = cases(tmp_path, another())
    (tmp_path / "real.csv").write_text("patient,sex,age,marker,ward,ill\n1,F,old,,north,no\n")
    with pytest.raises(DataError):
        prepare(bad)


def test_a_column_that_cannot_be_read_is_the_first_reason_and_takes_no_row_along(
    tmp_path: Path,
) -> None:
    case = cases(tmp_path, another().assign(sex="?", marker="old"))
    verdict = judge(case, tmp_path / "out", quiet)
    first, second, *rest = (r.text for r in verdict.reasons)
    unknown = "100 % of rows hold values the schema does not know"
    assert first == f"sex: {unknown}, first '?'; it knows 'F', 'M'"
    assert second.startswith(f"marker: {unknown}, first 'old'; write plain numbers")
    assert verdict.decision != "approved"
    assert not any("sex" in text for text in rest)
    scores = Scorecard.read(tmp_path / "out" / "scores.parquet")
    assert scores.one(metric="input.unfit_rows").value == 0
    assert first in html.unescape((tmp_path / "out" / "report.html").read_text())


def test_what_was_bent_is_one_line_of_the_report(tmp_path: Path) -> None:
    ill = {"no": "No ", "yes": "Yes "}
    frame = another().assign(ill=lambda f: f["ill"].map(ill), age=lambda f: f["age"] + 0.2)
    verdict = judge(cases(tmp_path, frame), tmp_path / "out", quiet)
    assert verdict.decision == "approved"
    line = Facts.read(tmp_path / "out" / "facts.json").reading
    assert f"ill {frame['ill'].iloc[0]!r} as {frame['ill'].iloc[0].strip().lower()!r}" in line
    assert "age" in line
    assert line in html.unescape((tmp_path / "out" / "report.html").read_text())


def test_the_real_rows_are_read_as_the_schema_says_and_the_synthetic_ones_as_the_caller(
    tmp_path: Path,
) -> None:
    case = cases(tmp_path, another(), schema=CLOSED | {"csv": {"separator": ";", "decimal": ","}})
    for path in (*case.real, *case.holdout):
        pd.read_csv(path).to_csv(path, sep=";", decimal=",", index=False)
    another().to_csv(case.synthetic[0], sep="\t", index=False)
    with pytest.raises(InputError, match="say --csv 'separator=tab,decimal=,'"):
        prepare(case)
    told = prepare(replace(case, csv=Csv(separator="\t")))
    assert told.reading.startswith("read with separator '\\t'")
    numbers = another().assign(marker=lambda f: pd.to_numeric(f["marker"]))
    numbers.to_csv(case.synthetic[0], sep=";", decimal=",", index=False)
    by_schema = prepare(case)
    another().to_csv(case.synthetic[0], index=False)
    as_most = prepare(case)
    for material in (told, as_most):
        pd.testing.assert_frame_equal(material.synthetic[0], by_schema.synthetic[0])
    another().to_csv(case.real[0], index=False)
    with pytest.raises(DataError) as caught:
        prepare(case)
    assert "separator ';'; with ','" in caught.value.private


@pytest.mark.parametrize(
    "typed",
    [
        lambda f: f.assign(ward=f["ward"].astype("category"), age=f["age"].astype(float)),
        lambda f: f.assign(ill=(f["ill"] == "yes").astype(float).astype("category")),
        lambda f: f.assign(ill=f["ill"] == "yes"),
        lambda f: f.astype(str).astype("category"),
    ],
    ids=["categories", "categories of floats", "truth", "dictionaries"],
)
def test_a_typed_file_is_the_same_table(tmp_path: Path, typed: Any) -> None:
    codes = {"kind": "categorical", "categories": ["0", "1"], "aliases": {"no": "0", "yes": "1"}}
    schema = Schema.model_validate(
        {
            "name": "t",
            "columns": {n: CLOSED["columns"][n] for n in ("sex", "age", "ward")} | {"ill": codes},
        }
    )
    frame = another()[list(schema.columns)]
    frame.to_csv(tmp_path / "s.csv", index=False)
    typed(frame).to_parquet(tmp_path / "s.parquet")
    found, wanted = (fit(tmp_path / name, schema).frame for name in ("s.parquet", "s.csv"))
    pd.testing.assert_frame_equal(found, wanted)


def test_people_held_out_must_not_be_those_trained_on(tmp_path: Path) -> None:
    """Beside themselves nobody looks copied, so such a file is refused; names that begin anew are no matter."""
    case = cases(tmp_path, another())
    with pytest.raises(InputError, match="is given as --real too"):
        prepare(replace(case, holdout=case.real))
    both = pd.concat([pd.read_csv(case.holdout[0]), pd.read_csv(case.real[0]).head(1)])
    both.to_csv(case.holdout[0], index=False)
    with pytest.raises(InputError, match="some rows of one patient are in --real too"):
        prepare(case)
    numbered = pd.read_csv(case.holdout[0]).head(400)
    numbered.assign(patient=[f"p{i}" for i in range(400)]).to_csv(case.holdout[0], index=False)
    prepare(case)
