"""anonymeter's worker: its environment is optional, and its absence and failures are told."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from evaluators.attacks import anonymeter as module
from evaluators.attacks.anonymeter import METRICS, anonymeter, plain
from evaluators.evaluate import IN_OWN_ENVIRONMENT, ON_TABLES
from evaluators.score import Scorecard
from tests.evaluators.attacks.releases import FRESH, TRAIN, tables


def stub(folder: Path, text: str) -> str:
    """A program in place of uv."""
    path = folder / "uv"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(folder)


def test_it_is_asked_for() -> None:
    assert not set(IN_OWN_ENVIRONMENT) & set(ON_TABLES)


def test_without_uv_it_is_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    scores = anonymeter(tables(FRESH))
    assert tuple(s.metric for s in scores) == METRICS
    assert {s.reason for s in scores} == {"not measured: uv or the package index is missing"}


def test_without_an_index_it_is_announced_and_not_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", stub(tmp_path, "echo no network >&2; exit 2"))
    said: list[str] = []
    scores = anonymeter(tables(FRESH), said.append)
    assert {s.status for s in scores} == {"insufficient evidence"}
    assert said[0].startswith("building the environment")
    assert said[1:] == ["no network"]


def test_a_worker_that_fails_is_told_without_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fails = 'test "$1" = sync || { echo a private value >&2; exit 1; }'
    monkeypatch.setenv("PATH", stub(tmp_path, fails))
    said: list[str] = []
    scores = anonymeter(tables(FRESH), said.append)
    assert {(s.status, s.reason) for s in scores} == {("failed", "anonymeter: the worker failed")}
    assert said == ["a private value"]


def test_a_worker_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{stub(tmp_path, 'test $1 = sync || sleep 60')}:/usr/bin:/bin")
    monkeypatch.setattr(module, "SECONDS", 0.2)
    reasons = {s.reason for s in anonymeter(tables(FRESH), lambda text: None)}
    assert reasons == {"anonymeter: not done in 0.2 seconds"}


def test_the_worker_is_given_its_rows_through_a_pipe_and_none_lie_on_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A worker that keeps what it was given, and answers."""
    answer = {
        "attack": "linkability", "how": "h", "attacks": 5, "rate": [0.5, 0.1], "control": [0.4, 0.1],
        "guess": [0.1, 0.1], "risk": [0.1, 0.0, 0.2],
    }  # fmt: skip
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    text = f"test $1 = sync && exit; cat > {tmp_path}/given.zip; echo '{json.dumps([answer])}'"
    monkeypatch.setenv("PATH", f"{stub(tmp_path, text)}:/usr/bin:/bin")
    scores = anonymeter(tables(FRESH), pytest.fail)
    assert [(s.metric, s.value) for s in scores] == [
        ("attack.linkability", 0.5),
        ("attack.linkability.risk", 0.1),
    ]
    given = zipfile.ZipFile(tmp_path / "given.zip")
    assert set(given.namelist()) == {f"{n}.parquet" for n in ("train", "holdout", "synthetic")} | {
        "task.json"
    }
    assert not list((tmp_path / "tmp").iterdir())


def test_the_worker_gets_numbers_and_texts_without_gaps() -> None:
    frame = plain(tables(FRESH), "train", np.arange(len(TRAIN)))
    assert not frame.isna().any().any()
    assert frame["age"].dtype == frame["cost"].dtype == float
    assert set(frame["site"]) == {"A", "B", "C"}
    assert "N" in set(frame["dose"])
    assert "(missing)" in set(frame["marker"])
    assert "person" not in frame


@pytest.mark.long
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not here")
def test_copies_are_singled_out_and_linked() -> None:
    for synthetic, leaks in ((TRAIN, True), (FRESH, False)):
        card = Scorecard(tuple(anonymeter(tables(synthetic))))
        for metric in METRICS:
            for score in card.filter(metric=f"{metric}.risk"):
                assert score.low is not None
                assert (score.low > 0.1) == leaks, score
