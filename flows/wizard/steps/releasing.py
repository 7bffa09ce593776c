"""The last page: a release is started, followed, looked at, and approved by a person where one is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.bundle.candidate import REPORT, WAITS, Candidate, settle
from flows.stages.config import load_config
from flows.stages.run import Run
from flows.wizard.columns import dumped
from flows.wizard.project import RELEASE, SCHEMA, Project
from flows.wizard.running import Running, check_free, error_in
from flows.wizard.session import Form, Session, one
from privacy.errors import InputError
from privacy.ledger.decisions import APPROVED, REJECTED

NAME, TITLE = "release", "Release"

PAGES = (
    ("public/card.html", "the card of the release; may leave the house"),
    ("public/data.csv", "the synthetic rows; may leave the house"),
    ("public/label.json", "the privacy label; may leave the house"),
    ("public/README.md", "how to open it; may leave the house"),
    ("candidate/card.html", "the card that would be published"),
    ("candidate/data.csv", "the synthetic rows that would be published"),
    ("internal/report.html", "the report on your real rows; must stay in the house"),
)
"""What a finished release has to look at, of its bundle."""


def show(session: Session) -> dict[str, Any]:
    """The config, the release in progress, or what came of it."""
    project = session.open
    config = project.release
    if config is None:
        raise InputError("say first what ε is; see ε and what it buys")
    folder = _folder(project)
    running = session.running
    if running is not None and running.code is not None and running.run != folder:
        running = None  # it was about what was asked before
    lines = running.said() if running else []
    code = running.code if running else None
    bundle = folder / "bundle"
    done = bundle.is_dir() and not (running and code is None)
    return {
        "going": running is not None and code is None,
        "code": code,
        "lines": lines,
        "why": error_in(lines),
        "config": dumped(config),
        "schema": (project.folder / SCHEMA).read_text(encoding="utf-8"),
        "file": session.near(project.folder / RELEASE),
        "done": _done(folder) | {"bundle": session.near(folder / "bundle")} if done else None,
        "begun": folder.is_dir(),
    }


def take(session: Session, form: Form) -> str:
    """Start, stop, approve or reject."""
    project = session.open
    what = one(form, "do")
    if what == "stop" and session.running is not None:
        session.running.stop()
    elif what in ("approve", "reject"):
        _decide(_folder(project), form, APPROVED if what == "approve" else REJECTED)
    elif what == "start":
        check_free(session.running)
        if not project.is_confirmed:
            raise InputError("confirm first what every column says; see Columns")
        load_config(project.folder / RELEASE)  # what is wrong with it is told here
        accepted = bool(one(form, "accept"))
        run = _folder(project)
        session.running = Running.started(project.folder, session.home, run, accepted)
    return NAME


def bundle_file(session: Session, name: str) -> Path:
    """A file of the bundle that the page names. Raises InputError for any other."""
    path = _folder(session.open) / "bundle" / name
    if name not in {name for name, _ in PAGES} or not path.is_file():
        raise InputError(f"{name}: no page of this release")
    return path


def _folder(project: Project) -> Path:
    return Run.of(load_config(project.folder / RELEASE, reads=False)).folder


def _done(folder: Path) -> dict[str, Any]:
    """A finished run: its decision, the reasons, and what to open."""
    bundle = folder / "bundle"
    verdict = json.loads((bundle / "internal" / "verdict.json").read_text(encoding="utf-8"))
    decision, facts = verdict["decision"], None
    label = json.loads((bundle / "internal" / "label.json").read_text(encoding="utf-8"))
    if decision == APPROVED and (bundle / "candidate").is_dir():
        found = Candidate.of(folder)
        decision, facts = found.standing(found.ledger()), found.facts()
    return {
        "decision": decision,
        "in_short": verdict["in_short"],
        "told": verdict["told"],
        "noticed": verdict["noticed"],
        "pages": [(name, about) for name, about in PAGES if (bundle / name).is_file()],
        "waits": decision == WAITS,
        "facts": facts,
        "report": REPORT,
        "elsewhere": label.get("people", {}).get("other_ledgers_seen_with_these_files", 0),
    }


def _decide(folder: Path, form: Form, decision: str) -> None:
    reviewer, reason = one(form, "reviewer"), one(form, "reason")
    if not reviewer or not reason:
        raise InputError("say who decides, and why; both are kept in the ledger")
    settle(folder, one(form, "candidate"), decision, reviewer, reason)
