"""The third page: who is protected, with how many rows, and whether these are one history."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from flows.checking.drafting import draft
from flows.wizard.columns import dumped
from flows.wizard.commented import commented
from flows.wizard.project import UNKNOWN_PEOPLE, Project, digest
from flows.wizard.session import Form, Session, check_seen, one
from privacy.errors import InputError
from privacy.schema.schema import Csv

NAME, TITLE = "people", "Who is protected"

OWNED = ("unit", "max_rows_per_unit", "public_rows", "visits")


def show(session: Session) -> dict[str, Any]:
    """The unit, its rows and their order, as they are said."""
    project = session.open
    document = project.document
    visits = document.get("visits")
    return {
        "unit": document.get("unit") or _proposed(project),
        "most": document.get("max_rows_per_unit", 1),
        "public_rows": document.get("public_rows") or "",
        "people": project.state.people,
        "linked": visits is not None,
        "order": (visits or {}).get("order", ""),
        "visits": dumped(visits) if visits else "",
        "remarks": [r for r in project.state.remarks if "left out" not in r],
        "drafted": bool(project.state.copied and project.state.data),
        "names": list(project.columns),
        "seen": _seen(project),
        "yaml": dumped({k: document[k] for k in OWNED if k in document}),
    }


def take(session: Session, form: Form) -> str:
    """Say who is protected. A column that names them becomes an identifier."""
    project = session.open
    check_seen(form, _seen(project))
    unit = one(form, "unit") or None
    if one(form, "again") and unit is not None:
        session.keep(_again(project, unit))
        return NAME
    said: dict[str, Any] = {"unit": unit, "max_rows_per_unit": 1, "visits": None}
    if unit is not None:
        if unit not in project.columns:
            raise InputError(f"{unit!r} is no column of the schema")
        said["max_rows_per_unit"] = whole(form, "most", "rows of a person")
        said["columns"] = {**project.columns, unit: {"kind": "identifier"}}
        if one(form, "linked"):
            said["visits"] = _visits(form, project)
    count = one(form, "public_rows")
    said["public_rows"] = whole(form, "public_rows", "the public number of rows") if count else None
    project = project.saying(**said)
    people = (
        whole(form, "people", "about how many people") if one(form, "people") else UNKNOWN_PEOPLE
    )
    project.schema()
    session.keep(_said_by(project, session.open).with_state(people=people, asked=True))
    return "purpose" if one(form, "go") else NAME


def _said_by(project: Project, before: Project) -> Project:
    """With a person's word for what they changed of parts that they had confirmed, or wrote anew as a whole."""
    own = {
        key: digest(value)
        for key, value in project.copied_parts.items()
        if value != before.document.get(key)
        and (key not in before.unconfirmed_parts or not isinstance(value, dict))
    }
    return project.with_state(parts={**project.state.parts, **own})


def _seen(project: Project) -> str:
    """By what a page of these lines goes."""
    return digest({k: project.document.get(k) for k in OWNED})


def _proposed(project: Project) -> str:
    """The column that a draft takes for the people's names, until somebody said otherwise."""
    if project.state.asked:
        return ""
    said = (re.match(r"unit: (.+?)  ?# names the people", r) for r in project.state.remarks)
    found = next((yaml.safe_load(m[1]) for m in said if m), "")
    return str(found) if found in project.columns else ""


def _again(project: Project, unit: str) -> Project:
    """With what the rows say when that column names the person; confirmed columns stay as they are."""
    found = commented(draft(tuple(map(Path, project.state.data)), Csv(), unit).text)
    new = Project.begun(project.folder, found, tuple(map(Path, project.state.data)))
    kept = set(project.columns) - set(project.unconfirmed) - {unit}
    columns = {n: project.columns[n] if n in kept else c for n, c in new.columns.items()}
    left_out = project.state.left_out
    columns = {n: c for n, c in columns.items() if n not in left_out}
    # what was left out is as it was, whatever the rows say now
    copied = dict.fromkeys((*new.state.copied, *(n for n in project.state.copied if n in left_out)))
    parts = {key: new.document.get(key) for key in ("unit", "max_rows_per_unit", "visits")}
    return project.saying(columns=columns, **parts).with_state(
        copied=tuple(copied),
        parts={**dict.fromkeys(new.state.parts, ""), **project.state.parts},
        notes=new.state.notes,
        proposals=new.state.proposals,
        remarks=new.state.remarks,
    )


def _visits(form: Form, project: Project) -> dict[str, Any]:
    """What is written of visits, with the order that was chosen."""
    try:
        said = yaml.safe_load(one(form, "visits")) or {}
    except yaml.YAMLError:
        raise InputError("visits: its YAML cannot be read") from None
    if not isinstance(said, dict):
        raise InputError("visits: expected lines as `order: visit_date`")
    before = (project.document.get("visits") or {}).get("order", "")
    if (order := one(form, "order")) != before:
        said.pop("order", None)
        said = {"order": order, **said} if order else said
    return said


def whole(form: Form, name: str, what: str) -> int:
    """A whole number above 0."""
    text = one(form, name)
    try:
        number = int(text.replace(",", ""))
    except ValueError:
        number = 0
    if number < 1:
        raise InputError(f"{what}: expected a whole number above 0, found {text!r}")
    return number
