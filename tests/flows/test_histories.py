"""A release of histories, from a CSV file to what whoever receives it can check."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from evaluators.evaluate import evaluate
from flows.bundle.verify import verify
from flows.frames.visits import unkept
from flows.frames.written import texts
from flows.stages import scoring, steps
from generators.registry import load_model
from privacy.schema.schema import Schema, load_schema
from tests.flows import clinic
from tests.flows.commands.test_cli import understudy
from tests.flows.made_histories import SCHEMA, made
from tests.flows.stages.test_steps import release, work_of

NAMED = "Kwx88213-"
"""How every private patient's name begins."""

KEPT = ["patient", "visit", "day", "sex", "stage", "flare"]


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release of 600 patients: its bundle, and the config that it came of."""
    folder = tmp_path_factory.mktemp("histories")
    schema = SCHEMA.without(set(SCHEMA.columns) - set(KEPT))
    frame = texts(made(600), SCHEMA)[KEPT]
    frame["patient"] = NAMED + frame["patient"]
    config = clinic.write(folder, frame=frame, generator={"name": "aim"})
    (folder / "schema.yaml").write_text(schema.to_yaml())
    release(config)
    return folder


def test_what_is_published_are_histories_and_says_so(released: Path) -> None:
    public = next(released.glob("runs/*/bundle/public"))
    schema = load_schema(public / "schema.yaml")
    assert schema.visits is not None
    rows = pd.read_parquet(public / "data.parquet")
    sizes = rows.groupby("patient").size()
    assert 1 < sizes.max() <= 5
    label = json.loads((public / "label.json").read_text())
    assert label["histories"]["linked"]
    assert label["release"]["synthetic_units"] == len(sizes)
    assert f"of {len(sizes):,} synthetic patients" in (public / "README.md").read_text("utf-8")
    assert "not linked" not in (public / "card.html").read_text("utf-8")


def test_whoever_receives_it_finds_that_all_holds(released: Path) -> None:
    public = next(released.glob("runs/*/bundle/public"))
    assert [f.text for f in verify(public) if f.status in ("wrong", "lacking")] == []
    inside = public.parent / "internal" / "histories.svg"  # a veto shows it to the house alone
    assert (public / "histories.svg").read_bytes() == inside.read_bytes()
    assert (public / "tables" / "units.parquet").exists()


def test_no_private_patient_is_named_anywhere_but_in_the_private_file(released: Path) -> None:
    """Not even inside the house: models, scores and transcripts know nobody by name."""
    named = {
        f.name for f in released.rglob("*") if f.is_file() and NAMED.encode() in f.read_bytes()
    }
    assert named == {"clinic.csv"}


def test_rows_kept_in_the_run_keep_the_schema(released: Path) -> None:
    work = work_of(released / "config.yaml")
    assert list(unkept(work.synthetic.frame, work.completed_schema())) == []


def test_histories_that_are_drawn_in_parts_are_of_other_patients(
    released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole histories, nobody's number twice, as many rows as were asked for or the last one's more."""
    work = work_of(released / "config.yaml")
    model, schema = load_model(work.run / "model"), work.completed_schema()
    monkeypatch.setattr(steps, "DRAWN", 70)
    parts = [*steps._drawn(model, 500, 5)]
    assert len(parts) > 5
    drawn = pd.concat(parts, ignore_index=True)
    assert 500 <= len(drawn) < 500 + schema.max_rows_per_unit * len(parts)
    assert list(unkept(drawn, schema)) == []
    met = drawn["patient"].drop_duplicates().tolist()
    assert met == [str(i + 1) for i in range(len(met))]
    assert sum(part["patient"].nunique() for part in parts) == len(met)


def test_of_many_patients_some_are_judged_with_all_their_rows(
    released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, seen = work_of(released / "config.yaml"), {}

    def looked_at(*frames, **more):
        seen["rows"] = [f.groupby("patient").size() for f in frames[:3]]
        seen["whole"] = more["whole"]
        return evaluate(*frames, **more)

    monkeypatch.setattr(scoring, "evaluate", looked_at)
    for role in scoring.JUDGED:
        monkeypatch.setitem(scoring.JUDGED, role, 100)
    kept = work.run / "scores.before"
    shutil.move(work.run / "scores", kept)
    steps.judge(work, lambda what, share: None)
    shutil.rmtree(work.run / "scores")
    shutil.move(kept, work.run / "scores")
    assert seen["whole"] is None
    assert all(95 <= sizes.sum() <= 100 for sizes in seen["rows"])
    sizes = work.synthetic.frame.groupby("patient").size()
    assert seen["rows"][2].equals(sizes[sizes.index.isin(seen["rows"][2].index)])


def test_sample_tells_how_many_patients_it_drew(released: Path, tmp_path: Path) -> None:
    model = next(released.glob("runs/*/bundle/internal/model"))
    done = understudy("sample", model, "-n", 50, "--out", tmp_path / "s.csv")
    drawn = pd.read_csv(tmp_path / "s.csv")
    assert len(drawn) >= 50
    assert f"{len(drawn)} rows of {drawn['patient'].nunique()} synthetic patients" in done.stdout


def test_the_same_rows_without_visits_are_said_to_be_strangers(released: Path) -> None:
    plain = yaml.safe_load((released / "schema.yaml").read_text())
    del plain["visits"]
    (released / "plain.yaml").write_text(
        yaml.safe_dump(Schema.model_validate(plain).model_dump(mode="json"))
    )
    config = yaml.safe_load((released / "config.yaml").read_text()) | {"schema": "plain.yaml"}
    (released / "plain-release.yaml").write_text(yaml.safe_dump(config))
    assert "not linked" in understudy("forecast", released / "plain-release.yaml").stdout
    assert "not linked" not in understudy("forecast", released / "config.yaml").stdout
