"""Private values go nowhere but into the run's own private files.

Unmistakable values are planted in the private rows, and in the messages of errors at every stage. Then releases
are run through Prefect, with everything logged, in a process whose home, temporary folder and Prefect database
lie in one folder; every file in it that is not private by its name is searched.
"""

from __future__ import annotations

import base64
import gzip
import importlib
import json
import os
import pickle
import shutil
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.flows import clinic
from tests.searching import forms, search

RARE, UNEXPECTED, UNIT = "Zyzzyva-9731", "Vexillum-3308", "Kwx88213"
FREE_TEXT, NUMBER, PICTURE = "Qarbozine 44 mg", "987654321.125", "Jxq5512-portrait"
MESSAGE, PASSWORD = "Ouroboros-6604", "hunter2-Qwx7741"
PLANTED = (RARE, UNEXPECTED, UNIT, FREE_TEXT, NUMBER, PICTURE, MESSAGE, PASSWORD)

STAGES = (
    "flows.stages.fitting.measure_domain",
    "flows.stages.steps.load_model",
    "flows.stages.scoring.evaluate",
    "flows.stages.scoring.charged_scores",
    "flows.stages.steps.gate",
    "flows.bundle.write.write_bundle",
)
"""What is made to fail, one after the other: in fit, sample, judge, measure, decide and publish."""

PRIVATE = ("error.txt", "scores", "internal")
"""Files and folders of a run that may hold what comes of private rows."""


def rows() -> pd.DataFrame:
    frame = clinic.rows(400)
    frame["patient"] = [f"{p}-{UNIT}" for p in frame["patient"]]
    frame["marker"] = frame["marker"].where(np.arange(len(frame)) != 9, NUMBER)
    frame["notes"] = FREE_TEXT
    frame.loc[5, ["ward", "notes"]] = RARE
    return frame


def child(folder: Path) -> None:
    """Every release of this test; runs in a process of its own."""
    import logging

    logging.basicConfig(level=logging.DEBUG)
    from evaluators import evaluate
    from flows import release as flow

    evaluate.ON_TABLES = {n: evaluate.ON_TABLES[n] for n in ("declared", "lost_categories")}
    evaluate.ON_PREDICTIONS = {}
    evaluate.predict_all = lambda tables: []

    def fails(*arguments, **named):
        try:
            raise KeyError(MESSAGE)
        except KeyError as error:
            raise RuntimeError(f"could not convert string to float: {MESSAGE!r}") from error

    told = []
    for stage in STAGES:
        place, name = stage.rsplit(".", 1)
        module = importlib.import_module(place)
        real = getattr(module, name)
        setattr(module, name, fails)
        told.append(_told(flow, folder / "good" / "config.yaml"))
        setattr(module, name, real)
    (story,) = folder.glob("good/**/error.txt")  # which goes once the run is good
    (folder / "kept").mkdir()
    shutil.copy2(story, folder / "kept")
    for name in ("unexpected", "picture"):
        told.append(_told(flow, folder / name / "config.yaml"))
    told.append(_told(flow, folder / "good" / "config.yaml"))
    assert not story.exists()
    (folder / "told.json").write_text(json.dumps(told))


def _told(flow, config: Path) -> str:
    """What whoever started a run is told: a state, with its message."""
    state = flow.release(config, return_state=True)
    return f"{state.name}: {state.message}"


@pytest.fixture(scope="module")
def worked(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("leaks")
    marker = clinic.SCHEMA["columns"]["marker"] | {"out_of_range": "clamp"}
    schema = clinic.SCHEMA | {"columns": clinic.SCHEMA["columns"] | {"marker": marker}}
    about = {"evaluation": {"epsilon": 1.5, "delta": 1e-5}, "holdout": 0.4}
    for name in ("good", "unexpected", "picture"):
        frame = rows()
        if name == "unexpected":
            frame.loc[3, "sex"] = UNEXPECTED
        if name == "picture":
            frame["scan"] = f"{PICTURE}.png"
            schema["columns"]["scan"] = {"kind": "image", "height": 8, "width": 8}
            about["generator"] = {"name": "image-matching", "matched": 20}
        clinic.write(folder / name, frame=frame, **about)
        (folder / name / "schema.yaml").write_text(yaml.safe_dump(schema, sort_keys=False))
    places = {"HOME": "home", "TMPDIR": "tmp", "PREFECT_HOME": "prefect", "XDG_CACHE_HOME": "cache"}
    for place in places.values():
        (folder / place).mkdir()
    environment = {
        **os.environ,
        **{name: str(folder / place) for name, place in places.items()},
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "PREFECT_SERVER_LOGGING_LEVEL": "DEBUG",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "DO_NOT_TRACK": "1",
        "PGPASSWORD": PASSWORD,
        "UNDERSTUDY_ROOT": str(folder),
    }
    code = "import sys, pathlib; from tests.flows.test_leaks import child; child(pathlib.Path(sys.argv[1]))"
    with (folder / "terminal.txt").open("wb") as terminal:
        subprocess.run(
            [sys.executable, "-c", code, str(folder)],
            env=environment,
            stdout=terminal,
            stderr=subprocess.STDOUT,
            check=True,
            timeout=300,
        )
    return folder


def written(folder: Path) -> list[Path]:
    """Every file that the run wrote, but its private ones."""
    given = {folder / n / "clinic.csv" for n in ("good", "unexpected", "picture")}
    return [
        f
        for f in folder.rglob("*")
        if f.is_file() and f not in given and not set(PRIVATE) & set(f.relative_to(folder).parts)
    ]


def test_every_stage_failed_and_was_told_without_its_words(worked):
    told = json.loads((worked / "told.json").read_text())
    stages = ("fit", "sample", "judge", "measure", "publish", "publish")
    for text, stage in zip(told, stages, strict=False):
        assert text.startswith(f"Failed: Flow run encountered an exception: StageError: {stage}: ")
        assert "unexpected RuntimeError" in text
    assert all("the private table does not fit its schema" in text for text in told[6:8])
    assert told[8].startswith("Approved")


def test_no_planted_value_stands_outside_the_private_files(worked):
    files = written(worked)
    names = {f.name for f in files}
    assert {"prefect.db", "terminal.txt", "ledger.db", "attempt.jsonl", "card.html"} <= names
    assert (worked / "terminal.txt").stat().st_size > 10_000  # all was logged
    assert search(files, PLANTED) == []


def test_the_private_files_hold_what_was_planted(worked):
    """Else the search above would find nothing because nothing was there."""
    private = [f for f in worked.rglob("*") if f.name == "error.txt" or f.suffix == ".csv"]
    found = {text for _, text in search(private, PLANTED)}
    assert found == set(PLANTED) - {PASSWORD}
    assert {f.stat().st_mode & 0o777 for f in private if f.name == "error.txt"} == {0o600}


def test_nothing_is_left_in_the_temporary_folder_and_prefect_keeps_our_public_errors_alone(worked):
    """Prefect pickles the error of a failed flow, whatever it is told about results."""
    assert not [f for f in (worked / "tmp").rglob("*") if f.is_file()]
    kept = [base64.b64decode(f.read_bytes()) for f in (worked / "prefect" / "storage").iterdir()]
    assert len(kept) == len(STAGES) + 2
    assert all(b"StageError" in raw and b"error.txt" in raw for raw in kept)


@pytest.mark.parametrize("text", [RARE, NUMBER, "ü-ß-9731"])
def test_the_search_finds_a_value_however_it_is_written(tmp_path, text):
    raw = {
        "plain": f"a {text} b".encode(),
        "wide": f"a {text} b".encode("utf-16"),
        "hex": f"a {text} b".encode().hex().encode(),
        "pickled": base64.b64encode(pickle.dumps({"result": f"a {text}"})),
        "zipped": gzip.compress(f"a {text} b".encode()),
        **{f"base64-{i}": base64.b64encode(b"a" * i + text.encode() + b"bcd") for i in range(4)},
    }
    for name, content in raw.items():
        (tmp_path / name).write_bytes(content)
    with sqlite3.connect(tmp_path / "database") as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (?)", ("z" * 4000 + text,))
    pd.DataFrame({"x": [text] * 50}).to_parquet(tmp_path / "table")
    files = sorted(tmp_path.iterdir())
    assert {f for f, _ in search(files, [text])} == {str(f) for f in files}
    assert search(files, ["Nobody-0000"]) == []


def test_a_number_is_found_as_its_bytes():
    assert struct.pack("<d", float(NUMBER)) in forms(NUMBER)
