"""``understudy compare``: reads releases from their folders and writes one page that compares them.

A release is a run's folder, a bundle, a folder that ``understudy evaluate`` wrote, or a scores file in one.
Beside the scores stand the verdict, and the label or the facts that say what was claimed.

Privacy claim: none; what it reads and writes is internal.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from evaluators.pages.comparison import write_comparison
from evaluators.pages.parts.facts import Facts
from evaluators.pages.parts.tradeoff import Release
from evaluators.score import Scorecard
from evaluators.verdict import Reason, Verdict
from privacy.errors import InputError

SCORES = ("scores.parquet", "scores.json")
WITHIN = ("bundle/internal", "internal", ".")
"""Where a folder may keep its scores."""


def compare(paths: Sequence[Path], out: Path) -> None:
    """Write the comparison of the releases in ``paths``; links lead to their reports."""
    releases = [read_release(path, out.parent) for path in paths]
    names = [r.facts.name for r in releases]
    for i, (path, release) in enumerate(zip(paths, releases, strict=True)):
        if names.count(release.facts.name) > 1:
            told = replace(release.facts, name=f"{release.facts.name} ({path})")
            releases[i] = replace(release, facts=told)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_comparison(out, releases)


def read_release(path: Path, beside: Path) -> Release:
    """One release; its link is relative to the folder ``beside``."""
    scores = _scores(path)
    folder = scores.parent
    verdict, report = folder / "verdict.json", folder / "report.html"
    if not verdict.exists():
        raise InputError(f"{verdict}: no such file; compare needs the verdict beside the scores")
    link = quote(Path(os.path.relpath(report, beside)).as_posix()) if report.exists() else ""
    return Release(_facts(folder, path), Scorecard.read(scores), _verdict(verdict), link)


def _scores(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_file():
        return path
    for place in WITHIN:
        for name in SCORES:
            if (path / place / name).exists():
                return path / place / name
    raise InputError(f"{path}: no scores.parquet or scores.json in it")


def _facts(folder: Path, path: Path) -> Facts:
    """What is known of a release: its label, or the facts that ``evaluate`` wrote down."""
    if (label := folder / "label.json").exists():
        return Facts.of_label(json.loads(label.read_text("utf-8")))
    if (facts := folder / "facts.json").exists():
        return Facts.read(facts)
    return Facts(name=path.resolve().name, data_set="an unnamed data set")


def _verdict(path: Path) -> Verdict:
    found = json.loads(path.read_text("utf-8"))
    reasons = tuple(Reason(**r) for r in found["reasons"])
    return Verdict(found["policy"], found["decision"], reasons)
