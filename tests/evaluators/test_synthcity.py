"""synthcity's metrics: asked for, internal, and said to be missing where they are."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from evaluators.evaluate import IN_OWN_ENVIRONMENT, ON_TABLES
from evaluators.score import Score, Scorecard
from evaluators.synthcity import attacks, resemblance
from flows.judging.judgement import Case
from tests.evaluators.attacks.releases import FRESH, TRAIN, tables
from tests.privacy.test_worker import stub


def test_they_are_asked_for_each_by_its_own_flag() -> None:
    assert not set(IN_OWN_ENVIRONMENT) & set(ON_TABLES)
    case = Case(Path("schema"), (), ())
    assert not case.also
    assert set(Case(Path("schema"), (), (), synthcity=True).also) == {
        "synthcity", "attack.synthcity",
    }  # fmt: skip
    assert set(Case(Path("schema"), (), (), anonymeter=True).also) == {"attack.anonymeter"}


def test_without_uv_they_are_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for metric in (resemblance, attacks):
        (score,) = metric(tables(FRESH))
        assert score.status == "insufficient evidence"
        assert score.reason == "not measured: uv or the package index is missing"


def answered(folder: Path, answers: list[dict[str, object]]) -> str:
    """A program that keeps what it is given and gives these answers."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("answers.json", json.dumps(answers))
    (folder / "answer.zip").write_bytes(packed.getvalue())
    return stub(folder, f"test $1 = sync && exit; cat > {folder}/given; cat {folder}/answer.zip")


def test_rows_go_as_public_codes_and_what_fails_there_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authentic = {"authenticity_OC": 0.4, "authenticity_naive": 0.5}
    given = [authentic, authentic, {"aucroc": 0.7, "accuracy": 0.6}, {"error": "LinAlgError"}]
    monkeypatch.setenv("PATH", answered(tmp_path, given))
    card = Scorecard(tuple(attacks(tables(FRESH))))
    assert all(isinstance(s, Score) and s.visibility == "internal" for s in card)
    first = card.one(metric="synthcity.domias", model="kernel density")
    assert (first.value, first.baseline, first.higher_is_better) == (0.7, 0.5, False)
    other = card.one(metric="synthcity.domias", model="kernel density, normal population")
    assert other.reason == "not measured: synthcity fails on this table (LinAlgError)"
    assert card.one(metric="synthcity.authenticity", model="as they are").value == 0.5
    packed = zipfile.ZipFile(tmp_path / "given")
    assert set(packed.namelist()) == {
        "train.parquet", "holdout.parquet", "synthetic.parquet", "train half.parquet", "task.json",
    }  # fmt: skip
    train = pd.read_parquet(io.BytesIO(packed.read("train.parquet")))
    assert "person" not in train
    assert train.to_numpy().min() >= 0
    assert train.to_numpy().max() <= 1


@pytest.mark.long
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not here")
def test_copies_are_less_authentic_and_attacked_with_more_success() -> None:
    found = {}
    for name, synthetic in (("copies", TRAIN), ("fresh", FRESH)):
        card = Scorecard(tuple(attacks(tables(synthetic))))
        found[name] = card.one(metric="synthcity.authenticity", model="as they are").value
    assert found["copies"] < found["fresh"]
    figures = Scorecard(tuple(resemblance(tables(FRESH))))
    assert figures.one(metric="synthcity.precision").value == pytest.approx(
        figures.one(metric="synthcity.precision").baseline, abs=0.1
    )
