"""``understudy compare``: releases are found in their folders, and a mistake is one line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from evaluators.pages.parts.facts import Claim, Facts
from evaluators.score import Scorecard
from evaluators.verdict import Verdict
from flows.judging.compare import compare, read_release
from privacy.errors import InputError
from tests.evaluators.made_pages import REASONS, Page, full_scores, make_label
from tests.flows.commands.test_cli import understudy


def folder(path: Path, **beside: object) -> Path:
    """Scores and verdict in ``path``, and further JSON files."""
    path.mkdir(parents=True)
    Scorecard(tuple(full_scores())).write(path)
    (path / "verdict.json").write_text(json.dumps(asdict(Verdict("default", "veto", REASONS))))
    (path / "report.html").write_text("a report")
    for name, content in beside.items():
        (path / f"{name}.json").write_text(json.dumps(content))
    return path


def test_runs_bundles_evaluations_and_score_files_are_found(tmp_path: Path) -> None:
    run, theirs = tmp_path / "run", Facts("theirs.csv", "ward", claim=Claim(2.0, 1e-6))
    bundle = folder(run / "bundle" / "internal", label=make_label())
    other = folder(tmp_path / "a b: c", facts=asdict(theirs))
    for path in (run, run / "bundle", bundle, bundle / "scores.json"):
        release = read_release(path, tmp_path)
        assert release.facts == Facts.of_label(make_label())
        assert release.verdict == Verdict("default", "veto", REASONS)
        assert release.link == "run/bundle/internal/report.html"
        assert list(release.scorecard) == full_scores()
    assert read_release(other, tmp_path).facts == theirs
    assert read_release(other, tmp_path / "x").link == "../a%20b%3A%20c/report.html"
    assert read_release(folder(tmp_path / "bare"), tmp_path).facts.claim is None


def test_releases_of_one_name_are_told_apart(tmp_path: Path) -> None:
    one, two = (folder(tmp_path / n, label=make_label()) for n in ("one", "two"))
    compare([one, two], tmp_path / "page" / "compare.html")
    page = Page((tmp_path / "page" / "compare.html").read_text("utf-8"))
    assert f"ward-1 ({one})" in page.text
    assert f"ward-1 ({two})" in page.text
    assert ("href", "../one/report.html") in page.attributes


def test_a_folder_without_scores_or_verdict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no scores\.parquet"):
        read_release(tmp_path, tmp_path)
    with pytest.raises(InputError, match=r"nothing\.parquet: no such file or folder"):
        read_release(tmp_path / "nothing.parquet", tmp_path)
    scored = folder(tmp_path / "scored")
    (scored / "verdict.json").unlink()
    with pytest.raises(InputError, match="needs the verdict"):
        read_release(scored, tmp_path)


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    path = folder(tmp_path / "one", label=make_label())
    done = understudy("compare", path, path, "--out", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").exists()
    refused = understudy("compare", tmp_path, "--out", tmp_path / "page.html")
    assert refused.returncode == 2
    assert "no scores.parquet" in refused.stderr
