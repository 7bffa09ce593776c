"""The bundle: ``public/`` may leave the house, ``internal/`` may not.

    public/    data.parquet, data.csv, schema.yaml, label.json, card.html, README.md, croissant.json,
               registry.yaml, manifest.json; of an image set also images/ and data.npz,
               of histories also histories.svg and tables/
    candidate/ the same files, where the config leaves the last word to a person (flows.bundle.candidate)
    internal/  scores.parquet, scores.json, verdict.json, report.html, model/, ledger.json, of histories
               also histories.svg

A veto, or insufficient evidence, makes no ``public/`` at all. The whole bundle appears at once or not at all.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from evaluators.pages.parts.facts import Facts
from evaluators.pages.report import write_report
from evaluators.verdict import Verdict
from flows.bundle.candidate import CANDIDATE, LEDGER, PUBLIC, check_model
from flows.bundle.manifest import MANIFEST, manifest
from flows.cards.card import write_card
from flows.cards.croissant import write_croissant
from flows.cards.deployment_registry import write_registry
from flows.cards.histories import HISTORIES, histories
from flows.cards.readme import write_readme
from flows.cards.timelines import draw
from flows.frames.export import exported, write_files
from flows.frames.tables import write_tables
from flows.label.label import make_label
from flows.stages.run import NEIGHBOURS, folder_atomically, write_json
from flows.stages.steps import scorecard
from flows.stages.work import Work
from privacy.ledger.charges import Permit
from privacy.schema.schema import Schema
from privacy.stored.rows import AnyRows


def write_bundle(work: Work, permit: Permit, verdict: Verdict) -> Path:
    """Write the bundle of a decided run; returns its folder."""
    bundle = work.run / "bundle"
    if bundle.exists():
        return bundle
    schema = work.completed_schema()
    rows = work.synthetic
    label = make_label(work, permit.charge, rows, verdict)
    check_model(work.run / "model", label)
    with folder_atomically(bundle) as folder:
        _internal(folder / "internal", work, label, verdict)
        if verdict.decision == "approved":
            asks = work.run.config.approval == "person"
            _public(folder / (CANDIDATE if asks else PUBLIC), schema, label, rows)
    return bundle


def _public(folder: Path, schema: Schema, label: dict[str, Any], rows: AnyRows) -> None:
    folder.mkdir(mode=0o700)
    write_files(rows, schema, folder)
    if schema.visits is not None:
        write_tables(rows.frame, schema, folder)
    (folder / "schema.yaml").write_text(exported(schema).to_yaml(), encoding="utf-8")
    write_json(folder / "label.json", label)
    alt = _picture(folder, schema, rows)
    write_card(folder / "card.html", label, schema, rows)
    write_readme(folder, label, schema, alt)
    write_croissant(folder, label, schema)
    write_registry(folder, label, schema)
    write_json(folder / MANIFEST, manifest(folder))


def _picture(folder: Path, schema: Schema, rows: AnyRows) -> str:
    """Draw a few histories, where there are any; returns what is seen, in words."""
    shown = histories(schema, rows.frame) if schema.visits else None
    if shown is None:
        return ""
    (folder / HISTORIES).write_text(draw(shown), encoding="utf-8")
    return shown.alt


def _internal(folder: Path, work: Work, label: dict[str, Any], verdict: Verdict) -> None:
    scores = work.run / "scores"
    shutil.copytree(scores, folder)
    shutil.copytree(work.run / "model", folder / "model")
    write_json(folder / "verdict.json", verdict.as_dict())
    write_json(folder / "label.json", label)
    write_json(folder / LEDGER, {"address": work.ledger.address})
    _picture(folder, work.completed_schema(), work.synthetic)
    grid = scores / NEIGHBOURS
    write_report(
        folder / "report.html",
        scorecard(work),
        verdict,
        Facts.of_label(label),
        neighbours=grid.read_bytes() if grid.exists() else None,
    )
